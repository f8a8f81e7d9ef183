#pragma once
// One start of variational message passing: the nodes, and how far they came.

#include <credo/inference/conjugate/conjugate.hpp>
#include <credo/inference/conjugate/node.hpp>

#include <cstddef>
#include <span>
#include <vector>

namespace credo::contraction {
class Monitor;
}

namespace credo::conjugate {

/// Indices of the nodes in the factor of one plate, each once, itself included.
[[nodiscard]] std::vector<std::size_t> factor_of(const ConjugateModel& model, std::size_t index);

/// L, split by nodes.
struct Bound {
  double value = -kInfinity;
  double scale = 0.0;  ///< sum of the sizes of what was added
  std::vector<double> terms;
};

class Ascent {
 public:
  /// Borrows both.
  Ascent(const ConjugateModel& model, const ConjugateOptions& options);

  /// First moments. Throws Failure.
  void begin(std::span<const ConjugateStart> starts, Draws& draws);
  /// Sweeps until none is needed; false when told to stop or after the last sweep allowed. Throws
  /// Failure.
  bool climb(Draws& draws, contraction::Monitor& monitor, double fraction);

  [[nodiscard]] const Bound& bound() const noexcept { return bound_; }
  [[nodiscard]] bool stopped() const noexcept { return stopped_; }
  [[nodiscard]] bool monotone() const noexcept { return monotone_; }
  /// Value, terms, posteriors and what the sweeps were.
  void report(ConjugateResult& result) const;

 private:
  bool sweep(Draws& draws, contraction::Monitor& monitor, double fraction);
  void update(std::size_t n);
  bool settle();
  [[nodiscard]] Bound evaluate() const;
  void shuffle(Draws& draws);

  const ConjugateOptions& options_;
  Nodes nodes_;
  std::vector<std::vector<std::size_t>> children_;
  std::vector<std::size_t> order_;
  Bound bound_;
  std::vector<double> trace_;
  std::size_t sweeps_ = 0;
  double residual_ = kNaN;
  bool monotone_ = true;
  bool stopped_ = false;
};

}  // namespace credo::conjugate
