/// Files that are replaced whole or not at all, and files as memory.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <thread>

#include "reclm/core/atomic_file.hpp"
#include "reclm/core/mapped_file.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace reclm;
using reclm::test::TemporaryFolder;
namespace fs = std::filesystem;

namespace {

std::string content(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::ptrdiff_t files_in(const fs::path& folder) {
  return std::distance(fs::directory_iterator(folder), fs::directory_iterator());
}

}  // namespace

TEST_CASE("a file appears when it is committed, or not at all") {
  const TemporaryFolder folder;
  const fs::path path = folder / "a.txt";
  {
    AtomicFile file(path);
    file.write("new");
    CHECK_FALSE(fs::exists(path));
  }
  CHECK(files_in(folder.path()) == 0);  // given up: nothing stays
  write_file(path, "old");
  {
    AtomicFile file(path);
    file.write(std::string_view("new"));
    CHECK(content(path) == "old");
    file.commit();
  }
  CHECK(content(path) == "new");
  CHECK(files_in(folder.path()) == 1);
  CHECK_THROWS_AS(AtomicFile(folder / "missing" / "a.txt"), IoError);
  fs::create_directory(folder / "taken");
  CHECK_THROWS_AS(write_file(folder / "taken", "x"), IoError);
  CHECK(files_in(folder.path()) == 2);
}

TEST_CASE("of two writers of one file the last to commit stays, whole") {
  const TemporaryFolder folder;
  const fs::path path = folder / "a.txt";
  AtomicFile first(path), second(path);
  const std::string a(20'000, 'A'), b(10'000, 'B');
  first.write(a);
  second.write(b);
  first.commit();
  CHECK(content(path) == a);
  second.commit();
  CHECK(content(path) == b);
  std::vector<std::thread> writers;
  for (char letter = 'c'; letter < 'k'; ++letter)
    writers.emplace_back([&path, letter] {
      for (int round = 0; round < 20; ++round) write_file(path, std::string(5000 + 100 * (letter - 'a'), letter));
    });
  for (auto& writer : writers) writer.join();
  const std::string last = content(path);
  REQUIRE_FALSE(last.empty());
  CHECK(last == std::string(5000 + 100 * static_cast<std::size_t>(last[0] - 'a'), last[0]));
  CHECK(files_in(folder.path()) == 1);
}

TEST_CASE("what killed writers left goes, and nothing else") {
  const TemporaryFolder folder;
  const fs::path path = folder / "a.txt";
  for (const char* name : {"a.txt", "a.txt.tmp.1", "a.txt.tmp.1.0", "b.txt.tmp.1.0", "a.txt.old"})
    std::ofstream(folder / name) << name;
  write_file(path, "beside a file of a writer of the same number");
  remove_abandoned(path);
  CHECK(files_in(folder.path()) == 3);
  CHECK(fs::exists(folder / "b.txt.tmp.1.0"));
  CHECK(fs::exists(folder / "a.txt.old"));
}

TEST_CASE("replacing a file keeps its permissions and the links to it") {
  const TemporaryFolder folder;
  const fs::path path = folder / "a.txt", link = folder / "link", dangling = folder / "dangling";
  write_file(path, "old");
  fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
  fs::create_symlink("a.txt", link);
  write_file(link, "new");
  CHECK(fs::is_symlink(link));
  CHECK(content(path) == "new");
  CHECK(fs::status(path).permissions() == (fs::perms::owner_read | fs::perms::owner_write));
  fs::create_symlink(folder / "later.txt", dangling);
  write_file(dangling, "there");
  CHECK(content(folder / "later.txt") == "there");
  CHECK(fs::is_symlink(dangling));
}

TEST_CASE("a pipe is written to and stays one; a folder is refused before anything is written") {
  const TemporaryFolder folder;
  const fs::path pipe = folder / "pipe", link = folder / "link";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  fs::create_symlink("pipe", link);
  for (const fs::path& name : {pipe, link}) {
    std::string read;
    std::thread reader([&] { read = content(pipe); });
    write_file(name, "passed on");
    reader.join();
    CHECK(read == "passed on");
    CHECK(fs::is_fifo(pipe));
  }
  write_file("/dev/null", "away");
  CHECK(fs::is_character_file("/dev/null"));
  fs::create_directory(folder / "taken");
  CHECK_THROWS_AS(AtomicFile(folder / "taken"), IoError);
  CHECK(files_in(folder.path()) == 3);
}

TEST_CASE("a file is mapped as it is; what is no file is refused") {
  const TemporaryFolder folder;
  const fs::path path = folder / "a.bin";
  const std::string bytes("a\0b\n", 4);
  write_file(path, bytes);
  MappedFile mapped(path);
  REQUIRE(mapped.bytes().size() == 4);
  CHECK(std::memcmp(mapped.bytes().data(), bytes.data(), 4) == 0);
  write_file(path, "something longer");  // another file under the name: the mapping stays
  CHECK(std::memcmp(mapped.bytes().data(), bytes.data(), 4) == 0);
  const MappedFile moved(std::move(mapped));
  CHECK(moved.bytes().size() == 4);
  write_file(folder / "empty", "");
  CHECK(MappedFile(folder / "empty").bytes().empty());
  CHECK_THROWS_AS(MappedFile(folder / "missing"), IoError);
  CHECK_THROWS_AS(MappedFile(folder.path()), IoError);
  const fs::path pipe = folder / "pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  std::thread writer([&] { std::ofstream waiting(pipe); });  // opening a pipe waits for the other end
  CHECK_THROWS_AS(MappedFile(pipe), IoError);
  writer.join();
}
