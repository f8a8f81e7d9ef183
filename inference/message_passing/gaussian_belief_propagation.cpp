// The driver of Gaussian message passing: absorbs evidence, checks the condition of convergence,
// passes messages and reads the answers off the beliefs.
//
// Messages carry differences from a point. At a fixed point the point moves to the means, where
// the gradient of log p~ is computed anew from the factors, and a second fixed point mends what
// rounding left: J m = h holds to the digits of the factors, not to those of J and h.
// log Z by Bethe's free energy: log p~(m) + (N log 2 pi - Bethe's log det J) / 2.
// Invariant: exact is only said of forests, where beliefs are the marginals.
// Source: Weiss and Freeman 2001; Malioutov, Johnson and Willsky 2006.

#include <credo/inference/driver.hpp>
#include <credo/inference/gaussian/divergence.hpp>
#include <credo/inference/gaussian/fixed_factors.hpp>
#include <credo/inference/joint_weights.hpp>
#include <credo/inference/message_passing/gaussian_belief_propagation.hpp>
#include <credo/inference/message_passing/gaussian_messages.hpp>
#include <credo/inference/message_passing/gaussian_network.hpp>
#include <credo/inference/message_passing/gaussian_question.hpp>
#include <credo/inference/message_passing/gaussian_read_out.hpp>
#include <credo/inference/message_passing/gaussian_walk_sums.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>
#include <optional>
#include <utility>

namespace credo {

namespace {

using contraction::Monitor;
using contraction::Stopped;
using namespace message_passing;

/// The second fixed point mends the first; a third is rarely needed.
constexpr int kRounds = 3;

class Passing {
 public:
  Passing(const FactorGraph& graph, const Evidence& evidence, const Query& query,
          const InferOptions& options)
      : graph_(graph),
        evidence_(evidence),
        query_(query),
        options_(options),
        monitor_(options),
        network_(graph, evidence) {}

  Result run() {
    try {
      pass();
    } catch (const Stopped& stopped) {
      stop(stopped.status);
    }
    result_.timings.plan_seconds = plan_seconds_;
    result_.timings.infer_seconds = monitor_.elapsed_seconds() - plan_seconds_;
    result_.scalar_used = "double";
    return std::move(result_);
  }

 private:
  void pass() {
    monitor_.check("messages", 0.0);
    FixedStates fixed = fix_states(graph_, evidence_);
    states_ = std::move(fixed.states);
    point_ = network_.observed();
    constant_ = fixed.possible ? log_of_constants() : -kInfinity;
    Loaded loaded = network_.load(states_);
    if (constant_ == -kInfinity) loaded = {Status::impossible_evidence, ""};
    if (std::isnan(constant_)) {
      loaded = {Status::refused, "the numbers leave the range of doubles"};
    }
    if (loaded.status == Status::impossible_evidence) {
      if (const std::string why = gaussian::rounded_certainty(graph_); !why.empty()) {
        loaded = {Status::refused, why + gaussian::kRoundingProvesNothing};
      }
    }
    if (loaded.status != Status::ok) {
      result_.status = loaded.status;
      result_.message = std::move(loaded.message);
      return;
    }
    if (!all_pairs_coupled()) return;
    describe_plan();
    plan_seconds_ = monitor_.elapsed_seconds();
    messages_.emplace(network_, options_.iteration, monitor_);
    log_at_point_ = network_.evaluate(point_, gradient_);
    if (network_.is_forest()) {
      pass_on_forest();
    } else if (has_integral()) {
      pass_on_loops();
    }
  }

  /// Factors of observed variables alone, and likelihoods of discrete variables with one state.
  [[nodiscard]] double log_of_constants() const {
    CompensatedSum sum;
    for (const Factor& factor : graph_.factors()) {
      sum.add(factor.table.log_at(cell_of(graph_, factor.scope, states_)));
    }
    for (const auto& [v, finding] : evidence_.findings()) {
      if (finding.kind == FindingKind::likelihood) {
        sum.add(std::log(finding.likelihood[states_[v]]));
      }
    }
    std::vector<std::uint32_t> scalar_of;
    for (VariableId v = 0; v < graph_.variable_count(); ++v) {
      scalar_of.push_back(network_.scalar_of(v));
    }
    for (const GaussianFactorId g : gaussian::fixed_factors(graph_, evidence_)) {
      sum.add(gaussian::log_of_fixed(graph_, g, states_, scalar_of, network_.observed()));
    }
    return sum.value();
  }

