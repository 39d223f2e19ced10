# Optional parts of the library, each a target beside reclm::reclm. All of them are installed, for headers need nothing
# until they are used; in this build a part has its name reclm::<part> only where its libraries are found.
include(${CMAKE_CURRENT_LIST_DIR}/reclm-parts.cmake)
reclm_find_http()

add_library(reclm_lm INTERFACE)
target_link_libraries(reclm_lm INTERFACE reclm PkgConfig::RECLM_PCRE2 PkgConfig::RECLM_UTF8PROC)
if(RECLM_HAS_LM)
  add_library(reclm::lm ALIAS reclm_lm)
else()
  message(STATUS "reclm::lm is left out: ${RECLM_LM_MISSING}")
endif()

add_library(reclm_http INTERFACE)
target_link_libraries(reclm_http INTERFACE reclm_lm PkgConfig::RECLM_HTTPLIB OpenSSL::SSL OpenSSL::Crypto Threads::Threads)
target_compile_definitions(reclm_http INTERFACE CPPHTTPLIB_OPENSSL_SUPPORT)
if(RECLM_HAS_HTTP)
  add_library(reclm::http ALIAS reclm_http)
else()
  message(STATUS "reclm::http is left out: ${RECLM_HTTP_MISSING}")
endif()

# CUDA is the user's compiler; the part names its libraries and what our device code asks of nvcc.
find_package(CUDAToolkit QUIET)
add_library(reclm_cuda INTERFACE)
target_link_libraries(reclm_cuda INTERFACE reclm CUDA::cublas CUDA::cudart)
target_compile_options(reclm_cuda INTERFACE
  $<$<COMPILE_LANGUAGE:CUDA>:-std=c++20 --expt-relaxed-constexpr -Xcompiler=-fopenmp-simd,-fno-math-errno>)
if(CUDAToolkit_FOUND)
  add_library(reclm::cuda ALIAS reclm_cuda)
endif()

foreach(part IN ITEMS lm http cuda)
  set_target_properties(reclm_${part} PROPERTIES EXPORT_NAME ${part})
endforeach()
