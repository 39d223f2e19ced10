/// Time per epoch against interactions and width, on generated graphs: prints CSV and draws growth.svg. An epoch is 22
/// steps at every size (MIND's number at 4,096 triples a step), because exact Adam, weight decay included, moves every
/// row in every step: its cost is rows · steps, whoever computes it. Beside the time stand the bytes of rows that a
/// step can not do without, as GB/s, to be held against what the memory gives (first line: a = b + s · c over 1.5 GB).
///
///     bench_growth [OUT.svg] [LARGEST]     LARGEST: interactions of the largest graph, default 10000000
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "random_graph.hpp"
#include "reclm/backend/cpu.hpp"
#include "reclm/core/atomic_file.hpp"
#include "reclm/model/joint_model.hpp"
#include "reclm/model/make_backbone.hpp"

namespace {

using namespace reclm;

struct Point {
  std::string backbone;
  Index interactions, width;
  double seconds, gigabytes;  ///< an epoch
};

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// GB/s of a = b + s · c, all threads.
double triad_rate() {
  constexpr Index n = Index{1} << 27;
  const auto a = Cpu::allocate<float>(n), b = Cpu::allocate<float>(n), c = Cpu::allocate<float>(n);
  double best = 1e9;
  for (int round = 0; round < 4; ++round) {
    const auto start = std::chrono::steady_clock::now();
    parallel_chunks(n, Index{1} << 20, [&](Index begin, Index end, Index) {
      float *to = a.get(), *x = b.get(), *y = c.get();
      if (round == 0)
        for (Index i = begin; i < end; ++i) x[i] = y[i] = to[i] = 1;
      else
        for (Index i = begin; i < end; ++i) to[i] = x[i] + 0.5f * y[i];
    });
    if (round > 0) best = std::min(best, seconds_since(start));
  }
  return 12.0 * static_cast<double>(n) / best / 1e9;
}

Index distinct(std::vector<Id> ids) {
  std::sort(ids.begin(), ids.end());
  return std::unique(ids.begin(), ids.end()) - ids.begin();
}

/// GB of rows that a step reads and writes at least. BiasMF, a row of the batch: parameter and both moments read and
/// written when it is brought up to date and when it takes the step (12), and its copy and gradient (4). LightGCN:
/// parameter and moments of all nodes and their gradient (7), and a row a neighbour: of all items, and twice of the
/// batch's users, forward and backward.
double step_gigabytes(BackboneKind kind, const Interactions& train, const Triples& batch, Index width) {
  std::vector<Id> items = batch.positives;
  items.insert(items.end(), batch.negatives.begin(), batch.negatives.end());
  double rows = 0;
  if (kind == BackboneKind::bias_mf) {
    rows = 16.0 * static_cast<double>(distinct(batch.users) + distinct(items));
  } else {
    std::vector<Id> users = batch.users;
    std::sort(users.begin(), users.end());
    users.erase(std::unique(users.begin(), users.end()), users.end());
    Index neighbours = 0;
    for (const Id user : users) neighbours += static_cast<Index>(train.of(user).size());
    rows = 7.0 * static_cast<double>(train.users() + train.items()) +
           2.0 * static_cast<double>(train.size() + 2 * neighbours);
  }
  return rows * static_cast<double>(width) * sizeof(float) / 1e9;
}

/// Seconds and GB of an epoch: the median of the times of some steps, times the steps.
std::pair<double, double> epoch_cost(BackboneKind kind, const Interactions& train, Index width) {
  const Index batch_size = chunk_count(train.size(), 22);
  const Initializer init(1);
  JointModel<Cpu, float> model(
      "growth",
      std::make_unique<IdVectors<Cpu, float>>(init, train.users(), train.items(), width, default_id_start(kind)),
      make_backbone<Cpu, float>(kind, train, width, init));
  const BprSampler sampler(train);
  Adam<Cpu, float> adam(model.parameters(), {.l2 = default_l2(kind)});
  Triples batch;
  std::vector<double> times;
  const Index steps = std::min<Index>(sampler.batches(batch_size), 12);
  for (Index k = 0; k < steps; ++k) {
    const auto start = std::chrono::steady_clock::now();
    sampler.batch(0, k, batch_size, batch);
    Tape<Cpu, float> tape;
    tape.backward(model.loss({tape, batch, static_cast<double>(batch_size), 1, static_cast<std::uint32_t>(k), &adam}));
    adam.step();
    if (k > 1) times.push_back(seconds_since(start));
  }
  std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2), times.end());
  const auto steps_an_epoch = static_cast<double>(sampler.batches(batch_size));
  return {times[times.size() / 2] * steps_an_epoch, step_gigabytes(kind, train, batch, width) * steps_an_epoch};
}

