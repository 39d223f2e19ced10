#pragma once
// A data folder of three users and four items, for tests of loading.

#include <algorithm>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "reclm/data/dataset.hpp"
#include "reclm/data/npy.hpp"
#include "support/temporary_folder.hpp"

namespace reclm::test {

inline const std::string kInter = "user_id:token\titem_id:token\ttimestamp:float\n";

// Three users, four items; item d is never trained, user w has no train pair.
inline void write_small(const TemporaryFolder& folder) {
  folder.write("small.train.inter", kInter + "u\ta\t1\nu\tb\t2\nv\ta\t3\nv\tc\t4\nv\ta\t5\n");
  folder.write("small.test.inter", kInter + "u\tc\t6\nv\tb\t7\n");
  folder.write("small.zero.inter", kInter + "w\td\t8\n");
  folder.write(
      "small.item",
      "title:token_seq\titem_id:token\tprice:float\tgenre:token\n"
      "The \"Dark\td\t3\thorror\nA light comedy\tc\t\tcomedy\nDark horror\tb\t1\thorror\nComedy\ta\t2\tcomedy\n");
}

inline bool has_notice(const Dataset& data, const std::string& text) {
  return std::any_of(data.notices.begin(), data.notices.end(),
                     [&](const std::string& notice) { return notice.find(text) != std::string::npos; });
}

inline void write_matrix(const std::filesystem::path& path, Index rows, Index cols, std::vector<float> values) {
  write_npy(path, Matrix<float>(rows, cols, std::move(values)));
}

}  // namespace reclm::test
