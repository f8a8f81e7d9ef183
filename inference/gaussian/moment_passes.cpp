// Collect and distribute with weak marginals.
//
// Up, the message of cluster C to separator S is the collapse of C's product over what is
// eliminated. Down, with a the message that went up and q the posterior of S, C's posterior is its
// product times q / a. Where a replaced no mixture, q / a is exact: the marginal of S is replaced
// and the conditional given S kept. Where it did, q / a is a quadratic form that reweighs every
// component of the mixture, as expectation propagation does; if that leaves a component without
// integral (q wider than a somewhere), or q is certain, the components keep the shares of the way
// up and take the marginal q instead.
// Invariant: on the way down every component of a cluster is proper.
// Cost: the products twice (they are not stored) and one collapse per separator state and pass.
// Source: Lauritzen, JASA 87, 1992; Heskes and Zoeter, Expectation propagation for approximate
// inference in dynamic Bayesian networks, UAI 2002; Kim, Dynamic linear models with
// Markov-switching, J. Econometrics 60, 1994 (the fallback).

#include <credo/inference/gaussian/moment_passes.hpp>

#include <algorithm>
#include <numeric>
#include <utility>

namespace credo::gaussian {

namespace {

constexpr std::size_t kStatesPerQuestion = 1024;

/// Weights that sum to 1.
void normalise(std::vector<WeightedGaussian>& components) {
  std::vector<double> logs;
  for (const WeightedGaussian& part : components) logs.push_back(part.log_weight);
  const double total = log_sum_exp(logs);
  for (WeightedGaussian& part : components) part.log_weight -= total;
}

std::vector<std::uint32_t> all_scalars(const MomentStep& step) {
  std::vector<std::uint32_t> all(step.dimension);
  std::iota(all.begin(), all.end(), std::uint32_t{0});
  return all;
}

}  // namespace

MomentPasses::MomentPasses(const FactorGraph& graph, const MomentProblem& problem,
                           const MomentPlan& plan, contraction::Monitor& monitor)
    : plan_(plan),
      monitor_(monitor),
      up_(plan.steps.size()),
      down_(plan.steps.size()),
      cluster_(graph, problem, plan, up_),
      mixed_(plan.steps.size()) {}

double MomentPasses::collect() {
  CompensatedSum log_z;
  log_z.add(cluster_.log_constant());
  for (std::uint32_t s = 0; s < plan_.steps.size() && log_z.value() > -kInfinity; ++s) {
    if (!send_up(s)) return culprit().empty() ? -kInfinity : kNaN;
    if (plan_.steps[s].parent == s) log_z.add(up_[s].front().log_weight);
  }
  return log_z.value();
}

/// False when the message is zero, or when a factor diverges.
bool MomentPasses::send_up(std::uint32_t s) {
  const MomentStep& step = plan_.steps[s];
  cluster_.enter(s);
  const auto kept = all_scalars(step);
  const auto separator = std::span(kept).first(step.kept_dimension);
  const std::size_t mixed = step.states / step.kept_states;
  bool any = false;
  std::vector<WeightedGaussian> mixture;
  for (std::size_t state = 0; state < step.kept_states; ++state) {
    mixture.clear();
    for (std::size_t k = 0; k < mixed; ++k) {
      if ((state * mixed + k) % kStatesPerQuestion == 0) monitor_.check("collect", 0.25);
      const Absorbed absorbed = cluster_.evaluate(state * mixed + k);
      if (absorbed == Absorbed::diverges) return false;
      if (absorbed == Absorbed::ok) mixture.push_back(cluster_.gaussian().marginal(separator));
    }
    Collapsed collapsed = collapse(mixture);
    const bool lossy = collapsed.components > 1;
    if (lossy) {
      ++loss_.collapses;
      loss_.largest_mixture = std::max(loss_.largest_mixture, collapsed.components);
      loss_.largest_bound =
          std::max(loss_.largest_bound, collapse_loss_bound(mixture, collapsed.gaussian));
    }
    any = any || collapsed.components > 0;
    mixed_[s].push_back(lossy ? 1 : 0);
    up_[s].push_back(std::move(collapsed.gaussian));
  }
  return any;
}

void MomentPasses::distribute(const ClusterPosterior& visit) {
  for (auto s = static_cast<std::uint32_t>(plan_.steps.size()); s-- > 0;) {
    monitor_.check("distribute", 0.75);
    cluster_.enter(s);
    std::vector<WeightedGaussian> components(plan_.steps[s].states);
    posterior_of(s, components);
    normalise(components);
    visit(s, cluster_, components);
    send_down(s, components);
    MomentMessage().swap(down_[s]);
    MomentMessage().swap(up_[s]);
  }
}

void MomentPasses::posterior_of(std::uint32_t s, std::vector<WeightedGaussian>& components) {
  for (std::size_t state = 0; state < plan_.steps[s].kept_states; ++state) {
    bool regular = true;
    given_separator(s, state, true, components, regular);
    if (regular) continue;
    ++loss_.not_reweighed;
    given_separator(s, state, false, components, regular);
  }
}

/// The components of one state of the separator. regular: false when reweighing was not possible.
void MomentPasses::given_separator(std::uint32_t s, std::size_t separator_state, bool reweigh,
                                   std::vector<WeightedGaussian>& components, bool& regular) {
  const MomentStep& step = plan_.steps[s];
  const auto all = all_scalars(step);
  const auto separator = std::span(all).first(step.kept_dimension);
  const WeightedGaussian& up = up_[s][separator_state];
  const bool is_root = step.parent == s;
  if (up.log_weight == -kInfinity) return;
  if (!is_root && down_[s][separator_state].log_weight == -kInfinity) return;
  const bool lossy = mixed_[s][separator_state] != 0 && !separator.empty();
  MomentRatio ratio;
  Places places;
  if (lossy && reweigh) {
    ratio = moment_ratio(down_[s][separator_state], up);
    regular = ratio.regular;
    if (!regular) return;
    places = {{separator.begin(), separator.end()}, std::vector<double>(separator.size())};
  }
  const std::size_t mixed = step.states / step.kept_states;
  for (std::size_t k = 0; k < mixed; ++k) {
    const std::size_t state = separator_state * mixed + k;
    if (cluster_.evaluate(state) != Absorbed::ok) continue;
    MomentGaussian& gaussian = cluster_.gaussian();
    if (!is_root) gaussian.scale(down_[s][separator_state].log_weight - up.log_weight);
    if (lossy && reweigh) {
      regular = gaussian.multiply(ratio.form, places, up.mean) == Absorbed::ok;
      if (!regular) return;
    } else if (!separator.empty()) {
      gaussian.replace_marginal(down_[s][separator_state], separator);
    }
    components[state] = gaussian.marginal(all);
  }
}

void MomentPasses::send_down(std::uint32_t s, const std::vector<WeightedGaussian>& components) {
  for (const std::uint32_t c : plan_.steps[s].children) {
    const MomentStep& child = plan_.steps[c];
    const auto discrete = std::span(child.discrete).first(child.kept_discrete);
    const auto scalars =
        cluster_.positions(std::span(child.continuous).first(child.kept_continuous));
    std::vector<std::vector<WeightedGaussian>> mixtures(child.kept_states);
    for (std::size_t state = 0; state < components.size(); ++state) {
      if (components[state].log_weight == -kInfinity) continue;
      cluster_.choose(state);
      mixtures[cluster_.index_of(discrete)].push_back(sub_gaussian(components[state], scalars));
    }
    for (const auto& mixture : mixtures) down_[c].push_back(collapse(mixture).gaussian);
  }
}

}  // namespace credo::gaussian
