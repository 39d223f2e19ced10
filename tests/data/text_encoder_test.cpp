#include "reclm/data/text_encoder.hpp"

#include "support/catch.hpp"

using namespace reclm;

namespace {

float cosine(const Matrix<float>& vectors, Index a, Index b) {
  float sum = 0;
  for (Index c = 0; c < vectors.cols(); ++c) sum += vectors(a, c) * vectors(b, c);
  return sum;
}

std::vector<std::string> headlines() {
  std::vector<std::string> texts;
  const std::vector<std::string> subjects{"sourdough bread", "marathon training", "jazz trumpet", "solar panels"};
  for (int k = 0; k < 60; ++k)
    texts.push_back("Report " + std::to_string(k) + " on " + subjects[static_cast<std::size_t>(k % 4)] + " in town");
  return texts;
}

std::vector<std::int32_t> features(const std::string& text, detail::text::FeatureRule rule = {}) {
  std::vector<std::int32_t> buckets;
  detail::text::FeatureReader(rule).read(text, buckets);
  return buckets;
}

}  // namespace

TEST_CASE("texts with the same words get close vectors of unit length") {
  const auto texts = headlines();
  const Matrix<float> vectors = encode_text(texts, {.width = 32});
  REQUIRE(vectors.rows() == 60);
  REQUIRE(vectors.cols() == 32);
  for (Index r = 0; r < vectors.rows(); ++r) CHECK(cosine(vectors, r, r) == Approx(1.0f).margin(1e-5));
  double same = 0, other = 0;
  int pairs_same = 0, pairs_other = 0;
  for (Index a = 0; a < 60; ++a)
    for (Index b = 0; b < a; ++b)
      if (a % 4 == b % 4)
        same += static_cast<double>(cosine(vectors, a, b)), ++pairs_same;
      else
        other += static_cast<double>(cosine(vectors, a, b)), ++pairs_other;
  CHECK(same / pairs_same > other / pairs_other + 0.3);
}

TEST_CASE("with room for the whole spectrum, cosines are those of (A·Aᵀ)^½") {
  // Vectors are U·S^½, so their products form (A·Aᵀ)^½. For two unit rows with product c that is [p q; q p] with
  // p ± q = √(1 ± c), and the cosine of the two is q / p.
  const std::vector<std::string> texts{"alpha beta gamma", "alpha beta delta"};
  detail::text::FeatureRule words;
  words.longest_gram = 0;
  const auto rows = detail::text::tf_idf(texts, words);
  double c = 0;
  for (Index a = rows.offsets[0]; a < rows.offsets[1]; ++a)
    for (Index b = rows.offsets[1]; b < rows.offsets[2]; ++b)
      if (rows.columns[static_cast<std::size_t>(a)] == rows.columns[static_cast<std::size_t>(b)])
        c += static_cast<double>(rows.values[static_cast<std::size_t>(a)] * rows.values[static_cast<std::size_t>(b)]);
  const double sum = std::sqrt(1 + c), difference = std::sqrt(1 - c);
  const Matrix<float> vectors = encode_text(texts, {.width = 2, .longest_gram = 0});
  CHECK(cosine(vectors, 0, 1) == Approx((sum - difference) / (sum + difference)).margin(1e-3));
}

TEST_CASE("TF-IDF weighs by hand-computed values") {
  const std::vector<std::string> texts{"cat cat dog", "dog", "dog bird"};
  detail::text::FeatureRule words;
  words.longest_gram = 0;
  const auto rows = detail::text::tf_idf(texts, words);
  REQUIRE(rows.rows() == 3);
  REQUIRE(rows.cols == 3);
  const double cat = (1 + std::log(2.0)) * (1 + std::log(4.0 / 2)), dog = 1.0 * (1 + std::log(4.0 / 4));
  const double norm = std::sqrt(cat * cat + dog * dog);
  std::vector<double> first{static_cast<double>(rows.values[0]), static_cast<double>(rows.values[1])};
  std::sort(first.begin(), first.end());
  CHECK(first[0] == Approx(dog / norm));
  CHECK(first[1] == Approx(cat / norm));
  CHECK(rows.values[2] == Approx(1.0));
}

TEST_CASE("upper case, punctuation and spaces make no difference") {
  CHECK(features("Hello, World!") == features("  hello\tworld "));
  CHECK(features("\xE2\x80\x9Cquoted\xE2\x80\x9D \xE2\x80\x93 text") == features("quoted text"));
  CHECK(features("night-run") != features("nightrun"));
  CHECK(features("").empty());
  CHECK(features("... --- !!!").empty());
}

TEST_CASE("character n-grams count code points, and broken UTF-8 does no harm") {
  detail::text::FeatureRule trigrams;
  trigrams.word_ngrams = 0;
  trigrams.longest_gram = 3;
  // " café ": six code points, four trigrams; in bytes it would be five.
  CHECK(features("caf\xC3\xA9", trigrams).size() == 4);
  CHECK(features("\xE6\x97\xA5\xE6\x9C\xAC", trigrams).size() == 2);
  for (const std::string broken : {"\xC3", "a\xE6\x97", "\xFF\xFE ok", "\xF0\x9F\x98", "x\x80y", "\xED"})
    CHECK_NOTHROW(features(broken));
  detail::text::FeatureRule pairs;
  pairs.longest_gram = 0;
  pairs.word_ngrams = 2;
  CHECK(features("one two three", pairs).size() == 5);
}

