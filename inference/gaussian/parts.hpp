#pragma once
// A graph with continuous variables, cut where discrete variables separate it.

#include <credo/core/evidence.hpp>
#include <credo/inference/contraction/monitor.hpp>
#include <credo/inference/gaussian/engine.hpp>
#include <credo/inference/infer.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace credo::gaussian {

/// Continuous variables that hang together through Gaussian factors, or one Gaussian factor whose
/// continuous variables are observed. Given its discrete neighbours it is one Gaussian integral.
struct Part {
  /// Discrete neighbours that no hard finding fixes.
  Scope discrete;
  /// Continuous variables, unobserved.
  std::vector<VariableId> variables;
  /// Factors whose continuous variables are all observed.
  std::vector<GaussianFactorId> fixed;
  /// Nothing where there are no variables.
  std::optional<Engine> engine;
  /// Of a part without discrete neighbours: solved, and with covariances.
  bool solved = false;
  bool spread = false;
};

struct Parts {
  /// States of every variable that the evidence permits; {0} for continuous ones.
  std::vector<std::vector<std::size_t>> permitted;
  std::vector<Part> parts;
  /// Scalars of the graph: values of observed variables, 0 elsewhere.
  std::vector<double> observed;
  std::vector<std::uint32_t> scalar_of;
  /// Why strong elimination costs too much; empty when it does not.
  std::string refusal;
};

/// The parts of no discrete neighbour are one part, the first. `joints` of continuous variables are
/// kept in one front each. Plans, predicts, loads.
[[nodiscard]] Parts split_into_parts(const FactorGraph& graph, const Evidence& evidence,
                                     const std::vector<Scope>& joints, const InferOptions& options,
                                     contraction::Monitor& monitor);

/// log of a part's integral for the states of its discrete variables; its engine is left solved.
[[nodiscard]] Solution solve_part(const FactorGraph& graph, const Parts& parts, Part& part,
                                  const std::vector<std::size_t>& states,
                                  contraction::Monitor& monitor);

/// Number of joint states of a part's discrete variables.
[[nodiscard]] double joint_states(const Parts& parts, const Part& part);

/// Calls visit(states) for every permitted joint state of a part's discrete variables; states has
/// one entry per variable, and those of other variables stay.
template <typename Visit>
void for_each_state(const Parts& parts, const Part& part, std::vector<std::size_t> states,
                    Visit&& visit) {
  std::vector<std::size_t> position(part.discrete.size(), 0);
  for (const VariableId v : part.discrete) states[v] = parts.permitted[v].front();
  for (;;) {
    visit(states);
    std::size_t i = part.discrete.size();
    while (i-- > 0) {
      const VariableId v = part.discrete[i];
      position[i] = position[i] + 1 < parts.permitted[v].size() ? position[i] + 1 : 0;
      states[v] = parts.permitted[v][position[i]];
      if (position[i] != 0) break;
    }
    if (i == static_cast<std::size_t>(-1)) return;
  }
}

}  // namespace credo::gaussian
