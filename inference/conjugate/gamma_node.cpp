// Gamma plates: log p(tau | a, b) = a log b - log Gamma(a) + (a - 1) log tau - b tau. Natural
// parameters: shapes, then rates, [count, d] each; E[tau] = a / b, E[log tau] = psi(a) - log b, and
// the message to a rate that is itself gamma adds (a, E[tau]). Cost: numbers in the plate. Winn and
// Bishop 2005, appendix A.

#include <credo/core/numerics.hpp>
#include <credo/inference/conjugate/links.hpp>
#include <credo/inference/conjugate/special_functions.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

namespace credo::conjugate {

namespace {

class GammaNode final : public Node {
 public:
  GammaNode(const ConjugatePlate& plate, const Nodes& nodes)
      : Node(plate), d_(plate.dimension), selection_(plate, nodes) {
    if (!plate.parents.empty()) rate_.emplace(plate.parents[0], nodes, selection_.states());
    if (plate.known()) {
      moments_.mean = plate.values;
      for (const double x : plate.values) moments_.log_mean.push_back(std::log(x));
    } else {
      moments_.mean.resize(numbers());
      moments_.log_mean.resize(numbers());
      natural_.resize(2 * numbers());
    }
  }

  void take_prior() override {
    std::ranges::fill(natural_, 0.0);
    each([&](std::size_t at, std::size_t of_rate, double weight) {
      natural_[at] += weight * shape();
      natural_[numbers() + at] += weight * rate_->node().moments().mean[of_rate];
    });
  }

  void send(Node& parent) const override {
    if (selection_.is(parent)) {
      tell_selector(*this, selection_,
                    [&](std::size_t i, std::size_t k) { return log_density_of(i, k); });
    }
    if (!rate_ || &rate_->node() != &parent) return;
    const std::size_t half = parent.natural().size() / 2;
    each([&](std::size_t at, std::size_t of_rate, double weight) {
      parent.natural()[of_rate] += weight * shape();
      parent.natural()[half + of_rate] += weight * moments_.mean[at];
    });
  }

  void absorb() override {
    for (std::size_t at = 0; at < numbers(); ++at) {
      const double a = natural_[at];
      const double b = natural_[numbers() + at];
      moments_.mean[at] = a / b;
      moments_.log_mean[at] = digamma(a) - std::log(b);
      if (a > 0.0 && b > 0.0 && std::isfinite(moments_.mean[at]) &&
          std::isfinite(moments_.log_mean[at])) {
        continue;
      }
      throw Failure{
          fmt::format("gamma \"{}\", element {}: shape {} and rate {} have no mean in "
                      "the range of a double",
                      plate().name, at / d_, a, b)};
    }
  }

  void begin(const ConjugateStart* /*given*/, Draws& /*draws*/) override {
    take_prior();
    absorb();
  }

  [[nodiscard]] double log_density() const override {
    if (plate().constant) return 0.0;
    return expected_sum(*this, selection_,
                        [&](std::size_t i, std::size_t k) { return log_density_of(i, k); });
  }

  [[nodiscard]] double entropy() const override {
    CompensatedSum sum;
    for (std::size_t at = 0; !known() && at < numbers(); ++at) {
      const double a = natural_[at];
      sum.add(a - std::log(natural_[numbers() + at]) + log_gamma(a) + (1.0 - a) * digamma(a));
    }
    return sum.value();
  }

 private:
  [[nodiscard]] std::size_t numbers() const noexcept { return plate().count * d_; }
  [[nodiscard]] double shape() const noexcept { return plate().prior[0]; }

  /// body(number of this plate, number of the rate's plate, q(k)).
  template <typename Body>
  void each(const Body& body) const {
    for (std::size_t i = 0; i < plate().count; ++i) {
      if (is_missing(i)) continue;
      selection_.each(i, [&](std::size_t k, double weight) {
        const std::size_t e = rate_->element(i, k);
        for (std::size_t j = 0; j < d_; ++j) body(i * d_ + j, e * d_ + j, weight);
      });
    }
  }

  [[nodiscard]] double log_density_of(std::size_t i, std::size_t k) const {
    const Moments& rate = rate_->node().moments();
    const std::size_t e = rate_->element(i, k);
    double sum = -static_cast<double>(d_) * log_gamma(shape());
    for (std::size_t j = 0; j < d_; ++j) {
      sum += shape() * rate.log_mean[e * d_ + j] + (shape() - 1.0) * moments_.log_mean[i * d_ + j] -
             rate.mean[e * d_ + j] * moments_.mean[i * d_ + j];
    }
    return sum;
  }

  std::size_t d_;
  Selection selection_;
  std::optional<Link> rate_;
};

}  // namespace

std::unique_ptr<Node> make_gamma(const ConjugatePlate& plate, const Nodes& nodes) {
  return std::make_unique<GammaNode>(plate, nodes);
}

}  // namespace credo::conjugate
