// Hidden Markov models: what they are made of, unrolling and sampling.

#include <credo/core/error.hpp>
#include <credo/core/expansion_limit.hpp>
#include <credo/models/hidden_markov_model.hpp>
#include <credo/models/random.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace credo {

namespace {

/// A chain is one variable and one factor per time, some hundred bytes each.
constexpr std::uint64_t kMostTimes = std::uint64_t{1} << 24;
constexpr double kBytesPerTime = 512.0;

Table table_of_rows(const HiddenMarkovModel::Rows& rows, std::string_view what) {
  const std::size_t width = rows.empty() ? 0 : rows.front().size();
  std::vector<double> values;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    if (rows[r].size() != width) {
      throw ModelError(fmt::format("hidden Markov model, {}: expected {} entries in row {}, got {}",
                                   what, width, r, rows[r].size()));
    }
    values.insert(values.end(), rows[r].begin(), rows[r].end());
  }
  return Table::dense({rows.size(), width}, std::move(values));
}

/// Throws ModelError unless p(last extent given the others) is a conditional of this shape.
void require_conditional(const Table& table, std::vector<std::size_t> shape,
                         std::string_view what) {
  if (!std::ranges::equal(table.shape(), shape)) {
    throw ModelError(
        fmt::format("hidden Markov model, {}: expected {} rows of {} entries, got {} of {}", what,
                    shape.front(), shape.back(), table.rank() == 0 ? 1 : table.shape().front(),
                    table.rank() == 0 ? 1 : table.shape().back()));
  }
  // The sums are checked where every conditional's are, under the table's own name.
  FactorGraph scratch;
  Scope scope;
  for (std::size_t d = 0; d < shape.size(); ++d) {
    const bool child = d + 1 == shape.size();
    scope.push_back(
        scratch.add_variable(child ? fmt::format("next ({})", what) : "current state", shape[d]));
  }
  scratch.add_conditional(scope, scope.back(), table);
}

}  // namespace

HiddenMarkovModel::HiddenMarkovModel(Table initial, Table transition)
    : initial_(std::move(initial)), transitions_{std::move(transition)} {
  if (initial_.rank() != 1) {
    throw ModelError(fmt::format(
        "hidden Markov model, initial: expected a vector, got {} dimensions", initial_.rank()));
  }
  require_conditional(initial_, {state_count()}, "initial");
  require_conditional(transitions_.front(), {state_count(), state_count()}, "transition");
}

HiddenMarkovModel::HiddenMarkovModel(Table initial, Table transition, Table emission)
    : HiddenMarkovModel(std::move(initial), std::move(transition)) {
  const std::size_t symbols = emission.rank() == 2 ? emission.shape()[1] : 1;
  require_conditional(emission, {state_count(), symbols}, "emission");
  emission_ = std::move(emission);
}

HiddenMarkovModel::HiddenMarkovModel(const std::vector<double>& initial, const Rows& transition,
                                     const Rows& emission)
    : HiddenMarkovModel(Table::dense({initial.size()}, initial),
                        table_of_rows(transition, "transition"),
                        table_of_rows(emission, "emission")) {}

void HiddenMarkovModel::set_transitions(std::vector<Table> transitions) {
  for (std::size_t t = 0; t < transitions.size(); ++t) {
    require_conditional(transitions[t], {state_count(), state_count()},
                        fmt::format("transition at time {}", t));
  }
  transitions_ = std::move(transitions);
  time_varying_ = true;
}

std::size_t HiddenMarkovModel::observation_count() const noexcept {
  return emission_ ? emission_->shape()[1] : 0;
}

const Table& HiddenMarkovModel::transition(std::size_t time) const {
  if (transitions_.empty()) {
    throw ModelError("hidden Markov model: expected transitions, got none (it was moved from)");
  }
  if (!time_varying_) return transitions_.front();
  if (time < transitions_.size()) return transitions_[time];
  throw ModelError(
      fmt::format("hidden Markov model: expected a transition of time 0 to {}, got time {}",
                  transitions_.size() - 1, time));
}

const Table& HiddenMarkovModel::emission() const {
  if (!emission_) {
    throw ModelError(
        "hidden Markov model: expected emissions for discrete observations, it was built without");
  }
  return *emission_;
}

void HiddenMarkovModel::require_length(std::size_t steps) const {
  require_expandable("hidden Markov model, times", static_cast<double>(steps), kMostTimes,
                     "ask for fewer at a time", kBytesPerTime);
  if (time_varying_ && steps > transitions_.size() + 1) {
    throw ModelError(
        fmt::format("hidden Markov model: expected at most {} times for {} transitions, got {}",
                    transitions_.size() + 1, transitions_.size(), steps));
  }
}

FactorGraph HiddenMarkovModel::chain(std::size_t steps, bool observed) const {
  require_length(steps);
  FactorGraph graph;
  VariableId previous = 0;
  for (std::size_t t = 0; t < steps; ++t) {
    const VariableId x = graph.add_variable(fmt::format("x{}", t), state_count());
    // Checked when the model was built: an infinite tolerance skips thousands of equal checks.
    if (t == 0) {
      graph.add_conditional({x}, x, initial_, kInfinity);
    } else {
      graph.add_conditional({previous, x}, x, transition(t - 1), kInfinity);
    }
    if (observed) {
      const VariableId y = graph.add_variable(fmt::format("y{}", t), observation_count());
      graph.add_conditional({x, y}, y, *emission_, kInfinity);
    }
    previous = x;
  }
  return graph;
}

FactorGraph HiddenMarkovModel::unrolled(std::size_t steps) const {
  return chain(steps, emission_.has_value());
}

LogLikelihoods HiddenMarkovModel::log_likelihoods(const Observations& observations) const {
  const Table& table = emission();
  LogLikelihoods result(observations.size());
  for (std::size_t t = 0; t < observations.size(); ++t) {
    if (!observations[t]) continue;
    if (*observations[t] >= observation_count()) {
      throw EvidenceError(
          fmt::format("hidden Markov model, observation at time {}: expected 0 to {}, got {}", t,
                      observation_count() - 1, *observations[t]));
    }
    for (std::size_t s = 0; s < state_count(); ++s) {
      result[t].push_back(table.log_at(s * observation_count() + *observations[t]));
    }
  }
  return result;
}

SampledSequence HiddenMarkovModel::sample(std::size_t steps, std::uint64_t seed) const {
  require_length(steps);
  Random random(seed);
  std::vector<double> weights;
  const auto draw_row = [&](const Table& table, std::size_t row) {
    weights.resize(table.shape().back());
    for (std::size_t i = 0; i < weights.size(); ++i) {
      weights[i] = table.at(row * weights.size() + i);
    }
    return random.categorical(weights);
  };
  SampledSequence sequence;
  for (std::size_t t = 0; t < steps; ++t) {
    const std::size_t state =
        t == 0 ? draw_row(initial_, 0) : draw_row(transition(t - 1), sequence.states.back());
    sequence.states.push_back(state);
    sequence.observations.push_back(draw_row(emission(), state));
  }
  return sequence;
}

}  // namespace credo
