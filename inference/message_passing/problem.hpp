#pragma once
// A question to message passing before numbers: its graph, counting numbers, constraints, tables,
// and what it will need.

#include <credo/inference/message_passing/factor_rule.hpp>
#include <credo/inference/message_passing/message_passing.hpp>
#include <credo/inference/message_passing/message_range.hpp>

#include <string>

namespace credo::message_passing {

/// Borrows graph, evidence and options. Not movable: the tables refer to the edges.
struct Problem {
  /// Throws OptionError on counting numbers that do not fit, ModelError on constraints that no
  /// factor's rule can express.
  Problem(const FactorGraph& graph, const Evidence& evidence, const MessagePassingOptions& options);
  Problem(const Problem&) = delete;
  Problem& operator=(const Problem&) = delete;

  Entropies entropies;
  EdgeGraph edges;
  Constraints constraints;
  PreparedTables tables;
  MessageRange range;
  /// Two sweeps make every message final.
  bool two_sweeps = false;
  /// With constraints: why the best beliefs may lie outside the family; "" when they cannot.
  std::string outside_family;
  /// Peak bytes, and multiplications of one iteration.
  double bytes = 0.0;
  double operations = 0.0;

  /// Why it does not fit.
  [[nodiscard]] std::string describe_need(double limit_bytes) const;

 private:
  [[nodiscard]] bool points_away_from_roots() const;
  void predict(const FactorGraph& graph, const MessagePassingOptions& options);
};

}  // namespace credo::message_passing