/// Log-log lines of seconds over interactions, one a backbone and width.
std::string svg(const std::vector<Point>& points) {
  constexpr double width = 720, height = 440, left = 70, bottom = 390, top = 30, right = 540;
  const auto x = [](double n) { return left + (std::log10(n) - 5) / 2 * (right - left); };
  const auto y = [](double s) { return bottom - (std::log10(s) + 2) / 6 * (bottom - top); };
  std::ostringstream out;
  out << "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 " << width << ' ' << height
      << "' font-family='sans-serif' font-size='12'><rect width='100%' height='100%' fill='white'/>";
  for (int e = 5; e <= 7; ++e)
    out << "<text x='" << x(std::pow(10, e)) << "' y='" << bottom + 18 << "' text-anchor='middle'>10^" << e
        << "</text><line x1='" << x(std::pow(10, e)) << "' x2='" << x(std::pow(10, e)) << "' y1='" << top << "' y2='"
        << bottom << "' stroke='#ddd'/>";
  for (int e = -2; e <= 4; ++e)
    out << "<text x='" << left - 8 << "' y='" << y(std::pow(10, e)) + 4 << "' text-anchor='end'>10^" << e
        << " s</text><line x1='" << left << "' x2='" << right << "' y1='" << y(std::pow(10, e)) << "' y2='"
        << y(std::pow(10, e)) << "' stroke='#ddd'/>";
  out << "<text x='" << (left + right) / 2 << "' y='" << bottom + 38
      << "' text-anchor='middle'>interactions</text><text x='" << left << "' y='18'>seconds per epoch</text>";
  std::map<std::pair<std::string, Index>, std::vector<Point>> lines;
  for (const Point& p : points) lines[{p.backbone, p.width}].push_back(p);
  constexpr const char* colours[] = {"#1b6ca8", "#c8553d", "#3a7d44", "#7b4b94", "#b08900", "#444444"};
  std::size_t number = 0;
  for (const auto& [key, line] : lines) {
    const char* colour = colours[number % std::size(colours)];
    out << "<polyline fill='none' stroke-width='2' stroke='" << colour << "' points='";
    for (const Point& p : line) out << x(static_cast<double>(p.interactions)) << ',' << y(p.seconds) << ' ';
    out << "'/><text x='" << right + 10 << "' y='" << top + 14 * static_cast<double>(++number) << "' fill='" << colour
        << "'>" << key.first << " d " << key.second << "</text>";
  }
  out << "</svg>\n";
  return out.str();
}

}  // namespace

int main(int argc, char** argv) {
  const std::string file = argc > 1 ? argv[1] : "growth.svg";
  const Index largest = argc > 2 ? std::atoll(argv[2]) : 10000000;
  std::vector<Point> points;
  std::printf("# triad %.1f GB/s\n", triad_rate());
  std::printf("backbone,interactions,width,seconds_per_epoch,ns_per_interaction_and_column,gigabytes_per_second\n");
  for (Index wanted = 100000; wanted <= largest; wanted *= 10) {
    // Ten interactions a user, fifty an item at every size, so that the graph grows and does not thicken.
    const auto train = reclm_bench::random_graph(static_cast<Id>(wanted / 10), static_cast<Id>(wanted / 50), wanted);
    for (const BackboneKind kind : {BackboneKind::bias_mf, BackboneKind::light_gcn})
      for (const Index width : {32, 64, 128, 256}) {
        const auto [seconds, gigabytes] = epoch_cost(kind, train, width);
        points.push_back({std::string(backbone_name(kind)), train.size(), width, seconds, gigabytes});
        std::printf("%s,%ld,%ld,%.4f,%.3f,%.1f\n", points.back().backbone.c_str(), static_cast<long>(train.size()),
                    static_cast<long>(width), seconds,
                    1e9 * seconds / static_cast<double>(train.size()) / static_cast<double>(width),
                    gigabytes / seconds);
        std::fflush(stdout);
      }
  }
  write_file(file, svg(points));
  std::printf("drew %s\n", file.c_str());
  return 0;
}
