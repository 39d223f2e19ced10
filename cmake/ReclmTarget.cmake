# The library itself: an interface target, equal under the name reclm::reclm in this build and after installation.
include(GNUInstallDirs)

add_library(reclm INTERFACE)
add_library(reclm::reclm ALIAS reclm)
target_compile_features(reclm INTERFACE cxx_std_20)
target_include_directories(reclm INTERFACE
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
  $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_link_libraries(reclm INTERFACE Eigen3::Eigen xtensor TBB::tbb nlohmann_json::nlohmann_json)
# Row kernels mark their loops with `omp simd` (no OpenMP runtime is needed) and take square roots inside them, which
# vectorises only when sqrt need not set errno. Without these two flags the results are right and slower.
target_compile_options(reclm INTERFACE $<$<COMPILE_LANG_AND_ID:CXX,GNU,Clang,AppleClang>:-fopenmp-simd -fno-math-errno>)
if(RECLM_WITH_BLAS)
  target_link_libraries(reclm INTERFACE BLAS::BLAS)
  target_compile_definitions(reclm INTERFACE RECLM_WITH_BLAS)
endif()
if(RECLM_WITH_ONEDNN)
  target_link_libraries(reclm INTERFACE DNNL::dnnl ${CMAKE_DL_LIBS})
  # nvcc 13 breaks down on oneDNN's header.
  target_compile_definitions(reclm INTERFACE $<$<COMPILE_LANGUAGE:CXX>:RECLM_WITH_ONEDNN>)
endif()
