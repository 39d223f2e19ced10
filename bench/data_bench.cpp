// Loading and sampling: bytes a second of the readers, and triples a second of the sampler, on one thread.
// The largest cases read 10 million interactions from a temporary file; their peak memory is reported beside the size
// of the matrix (counter peak_over_csr; what the process held before is subtracted).

#include <benchmark/benchmark.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "reclm/core/parallel.hpp"
#include "reclm/data/npy.hpp"
#include "reclm/data/read_interactions.hpp"
#include "reclm/data/sampler.hpp"
#include "reclm/data/splits.hpp"

namespace {

using namespace reclm;

constexpr Id kUsers = 200'000, kItems = 50'000;

// Pairs by user, items skewed as popularity is.
Pair random_pair(std::mt19937_64& random, Index k, Index count) {
  const double draw = static_cast<double>(random() >> 11) * 0x1p-53;
  return {static_cast<Id>(k * kUsers / count), static_cast<Id>(kItems * draw * draw)};
}

// A file that goes away with the program.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& name)
      : path_(std::filesystem::temp_directory_path() / ("reclm-bench-" + std::to_string(::getpid()) + "-" + name)) {}
  ~TemporaryFile() { std::filesystem::remove(path_); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// Interactions with ratings and timestamps, sorted by user or in any order.
void write_interactions(const std::filesystem::path& path, Index count, bool sorted) {
  std::mt19937_64 random(1);
  std::FILE* file = std::fopen(path.c_str(), "wb");
  std::fputs("user_id:token\titem_id:token\trating:float\ttimestamp:float\n", file);
  for (Index k = 0; k < count; ++k) {
    Pair pair = random_pair(random, k, count);
    if (!sorted) pair.user = static_cast<Id>(random() % kUsers);
    std::fprintf(file, "%d\t%d\t%.1f\t%d\n", pair.user + 1, pair.item + 1,
                 0.5 + 0.5 * static_cast<double>(random() % 10),
                 964'980'000 + static_cast<int>(random() % 500'000'000));
  }
  std::fclose(file);
}

double resident_bytes() {
  std::ifstream status("/proc/self/statm");
  double size = 0, resident = 0;
  status >> size >> resident;
  return resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

// Peak of resident memory that reading adds, over the bytes of the matrix; measured in a process of its own, since the
// peak of a process never falls.
double peak_over_csr(const std::filesystem::path& path, const InteractionReadOptions& options) {
  int channel[2];
  if (::pipe(channel) != 0) return 0;
  const pid_t child = ::fork();
  if (child == 0) {
    std::ofstream("/proc/self/clear_refs") << 5;  // the peak counts from here
    const double before = resident_bytes();
    IdMap users, items;
    const ReadInteractions file = read_interactions(path, users, items, options);
    const double csr = 8.0 * (users.size() + 1) + 4.0 * static_cast<double>(file.pairs.size()) +
                       8.0 * static_cast<double>(file.values.timestamps.size());
    std::ifstream status("/proc/self/status");
    double peak = 0;
    for (std::string line; std::getline(status, line);)
      if (line.starts_with("VmHWM:")) peak = 1024 * std::stod(line.substr(6));
    const double ratio = (peak - before) / csr;
    const bool written = ::write(channel[1], &ratio, sizeof ratio) == sizeof ratio;
    ::_exit(written ? 0 : 1);
  }
  double ratio = 0;
  const bool read = ::read(channel[0], &ratio, sizeof ratio) == sizeof ratio;
  ::close(channel[0]);
  ::close(channel[1]);
  ::waitpid(child, nullptr, 0);
  return read ? ratio : 0;
}

// count, sorted by user, timestamps kept
void read_interaction_file(benchmark::State& state) {
  const Index count = state.range(0);
  const TemporaryFile file("interactions");
  write_interactions(file.path(), count, state.range(1) != 0);
  InteractionReadOptions options;
  options.keep_timestamps = state.range(2) != 0;
  for (auto _ : state) {
    IdMap users, items;
    benchmark::DoNotOptimize(read_interactions(file.path(), users, items, options));
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * std::filesystem::file_size(file.path())));
  state.counters["peak_over_csr"] = peak_over_csr(file.path(), options);
}
BENCHMARK(read_interaction_file)
    ->ArgNames({"count", "sorted", "times"})
    ->Args({1'000'000, 1, 0})
    ->Args({10'000'000, 1, 0})
    ->Args({10'000'000, 0, 0})
    ->Args({10'000'000, 1, 1})
    ->Unit(benchmark::kMillisecond);

void look_up_ids(benchmark::State& state) {
  IdMap ids;
  const auto count = static_cast<Id>(state.range(0));
  for (Id k = 0; k < count; ++k) ids.insert(std::to_string(k));
  std::mt19937 random(1);
  std::vector<std::string_view> tokens;
  for (int k = 0; k < 100'000; ++k)
    tokens.push_back(ids.name(static_cast<Id>(random() % static_cast<unsigned>(count))));
  std::vector<Id> numbers(tokens.size());
  for (auto _ : state) {
    std::as_const(ids).find(tokens, numbers);
    benchmark::DoNotOptimize(numbers.data());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(tokens.size()));
}
BENCHMARK(look_up_ids)->Arg(10'000)->Arg(1'000'000);

void read_npy_matrix(benchmark::State& state) {
  const TemporaryFile file("matrix.npy");
  write_npy(file.path(), Matrix<float>(20'000, 384, 0.5f));
  for (auto _ : state) benchmark::DoNotOptimize(read_npy(file.path()));
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * std::filesystem::file_size(file.path())));
}
BENCHMARK(read_npy_matrix)->Unit(benchmark::kMillisecond);

Interactions random_interactions(Index count, Id users, Id items) {
  std::mt19937_64 random(2);
  std::vector<Pair> pairs;
  for (Index k = 0; k < count; ++k) {
    const double draw = static_cast<double>(random() >> 11) * 0x1p-53;
    pairs.push_back({static_cast<Id>(random() % static_cast<unsigned>(users)), static_cast<Id>(items * draw * draw)});
  }
  return Interactions::from_pairs(users, items, pairs);
}

// An epoch of the size of MIND's.
void sample_epoch(benchmark::State& state) {
  const ThreadLimit one(1);
  BprSamplerOptions options;
  if (state.range(0) != 0) options.negatives = NegativeDistribution::popularity;
  const BprSampler sampler(random_interactions(95'000, 57'000, 3'800), options);
  Triples triples;
  Index epoch = 0;
  for (auto _ : state) {
    for (Index b = 0; b < sampler.batches(4096); ++b) sampler.batch(epoch, b, 4096, triples);
    ++epoch;
    benchmark::DoNotOptimize(triples.negatives.data());
  }
  state.SetItemsProcessed(state.iterations() * sampler.size());
}
BENCHMARK(sample_epoch)->ArgName("popularity")->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);

void split_by_ratio(benchmark::State& state) {
  const Interactions all = random_interactions(1'000'000, 50'000, 10'000);
  for (auto _ : state) benchmark::DoNotOptimize(ratio_split(all));
  state.SetItemsProcessed(state.iterations() * all.size());
}
BENCHMARK(split_by_ratio)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
