#pragma once
// The exact answer beside a learned one: what a learner would know with all the samples in the
// world.

#include <credo/models/control/learning/softmax.hpp>
#include <credo/models/control/solve.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace credo::control::learning {

/// What a learner's table holds.
enum class TableKind : std::uint8_t {
  policy,        ///< pi(a given s)
  action_value,  ///< Q(s, a)
};

/// What a policy is worth: means over p(s_1), units of reward. NaN when it never ends and nothing
/// discounts it.
struct PolicyWorth {
  /// E sum_t gamma^t (r_t - alpha log(pi / p)).
  double bound = kNaN;
  /// E sum_t gamma^t r_t.
  double expected_return = kNaN;
};

/// Method::clamped on the tables that episodes are drawn from, infinite horizon.
class ExactReference {
 public:
  /// Keeps a reference to the process. Cost: one solution.
  ExactReference(const Mdp& mdp, const Objective& objective, const InferOptions& infer = {});

  [[nodiscard]] bool ok() const noexcept { return message_.empty(); }
  /// Why there is none: the engine's message; "" when there is.
  [[nodiscard]] const std::string& message() const noexcept { return message_; }

  /// Q(s, a), states x actions.
  [[nodiscard]] std::span<const double> action_value() const noexcept { return action_value_; }
  /// pi(a given s), states x actions.
  [[nodiscard]] std::span<const double> policy() const noexcept { return policy_; }
  /// V(s).
  [[nodiscard]] std::span<const double> value() const noexcept { return value_; }

  /// Largest difference of a table over the states that can be reached from p(s_1), available
  /// actions, ends excepted; NaN when the table is empty or there is no reference.
  /// Both throw OptionError on a table of another length.
  [[nodiscard]] double error_of(std::span<const double> table, TableKind kind) const;
  /// NaN when the policy is empty.
  [[nodiscard]] PolicyWorth worth_of(std::span<const double> policy) const;

 private:
  const Mdp* mdp_;
  Objective objective_;
  std::string message_;
  std::vector<double> action_value_;
  std::vector<double> policy_;
  std::vector<double> value_;
  /// States that can be reached and are not terminal.
  std::vector<std::size_t> reached_;
};

}  // namespace credo::control::learning
