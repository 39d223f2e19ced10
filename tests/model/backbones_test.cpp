/// What holds for every backbone, what is special about each, and the parts that models are put together from.
#include <map>
#include <numeric>
#include "planted_data.hpp"

#include "reclm/eval/protocol.hpp"
#include "reclm/model/concepts.hpp"
#include "reclm/model/encoder_backbone.hpp"
#include "support/catch.hpp"

using namespace reclm;
using namespace reclm_test;

static_assert(Scorer<PairModel>);
static_assert(FactorModel<PairModel>);
static_assert(Ranker<PairModel>);
static_assert(!TrainableFactorModel<PairModel>);
static_assert(!EmbeddingEncoder<PairModel>);
static_assert(EmbeddingEncoder<Backbone<Cpu, float>>);
static_assert(EmbeddingEncoder<LightGcn<Cpu, float>>);
static_assert(EmbeddingEncoder<BiasMf<Cpu, double>>);
static_assert(EmbeddingEncoder<EncoderBackbone<LightGcn<Cpu, float>>>);
static_assert(!Scorer<Interactions>);
static_assert(!FactorModel<Interactions>);
static_assert(!EmbeddingEncoder<Interactions>);

namespace {

double inner(const Matrix<float>& a, const Matrix<float>& b) {
  double sum = 0;
  for (Index k = 0; k < a.size(); ++k) sum += static_cast<double>(a.data()[k]) * static_cast<double>(b.data()[k]);
  return sum;
}

Triples first_batch(const Interactions& train, Index size = 64) {
  Triples triples;
  BprSampler(train).batch(0, 0, size, triples);
  return triples;
}

/// A batch's loss, and its gradients by parameter, rows of look-ups put in their places.
struct Differentiated {
  double loss = 0;
  std::map<std::string, Matrix<float>> gradients;
};

Differentiated differentiate(JointModel<>& model, const Triples& batch, std::uint64_t seed = 1,
                             std::uint32_t number = 0) {
  Tape<Cpu, float> tape;
  const TrainingStep<Cpu, float> step{tape, batch, 64, seed, number};
  const Var loss = model.loss(step);
  Differentiated result{static_cast<double>(*tape.value(loss).data()), {}};
  tape.backward(loss);
  for (auto* p : model.parameters()) {
    Matrix<float> g(p->value.rows(), p->value.cols());
    if (p->has_dense_gradient()) g = p->gradient.to_host();
    for (std::size_t k = 0; k < p->row_gradient.rows.size(); ++k)
      std::copy_n(p->row_gradient.values.data() + static_cast<Index>(k) * g.cols(), g.cols(),
                  g.row(p->row_gradient.rows[k]).begin());
    p->clear_gradient();
    result.gradients.emplace(p->name(), std::move(g));
  }
  return result;
}

void check_close(const Matrix<float>& actual, const Matrix<float>& expected, double tolerance) {
  REQUIRE(actual.rows() == expected.rows());
  REQUIRE(actual.cols() == expected.cols());
  double largest = 0, worst = 0;
  for (Index k = 0; k < actual.size(); ++k) {
    largest = std::max(largest, std::abs(static_cast<double>(expected.data()[k])));
    worst = std::max(worst, std::abs(static_cast<double>(actual.data()[k]) - static_cast<double>(expected.data()[k])));
  }
  CHECK(worst <= tolerance * largest);
}

/// Id vectors under a backbone of the test's own.
JointModel<> with_ids(const Dataset& data, std::unique_ptr<Backbone<Cpu, float>> backbone) {
  return {"test", make_vectors<Cpu, float>(AdapterKind::id, data, 16, IdStart::xavier, Initializer(1)),
          std::move(backbone)};
}

}  // namespace

