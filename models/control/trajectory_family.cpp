#include <credo/core/error.hpp>
#include <credo/core/numerics.hpp>
#include <credo/models/control/backup.hpp>
#include <credo/models/control/trajectory_family.hpp>

#include <fmt/format.h>

#include <cmath>
#include <optional>

// The table of methods as kinds of conditionals. A state held to the transition takes its factor
// out of the scores: that is the whole difference between acting and hoping (Levine 2018,
// arXiv:1805.00909, section 3).

namespace credo::control {
namespace {

/// The factor that is marked as the conditional of v, if there is one.
std::optional<FactorId> conditional_factor(const FactorGraph& graph, VariableId v) {
  for (const FactorId f : graph.factors_of(v)) {
    if (graph.factor(f).child == v) return f;
  }
  return std::nullopt;
}

void add_state(const Trajectory& trajectory, double rho, std::size_t t, Family& family) {
  const VariableId s = trajectory.states[t];
  if (const auto factor = conditional_factor(trajectory.graph, s)) {
    family.charge(*factor, rho);
    return;
  }
  if (!std::isinf(rho)) {
    throw ModelError(fmt::format(
        "make_family: the transition to {} has unavailable actions, so it is not a conditional "
        "that can be charged; give these actions a reward instead",
        trajectory.graph.variable(s).name));
  }
  family.clamp(s, {trajectory.states[t - 1], trajectory.actions[t - 1]}, trajectory.transition);
}

}  // namespace

Family make_family(const Trajectory& trajectory, Method method, double rho) {
  if (method == Method::map || method == Method::mmap || method == Method::best_case) {
    throw OptionError(
        fmt::format("make_family: method {} is not a variational family", method_name(method)));
  }
  const Backup backup = backup_of(method, rho);
  Family family(trajectory.graph);
  for (std::size_t t = 0; t < trajectory.states.size(); ++t) {
    if (method == Method::posterior) {
      family.free(trajectory.states[t],
                  t == 0 ? Scope{} : Scope{trajectory.states[t - 1], trajectory.actions[t - 1]});
    } else {
      add_state(trajectory, backup.rho, t, family);
    }
    if (t == trajectory.actions.size()) break;
    if (backup.choice == ChoiceKind::arg_max) {
      family.arg_max(trajectory.actions[t], {trajectory.states[t]});
    } else {
      family.free(trajectory.actions[t], {trajectory.states[t]});
    }
  }
  return family;
}

}  // namespace credo::control
