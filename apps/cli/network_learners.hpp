#pragma once
// Learners with networks. Loading libtorch takes a good third of a second, which only they should
// cost: the program credo is linked without it, and its twin credo-torch with it.

#include <credo/models/control/learning/learners.hpp>

#include <chrono>
#include <string_view>
#include <vector>

namespace credo::cli {

inline constexpr std::string_view kTwin = "credo-torch";

/// Those this program is linked with.
[[nodiscard]] std::vector<control::learning::Learner> network_learners();

/// Becomes the twin beside this program, with the same command line. Returns when there is none, or
/// when this is the twin.
void run_with_networks();

/// Seconds since a program became this one, its loading included, which its own clock has not seen;
/// 0 when none did.
[[nodiscard]] double seconds_before_start();

/// Where the one leaves the time for the other: its process number and its steady clock.
inline constexpr std::string_view kStartVariable = "CREDO_BECAME_TWIN";
[[nodiscard]] inline double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace credo::cli
