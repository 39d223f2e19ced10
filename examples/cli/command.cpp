#include "command.hpp"

#include <algorithm>
#include <memory>
#include <system_error>

#include <CLI/CLI.hpp>

namespace reclm::cli {

namespace {

/// CLI11's help with air between its parts, and one sentence for each subcommand in the list of them.
class TeachingFormatter : public CLI::Formatter {
 public:
  TeachingFormatter() { column_width(34); }

  std::string make_usage(const CLI::App* command, std::string name) const override {
    return "\n" + CLI::Formatter::make_usage(command, std::move(name));
  }
  std::string make_help(const CLI::App* command, std::string name, CLI::AppFormatMode mode) const override {
    const std::string help = CLI::Formatter::make_help(command, std::move(name), mode);
    return CLI::detail::find_and_replace(help, "\n\n\n", "\n\n");
  }
  std::string make_subcommand(const CLI::App* command) const override {
    const std::string about = command->get_description();
    std::ostringstream out;
    CLI::detail::format_help(out, command->get_name(), about.substr(0, about.find('\n')), 13);
    return out.str();
  }
};

}  // namespace

CLI::App* add_command(CLI::App& app, const std::string& name, const std::string& sentence, const std::string& paragraph,
                      const std::string& examples) {
  const auto formatter = std::make_shared<TeachingFormatter>();
  app.formatter(formatter);
  CLI::App* const command = app.add_subcommand(name, sentence + "\n\n" + paragraph);
  command->formatter(formatter);
  command->footer("Examples:\n" + examples);
  return command;
}

std::string shell_word(std::string_view word) {
  constexpr const char* plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=:,./@%";
  if (!word.empty() && word.find_first_not_of(plain) == std::string_view::npos) return std::string(word);
  std::string text = "'";
  for (const char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + '\'';
}

std::string command_line(const Invocation& call, const std::string& added) {
  std::vector<std::string> words = call.arguments;
  if (!added.empty() && std::find(words.begin(), words.end(), added) == words.end()) words.push_back(added);
  std::string line;
  for (const std::string& word : words) line += (line.empty() ? "" : " ") + shell_word(word);
  return line;
}

void make_folder(const std::filesystem::path& folder) {
  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  if (failure)
    throw IoError("cannot make the folder " + folder.string() + ": " + failure.message() + ". Remedy: name another");
}

std::string seed_fault(const std::string& text) {
  return text.starts_with('-') ? "a seed is a whole number of 0 or more" : "";
}

std::vector<std::string> split_list(const std::string& option, const std::string& text) {
  std::vector<std::string> entries;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    std::string entry = text.substr(begin, end - begin);
    entry.erase(0, entry.find_first_not_of(' '));
    entry.erase(entry.find_last_not_of(' ') + 1);
    if (entry.empty()) throw ConfigError(option + ": an entry of \"" + text + "\" is empty. Remedy: write a,b,c");
    if (std::find(entries.begin(), entries.end(), entry) != entries.end())
      throw ConfigError(option + ": \"" + entry + "\" appears twice. Remedy: name it once");
    entries.push_back(std::move(entry));
    begin = end + 1;
  }
  return entries;
}

}  // namespace reclm::cli
