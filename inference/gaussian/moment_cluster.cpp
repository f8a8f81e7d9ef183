// Messages first, then kernels with parents before children, then what reweighs: at every moment
// the Gaussian is a proper one. Cost per joint state: O(scalars^2) per factor.

#include <credo/inference/gaussian/fixed_factors.hpp>
#include <credo/inference/gaussian/moment_cluster.hpp>
#include <credo/inference/gaussian/structure.hpp>
#include <credo/inference/joint_weights.hpp>

#include <cmath>
#include <utility>

namespace credo::gaussian {

namespace {

Places picked(const Places& places, std::span<const std::uint32_t> first,
              std::span<const std::uint32_t> second) {
  Places result;
  for (const auto& rows : {first, second}) {
    for (const std::uint32_t row : rows) result.positions.push_back(places.positions[row]);
  }
  result.values.resize(result.positions.size());
  return result;
}

}  // namespace

MomentCluster::MomentCluster(const FactorGraph& graph, const MomentProblem& problem,
                             const MomentPlan& plan, const std::vector<MomentMessage>& messages)
    : graph_(graph),
      problem_(problem),
      plan_(plan),
      messages_(messages),
      states_(problem.states),
      digit_(graph.variable_count(), 0),
      first_(graph.variable_count(), kObserved) {}

std::vector<std::uint32_t> MomentCluster::positions(std::span<const VariableId> variables) const {
  std::vector<std::uint32_t> result;
  for (const VariableId v : variables) {
    for (std::uint32_t i = 0; i < graph_.variable(v).dimension; ++i) {
      result.push_back(first_[v] + i);
    }
  }
  return result;
}

void MomentCluster::enter(std::uint32_t step) {
  step_ = &plan_.steps[step];
  gaussian_.emplace(step_->dimension);
  std::uint32_t next = 0;
  for (const VariableId v : step_->continuous) {
    first_[v] = next;
    next += static_cast<std::uint32_t>(graph_.variable(v).dimension);
  }
  child_positions_.clear();
  for (const std::uint32_t c : step_->children) {
    const MomentStep& child = plan_.steps[c];
    child_positions_.push_back(positions(std::span(child.continuous).first(child.kept_continuous)));
  }
  inputs_.clear();
  for (const std::uint32_t id : step_->potentials) inputs_.push_back(bind(problem_.potentials[id]));
}

MomentCluster::Input MomentCluster::bind(const Potential& potential) const {
  Input input;
  input.potential = &potential;
  if (potential.continuous.empty() || potential.kind == PotentialKind::scope) return input;
  const GaussianFactor& factor = graph_.gaussian_factor(potential.source);
  const bool grounding = potential.kind == PotentialKind::grounding;
  for (const VariableId v : factor.continuous) {
    const bool known = problem_.is_observed[v] != 0;
    if (known && grounding) continue;
    for (std::uint32_t i = 0; i < graph_.variable(v).dimension; ++i) {
      input.places.positions.push_back(known ? kObserved : first_[v] + i);
      input.places.values.push_back(problem_.observed[problem_.scalar_of[v] + i]);
    }
  }
  if (!grounding) return input;
  input.rows = form_rows(graph_, problem_, factor, potential.grounds);
  input.own = picked(input.places, input.rows.others, input.rows.own);
  input.others = picked(input.places, input.rows.others, {});
  return input;
}

void MomentCluster::choose(std::size_t state) {
  for (std::size_t i = step_->discrete.size(); i-- > 0;) {
    const VariableId v = step_->discrete[i];
    const std::size_t count = problem_.permitted[v].size();
    digit_[v] = state % count;
    states_[v] = problem_.permitted[v][digit_[v]];
    state /= count;
  }
}

std::size_t MomentCluster::index_of(std::span<const VariableId> variables) const {
  std::size_t index = 0;
  for (const VariableId v : variables) index = index * problem_.permitted[v].size() + digit_[v];
  return index;
}

double MomentCluster::log_discrete(const Potential& potential) const {
  switch (potential.kind) {
    case PotentialKind::table: {
      const Factor& factor = graph_.factor(potential.source);
      return factor.table.log_at(cell_of(graph_, factor.scope, states_));
    }
    case PotentialKind::likelihood:
      return std::log(problem_.likelihoods.at(potential.source)[states_[potential.source]]);
    case PotentialKind::fixed:
      return log_of_fixed(graph_, potential.source, states_, problem_.scalar_of, problem_.observed);
    default:
      return 0.0;
  }
}

Absorbed MomentCluster::absorb_messages() {
  for (std::size_t c = 0; c < step_->children.size(); ++c) {
    const MomentStep& child = plan_.steps[step_->children[c]];
    const std::size_t index = index_of(std::span(child.discrete).first(child.kept_discrete));
    const WeightedGaussian& message = messages_[step_->children[c]][index];
    if (message.log_weight == -kInfinity) return Absorbed::impossible;
    gaussian_->scale(message.log_weight);
    gaussian_->place(message, child_positions_[c]);
  }
  return Absorbed::ok;
}

Absorbed MomentCluster::absorb(const Input& input) {
  const Potential& potential = *input.potential;
  const GaussianFactor& factor = graph_.gaussian_factor(potential.source);
  const std::uint64_t entry = entry_of(graph_, factor, states_);
  switch (potential.kind) {
    case PotentialKind::kernel:
      gaussian_->append(factor.table.kernels()[entry], input.places);
      return Absorbed::ok;
    case PotentialKind::observation:
      return gaussian_->observe(factor.table.kernels()[entry], input.places);
    case PotentialKind::quadratic:
      return gaussian_->multiply(factor.table.forms()[entry], input.places);
    case PotentialKind::grounding: {
      const QuadraticForm form = reduced_form(graph_, problem_, factor, entry);
      if (form.constant == -kInfinity) return Absorbed::impossible;
      const FormSplit split = split_form(form, input.rows.others, input.rows.own);
      gaussian_->append(split.kernel, input.own);
      if (!input.rows.others.empty()) return gaussian_->multiply(split.rest, input.others);
      gaussian_->scale(split.rest.constant);
      return Absorbed::ok;
    }
    default:
      return Absorbed::ok;
  }
}

Absorbed MomentCluster::evaluate(std::size_t state) {
  choose(state);
  gaussian_->clear();
  for (const Input& input : inputs_) {
    if (!input.potential->continuous.empty()) continue;
    const double log_value = log_discrete(*input.potential);
    if (log_value == -kInfinity) return Absorbed::impossible;
    gaussian_->scale(log_value);
  }
  if (absorb_messages() == Absorbed::impossible) return Absorbed::impossible;
  for (const Input& input : inputs_) {
    if (input.potential->continuous.empty() || input.potential->kind == PotentialKind::scope) {
      continue;
    }
    const Absorbed absorbed = absorb(input);
    if (absorbed == Absorbed::ok) continue;
    if (absorbed == Absorbed::diverges) {
      culprit_ = graph_.describe_gaussian(input.potential->source);
    }
    return absorbed;
  }
  return Absorbed::ok;
}

double MomentCluster::log_constant() {
  double sum = 0.0;
  states_ = problem_.states;
  for (const Potential& potential : problem_.potentials) {
    if (potential.discrete.empty() && potential.continuous.empty()) sum += log_discrete(potential);
  }
  return sum;
}

}  // namespace credo::gaussian
