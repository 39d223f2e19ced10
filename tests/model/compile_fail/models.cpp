// Types that model no concept. Each must end the compilation with the one message that names what is missing.
#include "reclm/model/concepts.hpp"

using namespace reclm;

struct HalfFactors {
  [[nodiscard]] const Matrix<float>& user_factors() const;
};
struct NoCounts {
  void score(Id user, std::span<const Id> items, std::span<float> out) const;
};
struct NoBackward {
  void forward(MatrixView<const float> in, MatrixView<float> out);
};
struct StrangeFactors {
  [[nodiscard]] int user_factors() const;
  [[nodiscard]] int item_factors() const;
};
struct Nothing {};

void check() { require_model<MODEL>(); }
