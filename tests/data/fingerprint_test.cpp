#include "reclm/data/fingerprint.hpp"

#include <set>
#include <span>

#include "support/catch.hpp"

using namespace reclm;

TEST_CASE("fingerprints tell data apart by content, shape and order") {
  const std::vector<Pair> pairs{{0, 1}, {1, 0}, {1, 2}}, moved{{0, 1}, {1, 0}, {1, 3}};
  const auto of = [](const auto&... things) {
    Fingerprint f;
    (f.add(things), ...);
    return f.text();
  };
  const auto a = Interactions::from_pairs(2, 4, pairs);
  const Matrix<float> m(2, 3, std::vector<float>{1, 2, 3, 4, 5, 6});
  Matrix<float> changed = m;
  changed(1, 2) = 6.0000005f;
  const std::vector<std::string> all{of(),
                                     of(a),
                                     of(Interactions::from_pairs(2, 4, moved)),
                                     of(Interactions::from_pairs(3, 4, pairs)),
                                     of(Interactions::from_pairs(2, 5, pairs)),
                                     of(m),
                                     of(changed),
                                     of(Matrix<float>(3, 2, std::vector<float>{1, 2, 3, 4, 5, 6})),
                                     of(Matrix<float>()),
                                     of(a, m),
                                     of(m, a),
                                     of(m, m)};
  CHECK(std::set<std::string>(all.begin(), all.end()).size() == all.size());
  CHECK(of(a, m) == of(a, m));
  for (const auto& text : all) CHECK(text.size() == 16);
}

TEST_CASE("flipped signs of neighbouring numbers do not cancel") {
  std::set<std::string> texts;
  for (int signs = 0; signs < 256; ++signs) {
    Matrix<float> m(2, 4, std::vector<float>{1, 2, 3, 4, 5, 6, 7, 8});
    for (int k = 0; k < 8; ++k)
      if (signs >> k & 1) m.data()[k] = -m.data()[k];
    texts.insert(Fingerprint().add(m).text());
  }
  CHECK(texts.size() == 256);
}

TEST_CASE("the fingerprint of a text is what stores of profiles hold") {
  CHECK(Fingerprint().add(std::span<const char>("a prompt in a store", 19)).text() == "3e5e52a26e69a1ef");
}
