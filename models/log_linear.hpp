#pragma once
// Log-linear models: p(x) = exp(sum_k theta_k phi_k(x) - log Z(theta)) times fixed factors, each
// feature phi_k a sum of tables over small scopes; conditional random fields, Boltzmann machines
// and Markov networks with free potentials are of this form.

#include <credo/inference/infer.hpp>
#include <credo/models/data_table.hpp>
#include <credo/models/minimize.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace credo {

class LogLinearModel {
 public:
  /// The variables, and factors without parameters (there may be none). Throws ModelError on
  /// continuous variables.
  explicit LogLinearModel(FactorGraph base);

  /// A new theta_k; returns k.
  std::size_t add_parameter() noexcept { return parameters_++; }
  /// phi_k += values(x_scope), row-major over scope. Throws ModelError on an unknown parameter or
  /// variable, a wrong count and values that are not finite.
  void add_feature(std::size_t parameter, Scope scope, std::vector<double> values);
  /// One parameter per entry of a table over scope but the first, whose theta is 0 for good: a free
  /// potential. Returns the first k.
  std::size_t add_potential(const Scope& scope);

  [[nodiscard]] std::size_t parameter_count() const noexcept { return parameters_; }
  [[nodiscard]] const FactorGraph& base() const noexcept { return base_; }
  /// p~(x) = exp(sum_k theta_k phi_k(x)) times the base: one factor per distinct scope after those
  /// of the base, in log domain. Throws ModelError on a wrong count and on theta that are not
  /// finite.
  [[nodiscard]] FactorGraph graph(std::span<const double> theta) const;

  /// Adds E[phi_k] for every k, given sums of probabilities of factors of graph(theta). Throws
  /// ModelError on wrong counts.
  void add_expectations(const std::vector<std::vector<double>>& factor_sums, double weight,
                        std::span<double> to) const;

 private:
  struct Feature {
    std::size_t parameter;
    std::size_t block;  ///< index into scopes_
    std::vector<double> values;
  };

  FactorGraph base_;
  std::size_t parameters_ = 0;
  std::vector<Scope> scopes_;
  std::vector<Feature> features_;
};

/// Log likelihood and its gradient. NaN unless ok.
struct LogLinearValue {
  Status status = Status::not_run;
  std::string message = "not run yet";
  /// sum_n w_n log p(row n), missing values summed out; natural logarithm.
  double log_likelihood = kNaN;
  /// sum_n w_n (E[phi_k given row n] - E[phi_k]).
  std::vector<double> gradient;

  [[nodiscard]] bool ok() const noexcept { return status == Status::ok; }
};

/// One inference for log Z and every marginal of a factor, p(x_f) = d log Z / d log f(x_f), and one
/// per row that misses something.
[[nodiscard]] LogLinearValue log_likelihood(const LogLinearModel& model, const DataTable& data,
                                            std::span<const double> theta,
                                            const InferOptions& options = {});

struct LogLinearOptions {
  /// Per case: penalty / 2 |theta|^2 is subtracted from the mean log likelihood.
  double penalty = 0.0;
  /// Of the first start; empty: all 0.
  std::vector<double> start;
  /// Where values are missing: how many starts, the others standard normal. Unless given,
  /// LearnOptions::kStartsWithHidden where some variable is observed in no row, else one.
  std::optional<std::size_t> restarts;
  /// Of those, and of what tells a maximum from a saddle.
  std::uint64_t seed = 1;
  MinimizeOptions minimize;
  /// Its time limit and observer hold for the whole fit.
  InferOptions infer;

  /// Throws OptionError naming option, value and bound.
  void validate() const;
};

/// Poisoned until computed.
struct LogLinearFit {
  Status status = Status::not_run;
  std::string message = "not run yet";
  /// exact: the objective is concave (no value is missing) and the gradient vanishes; fixed_point:
  /// the same where values are missing; unconverged.
  Guarantee guarantee = Guarantee::none;
  std::vector<double> theta;
  double log_likelihood = kNaN;
  /// max_k of the mean objective's derivatives.
  double gradient_norm = kNaN;
  std::size_t iterations = 0;
  /// Where values are missing: the mean objective that every start reached, which of them was the
  /// best, and how many stationary points were left because a small random change of theta led to a
  /// higher objective.
  std::vector<double> start_objectives;
  std::size_t best_start = 0;
  std::size_t escaped_saddles = 0;

  [[nodiscard]] bool ok() const noexcept { return status == Status::ok; }
};

/// Maximum likelihood (or the maximum of the penalised one) by minimize(). Where data lie on the
/// edge of what the features can tell apart there is no maximum without a penalty: unconverged. A
/// time limit leaves the best theta so far.
[[nodiscard]] LogLinearFit fit(const LogLinearModel& model, const DataTable& data,
                               const LogLinearOptions& options = {});

}  // namespace credo
