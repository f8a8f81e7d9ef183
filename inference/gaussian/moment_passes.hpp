#pragma once
// The two passes of moment matching over its tree of clusters.

#include <credo/inference/contraction/monitor.hpp>
#include <credo/inference/gaussian/moment_cluster.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace credo::gaussian {

/// What was replaced.
struct MomentLoss {
  /// Mixtures of different Gaussians replaced by one on the way up.
  std::size_t collapses = 0;
  std::size_t largest_mixture = 0;
  /// The largest bound of KL(mixture, Gaussian) of one of them, in nats.
  double largest_bound = 0.0;
  /// Messages on the way down whose mixtures could not be reweighed, because a component would
  /// have had no integral: their shares are those at the posterior's mean.
  std::size_t not_reweighed = 0;
};

/// A cluster's posterior: one Gaussian per joint state, over all its continuous variables; the
/// weights sum to 1.
using ClusterPosterior = std::function<void(std::uint32_t step, MomentCluster& cluster,
                                            const std::vector<WeightedGaussian>& components)>;

class MomentPasses {
 public:
  MomentPasses(const FactorGraph& graph, const MomentProblem& problem, const MomentPlan& plan,
               contraction::Monitor& monitor);

  /// The way up: log Z, natural logarithm; -infinity when some message is zero. A factor that
  /// outweighs all others leaves its name in culprit().
  double collect();
  /// The way down, from roots to leaves, after a collect() above -infinity.
  void distribute(const ClusterPosterior& visit);

  [[nodiscard]] const std::string& culprit() const noexcept { return cluster_.culprit(); }
  /// Whether some log weight left the range of doubles: a zero may then be none.
  [[nodiscard]] bool overflowed() const noexcept { return overflowed_; }
  /// Whether some state was given weight zero because an observation contradicts what only rounding
  /// made certain: a zero in all proves nothing then.
  [[nodiscard]] bool doubtful() const noexcept { return doubtful_; }
  [[nodiscard]] const MomentLoss& loss() const noexcept { return loss_; }

 private:
  bool send_up(std::uint32_t step);
  void posterior_of(std::uint32_t step, std::vector<WeightedGaussian>& components);
  template <typename Use>
  bool for_each_component(std::uint32_t step, std::size_t separator_state, Use&& use);
  void keep_conditionals(std::uint32_t step, std::size_t separator_state,
                         std::vector<WeightedGaussian>& components);
  bool reweigh(std::uint32_t step, std::size_t separator_state,
               std::vector<WeightedGaussian>& components);
  void share_at_mean(std::uint32_t step, std::size_t separator_state,
                     std::vector<WeightedGaussian>& components);
  void send_down(std::uint32_t step, const std::vector<WeightedGaussian>& components);

  const MomentPlan& plan_;
  contraction::Monitor& monitor_;
  bool overflowed_ = false;
  bool doubtful_ = false;
  std::vector<MomentMessage> up_;
  std::vector<MomentMessage> down_;  ///< posterior of the separator, weights relative
  MomentCluster cluster_;
  MomentLoss loss_;
  std::vector<std::vector<char>> mixed_;  ///< per step and state: a mixture was replaced
};

}  // namespace credo::gaussian
