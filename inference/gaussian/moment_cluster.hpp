#pragma once
// The numbers of one cluster of moment matching: for a joint state of its discrete variables the
// product of its potentials and messages, as one Gaussian.

#include <credo/inference/gaussian/moment_gaussian.hpp>
#include <credo/inference/gaussian/moment_plan.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace credo::gaussian {

/// One Gaussian per joint state of the discrete variables that stay.
using MomentMessage = std::vector<WeightedGaussian>;

/// Borrows everything; messages: per step, those of earlier steps filled.
class MomentCluster {
 public:
  MomentCluster(const FactorGraph& graph, const MomentProblem& problem, const MomentPlan& plan,
                const std::vector<MomentMessage>& messages);

  /// The cluster of a step; evaluate() is about it.
  void enter(std::uint32_t step);
  /// The product for a joint state, row-major over the step's discrete variables. Impossible: it is
  /// zero. Diverges: culprit() says which factor.
  [[nodiscard]] Absorbed evaluate(std::size_t state);
  [[nodiscard]] MomentGaussian& gaussian() { return *gaussian_; }
  [[nodiscard]] const std::string& culprit() const noexcept { return culprit_; }

  /// Scalars of variables of the cluster.
  [[nodiscard]] std::vector<std::uint32_t> positions(std::span<const VariableId> variables) const;
  /// Every variable's state, of the last evaluate() or of the joint state given.
  [[nodiscard]] const std::vector<std::size_t>& states() const noexcept { return states_; }
  void choose(std::size_t state);
  /// Index of the last chosen joint state among those of variables of the cluster.
  [[nodiscard]] std::size_t index_of(std::span<const VariableId> variables) const;
  /// log of the potentials without unknown variables.
  [[nodiscard]] double log_constant();

 private:
  struct Input {
    const Potential* potential = nullptr;
    Places places;
    FormRows rows;
    Places own;  ///< of a grounding: others, then own
    Places others;
  };

  [[nodiscard]] Input bind(const Potential& potential) const;
  [[nodiscard]] double log_discrete(const Potential& potential) const;
  [[nodiscard]] Absorbed absorb_messages();
  [[nodiscard]] Absorbed absorb(const Input& input);

  const FactorGraph& graph_;
  const MomentProblem& problem_;
  const MomentPlan& plan_;
  const std::vector<MomentMessage>& messages_;
  const MomentStep* step_ = nullptr;
  std::vector<Input> inputs_;
  std::vector<std::vector<std::uint32_t>> child_positions_;
  std::optional<MomentGaussian> gaussian_;
  std::vector<std::size_t> states_;
  std::vector<std::size_t> digit_;    ///< per variable: which of its permitted states
  std::vector<std::uint32_t> first_;  ///< per variable: first scalar in the cluster
  std::string culprit_;
};

}  // namespace credo::gaussian
