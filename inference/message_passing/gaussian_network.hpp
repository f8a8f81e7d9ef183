#pragma once
// The Markov network of a Gaussian posterior: log p~(x) = constant + h' x - x' J x / 2 over the
// unobserved continuous variables, one node each; an edge where a block of J is not zero.

#include <credo/core/evidence.hpp>
#include <credo/core/factor_graph.hpp>
#include <credo/inference/gaussian/local_form.hpp>
#include <credo/inference/result.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace credo::message_passing {

inline constexpr std::uint32_t kNoNode = std::numeric_limits<std::uint32_t>::max();

struct GaussianNode {
  VariableId variable = 0;
  std::uint32_t dimension = 0;
  std::uint32_t first = 0;   ///< first of its scalars among those of all nodes
  std::uint64_t square = 0;  ///< offset of dimension^2 numbers
};

struct GaussianEdge {
  std::uint32_t low = 0;
  std::uint32_t high = 0;
  std::uint64_t coupling = 0;  ///< into couplings(): dimension(low) x dimension(high), row-major
};

/// What loading the numbers found; message where the status is not ok.
struct Loaded {
  Status status = Status::ok;
  std::string message;
};

/// A node's coordinates are whitened, x_i = whitening_i' z_i, so that its own block of J is the
/// identity: variables of any scale stand side by side.
class GaussianNetwork {
 public:
  /// Nodes and edges. Borrows the graph.
  GaussianNetwork(const FactorGraph& graph, const Evidence& evidence);

  /// J, by the entries of the states of all discrete variables. refused where a factor has no
  /// precision or a block of J is not positive definite (naming it), impossible_evidence where a
  /// factor is zero. Edges whose block of J is zero go.
  [[nodiscard]] Loaded load(std::span<const std::size_t> states);

  [[nodiscard]] const FactorGraph& graph() const { return graph_; }
  [[nodiscard]] std::span<const GaussianNode> nodes() const { return nodes_; }
  [[nodiscard]] std::span<const GaussianEdge> edges() const { return edges_; }
  /// kNoNode for variables that are none.
  [[nodiscard]] std::uint32_t node_of(VariableId v) const { return node_of_[v]; }
  [[nodiscard]] std::size_t scalar_count() const { return scalar_count_; }
  [[nodiscard]] std::size_t square_count() const { return square_count_; }

  /// Message m goes along edge m / 2, to its high node where m is even; m ^ 1 is its opposite.
  [[nodiscard]] std::uint32_t head(std::uint32_t m) const {
    return m % 2 == 0 ? edges_[m / 2].high : edges_[m / 2].low;
  }
  [[nodiscard]] std::uint32_t tail(std::uint32_t m) const { return head(m ^ 1U); }
  /// Messages into a node.
  [[nodiscard]] std::span<const std::uint32_t> into(std::uint32_t node) const {
    return std::span(into_).subspan(first_into_[node], first_into_[node + 1] - first_into_[node]);
  }
  /// Nodes breadth first, component after component, and the message of each to its parent (kNoNode
  /// at a root).
  [[nodiscard]] std::span<const std::uint32_t> order() const { return order_; }
  [[nodiscard]] std::uint32_t to_parent(std::uint32_t node) const { return to_parent_[node]; }
  [[nodiscard]] bool is_forest() const { return is_forest_; }

  /// The whitened block of J between head (row) and tail (column) of a message.
  [[nodiscard]] double coupling(std::uint32_t message, std::size_t row, std::size_t column) const {
    const GaussianEdge& edge = edges_[message / 2];
    const std::size_t width = nodes_[edge.high].dimension;
    return couplings_[edge.coupling +
                      (message % 2 == 0 ? column * width + row : row * width + column)];
  }
  [[nodiscard]] std::span<const double> couplings() const { return couplings_; }
  /// log det of the blocks of J on the diagonal: what whitening divided by.
  [[nodiscard]] double log_determinant_of_blocks() const { return log_determinant_; }

  /// Where the observed variables are, 0 for the others: a number for every continuous scalar.
  [[nodiscard]] const std::vector<double>& observed() const { return observed_; }
  /// First scalar of a continuous variable in a point.
  [[nodiscard]] std::uint32_t scalar_of(VariableId v) const { return scalar_of_[v]; }
  /// log of the product of the factors at a point; gradient: with respect to z, over the nodes.
  [[nodiscard]] double evaluate(std::span<const double> point, std::vector<double>& gradient) const;
  /// point += whitening' z, node by node.
  void move(std::span<double> point, std::span<const double> z) const;
  /// whitening_a' block whitening_b: a covariance of z as one of x.
  [[nodiscard]] std::vector<double> unwhiten(std::uint32_t a, std::uint32_t b,
                                             std::span<const double> block) const;

 private:
  struct Bound {
    const gaussian::LocalForm* local;
    std::uint32_t scalars;  ///< into bound_scalars_
  };

  void find_edges();
  [[nodiscard]] Loaded bind(std::span<const std::size_t> states);
  void add_blocks(const GaussianFactor& factor, const gaussian::LocalForm& local);
  [[nodiscard]] std::uint32_t find_edge(std::uint32_t low, std::uint32_t high) const;
  [[nodiscard]] std::string whiten(const GaussianNode& node);
  [[nodiscard]] std::span<const double> whitening(std::uint32_t node) const;
  void whiten_coupling(const GaussianEdge& edge);
  void drop_zero_edges();
  void link();
  void order_nodes();

  const FactorGraph& graph_;
  std::vector<std::uint32_t> scalar_of_;
  std::vector<double> observed_;
  std::vector<std::uint32_t> node_of_;
  std::vector<GaussianNode> nodes_;
  std::vector<GaussianEdge> edges_;
  std::size_t scalar_count_ = 0;
  std::size_t square_count_ = 0;
  gaussian::LocalForms forms_;
  std::vector<Bound> bound_;
  std::vector<std::uint32_t> bound_scalars_;
  std::vector<double> whitening_;  ///< W with W J_ii W' = I; before whiten(): blocks of J
  std::vector<double> couplings_;
  double log_determinant_ = 0.0;
  std::vector<std::uint32_t> into_;
  std::vector<std::uint32_t> first_into_;
  std::vector<std::uint32_t> order_;
  std::vector<std::uint32_t> to_parent_;
  bool is_forest_ = false;
};

/// Why x has no Gaussian where the smallest eigenvalue of a precision, on the scale of what it was
/// subtracted from, is not above gaussian::kKept.
[[nodiscard]] std::string explain_precision(double smallest, const std::string& name);

}  // namespace credo::message_passing
