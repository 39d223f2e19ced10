/// Headers are compiled by themselves with the standard library's and other people's headers given to all of them,
/// which is quick; this test holds what that cannot see: that each header includes, itself or through ours, what
/// declares the names it uses.
#include <array>
#include <cctype>
#include <fstream>
#include <set>

#include "source_tree.hpp"
#include "support/catch.hpp"

using reclm::test::SourceTree;

namespace {

/// What a header declares. A name may have several homes, the first is what is asked for.
struct Home {
  std::string_view header, names;  ///< names apart by spaces
};

constexpr std::array<Home, 35> standard{{
    {"algorithm",
     "sort stable_sort min max clamp fill fill_n copy copy_n copy_if find find_if any_of all_of none_of count count_if "
     "lower_bound upper_bound binary_search unique nth_element partial_sort reverse min_element max_element transform "
     "equal push_heap pop_heap make_heap remove_if replace ranges"},
    {"array", "array"},
    {"atomic", "atomic"},
    {"bit", "bit_cast bit_width has_single_bit popcount countl_zero bit_ceil"},
    {"chrono", "chrono"},
    {"cmath", "sqrt exp log log2 log1p isfinite isnan pow tanh cos sin floor ceil round lround fma"},
    {"concepts", "same_as convertible_to floating_point integral derived_from invocable"},
    {"cstddef", "size_t ptrdiff_t byte nullptr_t"},
    {"cstdint", "int8_t int16_t int32_t int64_t uint8_t uint16_t uint32_t uint64_t uintptr_t"},
    {"cstring", "memcpy memset memcmp memmove strlen"},
    {"deque", "deque"},
    {"filesystem", "filesystem"},
    {"fstream", "ifstream ofstream fstream"},
    {"functional", "function greater less"},
    {"initializer_list", "initializer_list"},
    {"limits", "numeric_limits"},
    {"map", "map multimap"},
    {"memory", "shared_ptr unique_ptr make_shared make_unique weak_ptr"},
    {"mutex", "mutex lock_guard unique_lock scoped_lock"},
    {"numeric", "accumulate iota inner_product partial_sum"},
    {"optional", "optional nullopt"},
    {"set", "set"},
    {"span", "span as_bytes"},
    {"sstream", "stringstream istringstream ostringstream"},
    {"string", "string to_string"},
    {"string_view", "string_view"},
    {"thread", "thread this_thread"},
    {"tuple", "tuple tie"},
    {"type_traits",
     "is_same_v conditional_t remove_cvref_t decay_t is_floating_point_v remove_const_t false_type true_type"},
    {"unordered_map", "unordered_map"},
    {"unordered_set", "unordered_set"},
    {"utility", "move pair exchange forward swap declval"},
    {"variant", "variant visit monostate"},
    {"vector", "vector"},
    {"condition_variable", "condition_variable"},
}};

/// Other people's names, and how the headers that declare them begin.
constexpr std::array<Home, 6> foreign{{{"Eigen/", "Eigen::"},
                                       {"nlohmann/", "nlohmann::"},
                                       {"oneapi/tbb", "oneapi::tbb"},
                                       {"httplib", "httplib::"},
                                       {"pcre2", "pcre2_"},
                                       {"utf8proc", "utf8proc_"}}};

std::string without_comments(const std::filesystem::path& file) {
  std::ifstream stream(file);
  std::string text;
  for (std::string line; std::getline(stream, line);)
    if (line.find_first_not_of(" #") == std::string::npos || line[line.find_first_not_of(' ')] != '#')
      text += line.substr(0, line.find("//")) + "\n";
  return text;
}

/// The words behind "std::".
std::set<std::string, std::less<>> standard_names(const std::string& text) {
  std::set<std::string, std::less<>> names;
  for (std::size_t at = text.find("std::"); at != std::string::npos; at = text.find("std::", at + 5)) {
    std::size_t end = at + 5;
    while (end < text.size() && (std::isalnum(static_cast<unsigned char>(text[end])) || text[end] == '_')) ++end;
    names.insert(text.substr(at + 5, end - at - 5));
  }
  return names;
}

}  // namespace

TEST_CASE("a header reaches the headers that declare the names it uses") {
  const SourceTree tree{"include"};
  std::string missing;
  for (const auto& [file, includes] : tree.files()) {
    const std::string text = without_comments(SourceTree::root() / file);
    const auto names = standard_names(text);
    std::set<std::string, std::less<>> reached;
    for (const auto& include : tree.reachable(file)) reached.insert(include.target);
    for (const Home& home : standard) {
      if (reached.contains(home.header)) continue;
      for (std::size_t begin = 0; begin < home.names.size();) {
        const std::size_t end = std::min(home.names.find(' ', begin), home.names.size());
        if (names.contains(home.names.substr(begin, end - begin)))
          missing += file + " needs <" + std::string(home.header) +
                     "> for std::" + std::string(home.names.substr(begin, end - begin)) + "\n";
        begin = end + 1;
      }
    }
    for (const Home& home : foreign)
      if (text.find(home.names) != std::string::npos &&
          std::none_of(reached.begin(), reached.end(), [&](const auto& one) { return one.starts_with(home.header); }))
        missing += file + " needs a header " + std::string(home.header) + "… for " + std::string(home.names) + "\n";
  }
  CHECK(missing == "");
}
