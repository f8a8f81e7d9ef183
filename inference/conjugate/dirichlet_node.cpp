// Dirichlet plates: log p(pi) = log Gamma(sum a) - sum log Gamma(a_s) + sum (a_s - 1) log pi_s.
// Natural parameters: concentrations [count, d], to which children add expected counts;
// E[log pi_s] = psi(a_s) - psi(sum a). Cost: numbers in the plate. Winn and Bishop 2005, appendix
// A.

#include <credo/core/numerics.hpp>
#include <credo/inference/conjugate/node.hpp>
#include <credo/inference/conjugate/special_functions.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace credo::conjugate {

namespace {

class DirichletNode final : public Node {
 public:
  explicit DirichletNode(const ConjugatePlate& plate) : Node(plate), d_(plate.dimension) {
    for (const double p : plate.values) moments_.log_mean.push_back(std::log(p));
    if (plate.known()) return;
    moments_.log_mean.resize(plate.count * d_);
    natural_ = plate.prior;
  }

  void take_prior() override { natural_ = plate().prior; }

  void send(Node& /*parent*/) const override {}

  void absorb() override {
    for (std::size_t i = 0; i < plate().count; ++i) {
      const std::span<const double> own = row(natural_, i);
      const double of_sum = digamma(std::accumulate(own.begin(), own.end(), 0.0));
      for (std::size_t s = 0; s < d_; ++s) {
        const double log_mean = digamma(own[s]) - of_sum;
        moments_.log_mean[i * d_ + s] = log_mean;
        if (std::isfinite(log_mean)) continue;
        throw Failure{fmt::format("dirichlet \"{}\", element {}: concentration {} is out of range",
                                  plate().name, i, own[s])};
      }
    }
  }

  void begin(const ConjugateStart* /*given*/, Draws& /*draws*/) override {
    take_prior();
    absorb();
  }

  [[nodiscard]] double log_density() const override { return known() ? 0.0 : sum(plate().prior); }
  [[nodiscard]] double entropy() const override { return known() ? 0.0 : -sum(natural_); }

 private:
  [[nodiscard]] std::span<const double> row(std::span<const double> values, std::size_t i) const {
    return values.subspan(i * d_, d_);
  }

  /// E_q[log Dirichlet(pi | concentrations)] of the plate.
  [[nodiscard]] double sum(std::span<const double> concentrations) const {
    CompensatedSum sum;
    for (std::size_t i = 0; i < plate().count; ++i) {
      double total = 0.0;
      for (const double a : row(concentrations, i)) total += a;
      sum.add(log_gamma(total));
      for (std::size_t s = 0; s < d_; ++s) {
        const double a = row(concentrations, i)[s];
        sum.add((a - 1.0) * moments_.log_mean[i * d_ + s] - log_gamma(a));
      }
    }
    return sum.value();
  }

  std::size_t d_;
};

}  // namespace

std::unique_ptr<Node> make_dirichlet(const ConjugatePlate& plate) {
  return std::make_unique<DirichletNode>(plate);
}

}  // namespace credo::conjugate
