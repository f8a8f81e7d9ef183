#pragma once
// Learners with networks. Loading libtorch takes a good third of a second, which only they should
// cost: the program credo is linked without it, and its twin credo-torch with it.

#include <credo/models/control/learning/learners.hpp>

#include <string_view>
#include <vector>

namespace credo::cli {

inline constexpr std::string_view kTwin = "credo-torch";

/// Those this program is linked with.
[[nodiscard]] std::vector<control::learning::Learner> network_learners();

/// Becomes the twin beside this program, with the same command line. Returns when there is none, or
/// when this is the twin.
void run_with_networks();

}  // namespace credo::cli
