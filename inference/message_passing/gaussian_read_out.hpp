#pragma once
// Answers in the graph's own coordinates, read off Gaussian messages.

#include <credo/inference/message_passing/gaussian_messages.hpp>
#include <credo/inference/message_passing/gaussian_network.hpp>
#include <credo/inference/query.hpp>
#include <credo/inference/result.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace credo::message_passing {

/// The message from one node to another; kNoNode where they are not neighbours.
[[nodiscard]] std::uint32_t message_between(const GaussianNetwork& network, std::uint32_t from,
                                            std::uint32_t to);

/// Borrows everything. The means are at `point`, the messages' beliefs were read.
struct GaussianReadOut {
  const FactorGraph& graph;
  const GaussianNetwork& network;
  GaussianMessages& messages;
  std::span<const std::size_t> states;  ///< of the discrete variables
  std::span<const double> point;

  [[nodiscard]] std::vector<double> value(VariableId v) const;
  /// One vector per variable, empty for discrete ones.
  [[nodiscard]] std::vector<std::vector<double>> values() const;
  /// Marginals and joints of the query. False where the belief of a pair broke.
  [[nodiscard]] bool fill(const Query& query, Result& result) const;

 private:
  void fill_one(VariableId v, Result& result) const;
  [[nodiscard]] bool fill_block(GaussianMarginal& marginal, std::size_t a, std::size_t b) const;
  [[nodiscard]] bool joint(GaussianMarginal& marginal) const;
};

}  // namespace credo::message_passing
