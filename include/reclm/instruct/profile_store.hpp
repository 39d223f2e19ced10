#pragma once
/// @file profile_store.hpp
/// Profiles on disk, a JSON line each, only ever appended to: what was written before a crash stays written.
///
///     {"user_id": "u1", "profile": "User identity: …", "hash": "…", "model": "…", "adapter": "…", "settings": "…",
///     "seed": 1, "attempt": 1}
///     {"item_id": "i9", "rejected": "I cannot …", "fault": "no \"User identity:\"", "hash": …, as above}
///
/// A line is written by one call, so that a killed process leaves at most the last line unfinished; opening the store
/// removes that. Ids must be UTF-8; what is broken in texts becomes U+FFFD. `hash` is of the prompt. Of several
/// profiles of one user or item the last one counts.

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "reclm/core/config.hpp"
#include "reclm/core/error.hpp"
#include "reclm/data/fingerprint.hpp"
#include "reclm/data/id_map.hpp"
#include "reclm/data/jsonl.hpp"
#include "reclm/instruct/detail/json_id.hpp"
#include "reclm/instruct/grammar.hpp"
#include "reclm/lm/chat.hpp"

namespace reclm::instruct {

namespace detail {

/// Text as a store gives it back: what is broken in it becomes U+FFFD.
inline std::string as_stored(const std::string& text) {
  return nlohmann::json::parse(nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace))
      .get<std::string>();
}

}  // namespace detail

/// Sixteen hexadecimal digits of a dialogue's roles and texts. The same everywhere; part of the store's format.
inline std::string prompt_hash(const lm::Dialogue& messages) {
  Fingerprint fingerprint;
  for (const lm::Message& message : messages)
    fingerprint.add(std::span<const char>(message.role)).add(std::span<const char>(message.content));
  return fingerprint.text();
}

/// One line of a store.
struct StoreLine {
  bool about_item = false;  ///< else about a user
  std::string id;           ///< of the data set's files
  std::string text;         ///< the profile, by the grammar; or what was rejected
  std::string fault;        ///< why it was rejected; "": it was not
  std::string hash;         ///< of the prompt; "" in lines from elsewhere
  std::string model, adapter;
  std::string
      settings;  ///< what else the writer's answers depend on, see TeacherFacts; "": not said, as in older stores
  std::uint64_t seed = 0;
  Index attempt = 1;
  [[nodiscard]] bool rejected() const { return !fault.empty(); }
  bool operator==(const StoreLine&) const = default;
};

struct StoreOptions {
  Index sync_every = 64;  ///< lines that a power cut may take at most; 0: the system decides. A crash takes none.
};

/// An open store; one process at a time has it. Not for several threads at once.
class ProfileStore {
 public:
  /// Opens or makes it. A last line without its end is completed when it is whole, else removed (`repaired()`).
  /// @throws IoError, also when another process has it; DataError naming a line that is none of a store's
  explicit ProfileStore(std::filesystem::path path, StoreOptions options = {})
      : path_(std::move(path)), options_(options) {
    handle_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (handle_ < 0) refuse("open", "check that the folder exists and can be written to");
    try {
      if (::flock(handle_, LOCK_EX | LOCK_NB) != 0)
        throw IoError(path_.string() + " is in use by another process. Remedy: wait for it, or name another file");
      repair();
      for_each_json_line(path_, [&](const JsonRecord& record) { lines_.push_back(read_line(record)); });
    } catch (...) {
      ::close(handle_);
      throw;
    }
  }
  ProfileStore(const ProfileStore&) = delete;
  ProfileStore& operator=(const ProfileStore&) = delete;
  ~ProfileStore() {
    ::fsync(handle_);
    ::close(handle_);
  }

