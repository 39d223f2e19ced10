# What the adapter needs: Eigen, xtensor, oneTBB, nlohmann/json. Everything else is asked for where it is used.
# Without a version: Eigen 3.4's and 5's package files each refuse a request for the other major version.
find_package(Eigen3 REQUIRED NO_MODULE)
if(Eigen3_VERSION AND Eigen3_VERSION VERSION_LESS 3.4)  # FetchContent says none
  message(FATAL_ERROR "reclm needs Eigen 3.4 or newer; ${Eigen3_DIR} is ${Eigen3_VERSION}. Remedy: install a newer one "
    "(Debian: libeigen3-dev), or name it by -DEigen3_DIR=")
endif()
find_package(xtensor REQUIRED)
find_package(TBB REQUIRED)
find_package(nlohmann_json 3.9 REQUIRED)
if(RECLM_WITH_BLAS)
  find_package(BLAS REQUIRED)
endif()
if(RECLM_WITH_ONEDNN)
  find_package(dnnl REQUIRED)  # oneDNN; Debian: libdnnl-dev with ocl-icd-opencl-dev
endif()
