#include <credo/core/error.hpp>
#include <credo/core/names.hpp>
#include <credo/models/control/learning/classic_control.hpp>
#include <credo/models/control/learning/learners.hpp>
#include <credo/models/control/learning/path_consistency.hpp>
#include <credo/models/control/learning/policy_gradient.hpp>
#include <credo/models/control/learning/soft_q_learning.hpp>
#include <credo/models/control/learning/tabular_environment.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

// Time limits of the tables: Gymnasium's registrations.

namespace credo::control::learning {
namespace {

struct ClassicRow {
  std::string_view name;
  std::unique_ptr<Environment> (*make)(std::optional<std::size_t>);
};

constexpr std::array<ClassicRow, 3> kClassic = {{
    {"cart_pole", &cart_pole},
    {"mountain_car_continuous", &mountain_car_continuous},
    {"pendulum", &pendulum},
}};

/// Of methods without networks.
Objective objective_of(const LearnRequest& request) {
  if (request.network) {
    throw OptionError("network: this method has tables or linear features; leave it out");
  }
  return {request.discount, request.temperature.value_or(1.0), request.prior};
}

std::string needs_choices(const Environment& environment) {
  const EnvironmentFacts& facts = environment.facts();
  if (facts.actions.is_discrete()) return "";
  return fmt::format("actions of {} are {}, and this method chooses among finitely many",
                     facts.name, facts.actions.description());
}

std::string needs_episodes(const Environment& environment) {
  std::string why = needs_choices(environment);
  if (!why.empty()) return why;
  try {
    require_episodes(environment, "this method");
  } catch (const OptionError& error) {
    why = error.what();
  }
  return why;
}

LearnedAnswer answer_soft_q(Environment& environment, const LearnRequest& request) {
  SoftQOptions options;
  options.run = request.run;
  options.objective = objective_of(request);
  if (request.learning_rate) {
    const bool table = environment.facts().observations.is_discrete();
    options.step_size = usual_soft_q_step_size(table, request.discount);
    options.step_size->initial = *request.learning_rate;
  }
  if (request.exploration) options.exploration = *request.exploration;
  SoftQResult found = learn_soft_q(environment, options);
  return {std::move(found.run), std::move(found.action_value), std::move(found.policy), {}, {}, {}};
}

using LearnGradient = PolicyGradientResult (*)(Environment&, const PolicyGradientOptions&);

LearnedAnswer answer_gradient(LearnGradient learn, Environment& environment,
                              const LearnRequest& request) {
  if (request.exploration) {
    throw OptionError("exploration: policy gradients act by their own policy; leave it out");
  }
  PolicyGradientOptions options;
  options.run = request.run;
  options.objective = objective_of(request);
  if (request.learning_rate) options.step_size.initial = *request.learning_rate;
  PolicyGradientResult found = learn(environment, options);
  std::string remark;
  if (found.run.episodes < options.batch_episodes) {
    remark = fmt::format(
        "nothing was learned: {} of the {} episodes of the first update have ended; take more "
        "steps, or set a time limit for episodes",
        found.run.episodes, options.batch_episodes);
  }
  return {std::move(found.run), {}, std::move(found.policy), {}, {}, std::move(remark)};
}

LearnedAnswer answer_policy_gradient(Environment& environment, const LearnRequest& request) {
  return answer_gradient(&learn_policy_gradient, environment, request);
}

LearnedAnswer answer_entropy_bonus(Environment& environment, const LearnRequest& request) {
  return answer_gradient(&learn_entropy_bonus, environment, request);
}

/// Whether some (s, a) has more than one outcome.
bool has_varying_outcomes(const Mdp& mdp) {
  for (std::size_t s = 0; s < mdp.state_count(); ++s) {
    for (std::size_t a = 0; a < mdp.action_count(); ++a) {
      if (mdp.outcomes(s, a).size() > 1) return true;
    }
  }
  return false;
}

LearnedAnswer answer_path_consistency(Environment& environment, const LearnRequest& request) {
  PathConsistencyOptions options;
  options.run = request.run;
  options.objective = objective_of(request);
  if (request.learning_rate) {
    options.value_step_size.initial = options.policy_step_size.initial = *request.learning_rate;
  }
  if (request.exploration) options.exploration = *request.exploration;
  PathConsistencyResult found = learn_path_consistency(environment, options);
  std::string remark;
  if (const Mdp* const tables = environment.process();
      tables != nullptr && has_varying_outcomes(*tables)) {
    remark =
        "outcomes vary here: path consistency also fits their variance, and ends beside the "
        "optimum";
  }
  return {std::move(found.run),   {}, std::move(found.policy),
          std::move(found.value), {}, std::move(remark)};
}

constexpr std::array<Learner, 4> kLearners = {{
    {"soft-q", "soft Q-learning, one step at a time", &needs_choices, &answer_soft_q,
     TableKind::action_value},
    {"policy-gradient", "REINFORCE with the entropy in the return and a baseline", &needs_episodes,
     &answer_policy_gradient},
    {"entropy-bonus", "REINFORCE with a bonus for the entropy of visited states", &needs_episodes,
     &answer_entropy_bonus},
    {"path-consistency", "values and policy from paths of several steps", &needs_choices,
     &answer_path_consistency},
}};

}  // namespace

std::span<const Learner> learners() noexcept { return kLearners; }

std::vector<std::string> learning_environment_names() {
  std::vector<std::string> names;
  for (const ClassicRow& row : kClassic) names.emplace_back(row.name);
  for (const auto& row : environments()) names.emplace_back(row.name);
  std::sort(names.begin(), names.end());
  return names;
}

std::optional<std::size_t> published_time_limit(std::string_view name, std::string_view map) {
  if (name == "taxi") return 200;
  if (name == "frozen_lake") return map == "8x8" ? 200 : 100;
  return std::nullopt;
}

std::unique_ptr<Environment> make_learning_environment(std::string_view name,
                                                       const LearningEnvironmentOptions& options) {
  for (const ClassicRow& row : kClassic) {
    if (row.name != name) continue;
    const EnvironmentOptions& t = options.tables;
    if (t.map || t.slippery || t.success_rate || options.exploring_starts) {
      throw OptionError(fmt::format("{} has no tables: leave out the options of tables", name));
    }
    return row.make(options.time_limit);
  }
  const auto tables = environments();
  const auto found = std::find_if(tables.begin(), tables.end(),
                                  [name](const auto& row) { return row.name == name; });
  if (found == tables.end()) {
    const std::vector<std::string> names = learning_environment_names();
    throw OptionError(fmt::format("environment '{}' is unknown{}; expected one of {}", name,
                                  did_you_mean(name, names), fmt::join(names, ", ")));
  }
  TabularOptions tabular;
  tabular.time_limit = options.time_limit
                           ? options.time_limit
                           : published_time_limit(name, options.tables.map.value_or(""));
  tabular.exploring_starts = options.exploring_starts;
  return std::make_unique<TabularEnvironment>(found->make(options.tables), tabular);
}

}  // namespace credo::control::learning
