#include <credo/core/error.hpp>
#include <credo/models/control/learning/episode.hpp>

#include <fmt/format.h>

#include <cstdint>

// Rows of equal length are stored one after the other; their number is that of the actions.

namespace credo::control::learning {

void save_episode(CheckpointWriter& out, const std::string& name,
                  std::span<const Decision> episode) {
  std::vector<double> observations;
  std::vector<double> log_priors;
  std::vector<std::uint64_t> actions;
  std::vector<double> rewards;
  for (const Decision& d : episode) {
    const Situation& s = d.situation;
    observations.insert(observations.end(), s.observation.begin(), s.observation.end());
    log_priors.insert(log_priors.end(), s.log_prior.begin(), s.log_prior.end());
    actions.push_back(d.action);
    rewards.push_back(d.reward);
  }
  out.numbers(name + ".observations", observations);
  out.numbers(name + ".log_priors", log_priors);
  out.counts(name + ".actions", actions);
  out.numbers(name + ".rewards", rewards);
}

Episode load_episode(const CheckpointReader& in, const std::string& name,
                     const Environment& environment, const FeatureMap& features) {
  const Space& space = environment.facts().observations;
  const std::size_t width = space.dimension();
  const std::size_t choices = environment.facts().actions.count;
  const std::vector<std::uint64_t> actions = in.counts(name + ".actions");
  const std::vector<double> rewards = in.numbers(name + ".rewards", actions.size());
  const auto observations = in.numbers(name + ".observations", actions.size() * width);
  const auto log_priors = in.numbers(name + ".log_priors", actions.size() * choices);
  Episode episode(actions.size());
  for (std::size_t t = 0; t < episode.size(); ++t) {
    Decision& d = episode[t];
    const std::span<const double> observation(observations.data() + t * width, width);
    if (actions[t] >= choices || !space.contains(observation)) {
      in.refuse(name + " is of another environment");
    }
    d.situation.observation.assign(observation.begin(), observation.end());
    d.situation.features = features(observation);
    const auto row = log_priors.begin() + static_cast<std::ptrdiff_t>(t * choices);
    d.situation.log_prior.assign(row, row + static_cast<std::ptrdiff_t>(choices));
    d.action = actions[t];
    d.reward = rewards[t];
  }
  return episode;
}

void require_episodes(const Environment& environment, std::string_view method) {
  const Mdp* const tables = environment.process();
  if (environment.facts().time_limit || tables == nullptr || !tables->terminal().empty()) return;
  throw OptionError(
      fmt::format("{}: {} has no terminal state, and its episodes no end; give it a time limit",
                  method, environment.facts().name));
}

}  // namespace credo::control::learning
