#pragma once
// The independent components of a q with continuous variables, and what each has to solve.
// Internal.

#include <credo/inference/variational/gaussian_shares.hpp>
#include <credo/inference/variational/gaussian_sweep.hpp>

#include <cstddef>
#include <optional>
#include <vector>

namespace credo::variational {

/// Where a component is in its scores.
struct FieldPlace {
  std::size_t score = 0;
  std::size_t part = 0;
};

/// The family of one component: its own scores, then an averaged one for every place.
struct LocalFamily {
  GaussianProblem problem;
  std::size_t own_scores = 0;
  std::optional<SweepPlan> plan;
  std::vector<VariableId> order;  ///< where there is no plan
  MomentPlan moments;
  std::vector<std::vector<std::size_t>> read;  ///< by node: places whose moments are taken there
};

struct FieldComponent {
  std::vector<std::size_t> nodes;  ///< increasing
  std::vector<FieldPlace> places;
  bool optimised = false;
  bool continuous = false;
  double cost = 0.0;                 ///< its share of L beside that of the scores at its places
  std::optional<LocalFamily> local;  ///< nothing for a single conditional
};

/// Components of the graph of conditionals, numbered by their first nodes.
struct FieldLayout {
  std::vector<std::size_t> component_of;  ///< by node
  std::vector<FieldComponent> components;
  std::vector<SharedScore> scores;
  double constant = 0.0;  ///< of scores without variables
  double constant_violations = 0.0;
};

/// Throws Breakdown where a shared kernel has no density, or a component is not soluble.
[[nodiscard]] FieldLayout make_field_layout(const GaussianProblem& problem);

}  // namespace credo::variational
