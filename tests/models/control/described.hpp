#pragma once
// A process back as what it is made from, to be changed and made again.

#include <credo/models/control/mdp.hpp>

#include <cstddef>

namespace described {

inline credo::control::MdpDescription description_of(const credo::control::Mdp& mdp) {
  credo::control::MdpDescription d;
  d.states = mdp.state_count();
  d.actions = mdp.action_count();
  d.initial.assign(mdp.initial().begin(), mdp.initial().end());
  d.terminal.assign(mdp.terminal().begin(), mdp.terminal().end());
  d.discount = mdp.discount();
  d.final_reward.assign(mdp.final_reward().begin(), mdp.final_reward().end());
  for (std::size_t s = 0; s < d.states; ++s) {
    for (std::size_t a = 0; a < d.actions; ++a) {
      for (const auto& o : mdp.outcomes(s, a)) {
        d.transitions.push_back({s, a, o.next, o.probability, o.reward});
      }
    }
  }
  return d;
}

/// The same with every line changed.
template <typename Change>
credo::control::Mdp with_transitions(const credo::control::Mdp& mdp, const Change& change) {
  credo::control::MdpDescription d = description_of(mdp);
  for (auto& line : d.transitions) change(line);
  return credo::control::Mdp(std::move(d));
}

}  // namespace described
