#include "control_report.hpp"
#include "exit_code.hpp"

#include <credo/core/numerics.hpp>

#include <fmt/format.h>

namespace credo::cli {
namespace {

void write_estimate(JsonWriter& json, std::string_view name, const control::Estimate& estimate) {
  json.key(name).begin_object(true).field("mean", estimate.mean);
  json.field("standard_error", estimate.standard_error).end_object();
}

std::vector<std::vector<double>> policies_of(const control::ControlSolution& solution,
                                             double memory_limit_bytes) {
  const double bytes = static_cast<double>(solution.steps()) * static_cast<double>(sizeof(double)) *
                       static_cast<double>(solution.states * solution.actions);
  if (bytes > memory_limit_bytes) {
    throw Refusal(fmt::format("--simulate holds the policies of {} steps, {}; the limit is {}",
                              solution.steps(), describe_bytes(bytes),
                              describe_bytes(memory_limit_bytes)));
  }
  std::vector<std::vector<double>> policies;
  for (std::size_t t = 0; t < solution.steps(); ++t) {
    policies.push_back(solution.policy(t));
  }
  return policies;
}

}  // namespace

std::optional<control::Simulation> control_simulation(const control::Mdp& mdp,
                                                      const control::ControlSolution& solution,
                                                      const ControlArguments& c, std::uint64_t seed,
                                                      double memory_limit_bytes) {
  if (!c.episodes || !solution.ok()) {
    return std::nullopt;
  }
  control::SimulationOptions options;
  options.episodes = *c.episodes;
  options.discount = c.discount;
  options.seed = seed;
  if (solution.infinite) {
    return control::simulate(mdp, solution.policy(), options);
  }
  return control::simulate(mdp, policies_of(solution, memory_limit_bytes), options);
}

void write_simulation(JsonWriter& json, const control::Simulation& simulation) {
  json.key("simulation").begin_object().field("episodes", simulation.episodes);
  write_estimate(json, "return", simulation.episode_return);
  write_estimate(json, "steps", simulation.steps);
  json.field("cut_off", simulation.cut_off).end_object();
}

std::vector<std::string> simulation_row(const control::Simulation& simulation) {
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
