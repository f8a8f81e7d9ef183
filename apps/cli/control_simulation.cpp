#include "control_report.hpp"
#include "exit_code.hpp"

#include <credo/core/numerics.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace credo::cli {
namespace {

void write_estimate(JsonWriter& json, std::string_view name, const control::Estimate& estimate) {
  json.key(name).begin_object(true).field("mean", estimate.mean);
  json.field("standard_error", estimate.standard_error).end_object();
}

}  // namespace

std::optional<std::vector<std::vector<double>>> all_policies(
    const control::ControlSolution& solution, const char* option, const InferOptions& limits,
    const Stopwatch& since_start) {
  const double bytes = static_cast<double>(solution.steps()) *
                       (static_cast<double>(sizeof(double)) * static_cast<double>(solution.states) *
                            static_cast<double>(solution.actions) +
                        static_cast<double>(sizeof(std::vector<double>)));
  if (bytes > limits.memory_limit_bytes) {
    throw Refusal(fmt::format("{} holds the policies of {} steps, {}; the limit is {}", option,
                              solution.steps(), describe_bytes(bytes),
                              describe_bytes(limits.memory_limit_bytes)));
  }
  std::vector<std::vector<double>> policies;
  for (std::size_t t = 0; t < solution.steps(); ++t) {
    const double seconds = since_start.seconds();
    const Progress progress{
        "policies", static_cast<double>(t) / static_cast<double>(solution.steps()), seconds};
    if (seconds > limits.time_limit_seconds || !limits.observer(progress)) return std::nullopt;
    policies.push_back(solution.policy(t));
  }
  return policies;
}

std::optional<control::Simulation> control_simulation(const control::Mdp& mdp,
                                                      const control::ControlSolution& solution,
                                                      const ControlArguments& c, std::uint64_t seed,
                                                      const InferOptions& limits,
                                                      const Stopwatch& since_start) {
  if (!c.episodes || !solution.ok()) {
    return std::nullopt;
  }
  control::SimulationOptions options;
  options.episodes = *c.episodes;
  options.discount = c.discount;
  options.seed = seed;
  options.observer = limits.observer;
  const auto remaining = [&] {
    return std::max(0.0, limits.time_limit_seconds - since_start.seconds());
  };
  options.validate();
  if (solution.infinite) {
    const std::vector<double> policy = solution.policy();
    options.time_limit_seconds = remaining();
    return control::simulate(mdp, policy, options);
  }
  const auto policies = all_policies(solution, "--simulate", limits, since_start);
  if (!policies) {
    control::Simulation none;
    none.status = Status::deadline;
    none.message = "stopped before the first episode";
    return none;
  }
  options.time_limit_seconds = remaining();
  return control::simulate(mdp, *policies, options);
}

void write_simulation(JsonWriter& json, const control::Simulation& simulation) {
  json.key("simulation").begin_object().field("episodes", simulation.episodes);
  json.field("status", status_name(simulation.status)).field("message", simulation.message);
  write_estimate(json, "return", simulation.episode_return);
  write_estimate(json, "steps", simulation.steps);
  json.field("cut_off", simulation.cut_off).end_object();
}

std::vector<std::string> simulation_row(const control::Simulation& simulation) {
  if (!simulation.ok()) {
    return {"simulated return", "not computed", simulation.message};
  }
  const std::string error =
      simulation.episodes == 1
          ? ""
          : fmt::format("+- {:.4g}: ", simulation.episode_return.standard_error);
  const std::string cut_off =
      simulation.cut_off == 0 ? "" : fmt::format(", {} cut off", simulation.cut_off);
  return {"simulated return", fmt::format("{:.10g}", simulation.episode_return.mean),
          fmt::format("{}{} episode{}, {:.4g} steps on average{}", error, simulation.episodes,
                      simulation.episodes == 1 ? "" : "s", simulation.steps.mean, cut_off)};
}

}  // namespace credo::cli
