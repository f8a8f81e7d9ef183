#pragma once
// Messages on a Gaussian Markov network, and the beliefs they make.

#include <credo/inference/contraction/monitor.hpp>
#include <credo/inference/gaussian/front_kernel.hpp>
#include <credo/inference/message_passing/gaussian_network.hpp>
#include <credo/inference/message_passing/iteration.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace credo::message_passing {

/// A precision that is not positive, or too small for its digits.
struct BrokenPrecision {
  std::uint32_t node = kNoNode;
  /// Whose message was left out; kNoNode: the precision of the belief.
  std::uint32_t without = kNoNode;
  double smallest = kNaN;  ///< eigenvalue; its own block of J has eigenvalues 1
};

/// A message to z is exp(-z' P z / 2 + l' z), zero in the beginning. Borrows everything. What
/// returns false met a precision that broke (broken()) or numbers that left the range of doubles.
/// Throws contraction::Stopped.
class GaussianMessages {
 public:
  GaussianMessages(const GaussianNetwork& network, const IterationOptions& options,
                   contraction::Monitor& monitor);

  /// Another gradient of log p~ (of the same J): precisions stay, linear parts start from zero.
  /// Where it is small, so is what counts as a change of a linear part.
  void set_gradient(std::vector<double> gradient);

  /// From the leaves to the roots and back: final on a forest.
  [[nodiscard]] bool two_sweeps();
  /// Renews until no message changes by more than the tolerance (converged()), or at most
  /// `iterations` times. `observe` is called after every iteration.
  [[nodiscard]] bool iterate(MessageSchedule schedule, std::size_t iterations,
                             const std::function<void()>& observe);
  [[nodiscard]] bool converged() const { return converged_; }
  /// One per iteration: the largest change in a precision (halved) or a linear part, the latter
  /// relative to the gradient where that is below 1.
  [[nodiscard]] const std::vector<double>& residuals() const { return residuals_; }
  [[nodiscard]] const BrokenPrecision& broken() const { return broken_; }

  /// Means and covariances of z from the messages, and Bethe's log det J in whitened coordinates.
  [[nodiscard]] bool read_beliefs();
  [[nodiscard]] const std::vector<double>& means() const { return means_; }
  [[nodiscard]] std::span<const double> covariance(std::uint32_t node) const;
  [[nodiscard]] double log_determinant() const { return log_determinant_; }
  /// Of z_tail, then z_head of a message, row-major; empty where the belief broke.
  [[nodiscard]] std::vector<double> pair_covariance(std::uint32_t message);

 private:
  void gather(std::uint32_t node);
  void fill_cavity(std::uint32_t message, std::size_t order, std::size_t offset);
  [[nodiscard]] bool factorise(std::uint32_t size, std::uint32_t separator, BrokenPrecision where);
  [[nodiscard]] bool compute(std::uint32_t message);
  [[nodiscard]] double store(std::uint32_t message, std::vector<double>& precision,
                             std::vector<double>& linear);
  [[nodiscard]] bool send(std::uint32_t message);
  [[nodiscard]] bool renew_node(std::uint32_t node, bool in_place);
  [[nodiscard]] bool one_iteration(MessageSchedule schedule, std::size_t done);
  [[nodiscard]] bool iterate_by_priority(std::size_t iterations,
                                         const std::function<void()>& observe);
  [[nodiscard]] bool finish_iteration(const std::function<void()>& observe);
  [[nodiscard]] double threshold() const;
  void check(std::uint32_t node);

  const GaussianNetwork& network_;
  const IterationOptions& options_;
  contraction::Monitor& monitor_;
  std::vector<std::uint64_t> precision_at_;  ///< per message, into precision_
  std::vector<std::uint32_t> linear_at_;
  std::vector<double> precision_;
  std::vector<double> linear_;
  std::vector<double> next_precision_;  // parallel: of the next iteration
  std::vector<double> next_linear_;
  std::vector<double> gradient_;
  double linear_weight_ = 1.0;       ///< 1 / the largest entry of the gradient, at least 1
  std::vector<std::uint32_t> rank_;  ///< of a node in the network's order
  std::vector<std::uint32_t> identity_;
  // Of the node that was gathered, and of the message that was computed.
  std::vector<double> total_;
  std::vector<double> total_linear_;
  std::vector<double> lost_;  // digits of both
  std::vector<double> square_;
  std::vector<double> gain_;
  std::vector<double> core_;
  std::vector<double> new_precision_;
  std::vector<double> new_linear_;
  gaussian::Pivots pivots_;
  std::vector<double> changes_;  // of the messages of the node that was renewed last
  std::vector<double> means_;
  std::vector<double> covariances_;
  double log_determinant_ = kNaN;
  std::vector<double> residuals_;
  double residual_ = 0.0;
  double largest_linear_ = 0.0;
  std::size_t work_since_check_ = 0;
  bool converged_ = false;
  BrokenPrecision broken_;
};

}  // namespace credo::message_passing
