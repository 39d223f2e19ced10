#pragma once
/// @file version.hpp
/// The library's version. CMake, pkg-config, vcpkg and Conan read these three lines; nothing else states it.

#define RECLM_VERSION_MAJOR 0
#define RECLM_VERSION_MINOR 3
#define RECLM_VERSION_PATCH 0

#define RECLM_STRINGIFY_DETAIL(x) #x
#define RECLM_STRINGIFY(x) RECLM_STRINGIFY_DETAIL(x)
#define RECLM_VERSION_STRING                                                                 \
  RECLM_STRINGIFY(RECLM_VERSION_MAJOR)                                                       \
  "." RECLM_STRINGIFY(RECLM_VERSION_MINOR) "." RECLM_STRINGIFY(RECLM_VERSION_PATCH)
