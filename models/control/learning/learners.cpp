#include <credo/core/error.hpp>
#include <credo/core/names.hpp>
#include <credo/models/control/learning/classic_control.hpp>
#include <credo/models/control/learning/learners.hpp>
#include <credo/models/control/learning/tabular_environment.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>

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

std::optional<std::size_t> published_limit(std::string_view name,
                                           const EnvironmentOptions& tables) {
  if (name == "taxi") return 200;
  if (name == "frozen_lake") return tables.map == "8x8" ? 200 : 100;
  return std::nullopt;
}

}  // namespace

std::span<const Learner> learners() noexcept { return {}; }

std::vector<std::string> learning_environment_names() {
  std::vector<std::string> names;
  for (const ClassicRow& row : kClassic) names.emplace_back(row.name);
  for (const auto& row : environments()) names.emplace_back(row.name);
  std::sort(names.begin(), names.end());
  return names;
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
  tabular.time_limit =
      options.time_limit ? options.time_limit : published_limit(name, options.tables);
  tabular.exploring_starts = options.exploring_starts;
  return std::make_unique<TabularEnvironment>(found->make(options.tables), tabular);
}

}  // namespace credo::control::learning
