// A compiler launcher for files that end in `static_assert(false, "parsed to the end")`: the compiler must come to
// that line, and stops there, before it makes what the file's inline functions and templates ask for, which would take
// most of its time.
//   parse_only FOLDER COMMAND... -MF DEPENDENCIES -o OBJECT
// OBJECT becomes an empty file, for the build to see; it depends on every file of FOLDER.
#include <sys/wait.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

namespace fs = std::filesystem;

int main(int count, char** words) {
  std::string command, dependencies, object;
  for (int k = 2; k < count; ++k) {
    const std::string word = words[k], before = words[k - 1];
    if (before == "-MF") dependencies = word;
    if (before == "-o") object = word;
    command += '\'';  // for the shell, which needs a quote inside in quotes of the other kind
    for (const char c : word) command += c == '\'' ? std::string("'\"'\"'") : std::string(1, c);
    command += "' ";
  }
  if (dependencies.empty() || object.empty()) return 2;

  std::FILE* const output = popen((command + "-Wfatal-errors 2>&1").c_str(), "r");
  if (output == nullptr) return 2;
  std::string text;
  for (int c = std::fgetc(output); c != EOF; c = std::fgetc(output)) text += static_cast<char>(c);
  const int status = pclose(output);
  if (!WIFEXITED(status) || WEXITSTATUS(status) == 0 || text.find("parsed to the end") == std::string::npos) {
    std::fputs(text.c_str(), stderr);
    return 1;
  }

  std::ofstream depends(dependencies);
  depends << object << ':';
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(words[1]))
    if (entry.is_regular_file()) depends << " \\\n " << entry.path().string();
  depends << '\n';
  std::ofstream(object).flush();
  return depends.flush() ? 0 : 1;
}