TEST_CASE("backward is the adjoint of forward in every backbone") {
  const Dataset data = planted_data();
  const Index nodes = data.train.users() + data.train.items();
  for (const BackboneKind kind : kBackbones) {
    INFO(backbone_name(kind));
    const auto backbone = make_backbone<Cpu, float>(kind, data.train, 16, Initializer(1));
    const Matrix<float> x = random_matrix(nodes, 16, 1), y = random_matrix(nodes, 16, 2);
    Matrix<float> forward(nodes, 16), backward(nodes, 16, 7.0f);
    backbone->forward(x, forward);
    backbone->backward(y, backward);
    CHECK(inner(forward, y) == Approx(inner(x, backward)).epsilon(1e-5));
    // Rows may lie apart.
    Matrix<float> wide_in(nodes, 20), wide_out(nodes, 21, -1.0f);
    for (Index r = 0; r < nodes; ++r) std::ranges::copy(x.row(r), wide_in.row(r).begin());
    backbone->forward({wide_in.data(), nodes, 16, 20}, {wide_out.data(), nodes, 16, 21});
    for (Index r = 0; r < nodes; ++r) {
      CHECK(std::ranges::equal(wide_out.row(r).first(16), forward.row(r)));
      CHECK(wide_out(r, 20) == -1.0f);
    }
    Matrix<float> small(nodes - 1, 16);
    CHECK_THROWS_AS(backbone->forward(x, small), ShapeError);
    CHECK_THROWS_AS(backbone->backward(small, backward), ShapeError);
  }
}

TEST_CASE("encoders read input whose columns lie apart, or refuse it") {
  const Dataset data = planted_data();
  const Index nodes = data.train.users() + data.train.items();
  const Matrix<float> x = random_matrix(nodes, 16, 1);
  Matrix<float> by_columns(16, nodes), expected(nodes, 16), out(nodes, 16);
  for (Index r = 0; r < nodes; ++r)
    for (Index c = 0; c < 16; ++c) by_columns(c, r) = x(r, c);
  const MatrixView<const float> view(by_columns.data(), nodes, 16, 1, nodes);
  const LightGcn<Cpu, float> graph_model(data.train);
  graph_model.forward(x, expected);
  graph_model.forward(view, out);
  CHECK(out == expected);
  const BiasMf<Cpu, float> direct(Initializer(1), data.train.users(), data.train.items());
  CHECK_THROWS_AS(direct.forward(view, out), ShapeError);
}

TEST_CASE("graph models rank with propagated users and initial items") {
  const Dataset data = planted_data();
  const Index users = data.train.users(), items = data.train.items();
  for (const BackboneKind kind : {BackboneKind::light_gcn, BackboneKind::sgl, BackboneKind::sim_gcl}) {
    const auto model = small_model(kind, AdapterKind::id, data);
    const PairModel ranking = model->ranking();
    Matrix<float> in(users + items, 16), out(users + items, 16);
    std::copy_n(model->parameters()[0]->value.data(), users * 16, in.data());
    std::copy_n(model->parameters()[1]->value.data(), items * 16, in.data() + users * 16);
    model->backbone().forward(in, out);
    CHECK(std::ranges::equal(std::span(ranking.user_factors().data(), static_cast<std::size_t>(users * 16)),
                             std::span(out.data(), static_cast<std::size_t>(users * 16))));
    CHECK(ranking.item_factors() == model->parameters()[1]->value.to_host());
    CHECK(ranking.is_product());
  }
}