  /// Two variables of one factor need not be neighbours: their block of J may be zero.
  bool all_pairs_coupled() {
    for (const Scope& joint : query_.joints) {
      const Scope free = free_of(graph_, evidence_, joint);
      if (free.size() < 2) continue;
      const std::uint32_t from = network_.node_of(free.front());
      if (message_between(network_, from, network_.node_of(free.back())) != kNoNode) continue;
      result_.status = Status::refused;
      result_.message =
          fmt::format("no message passes between {} and {}: there is no belief of both",
                      graph_.variable(free.front()).name, graph_.variable(free.back()).name);
      return false;
    }
    return true;
  }

  void describe_plan() {
    Plan& plan = result_.plan;
    plan.method = "markov-network";
    plan.peak_bytes = predict_bytes(graph_, evidence_);
    plan.operations = 0.0;
    for (const GaussianEdge& edge : network_.edges()) {
      const std::size_t n = network_.nodes()[edge.low].dimension;
      const std::size_t m = network_.nodes()[edge.high].dimension;
      plan.operations += static_cast<double>((n + m) * (n + m) * (n + m));
      plan.widest_front = std::max(plan.widest_front, n + m);
    }
  }

  void pass_on_forest() {
    const MessageSchedule asked = options_.iteration.schedule;
    if (asked != MessageSchedule::automatic) {
      messages_->set_gradient(gradient_);
      if (!messages_->iterate(asked, options_.iteration.maximum_iterations, {}))
        return break_down();
    }
    for (int round = 0; round < 2; ++round) {
      messages_->set_gradient(gradient_);
      if (!messages_->two_sweeps() || !messages_->read_beliefs()) return break_down();
      settle();
    }
    result_.residuals = messages_->residuals();
    result_.residuals.push_back(0.0);
    result_.iterations = static_cast<int>(result_.residuals.size()) + 1;
    result_.residual = 0.0;
    answer(result_, Guarantee::exact, "answered");
  }

  /// The condition of convergence; false, with a refusal, where J is seen not to be positive
  /// definite.
  bool has_integral() {
    rho_ = bound_spectral_radius(network_, monitor_);
    if (rho_.is_walk_summable()) {
      const double gap = 1.0 - rho_.upper;
      condition_ = gap < 1e-3 ? fmt::format("walk-summable, rho(|R|) <= 1 - {:.3g}", gap)
                              : fmt::format("walk-summable, rho(|R|) <= {:.6g}", rho_.upper);
      return true;
    }
    condition_ = rho_.lower >= 1.0
                     ? fmt::format("not walk-summable, rho(|R|) >= {:.4g}", rho_.lower)
                     : fmt::format("perhaps not walk-summable, {:.6g} <= rho(|R|) <= {:.6g}",
                                   rho_.lower, rho_.upper);
    const Curvature curvature = search_curvature(network_, monitor_);
    if (curvature.sign == Curvature::Sign::unsettled) {
      condition_ += ", and whether the integral exists was not settled";
    }
    if (curvature.sign != Curvature::Sign::negative) return true;
    result_.status = Status::refused;
    result_.message =
        explain_precision(curvature.value, name_of(curvature.node)) + "; " + condition_;
    return false;
  }

  void pass_on_loops() {
    MessageSchedule schedule = options_.iteration.schedule;
    if (schedule == MessageSchedule::automatic) schedule = MessageSchedule::sequential;
    const std::size_t most = options_.iteration.maximum_iterations;
    for (int round = 0; round < kRounds; ++round) {
      messages_->set_gradient(gradient_);
      const std::size_t done = messages_->residuals().size();
      if (round > 0 && done >= most) break;
      if (!messages_->iterate(schedule, most - done, [this] { after_iteration(); }) ||
          !messages_->read_beliefs()) {
        return break_down();
      }
      converged_ = converged_ || messages_->converged();
      settle();
      if (error_of_means() <= options_.iteration.tolerance || !converged_) break;
    }
    keep_residuals();
    answer(result_, converged_ ? Guarantee::fixed_point : Guarantee::unconverged, report());
  }

  /// The point moves to the means.
  void settle() {
    network_.move(point_, messages_->means());
    log_at_point_ = network_.evaluate(point_, gradient_);
  }

  /// A bound of |J^-1 gradient| in conditional standard deviations; without walk-summability there
  /// is none.
  [[nodiscard]] double error_of_means() const {
    if (!rho_.is_walk_summable()) return kInfinity;
    double squared = 0.0;
    for (const double entry : gradient_) squared += entry * entry;
    return std::sqrt(squared) / (1.0 - rho_.upper);
  }

  [[nodiscard]] std::string report() const {
    const std::string quality = "means exact, variances approximate";
    if (converged_) return fmt::format("{}: {}", condition_, quality);
    return fmt::format(
        "not converged after {} iterations: messages still change by {:.3g} nats; {}",
        result_.iterations, result_.residual, condition_);
  }

  void keep_residuals() {
    result_.residuals = messages_->residuals();
    result_.iterations = static_cast<int>(result_.residuals.size());
    if (!result_.residuals.empty()) result_.residual = result_.residuals.back();
  }

