# Installs headers, package files and pkg-config file as the component `library`; programs are the component `command`.
include(CMakePackageConfigHelpers)
set(reclm_cmake_dir ${CMAKE_INSTALL_DATADIR}/cmake/reclm)
set(CMAKE_INSTALL_DEFAULT_COMPONENT_NAME library)

install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/reclm DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
set(reclm_target_core reclm)
foreach(part IN ITEMS core lm http cuda)
  if(NOT part STREQUAL "core")
    set(reclm_target_${part} reclm_${part})
  endif()
  install(TARGETS ${reclm_target_${part}} EXPORT reclm-${part}-targets)
  install(EXPORT reclm-${part}-targets NAMESPACE reclm:: DESTINATION ${reclm_cmake_dir})
endforeach()
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/reclm-config.cmake.in
  ${PROJECT_BINARY_DIR}/reclm-config.cmake INSTALL_DESTINATION ${reclm_cmake_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/reclm-config-version.cmake
  COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES ${PROJECT_BINARY_DIR}/reclm-config.cmake ${PROJECT_BINARY_DIR}/reclm-config-version.cmake
  ${PROJECT_SOURCE_DIR}/cmake/reclm-parts.cmake
  DESTINATION ${reclm_cmake_dir})

set(RECLM_PC_INCLUDEDIR "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
if(IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
  set(RECLM_PC_INCLUDEDIR "${CMAKE_INSTALL_INCLUDEDIR}")
endif()
set(RECLM_PC_FLAGS "-I\${includedir} -fopenmp-simd -fno-math-errno")
set(RECLM_PC_LIBS)
if(RECLM_WITH_BLAS)
  string(APPEND RECLM_PC_FLAGS " -DRECLM_WITH_BLAS")
  list(APPEND RECLM_PC_LIBS ${BLAS_LINKER_FLAGS} ${BLAS_LIBRARIES})
endif()
if(RECLM_WITH_ONEDNN)
  string(APPEND RECLM_PC_FLAGS " -DRECLM_WITH_ONEDNN")
  list(APPEND RECLM_PC_LIBS -ldnnl)
endif()
list(JOIN RECLM_PC_LIBS " " RECLM_PC_LIBS)
# Files by the name of a part, which is also their content's.
set(RECLM_PC_PARTS
  "reclm|eigen3 >= 3.4 xtensor tbb nlohmann_json >= 3.9|${RECLM_PC_FLAGS}|${RECLM_PC_LIBS}"
  "reclm-lm|reclm = ${PROJECT_VERSION} libpcre2-8 libutf8proc||"
  "reclm-http|reclm-lm = ${PROJECT_VERSION} cpp-httplib openssl|-DCPPHTTPLIB_OPENSSL_SUPPORT|")
foreach(part IN LISTS RECLM_PC_PARTS)
  string(REPLACE "|" ";" part "${part}")
  list(GET part 0 RECLM_PC_NAME)
  list(GET part 1 RECLM_PC_REQUIRES)
  list(GET part 2 RECLM_PC_FLAGS)
  list(GET part 3 RECLM_PC_LIBS)
  configure_file(${PROJECT_SOURCE_DIR}/cmake/reclm.pc.in ${PROJECT_BINARY_DIR}/${RECLM_PC_NAME}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/${RECLM_PC_NAME}.pc DESTINATION ${CMAKE_INSTALL_DATADIR}/pkgconfig)
endforeach()
