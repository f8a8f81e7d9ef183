// Categorical plates: log p(z | pi) = log pi_z. Natural parameters: log weights [count, d]; q is
// their softmax, so that a mixture's responsibilities are what its children tell the selector
// added to E[log pi]. Cost: numbers in the plate x states of the selector.

#include <credo/inference/conjugate/links.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace credo::conjugate {

namespace {

class CategoricalNode final : public Node {
 public:
  CategoricalNode(const ConjugatePlate& plate, const Nodes& nodes)
      : Node(plate),
        d_(plate.dimension),
        selection_(plate, nodes),
        probabilities_(plate.parents[0], nodes, selection_.states()) {
    if (plate.known()) return;
    moments_.mean.resize(plate.count * d_);
    natural_.resize(plate.count * d_);
  }

  void take_prior() override {
    std::ranges::fill(natural_, 0.0);
    for (std::size_t i = 0; i < plate().count; ++i) {
      selection_.each(i, [&](std::size_t k, double weight) {
        const double* const row = log_probabilities(i, k);
        for (std::size_t s = 0; s < d_; ++s) natural_[i * d_ + s] += weight * row[s];
      });
    }
  }

  void send(Node& parent) const override {
    if (selection_.is(parent)) {
      tell_selector(*this, selection_,
                    [&](std::size_t i, std::size_t k) { return log_density_of(i, k); });
    }
    if (&probabilities_.node() != &parent) return;
    for (std::size_t i = 0; i < plate().count; ++i) {
      if (is_missing(i)) continue;
      selection_.each(i, [&](std::size_t k, double weight) {
        double* const counts = parent.natural().data() + probabilities_.element(i, k) * d_;
        each_state(i, [&](std::size_t s, double q) { counts[s] += weight * q; });
      });
    }
  }

  void absorb() override {
    for (std::size_t i = 0; i < plate().count; ++i) {
      double* const q = moments_.mean.data() + i * d_;
      const double* const log_weights = natural_.data() + i * d_;
      const double top = *std::max_element(log_weights, log_weights + d_);
      if (!std::isfinite(top)) fail(i, top);
      double sum = 0.0;
      for (std::size_t s = 0; s < d_; ++s) sum += q[s] = std::exp(log_weights[s] - top);
      for (std::size_t s = 0; s < d_; ++s) q[s] /= sum;
    }
  }

  void begin(const ConjugateStart* given, Draws& draws) override {
    take_prior();
    for (std::size_t i = 0; i < plate().count; ++i) {
      const auto q = std::span<double>(moments_.mean).subspan(i * d_, d_);
      for (std::size_t s = 0; s < d_; ++s) {
        const double weight =
            given == nullptr ? -std::log(draws.uniform()) : given->mean[i * d_ + s];
        q[s] = natural_[i * d_ + s] == -kInfinity ? 0.0 : weight;
      }
      if (!(normalize(q) > 0.0)) fail(i, -kInfinity);
    }
  }

  [[nodiscard]] double log_density() const override {
    return expected_sum(*this, selection_,
                        [&](std::size_t i, std::size_t k) { return log_density_of(i, k); });
  }

  [[nodiscard]] double entropy() const override {
    CompensatedSum sum;
    for (const double q : moments_.mean) {
      if (q > 0.0) sum.add(-q * std::log(q));
    }
    return sum.value();
  }

 private:
  /// body(s, q(z_i = s)) where that is positive.
  template <typename Body>
  void each_state(std::size_t i, const Body& body) const {
    if (known()) return body(plate().states[i], 1.0);
    for (std::size_t s = 0; s < d_; ++s) {
      if (moments_.mean[i * d_ + s] > 0.0) body(s, moments_.mean[i * d_ + s]);
    }
  }

  [[nodiscard]] const double* log_probabilities(std::size_t i, std::size_t k) const {
    const std::vector<double>& log_mean = probabilities_.node().moments().log_mean;
    return log_mean.data() + probabilities_.element(i, k) * d_;
  }

  [[nodiscard]] double log_density_of(std::size_t i, std::size_t k) const {
    const double* const row = log_probabilities(i, k);
    double sum = 0.0;
    each_state(i, [&](std::size_t s, double q) { sum += q * row[s]; });
    return sum;
  }

  [[noreturn]] void fail(std::size_t i, double top) const {
    const bool impossible = top == -kInfinity;
    throw Failure{fmt::format("categorical \"{}\", element {}: {}", plate().name, i,
                              impossible ? "every state is impossible"
                                         : "log weights beyond the range of a double"),
                  impossible};
  }

  std::size_t d_;
  Selection selection_;
  Link probabilities_;
};

}  // namespace

std::unique_ptr<Node> make_categorical(const ConjugatePlate& plate, const Nodes& nodes) {
  return std::make_unique<CategoricalNode>(plate, nodes);
}

}  // namespace credo::conjugate