TEST_CASE("NCF ranks by its formula") {
  const Dataset data = planted_data();
  const auto model = small_model(BackboneKind::ncf, AdapterKind::id, data);
  std::map<std::string, Matrix<float>> p;
  for (auto* parameter : model->parameters()) {
    // Biases start at zero, where a mistake would not show.
    const auto other = random_matrix(parameter->value.rows(), parameter->value.cols(), p.size() + 1);
    std::copy_n(other.data(), other.size(), parameter->value.data());
    p.emplace(parameter->name(), other);
  }
  const auto &u = p.at("user.id"), &i = p.at("item.id"), &w = p.at("ncf.product"), &h = p.at("ncf.hidden.weight"),
             &b = p.at("ncf.hidden.bias");
  const PairModel ranking = model->ranking();
  CHECK_FALSE(ranking.is_product());
  CHECK(ranking.users() == data.train.users());
  CHECK(ranking.items() == data.train.items());
  std::vector<Id> all(static_cast<std::size_t>(ranking.items()));
  std::iota(all.begin(), all.end(), 0);
  std::vector<float> scores(all.size());
  for (const Id user : {0, 17, 60}) {
    ranking.score(user, all, scores);
    for (const Id item : all) {
      double expected = 0;
      for (Index k = 0; k < 16; ++k) {
        double hidden = static_cast<double>(b(0, k));
        for (Index c = 0; c < 16; ++c)
          hidden += static_cast<double>(h(k, c)) * static_cast<double>(u(user, c)) +
                    static_cast<double>(h(k, 16 + c)) * static_cast<double>(i(item, c));
        expected += std::max(hidden, 0.0) +
                    static_cast<double>(w(0, k)) * static_cast<double>(u(user, k)) * static_cast<double>(i(item, k));
      }
      CHECK(static_cast<double>(scores[static_cast<std::size_t>(item)]) == Approx(expected).epsilon(1e-4).margin(1e-4));
    }
    // Lists agree with scores.
    const TopK lists = ranking.top_k(std::vector<Id>{user}, all, &data.train, 5);
    for (Index rank = 0; rank < 5; ++rank) {
      const Id item = lists.items(0, rank);
      CHECK_FALSE(data.train.contains(user, item));
      CHECK(lists.scores(0, rank) == Approx(scores[static_cast<std::size_t>(item)]).epsilon(1e-5));
      for (const Id other : all)
        if (!data.train.contains(user, other) && scores[static_cast<std::size_t>(other)] > lists.scores(0, 0) + 1e-4f)
          FAIL("item " << other << " was passed over");
    }
  }
}

TEST_CASE("a model refuses a backbone that was made for other users or items") {
  const Dataset data = planted_data();
  const Initializer init(1);
  const auto join = [&](Id users, Id items, BackboneKind kind) {
    const auto train = Interactions::from_pairs(users, items, std::vector<Pair>{{0, 0}, {1, 1}});
    JointModel<>("mine", make_vectors<Cpu, float>(AdapterKind::id, data, 16, IdStart::xavier, init),
                 make_backbone<Cpu, float>(kind, train, 16, init));
  };
  for (const BackboneKind kind : kBackbones) {
    INFO(backbone_name(kind));
    CHECK_NOTHROW(join(data.train.users(), data.train.items(), kind));
    CHECK_THROWS_AS(join(5, data.train.items(), kind), ShapeError);
    CHECK_THROWS_AS(join(data.train.users(), 5, kind), ShapeError);
  }
}

TEST_CASE("a pair model refuses parts that do not fit") {
  CHECK_THROWS_AS(PairModel(Matrix<float>(2, 3), Matrix<float>(2, 4)), ShapeError);
  CHECK_THROWS_AS(PairModel(Matrix<float>(2, 3), Matrix<float>(4, 3), Matrix<float>(2, 5), Matrix<float>(4, 6)),
                  ShapeError);
  CHECK_THROWS_AS(PairModel(Matrix<float>(2, 3), Matrix<float>(4, 3), Matrix<float>(3, 5), Matrix<float>(4, 5)),
                  ShapeError);
  CHECK_THROWS_AS(PairModel(Matrix<float>(2, 3), Matrix<float>(4, 3), Matrix<float>(2, 5)), ShapeError);
}

TEST_CASE("SGL that keeps all edges and SimGCL without noise are the same model") {
  const Dataset data = planted_data();
  const Triples batch = first_batch(data.train);
  auto keeps = with_ids(data, std::make_unique<Sgl<Cpu, float>>(data.train, SglOptions{.keep = 1}));
  auto silent = with_ids(data, std::make_unique<SimGcl<Cpu, float>>(data.train, SimGclOptions{.noise = 0}));
  auto plain = with_ids(data, std::make_unique<LightGcn<Cpu, float>>(data.train));
  const auto a = differentiate(keeps, batch), b = differentiate(silent, batch), c = differentiate(plain, batch);
  CHECK(a.loss == Approx(b.loss).epsilon(1e-6));
  for (const auto& [name, gradient] : a.gradients) check_close(b.gradients.at(name), gradient, 1e-5);
  // The second loss is there, and its weight is ContrastiveOptions'.
  CHECK(a.loss > c.loss);
  auto weightless = with_ids(
      data, std::make_unique<Sgl<Cpu, float>>(data.train, SglOptions{.contrastive = {.weight = 0}, .keep = 0.7}));
  CHECK(differentiate(weightless, batch).loss == Approx(c.loss).epsilon(1e-6));
  auto heavier = with_ids(
      data, std::make_unique<Sgl<Cpu, float>>(data.train, SglOptions{.contrastive = {.weight = 3e-2}, .keep = 1}));
  CHECK(differentiate(heavier, batch).loss - c.loss == Approx(3 * (a.loss - c.loss)).epsilon(1e-4));
}

