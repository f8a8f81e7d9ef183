#include "control_report.hpp"
#include "output.hpp"

#include <credo/core/error.hpp>
#include <credo/models/control/drawing.hpp>
#include <credo/models/control/drawing_messages.hpp>

#include <fmt/format.h>

namespace credo::cli {
namespace {

constexpr std::size_t kMostFrames = 4;

std::string tube(const control::Mdp& mdp, const control::ControlSolution& solution,
                 const InferOptions& limits, const Stopwatch& since_start) {
  const control::Posterior& posterior = *solution.posterior;
  const std::vector<std::size_t> steps = control::telling_steps(mdp, posterior, kMostFrames);
  // Without the time for all policies, without the panel of where they lead.
  const auto policies = all_policies(solution, "--picture tube", limits, since_start);
  return control::tube_svg(mdp, policies ? control::tube_frames(mdp, posterior, steps, *policies)
                                         : control::tube_frames(mdp, posterior, steps));
}

std::string gap(const control::ControlSolution& solution, const ControlArguments& c) {
  const control::GapBar bar{c.method, solution.log_z, solution.elbo, solution.gap};
  return control::gap_svg(fmt::format("{}: log Z and the bound, in nats", c.environment),
                          std::span(&bar, 1));
}

}  // namespace

void check_picture(const ControlArguments& c) {
  if (c.picture.empty()) {
    return;
  }
  const std::string picture =
      require_one_of("--picture", c.picture, {"value", "tube", "luck", "gap"});
  if (picture == "tube" && (c.method != "posterior" || !c.horizon)) {
    throw OptionError("--picture tube shows the messages of --method posterior with a --horizon");
  }
}

std::string control_picture(const control::Mdp& mdp, const control::ControlSolution& solution,
                            const ControlArguments& c, const InferOptions& limits,
                            const Stopwatch& since_start) {
  if (c.picture == "tube") {
    return tube(mdp, solution, limits, since_start);
  }
  if (c.picture == "luck") {
    const auto arrows = control::luck_arrows(mdp, solution.policy(), solution.dynamics());
    return control::luck_svg(
        mdp, arrows,
        solution.method == control::Method::posterior ? "given success" : "as the method believes");
  }
  if (c.picture == "gap") {
    return gap(solution, c);
  }
  return control::value_svg(mdp, solution.value(), solution.policy());
}

}  // namespace credo::cli