  /// Appends a line. @throws IoError, e.g. when the disk is full, ConfigError on an id that is no UTF-8; the store is
  /// then as it was before
  void add(StoreLine line) {
    const std::string text = to_text(line);
    // As the file will be read: what is broken in texts is repaired there, and prompts that tell of it have one hash.
    line = read_line(parse_json_line(text, path_.string(), static_cast<long long>(lines_.size()) + 1));
    const off_t before = ::lseek(handle_, 0, SEEK_END);
    for (std::size_t done = 0; done < text.size();) {
      const ssize_t wrote = ::write(handle_, text.data() + done, text.size() - done);
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote <= 0) {
        const int reason = errno;
        // Should cutting fail too, opening the store again repairs it.
        [[maybe_unused]] const int ignored = ::ftruncate(handle_, before);
        errno = reason;
        refuse("write to", "check that the disk has space; what is in the file stays good");
      }
      done += static_cast<std::size_t>(wrote);
    }
    lines_.push_back(std::move(line));
    if (options_.sync_every > 0 && ++unsynced_ >= options_.sync_every) sync();
  }

  /// Waits until all lines are on the disk. @throws IoError
  void sync() {
    if (::fsync(handle_) != 0) refuse("flush", "check the disk");
    unsynced_ = 0;
  }

  [[nodiscard]] const std::vector<StoreLine>& lines() const { return lines_; }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  /// Whether opening found a last line without its end.
  [[nodiscard]] bool repaired() const { return repaired_; }

  /// The last profile of each user, or item, by number; "" where there is none. Lines of ids that `ids` lacks are
  /// passed over.
  [[nodiscard]] std::vector<std::string> user_profiles(const IdMap& ids) const { return profiles(ids, false); }
  [[nodiscard]] std::vector<std::string> item_profiles(const IdMap& ids) const { return profiles(ids, true); }

 private:
  [[noreturn]] void refuse(const char* verb, const char* remedy) const {
    throw IoError("cannot " + std::string(verb) + " " + path_.string() + ": " + std::strerror(errno) +
                  ". Remedy: " + remedy);
  }

  [[nodiscard]] std::vector<std::string> profiles(const IdMap& ids, bool items) const {
    std::vector<std::string> texts(static_cast<std::size_t>(ids.size()));
    for (const StoreLine& line : lines_)
      if (line.about_item == items && !line.rejected())
        if (const auto id = ids.find(line.id)) texts[static_cast<std::size_t>(*id)] = line.text;
    return texts;
  }

  static std::string to_text(const StoreLine& line) {
    nlohmann::ordered_json object;
    object[line.about_item ? "item_id" : "user_id"] = detail::json_id(line.id, line.about_item ? "item" : "user");
    object[line.rejected() ? "rejected" : "profile"] = line.text;
    if (line.rejected()) object["fault"] = line.fault;
    if (!line.hash.empty()) object["hash"] = line.hash;
    if (!line.model.empty()) object["model"] = line.model;
    if (!line.adapter.empty()) object["adapter"] = line.adapter;
    if (!line.settings.empty()) object["settings"] = line.settings;
    object["seed"] = line.seed;
    object["attempt"] = line.attempt;
    return object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  }

  static StoreLine read_line(const JsonRecord& record) {
    StoreLine line;
    const std::string user = record.id("user_id"), item = record.id("item_id");
    if (user.empty() == item.empty())
      record.fail("there must be either a \"user_id\" or an \"item_id\"", "name a file that a profile store wrote");
    line.about_item = user.empty();
    line.id = line.about_item ? item : user;
    line.text = record.has("rejected") ? record.text("rejected") : record.text("profile");
    if (record.has("rejected")) line.fault = record.text("fault", "rejected");
    line.hash = record.text("hash", "");
    line.model = record.text("model", "");
    line.adapter = record.text("adapter", "");
    line.settings = record.text("settings", "");
    const auto number = [&](const char* key, auto& value) {
      if (!record.has(key)) return;
      const auto& found = record.object()[key];
      if (!found.is_number_unsigned())
        record.fail("\"" + std::string(key) + "\" is no whole number of 0 or more", "correct it");
      value = found.get<std::remove_reference_t<decltype(value)>>();
    };
    number("seed", line.seed);
    number("attempt", line.attempt);
    return line;
  }

  // What follows the last line end was being written when the writer died. Nothing is touched before the rest has
  // turned out to be a store's: a wrong path must not cost a file its last line.
  void repair() {
    struct stat facts {};
    if (::fstat(handle_, &facts) != 0) refuse("look at", "check the path");
    if (!S_ISREG(facts.st_mode)) throw IoError(path_.string() + " is no file. Remedy: name a file");
    std::string tail;
    off_t begin = facts.st_size;
    while (begin > 0 && tail.find('\n') == std::string::npos) {
      const off_t step = std::min<off_t>(begin, 1 << 16);
      std::string block(static_cast<std::size_t>(step), '\0');
      begin -= step;
      if (tail.size() > kLongestLine)
        throw DataError(path_.string(), 0, "the last line is longer than 16 MiB", "name a file that a store wrote");
      if (::pread(handle_, block.data(), block.size(), begin) != step) refuse("read", "check the disk");
      tail.insert(0, block);
    }
    const auto last = tail.rfind('\n');
    if (last != std::string::npos) {
      begin += static_cast<off_t>(last) + 1;
      tail.erase(0, last + 1);
    }
    if (tail.empty()) return;
    const bool whole = nlohmann::json::accept(tail);
    const auto begins = [&](std::string_view line) { return tail.starts_with(line) || line.starts_with(tail); };
    if (!whole && begin == 0 && !begins("{\"user_id\"") && !begins("{\"item_id\""))
      throw DataError(path_.string(), 1, "this is no profile store", "name a new file, or one that a store wrote");
    std::ifstream finished(path_, std::ios::binary);
    long long number = 1;
    for (std::string line; finished.tellg() < begin && std::getline(finished, line); ++number)
      if (!detail::trimmed(line).empty()) read_line(parse_json_line(line, path_.string(), number));
    if (whole) read_line(parse_json_line(tail, path_.string(), number));
    if (whole ? ::write(handle_, "\n", 1) != 1 : ::ftruncate(handle_, begin) != 0)
      refuse("repair", "check that the disk has space");
    repaired_ = true;
  }

  static constexpr std::size_t kLongestLine = std::size_t{1} << 24;

  std::filesystem::path path_;
  StoreOptions options_;
  int handle_ = -1;
  std::vector<StoreLine> lines_;
  Index unsynced_ = 0;
  bool repaired_ = false;
};

}  // namespace reclm::instruct
