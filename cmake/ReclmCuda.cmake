# Sets RECLM_CUDA when programs for the GPU can and shall be built, and then makes reclm_cuda_flags, their flags.
set(RECLM_CUDA OFF)
if(NOT RECLM_WITH_CUDA)
  return()
endif()

# nvcc is often installed without being on the PATH.
if(NOT CMAKE_CUDA_COMPILER AND NOT DEFINED ENV{CUDACXX})
  find_program(RECLM_NVCC nvcc HINTS ENV CUDA_PATH PATHS /usr/local/cuda PATH_SUFFIXES bin)
  if(RECLM_NVCC)
    set(CMAKE_CUDA_COMPILER ${RECLM_NVCC})
  endif()
endif()
include(CheckLanguage)
check_language(CUDA)
if(NOT CMAKE_CUDA_COMPILER)
  if(NOT RECLM_WITH_CUDA STREQUAL AUTO)
    message(FATAL_ERROR "RECLM_WITH_CUDA is ${RECLM_WITH_CUDA}, but there is no nvcc. Name it: -DCMAKE_CUDA_COMPILER=/path/to/nvcc")
  endif()
  return()
endif()

# Ampere, Hopper and Blackwell, machine code for each; a user's own project chooses for itself.
if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
  set(CMAKE_CUDA_ARCHITECTURES 80-real 90-real 100-real)
endif()
enable_language(CUDA)
find_package(CUDAToolkit REQUIRED)
set(RECLM_CUDA ON)

add_library(reclm_cuda_flags INTERFACE)
# By its flag: CMake 3.25 does not know the feature cuda_std_20 of nvcc.
target_compile_options(reclm_cuda_flags INTERFACE
  $<$<COMPILE_LANGUAGE:CUDA>:-std=c++20 --expt-relaxed-constexpr -diag-suppress=554,1675 -Xcompiler=-fopenmp-simd,-fno-math-errno,-Wall,-Wextra>)
target_link_libraries(reclm_cuda_flags INTERFACE CUDA::cublas)