TEST_CASE("random views depend on seed and step alone") {
  const Dataset data = planted_data();
  const Triples batch = first_batch(data.train);
  for (const BackboneKind kind : {BackboneKind::sgl, BackboneKind::sim_gcl}) {
    INFO(backbone_name(kind));
    const auto model = small_model(kind, AdapterKind::id, data);
    const auto first = differentiate(*model, batch, 1, 0);
    differentiate(*model, batch, 1, 1);
    const auto again = differentiate(*model, batch, 1, 0);
    CHECK(first.loss == again.loss);
    CHECK(first.gradients == again.gradients);
    CHECK(first.loss != differentiate(*model, batch, 1, 1).loss);
    CHECK(first.loss != differentiate(*model, batch, 2, 0).loss);
  }
}

TEST_CASE("an encoder backbone over LightGCN is LightGCN, to its loss, gradients and ranking") {
  const Dataset data = planted_data();
  const Triples batch = first_batch(data.train);
  // Nobody clicked the last item: LightGCN goes another way then.
  Triples with_untouched = batch;
  with_untouched.negatives[3] = with_untouched.negatives[40] = data.train.items() - 1;
  LightGcn<Cpu, float> graph_model(data.train);
  for (const AdapterKind adapter : kPlainAdapters) {
    INFO(adapter_name(adapter));
    const auto vectors = [&] { return make_vectors<Cpu, float>(adapter, data, 16, IdStart::xavier, Initializer(1)); };
    JointModel<> direct("direct", vectors(), std::make_unique<LightGcn<Cpu, float>>(data.train));
    JointModel<> wrapped("wrapped", vectors(), std::make_unique<EncoderBackbone<LightGcn<Cpu, float>>>(graph_model));
    for (const Triples& triples : {batch, with_untouched}) {
      const auto expected = differentiate(direct, triples), actual = differentiate(wrapped, triples);
      CHECK(actual.loss == Approx(expected.loss).epsilon(1e-6));
      REQUIRE(actual.gradients.size() == expected.gradients.size());
      for (const auto& [name, gradient] : expected.gradients) {
        INFO(name);
        check_close(actual.gradients.at(name), gradient, 1e-5);
      }
    }
    const PairModel a = direct.ranking(), b = wrapped.ranking();
    check_close(b.user_factors(), a.user_factors(), 1e-6);
    CHECK(b.item_factors() == a.item_factors());
  }
}

TEST_CASE("an encoder backbone refers to an encoder, owns it or shares it") {
  struct Negate {
    void forward(MatrixView<const float> in, MatrixView<float> out) const {
      for (Index r = 0; r < in.rows(); ++r)
        for (Index c = 0; c < in.cols(); ++c) out(r, c) = -in(r, c);
    }
    void backward(MatrixView<const float> d_out, MatrixView<float> d_in) const { forward(d_out, d_in); }
  };
  Negate mine;
  const auto shared = std::make_shared<Negate>();
  const EncoderBackbone refers(mine);
  const EncoderBackbone owns(Negate{});
  const EncoderBackbone shares(shared);
  CHECK(&refers.encoder() == &mine);
  CHECK(&shares.encoder() == shared.get());
  const auto users = Tensor<Cpu, float>::from_host(random_matrix(3, 2, 1)),
             items = Tensor<Cpu, float>::from_host(random_matrix(4, 2, 2));
  for (const auto* backbone : {&refers, &owns, &shares}) {
    const PairModel ranking = backbone->ranking(users, items);
    CHECK(ranking.user_factors()(2, 1) == -users.data()[5]);
    CHECK(ranking.item_factors()(3, 0) == -items.data()[6]);
  }
  CHECK_THROWS_AS(EncoderBackbone<Negate>(std::shared_ptr<Negate>()), ConfigError);
}

