# What the adapter needs: Eigen, xtensor, oneTBB, nlohmann/json. Everything else is asked for where it is used.
find_package(Eigen3 3.4 REQUIRED NO_MODULE)
find_package(xtensor REQUIRED)
find_package(TBB REQUIRED)
find_package(nlohmann_json 3.9 REQUIRED)
if(RECLM_WITH_BLAS)
  find_package(BLAS REQUIRED)
endif()
if(RECLM_WITH_ONEDNN)
  find_package(dnnl REQUIRED)  # oneDNN; Debian: libdnnl-dev with ocl-icd-opencl-dev
endif()