  void after_iteration() {
    result_.iteration_seconds.push_back(monitor_.elapsed_seconds());
    const std::size_t done = messages_->residuals().size();
    if (!options_.improvement || converged_ || !std::has_single_bit(done)) return;
    keep_residuals();
    Result so_far = result_;
    if (offer_beliefs(so_far)) options_.improvement(so_far);
  }

  /// What the messages say now, unconverged; false where they make no beliefs.
  bool offer_beliefs(Result& result) {
    if (!messages_->read_beliefs()) return false;
    const std::vector<double> point = point_;
    const double log_at_point = log_at_point_;
    network_.move(point_, messages_->means());
    std::vector<double> gradient;
    log_at_point_ = network_.evaluate(point_, gradient);
    answer(result, Guarantee::unconverged, report());
    point_ = point;
    log_at_point_ = log_at_point;
    return result.ok();
  }

  void stop(Status status) {
    result_.status = status;
    if (!messages_ || network_.is_forest() || messages_->residuals().empty()) return;
    keep_residuals();
    Result so_far = result_;
    if (!offer_last_beliefs(so_far)) return;
    result_ = std::move(so_far);
    result_.status = status;
    result_.message = fmt::format(
        "{}; {}", contraction::stop_message(status, options_.time_limit_seconds), condition_);
  }

  bool offer_last_beliefs(Result& result) {
    try {
      return offer_beliefs(result);
    } catch (const Stopped&) {
      return false;
    }
  }

  [[nodiscard]] const std::string& name_of(std::uint32_t node) const {
    return graph_.variable(network_.nodes()[node].variable).name;
  }

  void break_down() {
    const BrokenPrecision& broken = messages_->broken();
    keep_residuals();
    result_.status = Status::refused;
    if (broken.node == kNoNode) {
      result_.message = fmt::format("messages left the range of doubles in iteration {}; {}",
                                    result_.iterations + 1, condition_);
    } else if (network_.is_forest()) {
      // The precision that is left of a subtree's elimination: J is no better.
      result_.message = explain_precision(broken.smallest, name_of(broken.node));
    } else {
      const std::string without =
          broken.without == kNoNode
              ? ""
              : fmt::format(" without the message of {}", name_of(broken.without));
      result_.message = fmt::format(
          "messages broke down in iteration {}: the precision of {}{} has the eigenvalue {:.3g}, "
          "where its own block has 1; {}; gaussian_elimination answers where its plan fits",
          result_.iterations + 1, name_of(broken.node), without, broken.smallest, condition_);
    }
  }

  void answer(Result& result, Guarantee guarantee, std::string message) {
    const double log_p = constant_ + log_at_point_;
    const double scalars = static_cast<double>(network_.scalar_count());
    const double log_determinant =
        messages_->log_determinant() + network_.log_determinant_of_blocks();
    const double log_z =
        log_p + (scalars * std::log(2.0 * std::numbers::pi) - log_determinant) / 2.0;
    result.status = Status::ok;
    result.guarantee = guarantee;
    result.message = std::move(message);
    if (!std::isfinite(log_z)) {
      result.status = Status::refused;
      result.guarantee = Guarantee::none;
      result.message = "the numbers leave the range of doubles";
      return;
    }
    const GaussianReadOut read{graph_, network_, *messages_, states_, point_};
    if (query_.task == Task::map) {
      result.assignments.push_back({states_, log_p, read.values()});
      return;
    }
    result.log_z = log_z;
    result.log_z_lower = -kInfinity;
    result.log_z_upper = kInfinity;
    if (query_.task != Task::marginals || read.fill(query_, result)) return;
    result = {};
    result.status = Status::refused;
    result.message = "the belief of a joint is not positive definite; " + condition_;
  }

  const FactorGraph& graph_;
  const Evidence& evidence_;
  const Query& query_;
  const InferOptions& options_;
  Monitor monitor_;
  GaussianNetwork network_;
  std::optional<GaussianMessages> messages_;
  std::vector<std::size_t> states_;
  std::vector<double> point_;
  std::vector<double> gradient_;
  double log_at_point_ = kNaN;
  double constant_ = kNaN;
  SpectralRadius rho_;
  std::string condition_;
  bool converged_ = false;
  double plan_seconds_ = 0.0;
  Result result_;
};

}  // namespace

Result run_gaussian_belief_propagation(const FactorGraph& graph, const Evidence& evidence,
                                       const Query& query, const InferOptions& options) {
  Result result;
  result.message = why_not_gaussian_belief_propagation(graph, evidence, query, options);
  if (!result.message.empty()) {
    result.status = Status::refused;
    return result;
  }
  return Passing(graph, evidence, query, options).run();
}

}  // namespace credo
