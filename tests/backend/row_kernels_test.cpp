// The row kernels on the CPU, in float and double.
#include "bpr_cases.hpp"
#include "reclm/backend/cpu.hpp"
#include "row_cases.hpp"

using namespace reclm;
using namespace reclm_test;

TEMPLATE_TEST_CASE("rows are gathered and scattered on the CPU", "", float, double) {
  check_gathering<Cpu, TestType>();
}
TEMPLATE_TEST_CASE("rows are brought to unit length on the CPU", "", float, double) {
  check_normalizing<Cpu, TestType>();
}
TEMPLATE_TEST_CASE("products and sums of rows on the CPU", "", float, double) { check_row_products<Cpu, TestType>(); }
TEMPLATE_TEST_CASE("elementwise kernels on the CPU", "", float, double) { check_elementwise<Cpu, TestType>(); }
TEMPLATE_TEST_CASE("BPR's loss and gradients on the CPU", "", float, double) { check_bpr<Cpu, TestType>(); }
