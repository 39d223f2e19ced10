# The target reclm_torch: libtorch for programs of ours that use it, where it is installed (Debian: libtorch-dev).
# Found by file: Debian's TorchConfig.cmake asks for CUDA and oneDNN, which a program does not need.
include_guard(GLOBAL)
find_path(RECLM_TORCH_DIR torch/csrc/autograd/variable.h)
find_path(RECLM_TORCH_API_DIR torch/nn/module.h PATH_SUFFIXES torch/csrc/api/include)
find_library(RECLM_TORCH_CPU torch_cpu)
find_library(RECLM_TORCH_C10 c10)
if(RECLM_TORCH_DIR AND RECLM_TORCH_API_DIR AND RECLM_TORCH_CPU AND RECLM_TORCH_C10)
  add_library(reclm_torch INTERFACE)
  target_include_directories(reclm_torch SYSTEM INTERFACE ${RECLM_TORCH_DIR} ${RECLM_TORCH_API_DIR})
  target_link_libraries(reclm_torch INTERFACE ${RECLM_TORCH_CPU} ${RECLM_TORCH_C10})
endif()
