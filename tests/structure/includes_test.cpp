#include <array>

#include "source_tree.hpp"
#include "support/catch.hpp"

using reclm::test::Include;
using reclm::test::SourceTree;

namespace {

/// The rooms from the ground up: each includes only itself and those before it.
constexpr std::array<std::string_view, 9> rooms{"core",  "backend", "tensor",   "data", "model",
                                                "align", "lm",      "instruct", "eval"};

std::size_t level(std::string_view room) {
  return static_cast<std::size_t>(std::find(rooms.begin(), rooms.end(), room) - rooms.begin());
}

/// "data" of "reclm/data/load.hpp" and of "tests/data/load_test.cpp"; empty where the path names no room.
std::string room_of(std::string path) {
  for (const std::string prefix : {"include/", "reclm/", "tests/", "bench/"})
    if (path.starts_with(prefix)) path.erase(0, prefix.size());
  const auto end = path.find_first_of("/_");
  const auto room = path.substr(0, end);
  return end != std::string::npos && level(room) < rooms.size() ? room : std::string();
}

bool is_ours(const Include& include) { return include.target.starts_with("reclm/"); }

bool is_heavy(const Include& include) {
  constexpr std::array<std::string_view, 5> libraries{"Eigen/", "unsupported/Eigen", "xtensor", "xtl/", "nlohmann/"};
  return std::any_of(libraries.begin(), libraries.end(),
                     [&](std::string_view library) { return include.target.starts_with(library); });
}

template <class Wrong>
std::string lines_where(const SourceTree& tree, Wrong wrong) {
  std::string lines;
  for (const auto& [file, includes] : tree.files())
    for (const auto& include : includes)
      if (wrong(include)) lines += include.place() + "\n";
  return lines;
}

}  // namespace

TEST_CASE("each room includes only itself and the rooms below it") {
  const SourceTree tree{"include"};
  REQUIRE(tree.files().size() > 50);
  CHECK(lines_where(tree, [](const Include& include) {
          const auto from = room_of(include.file), to = room_of(include.target);
          return is_ours(include) && !from.empty() && (to.empty() || level(to) > level(from));
        }) == "");
}

TEST_CASE("what a header includes of the library exists and is named from the include root") {
  const SourceTree tree{"include"};
  CHECK(lines_where(tree, [&](const Include& include) {
          if (include.quoted != is_ours(include)) return true;
          return is_ours(include) && !tree.files().contains("include/" + include.target);
        }) == "");
}

TEST_CASE("a room's details are included by that room alone") {
  const SourceTree tree{"include", "tests", "bench", "examples"};
  CHECK(lines_where(tree, [](const Include& include) {
          return is_ours(include) && include.target.find("/detail/") != std::string::npos &&
                 room_of(include.target) != room_of(include.file);
        }) == "");
}

TEST_CASE("Eigen, xtensor and JSON stay out of core, backend, tensor and CUDA headers") {
  const SourceTree tree{"include"};
  std::string lines;
  for (const auto& [file, includes] : tree.files()) {
    const bool light = file.starts_with("include/reclm/core/") || file.starts_with("include/reclm/backend/") ||
                       file.starts_with("include/reclm/tensor/") || file.ends_with(".cuh");
    if (!light) continue;
    for (const auto& include : tree.reachable(file))
      if (is_heavy(include)) lines += file + " reaches " + include.place() + "\n";
  }
  CHECK(lines == "");
}
