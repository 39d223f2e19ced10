/// Token vectors to start from: those of tokens that texts use alike lie near each other.
#include "reclm/lm/spectral_start.hpp"

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "reclm/core/parallel.hpp"
#include "reclm/lm/tokenizer/train_bpe.hpp"
#include "support/catch.hpp"

using namespace reclm;
using namespace reclm::lm;

namespace {

// Two subjects, whose words share a text in both orders, and a word that every text has.
const std::vector<std::string>& subjects() {
  static const std::vector<std::string> texts = [] {
    std::vector<std::string> made;
    const std::vector<std::string> sea{" boat", " harbour", " sail", " tide"},
        bread{" flour", " oven", " yeast", " crust"};
    for (const auto& words : {sea, bread})
      for (std::size_t a = 0; a < words.size(); ++a)
        for (std::size_t b = 0; b < words.size(); ++b)
          if (a != b) made.push_back(" about" + words[a] + words[b]);
    return made;
  }();
  return texts;
}

Tokenizer tokenizer_of(const std::vector<std::string>& texts) {
  std::string corpus;
  for (int times = 0; times < 20; ++times)
    for (const std::string& text : texts) corpus += text + "\n";
  return train_bpe(corpus, 400);
}

double cosine(std::span<const float> a, std::span<const float> b) {
  double product = 0, left = 0, right = 0;
  for (std::size_t k = 0; k < a.size(); ++k) {
    product += static_cast<double>(a[k]) * static_cast<double>(b[k]);
    left += static_cast<double>(a[k]) * static_cast<double>(a[k]);
    right += static_cast<double>(b[k]) * static_cast<double>(b[k]);
  }
  return product / std::sqrt(left * right);
}

}  // namespace

TEST_CASE("tokens of one subject start near each other, those of another apart") {
  const Tokenizer tokenizer = tokenizer_of(subjects());
  const auto token = [&](const std::string& word) {
    const std::vector<TokenId> tokens = tokenizer.encode(word, false);
    REQUIRE(tokens.size() == 1);
    return static_cast<Index>(tokens.front());
  };
  const Matrix<float> before(tokenizer.vocabulary(), 8, 0.5f);
  Matrix<float> vectors = before;
  set_spectral_start(vectors, subjects(), tokenizer, 0.15);
  const auto alike = [&](const std::string& a, const std::string& b) {
    return cosine(vectors.row(token(a)), vectors.row(token(b)));
  };
  CHECK(alike(" boat", " harbour") > 0.2);
  CHECK(alike(" boat", " tide") > 0.2);
  CHECK(alike(" flour", " crust") > 0.2);
  CHECK(std::abs(alike(" boat", " flour")) < 0.05);
  CHECK(std::abs(alike(" tide", " oven")) < 0.05);
  double squares = 0;
  for (const float x : vectors.row(token(" sail"))) squares += static_cast<double>(x) * static_cast<double>(x);
  CHECK(std::sqrt(squares / 8) == Approx(0.15).epsilon(1e-5));
  // Of what no text says, or every one, nothing is known.
  const auto kept = [&](Index row) { return std::ranges::equal(vectors.row(row), before.row(row)); };
  CHECK(kept(token(" about")));
  CHECK(kept(static_cast<Index>(tokenizer.eos())));

  Matrix<float> again = before;
  const ThreadLimit one(1);
  set_spectral_start(again, subjects(), tokenizer, 0.15);
  CHECK(again == vectors);
}
