#pragma once
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace reclm::test {

/// One #include line of a source file.
struct Include {
  std::string file;  ///< the file that has it, relative to the project
  int line = 0;
  std::string target;  ///< what stands between the quotes or brackets
  bool quoted = false;

  [[nodiscard]] std::string place() const { return file + ":" + std::to_string(line) + ": " + target; }
};

/// The project's source files and what they include.
class SourceTree {
 public:
  /// Reads every C++ and CUDA file below `folders` of the project.
  explicit SourceTree(std::initializer_list<std::string_view> folders) {
    for (const auto folder : folders) {
      if (!std::filesystem::is_directory(root() / folder)) continue;
      for (const auto& entry : std::filesystem::recursive_directory_iterator(root() / folder))
        if (entry.is_regular_file() && is_source(entry.path())) read(entry.path());
    }
  }

  [[nodiscard]] const std::map<std::string, std::vector<Include>>& files() const { return files_; }

  /// The includes of `file` and of all project headers that it reaches.
  [[nodiscard]] std::vector<Include> reachable(const std::string& file) const {
    std::vector<Include> found;
    std::set<std::string> seen{file};
    std::vector<std::string> open{file};
    while (!open.empty()) {
      const auto place = files_.find(open.back());
      open.pop_back();
      if (place == files_.end()) continue;
      for (const auto& include : place->second) {
        found.push_back(include);
        if (const auto header = "include/" + include.target; seen.insert(header).second) open.push_back(header);
      }
    }
    return found;
  }

  static std::filesystem::path root() { return RECLM_SOURCE_DIR; }

 private:
  static bool is_source(const std::filesystem::path& path) {
    const auto extension = path.extension();
    return extension == ".hpp" || extension == ".cpp" || extension == ".cuh" || extension == ".cu";
  }

  void read(const std::filesystem::path& path) {
    const auto name = std::filesystem::relative(path, root()).generic_string();
    auto& includes = files_[name];
    std::ifstream stream(path);
    int number = 0;
    for (std::string line; std::getline(stream, line);) {
      ++number;
      const auto hash = line.find_first_not_of(" \t");
      if (hash == std::string::npos || line[hash] != '#') continue;
      const auto word = line.find_first_not_of(" \t", hash + 1);
      if (word == std::string::npos || line.compare(word, 7, "include") != 0) continue;
      const auto open = line.find_first_of("<\"", word);
      if (open == std::string::npos) continue;
      const auto close = line.find_first_of(">\"", open + 1);
      includes.push_back({name, number, line.substr(open + 1, close - open - 1), line[open] == '"'});
    }
  }

  std::map<std::string, std::vector<Include>> files_;
};

}  // namespace reclm::test
