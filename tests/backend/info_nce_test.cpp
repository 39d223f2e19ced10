// Streamed InfoNCE on the CPU.
#include "info_nce_cases.hpp"
#include "reclm/backend/cpu.hpp"

using namespace reclm;
using namespace reclm_test;

TEMPLATE_TEST_CASE("InfoNCE on the CPU is what its formula says", "", float, double) {
  check_info_nce<Cpu, TestType>();
}
TEMPLATE_TEST_CASE("InfoNCE on the CPU bears small temperatures", "", float, double) {
  check_info_nce_small_temperature<Cpu, TestType>();
}
TEMPLATE_TEST_CASE("InfoNCE on the CPU bears long rows", "", float, double) {
  check_info_nce_long_rows<Cpu, TestType>();
}
TEMPLATE_TEST_CASE("InfoNCE on the CPU takes one memory for both views", "", float, double) {
  check_info_nce_one_memory<Cpu, TestType>();
}
TEST_CASE("InfoNCE's gradients on the CPU agree with differences") { check_info_nce_differences<Cpu>(); }
TEST_CASE("InfoNCE on the CPU refuses what does not fit") { check_info_nce_refusals<Cpu>(); }
