// Options of credo control, learn and meu.

#include "option_groups.hpp"

#include <credo/models/control/environments.hpp>
#include <credo/models/control/learning/learners.hpp>

#include <fmt/format.h>

namespace credo::cli {
namespace {

std::string environment_help() {
  std::string names;
  for (const auto& environment : control::environments()) {
    names += fmt::format("{}{}", names.empty() ? "" : ", ", environment.name);
  }
  return "Environment (" + names + "), MDP file or linear-quadratic file (.json)";
}

void add_control(OptionList& list, ControlArguments& c) {
  list.add("environment", c.environment, "ENV|FILE", environment_help()).required();
  add_tables(list, c.map, c.slippery);
  list.add("--method", c.method, "NAME",
           "posterior (exact sum-product), clamped (maximum entropy with the true dynamics), "
           "hard (arg-max), map (most likely trajectory), mmap (open-loop plan), risk, "
           "exponential-utility or best-case")
      .add("--rho", c.rho, "R",
           "Price of bending the dynamics, method risk: 1 the posterior, large the true "
           "dynamics, below 0 the worst [1]")
      .add("--temperature", c.temperature, "A", "Reward units per nat")
      .add("--prior", c.prior, "NAME", "Prior over actions: uniform or counting")
      .add("--horizon", c.horizon, "T", "Number of decisions [infinite]")
      .add("--discount", c.discount, "G", "Discount [the process' own]")
      .add("--tolerance", c.tolerance, "E", "Certified error of the infinite horizon's values")
      .add_flag("--values", c.all_values, "JSON: values of every step")
      .add("--simulate", c.episodes, "N", "Also draw N episodes of the policy in the true world")
      .add("--picture", c.picture, "NAME", "SVG: value [default], tube, luck or gap");
}

/// The defaults are those of SoftActorCriticOptions.
void add_network(OptionList& list, NetworkArguments& n) {
  list.add("--hidden", n.hidden, "N,N,...", "sac: widths of the hidden layers [64,64]")
      .add("--actor-rate", n.actor_rate, "R", "sac: of Adam on the actor [0.001]")
      .add("--critic-rate", n.critic_rate, "R", "sac: of Adam on the critics [0.001]")
      .add("--batch", n.batch, "N", "sac: transitions per update [128]")
      .add("--replay-capacity", n.replay_capacity, "N", "sac: transitions remembered [1000000]")
      .add("--target-rate", n.target_rate, "T",
           "sac: share of the critics that their targets take over per update [0.005]")
      .add("--start-steps", n.start_steps, "N", "sac: steps before learning starts [1000]")
      .add("--updates", n.updates_per_step, "N", "sac: updates per step [1]")
      .add("--target-entropy", n.target_entropy, "H",
           "sac: nats that a learned temperature holds [-(action's components), log(actions) / 2]")
      .add("--initial-temperature", n.initial_temperature, "A",
           "sac: where a learned temperature starts [1]")
      .add("--temperature-rate", n.temperature_rate, "R", "sac: of Adam on it [0.001]");
}

void add_learning(OptionList& list, LearnArguments& l) {
  const std::vector<std::string> names = control::learning::learning_environment_names();
  list.add("environment", l.environment, "ENV|FILE",
           fmt::format("Environment ({}) or MDP file (.json)", fmt::join(names, ", ")))
      .required();
  add_tables(list, l.map, l.slippery);
  list.add_flag("--exploring-starts", l.exploring_starts, "Tables: episodes begin in any state")
      .add("--episode-limit", l.episode_limit, "T", "Truncate episodes [the published limit]")
      .add("--method", l.method, "NAME",
           "soft-q, policy-gradient (entropy in the return), entropy-bonus, path-consistency "
           "or sac (soft actor-critic, needs libtorch)")
      .add("--steps", l.steps, "N", "Steps of the environment in all")
      .add("--temperature", l.temperature, "A", "Reward units per nat [1; sac learns it]")
      .add("--discount", l.discount, "G", "Discount")
      .add("--prior", l.prior, "NAME", "Prior over actions: uniform or counting")
      .add("--learning-rate", l.learning_rate, "R", "Of the main step [the method's own]")
      .add("--exploration", l.exploration, "P",
           "soft-q, path-consistency: probability of acting by the prior [0.1]")
      .add("--curve", l.curve_path, "FILE", "Learning curve, .csv or .svg")
      .add("--curve-interval", l.curve_interval, "N", "Steps between its points")
      .add("--checkpoint", l.checkpoint_path, "FILE", "Where to save what --resume goes on from")
      .add("--checkpoint-interval", l.checkpoint_interval, "N",
           "Save every so many steps, too [at the end only]")
      .add("--resume", l.resume_path, "FILE", "Go on from a checkpoint of the same question");
  add_network(list, l.network);
}

}  // namespace

void add_tables(OptionList& list, std::string& map, std::optional<bool>& slippery) {
  list.add("--map", map, "MAP", "4x4, 8x8 or a text file")
      .add_choice(slippery, "--slippery", "Actions may slip", "--no-slippery",
                  "Actions never slip");
}

void add_control_options(OptionList& list, Arguments& a) {
  add_control(list, a.control);
  add_budget(list, a.engine);
  add_output(list, a.output, "text|json|svg");
  add_trace(list, a.output);
}

void add_learning_options(OptionList& list, Arguments& a) {
  add_learning(list, a.learn);
  list.add("--time-limit", a.engine.time_limit_seconds, "S", "Stop after so many seconds")
      .add("--memory-limit", a.engine.memory_limit, "SIZE", "As in 8GiB [80 % of what is free]")
      .add("--seed", a.engine.seed, "N", "Seed");
  add_output(list, a.output, "text|json");
}

void add_decision_options(OptionList& list, Arguments& a) {
  DecisionArguments& d = a.decision;
  list.add("model", a.model, "FILE",
           "Influence diagram or partially observed process (.json, .POMDP)")
      .required();
  list.add("--temperature", d.temperature, "A", "Utility units per nat of soft choices; 0: hard")
      .add_flag("--recall", d.recall, "Diagrams: decisions also see all earlier ones' information")
      .add("--horizon", d.horizon, "T", "Processes: number of decisions, required")
      .add("--memory", d.memory, "NAME", "Processes: what actions see: full, window or state")
      .add("--window", d.window, "N", "Processes: observations in a window [1]")
      .add("--discount", d.discount, "G", "Processes: discount [the process' own]")
      .add("--restarts", d.restarts, "N", "Starts of ascent where one sweep is not optimal")
      .add_flag("--naive", d.naive, "Also what conditioning on high utility believes and earns");
  add_budget(list, a.engine);
  add_output(list, a.output, "text|json");
}

}  // namespace credo::cli
