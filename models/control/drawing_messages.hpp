#pragma once
// Pictures of what an inference about control says: the tube of the messages, the luck in the
// dynamics, the gap between bound and log Z. Everything is computed elsewhere and drawn here.

#include <credo/models/control/mdp.hpp>
#include <credo/models/control/posterior.hpp>
#include <credo/models/control/solve.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace credo::control {

/// The messages that meet in one state variable. Vectors have at least one entry per state.
struct TubeFrame {
  /// "step 5"
  std::string caption;
  /// Proportional to p(s_t | o_{1:t-1}): can be here. Linear domain.
  std::vector<double> forward;
  /// log p(o_{t:T} | s_t) up to a constant: can do well from here. Natural logarithm.
  std::vector<double> log_backward;
  /// Empty, or where a policy really is at this step. Linear domain.
  std::vector<double> occupancy;
};

/// forward x exp(log_backward), scaled to sum to 1 over the states of the process: p(s_t | o_{1:T})
/// given that the trajectory has not ended in the sink. All zero when the product is.
[[nodiscard]] std::vector<double> tube_product(const Mdp& mdp, const TubeFrame& frame);

/// The frames of some steps, 0-based. With policies (one per step) the last panel is their
/// occupancy under the true dynamics. Throws QueryError on an infinite horizon and on steps that
/// are not below T.
[[nodiscard]] std::vector<TubeFrame> tube_frames(
    const Mdp& mdp, const Posterior& posterior, std::span<const std::size_t> steps,
    std::span<const std::vector<double>> policies = {});

/// At most `most` steps, evenly spaced from 0 to where p(the trajectory has ended | o) reaches
/// 0.99, or to the last one.
[[nodiscard]] std::vector<std::size_t> telling_steps(const Mdp& mdp, const Posterior& posterior,
                                                     std::size_t most);

/// One row of panels per frame: forward, backward (a logarithmic scale), their product, and the
/// occupancy where there is one. Without a layout: bars, one per state, of the 40 states where the
/// products are largest. A complete SVG document.
[[nodiscard]] std::string tube_svg(const Mdp& mdp, std::span<const TubeFrame> frames);
/// The same as shades, panels side by side; the backward message as its share of the range of
/// logarithms. Grids only; otherwise the products, one line per state.
[[nodiscard]] std::string tube_text(const Mdp& mdp, std::span<const TubeFrame> frames);

/// What one action can lead to, in truth and given success.
struct LuckArrow {
  std::size_t state = 0;
  std::size_t action = 0;
  std::size_t next = 0;
  double true_probability = 0.0;   ///< p(s' | s, a)
  double lucky_probability = 0.0;  ///< p(s' | s, a, o)
};

/// All successors of the most likely action (the first of equals) of every state that does not end,
/// or of action[s] when given (one per state). policy is states x actions; dynamics, those of a
/// posterior, hold every successor of every available pair, the sink of a discount maybe included
/// (it is left out here).
[[nodiscard]] std::vector<LuckArrow> luck_arrows(const Mdp& mdp, std::span<const double> policy,
                                                 std::span<const DynamicsEntry> dynamics,
                                                 std::span<const std::size_t> action = {});

/// Per state, KL(p(s' | s, a, o), p(s' | s, a)) in nats over the arrows: how surprising the luck
/// is that the posterior counts on.
[[nodiscard]] std::vector<double> luck_nats(const Mdp& mdp, std::span<const LuckArrow> arrows);

/// Per cell: the true dynamics of the action in grey, the lucky ones in red, both as long as they
/// are likely, and the nats of luck as the cell's colour. Staying is a disc and a ring; what leads
/// farther than a neighbour is dashed. Small cells: the colour only. Without a layout: two bars per
/// successor, of the 40 luckiest states; the title says how many there are. believed: what the
/// second dynamics are, for the legend. A complete SVG document.
[[nodiscard]] std::string luck_svg(const Mdp& mdp, std::span<const LuckArrow> arrows,
                                   std::string_view believed = "given success");

/// log Z = bound + initial + policy + dynamics, all in nats.
struct GapBar {
  std::string name;
  double log_z = kNaN;
  /// L(q) <= log_z; -infinity allowed.
  double bound = kNaN;
  Gap gap;
};

/// One line per bar: the bound, the three parts stacked up to log Z. A complete SVG document.
[[nodiscard]] std::string gap_svg(const std::string& title, std::span<const GapBar> bars);

}  // namespace credo::control
