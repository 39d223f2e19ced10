# Installs headers, package files and pkg-config file as the component `library`; programs are the component `command`.
include(CMakePackageConfigHelpers)
set(reclm_cmake_dir ${CMAKE_INSTALL_DATADIR}/cmake/reclm)
set(CMAKE_INSTALL_DEFAULT_COMPONENT_NAME library)

install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/reclm DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(TARGETS reclm EXPORT reclm-targets)
install(EXPORT reclm-targets NAMESPACE reclm:: DESTINATION ${reclm_cmake_dir})
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/reclm-config.cmake.in
  ${PROJECT_BINARY_DIR}/reclm-config.cmake INSTALL_DESTINATION ${reclm_cmake_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/reclm-config-version.cmake
  COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES ${PROJECT_BINARY_DIR}/reclm-config.cmake ${PROJECT_BINARY_DIR}/reclm-config-version.cmake
  DESTINATION ${reclm_cmake_dir})

configure_file(${PROJECT_SOURCE_DIR}/cmake/reclm.pc.in ${PROJECT_BINARY_DIR}/reclm.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/reclm.pc DESTINATION ${CMAKE_INSTALL_DATADIR}/pkgconfig)
