# An overlay port; in this repository's root, which has a vcpkg.json of its own:
#   vcpkg install reclm --classic --overlay-ports=cmake/vcpkg-port
# To be filled in at a release, when the tag exists: SHA512, which vcpkg prints when it meets the 0 below.
vcpkg_from_github(
    OUT_SOURCE_PATH SOURCE_PATH
    REPO reclm/reclm
    REF "v${VERSION}"
    SHA512 0
    HEAD_REF main
)

vcpkg_check_features(OUT_FEATURE_OPTIONS FEATURE_OPTIONS
    FEATURES
        blas    RECLM_WITH_BLAS
        command RECLM_BUILD_EXAMPLES
        http    RECLM_COMMAND_HTTP
        lm      RECLM_COMMAND_LM
        onednn  RECLM_WITH_ONEDNN
)

set(VCPKG_BUILD_TYPE release) # header-only
vcpkg_cmake_configure(
    SOURCE_PATH "${SOURCE_PATH}"
    OPTIONS
        ${FEATURE_OPTIONS}
        -DRECLM_BUILD_TESTS=OFF
        -DRECLM_BUILD_BENCHMARKS=OFF
        -DRECLM_BUILD_PLUGINS=OFF
        -DRECLM_NATIVE=OFF
        -DRECLM_WITH_CUDA=OFF
)
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(CONFIG_PATH share/cmake/reclm)
# pkg-config must find all that a .pc file requires: parts that were not asked for go, and cpp-httplib, here a header
# beside ours, has no file of that name.
foreach(part IN ITEMS lm http)
    if(NOT part IN_LIST FEATURES)
        file(REMOVE "${CURRENT_PACKAGES_DIR}/share/pkgconfig/reclm-${part}.pc")
    endif()
endforeach()
if("http" IN_LIST FEATURES)
    vcpkg_replace_string("${CURRENT_PACKAGES_DIR}/share/pkgconfig/reclm-http.pc" " cpp-httplib openssl" " openssl")
endif()
vcpkg_fixup_pkgconfig()
if("command" IN_LIST FEATURES)
    vcpkg_copy_tools(TOOL_NAMES reclm AUTO_CLEAN)
endif()

file(REMOVE_RECURSE
    "${CURRENT_PACKAGES_DIR}/debug"
    "${CURRENT_PACKAGES_DIR}/lib"
    "${CURRENT_PACKAGES_DIR}/share/cmake"
)
file(INSTALL "${CMAKE_CURRENT_LIST_DIR}/usage" DESTINATION "${CURRENT_PACKAGES_DIR}/share/${PORT}")
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE")
