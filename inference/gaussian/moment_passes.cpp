// Collect and distribute with weak marginals.
//
// Up, the message of cluster C to separator S is the collapse of C's product over what is
// eliminated. Down, with a the message that went up and q the posterior of S, C's posterior is its
// product times q / a. Where a replaced no mixture, q / a is exact: the marginal of S is replaced
// and the conditional given S kept. Where it did, q / a is a quadratic form that reweighs every
// component of the mixture, as expectation propagation does; if that leaves a component without
// integral (q wider than a somewhere), or q is certain, the components take the marginal q instead,
// and the shares that they have at its mean.
// Invariant: on the way down every component of a cluster is proper.
// Cost: the products twice (they are not stored) and one collapse per separator state and pass.
// Source: Lauritzen, JASA 87, 1992; Heskes and Zoeter, Expectation propagation for approximate
// inference in dynamic Bayesian networks, UAI 2002; Barber, Expectation correction for smoothed
// inference in switching linear dynamical systems, JMLR 7, 2006 (shares at the mean).

#include <credo/inference/gaussian/moment_passes.hpp>

#include <algorithm>
#include <numeric>
#include <utility>

namespace credo::gaussian {

namespace {

constexpr std::size_t kStatesPerQuestion = 1024;
/// A component of share s may lie s^-1/2 standard deviations of the collapsed Gaussian away, where
/// rounding in q / a counts s^-1 fold: below this share (log 1e-10) it is not reweighed.
constexpr double kLogNegligible = -23.0;

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
      doubtful_ = doubtful_ || absorbed == Absorbed::doubtful;
      if (absorbed != Absorbed::ok) continue;
      mixture.push_back(cluster_.gaussian().marginal(separator));
      overflowed_ = overflowed_ || !std::isfinite(mixture.back().log_weight);
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
  const MomentStep& step = plan_.steps[s];
  for (std::size_t state = 0; state < step.kept_states; ++state) {
    if (up_[s][state].log_weight == -kInfinity) continue;
    if (step.parent != s && down_[s][state].log_weight == -kInfinity) continue;
    if (mixed_[s][state] == 0) {
      keep_conditionals(s, state, components);
    } else if (!reweigh(s, state, components)) {
      ++loss_.not_reweighed;
      share_at_mean(s, state, components);
    }
  }
}

/// Calls use(k, Gaussian) for the components of one state of the separator that are not zero, until
/// it returns false.
template <typename Use>
bool MomentPasses::for_each_component(std::uint32_t s, std::size_t separator_state, Use&& use) {
  const std::size_t mixed = plan_.steps[s].states / plan_.steps[s].kept_states;
  for (std::size_t k = separator_state * mixed; k < (separator_state + 1) * mixed; ++k) {
    if (cluster_.evaluate(k) == Absorbed::ok && !use(k, cluster_.gaussian())) return false;
  }
  return true;
}

/// q / a where a is exact: the marginal of the separator becomes q, shares stay.
void MomentPasses::keep_conditionals(std::uint32_t s, std::size_t separator_state,
                                     std::vector<WeightedGaussian>& components) {
  const MomentStep& step = plan_.steps[s];
  const auto all = all_scalars(step);
  const auto separator = std::span(all).first(step.kept_dimension);
  for_each_component(s, separator_state, [&](std::size_t k, MomentGaussian& gaussian) {
    if (step.parent != s) {
      const WeightedGaussian& q = down_[s][separator_state];
      gaussian.scale(q.log_weight - up_[s][separator_state].log_weight);
      if (!separator.empty()) gaussian.replace_marginal(q, separator);
    }
    components[k] = gaussian.marginal(all);
    return true;
  });
}

/// q / a as a quadratic form; false when some component has no integral.
bool MomentPasses::reweigh(std::uint32_t s, std::size_t separator_state,
                           std::vector<WeightedGaussian>& components) {
  const MomentStep& step = plan_.steps[s];
  const auto all = all_scalars(step);
  const auto separator = std::span(all).first(step.kept_dimension);
  const WeightedGaussian& up = up_[s][separator_state];
  const WeightedGaussian& q = down_[s][separator_state];
  const MomentRatio ratio = moment_ratio(q, up);
  const Places places{{separator.begin(), separator.end()}, std::vector<double>(separator.size())};
  const auto use = [&](std::size_t k, MomentGaussian& gaussian) {
    const double log_share = gaussian.log_weight() - up.log_weight;
    gaussian.scale(q.log_weight - up.log_weight);
    if (log_share < kLogNegligible) {
      gaussian.replace_marginal(q, separator);
    } else if (gaussian.multiply(ratio.form, places, up.mean) != Absorbed::ok) {
      return false;
    }
    components[k] = gaussian.marginal(all);
    return true;
  };
  return ratio.regular && for_each_component(s, separator_state, use);
}

/// The marginal of the separator becomes q, and the shares those of the components at q's mean;
/// shares stay where components that are certain in different directions leave that undefined.
void MomentPasses::share_at_mean(std::uint32_t s, std::size_t separator_state,
                                 std::vector<WeightedGaussian>& components) {
  const MomentStep& step = plan_.steps[s];
  const auto all = all_scalars(step);
  const auto separator = std::span(all).first(step.kept_dimension);
  const WeightedGaussian& q = down_[s][separator_state];
  std::vector<std::size_t> members;
  std::vector<double> log_shares;
  std::vector<double> log_densities;
  std::size_t rank = 0;
  bool comparable = true;
  for_each_component(s, separator_state, [&](std::size_t k, MomentGaussian& gaussian) {
    const MomentDensity density = moment_density(gaussian.marginal(separator), q.mean);
    comparable = comparable && (members.empty() || density.rank == rank);
    rank = density.rank;
    members.push_back(k);
    log_shares.push_back(gaussian.log_weight());
    log_densities.push_back(gaussian.log_weight() + density.log_value);
    gaussian.replace_marginal(q, separator);
    components[k] = gaussian.marginal(all);
    return true;
  });
  if (comparable && log_sum_exp(log_densities) > -kInfinity) log_shares = log_densities;
  const double total = log_sum_exp(log_shares);
  for (std::size_t i = 0; i < members.size(); ++i) {
    components[members[i]].log_weight = q.log_weight + log_shares[i] - total;
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
