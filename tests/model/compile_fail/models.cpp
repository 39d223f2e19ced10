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
struct Unsteady {
  [[nodiscard]] const Matrix<float>& user_factors();
  [[nodiscard]] const Matrix<float>& item_factors();
};
struct HalfTrainable {
  [[nodiscard]] const Matrix<float>& user_factors() const;
  [[nodiscard]] const Matrix<float>& item_factors() const;
  void add_user_gradient(std::span<const Id> rows, MatrixView<const float> gradient);
  void add_item_gradient(std::span<const Id> rows, MatrixView<const float> gradient);
  void step(double rate);
};

void check() {
  require_model<MODEL>();
  require_whole_tier<MODEL>();
}
