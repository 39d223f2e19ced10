// Random views and Adam on the CPU, in float and double.
#include "random_cases.hpp"
#include "reclm/backend/cpu.hpp"

using namespace reclm;
using namespace reclm_test;

TEMPLATE_TEST_CASE("edges are dropped by their own numbers on the CPU", "", float, double) {
  check_edge_drop<Cpu, TestType>();
}
TEMPLATE_TEST_CASE("noise is made of its own numbers on the CPU", "", float, double) {
  check_sign_noise<Cpu, TestType>();
}
TEMPLATE_TEST_CASE("values are permuted on the CPU", "", float, double) { check_permutation<Cpu, TestType>(); }
TEMPLATE_TEST_CASE("Adam's kernels follow the formula on the CPU", "", float, double) { check_adam<Cpu, TestType>(); }