TEST_CASE("a layer on a mixture equals the layer on its rows") {
  const Dataset data = planted_data();
  const Matrix<float> base = random_matrix(5, 7, 1);
  // Row 1 mixes nothing.
  const CsrMatrix<float> mix{4, 5, {0, 2, 2, 3, 6}, {0, 3, 4, 1, 2, 4}, {0.5f, -1.0f, 2.0f, 0.25f, 1.0f, -0.5f}};
  Matrix<float> rows(4, 7);
  for (Index r = 0; r < 4; ++r)
    for (Index e = mix.offsets[static_cast<std::size_t>(r)]; e < mix.offsets[static_cast<std::size_t>(r) + 1]; ++e)
      for (Index c = 0; c < 7; ++c)
        rows(r, c) += mix.values[static_cast<std::size_t>(e)] * base(mix.columns[static_cast<std::size_t>(e)], c);
  const auto dense = FeatureInput<Cpu, float>::dense(rows.view());
  const auto mixture = FeatureInput<Cpu, float>::mixture(mix, base.view(), {0, 1, 2, 3, 4}).second;
  CHECK(mixture.rows() == 4);
  CHECK(mixture.width() == 7);
  const std::vector<Id> ids{3, 1, 0};
  for (const bool some : {false, true})
    for (const Activation activation : {Activation::none, Activation::relu}) {
      const auto run = [&](const FeatureInput<Cpu, float>& input) {
        Tape<Cpu, float> tape;
        const Var weight = tape.variable(Tensor<Cpu, float>::from_host(random_matrix(6, 7, 2)));
        const Var bias = tape.variable(Tensor<Cpu, float>::from_host(random_matrix(1, 6, 3)));
        const Var y =
            some ? input.linear(tape, weight, bias, activation, ids) : input.linear(tape, weight, bias, activation);
        const Matrix<float> value = tape.value(y).to_host();
        tape.backward(y, Tensor<Cpu, float>::from_host(random_matrix(some ? 3 : 4, 6, 4)));
        return std::array{value, tape.gradient(weight).to_host(), tape.gradient(bias).to_host()};
      };
      const auto expected = run(dense), actual = run(mixture);
      for (std::size_t k = 0; k < 3; ++k) check_close(actual[k], expected[k], 1e-5);
    }
  CHECK_THROWS_AS((FeatureInput<Cpu, float>::mixture(mix, random_matrix(4, 7, 1).view(), {0, 1, 2, 3})), ShapeError);
  Tape<Cpu, float> tape;
  const Var weight = tape.constant(Tensor<Cpu, float>::from_host(random_matrix(6, 7, 2)));
  CHECK_THROWS_AS(dense.linear(tape, weight, Var{}, Activation::none, std::vector<Id>{4}), ShapeError);
}

TEST_CASE("backbones refuse options out of range and unknown names") {
  const Interactions train = planted_data().train;
  CHECK_THROWS_AS((LightGcn<Cpu, float>(train, 0)), ConfigError);
  CHECK_THROWS_AS((Sgl<Cpu, float>(train, {.keep = 0})), ConfigError);
  CHECK_THROWS_AS((Sgl<Cpu, float>(train, {.keep = 1.1})), ConfigError);
  CHECK_THROWS_AS((Sgl<Cpu, float>(train, {.contrastive = {.temperature = 0}})), ConfigError);
  CHECK_THROWS_AS((SimGcl<Cpu, float>(train, {.noise = -1})), ConfigError);
  CHECK_THROWS_AS((SimGcl<Cpu, float>(train, {.contrastive = {.layers = 0}})), ConfigError);
  for (const BackboneKind kind : kBackbones) CHECK(parse_backbone(backbone_name(kind)) == kind);
  CHECK(parse_backbone("lightgcn") == BackboneKind::light_gcn);
  try {
    parse_backbone("LightGBM");
    FAIL("no error");
  } catch (const ConfigError& error) {
    CHECK(std::string(error.what()).find("SimGCL") != std::string::npos);
  }
}
