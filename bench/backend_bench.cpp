// The CPU backend on one thread and on two.
#include "backend_cases.hpp"
#include "reclm/backend/cpu.hpp"

int main(int argc, char** argv) {
  reclm_bench::register_benchmarks<reclm::Cpu>({1, 2});
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