TEST_CASE("vectors are the same bits for one and two threads") {
  // More texts than axes and than fitted texts: the random sketch and the projection are at work.
  std::vector<std::string> texts;
  const Random random(3, Stream::world);
  for (std::uint64_t k = 0; k < 900; ++k) {
    std::string text;
    for (std::uint64_t w = 0; w < 8; ++w) text += "word" + std::to_string(random.below(8 * k + w, 300)) + " ";
    texts.push_back(text);
  }
  const auto encode = [&](int threads, std::uint64_t seed) {
    const ThreadLimit limit(threads);
    return encode_text(texts, {.width = 48, .fit_texts = 600, .seed = seed});
  };
  const Matrix<float> one = encode(1, 1);
  CHECK(one == encode(2, 1));
  CHECK_FALSE(one == encode(1, 2));
}

TEST_CASE("texts beyond the fitted ones are projected onto the same axes") {
  std::vector<std::string> texts;
  for (int k = 0; k < 400; ++k)
    texts.push_back("note about " + std::string(k % 2 == 0 ? "gardens roses tulips" : "engines pistons gears") + " " +
                    std::to_string(k % 10));
  const Matrix<float> vectors = encode_text(texts, {.width = 16, .fit_texts = 100});
  for (Index r = 0; r < vectors.rows(); ++r) REQUIRE(cosine(vectors, r, r) == Approx(1.0f).margin(1e-5));
  CHECK(cosine(vectors, 0, 392) > cosine(vectors, 0, 391) + 0.1f);
}

TEST_CASE("few, empty and equal texts are fine") {
  CHECK(encode_text({}).rows() == 0);
  const std::vector<std::string> empty{"", "...", ""};
  const Matrix<float> zeros = encode_text(empty, {.width = 8});
  for (Index r = 0; r < 3; ++r) CHECK(cosine(zeros, r, r) == 0.0f);
  const std::vector<std::string> equal(50, "the same words again");
  const Matrix<float> same = encode_text(equal, {.width = 8});
  for (Index r = 0; r < 50; ++r) CHECK(cosine(same, 0, r) == Approx(1.0f).margin(1e-5));
  const std::vector<std::string> single{"lonely"};
  CHECK(cosine(encode_text(single), 0, 0) == Approx(1.0f).margin(1e-5));
  const std::vector<std::string> mixed{"words here", "", "words there"};
  const Matrix<float> vectors = encode_text(mixed, {.width = 4});
  CHECK(cosine(vectors, 1, 1) == 0.0f);
  CHECK(cosine(vectors, 0, 2) > 0.1f);
}

TEST_CASE("encoder options out of range are refused") {
  const std::vector<std::string> texts{"a", "b"};
  CHECK_THROWS_AS(encode_text(texts, {.width = 0}), ConfigError);
  CHECK_THROWS_AS(encode_text(texts, {.width = 5000}), ConfigError);
  CHECK_THROWS_AS(encode_text(texts, {.word_ngrams = 0, .longest_gram = 0}), ConfigError);
  CHECK_THROWS_AS(encode_text(texts, {.shortest_gram = 6}), ConfigError);
  CHECK_THROWS_AS(encode_text(texts, {.hash_bits = 40}), ConfigError);
  CHECK_THROWS_AS(encode_text(texts, {.fit_texts = 0}), ConfigError);
}

TEST_CASE("the small eigensolver finds known eigenvectors") {
  // Q·diag·Qᵀ with Q from Gram-Schmidt on fixed numbers.
  constexpr Index n = 12;
  std::vector<std::vector<double>> q;
  const Random random(5, Stream::init);
  for (Index k = 0; k < n; ++k) {
    std::vector<double> v(n);
    for (Index c = 0; c < n; ++c)
      v[static_cast<std::size_t>(c)] = static_cast<double>(random.uniform(static_cast<std::uint64_t>(k * n + c))) - 0.5;
    for (const auto& other : q) {
      double overlap = 0;
      for (std::size_t c = 0; c < v.size(); ++c) overlap += v[c] * other[c];
      for (std::size_t c = 0; c < v.size(); ++c) v[c] -= overlap * other[c];
    }
    double norm = 0;
    for (const double x : v) norm += x * x;
    for (double& x : v) x /= std::sqrt(norm);
    q.push_back(v);
  }
  detail::text::SmallMatrix matrix(n, n);
  for (Index k = 0; k < n; ++k)
    for (Index r = 0; r < n; ++r)
      for (Index c = 0; c < n; ++c)
        matrix(r, c) += static_cast<double>(n - k) * q[static_cast<std::size_t>(k)][static_cast<std::size_t>(r)] *
                        q[static_cast<std::size_t>(k)][static_cast<std::size_t>(c)];
  const auto eigen = detail::text::eigen_of(matrix);
  for (Index k = 0; k < n; ++k) {
    CHECK(eigen.values[static_cast<std::size_t>(k)] == Approx(static_cast<double>(n - k)).epsilon(1e-4));
    double overlap = 0;
    for (Index c = 0; c < n; ++c)
      overlap += eigen.vectors(k, c) * q[static_cast<std::size_t>(k)][static_cast<std::size_t>(c)];
    CHECK(std::abs(overlap) == Approx(1.0).epsilon(1e-4));
  }
  const auto inverse = detail::text::inverse_root(matrix);  // R⁻¹: R⁻ᵀ·M·R⁻¹ = I
  for (Index a = 0; a < n; ++a)
    for (Index b = 0; b < n; ++b) {
      double sum = 0;
      for (Index r = 0; r < n; ++r)
        for (Index c = 0; c < n; ++c) sum += inverse(r, a) * matrix(r, c) * inverse(c, b);
      CHECK(sum == Approx(a == b ? 1.0 : 0.0).margin(1e-4));
    }
}
