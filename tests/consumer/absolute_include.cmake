# reclm.pc names an absolute CMAKE_INSTALL_INCLUDEDIR as it is, and a relative one below the prefix.
#   cmake -DSOURCE=... -DBUILD=... -DCXX=... -P absolute_include.cmake
cmake_minimum_required(VERSION 3.25)
foreach(folder IN ITEMS /opt/x/include include)
  execute_process(COMMAND ${CMAKE_COMMAND} -S ${SOURCE} -B ${BUILD} -DCMAKE_CXX_COMPILER=${CXX} -DRECLM_BUILD_TESTS=OFF
    -DRECLM_BUILD_EXAMPLES=OFF -DCMAKE_INSTALL_INCLUDEDIR=${folder} COMMAND_ERROR_IS_FATAL ANY OUTPUT_QUIET)
  file(STRINGS ${BUILD}/reclm.pc line REGEX "^includedir=")
  if(folder STREQUAL "include")
    set(folder "\${prefix}/include")
  endif()
  if(NOT line STREQUAL "includedir=${folder}")
    message(FATAL_ERROR "reclm.pc says ${line}, not ${folder}")
  endif()
endforeach()
