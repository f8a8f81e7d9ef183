// J is the sum of the factors' precisions over the unobserved scalars. What evidence does to h
// never shows: h is only needed as the gradient of log p~ at a point, which is computed from the
// factors themselves, so that it keeps its digits far from the origin.
// Invariant after load(): J = W^-1 (I - R) W^-T with W the block diagonal of the whitenings and
// R zero on the diagonal blocks; couplings() are the blocks of -R.
// Cost: the sum of the squared dimensions of the factors, and of the cubed dimensions of the nodes.

#include <credo/core/covariance_factor.hpp>
#include <credo/inference/gaussian/divergence.hpp>
#include <credo/inference/gaussian/fixed_factors.hpp>
#include <credo/inference/gaussian/front_kernel.hpp>
#include <credo/inference/message_passing/gaussian_network.hpp>
#include <credo/inference/message_passing/gaussian_walk_sums.hpp>

#include <credo/core/numerics.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace credo::message_passing {

namespace {

/// Below these parts of what met in it a curvature is zero, or negative beyond rounding.
constexpr double kFlat = 1e-13;
constexpr double kNegative = 1e-9;

/// a b for row-major a (n x k) and b (k x m), either of them transposed in memory.
std::vector<double> multiply(std::span<const double> a, bool a_transposed,
                             std::span<const double> b, bool b_transposed, std::size_t k) {
  const std::size_t n = a.size() / k;
  const std::size_t m = b.size() / k;
  std::vector<double> product(n * m, 0.0);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < m; ++j) {
      for (std::size_t l = 0; l < k; ++l) {
        product[i * m + j] += (a_transposed ? a[l * n + i] : a[i * k + l]) *
                              (b_transposed ? b[j * k + l] : b[l * m + j]);
      }
    }
  }
  return product;
}

}  // namespace

std::string explain_precision(double smallest, const std::string& name) {
  if (smallest < -kNegative) {
    return gaussian::explain_indefinite(name);
  }
  if (!(smallest > kFlat)) {
    return gaussian::explain_flat(name);
  }
  return fmt::format(
      "the precision of {} is {:.3g} of the precisions it is the difference of, too little for its "
      "digits; gaussian_elimination keeps nearly certain kernels apart",
      name, smallest);
}

GaussianNetwork::GaussianNetwork(const FactorGraph& graph, const Evidence& evidence)
    : graph_(graph) {
  for (VariableId v = 0; v < graph.variable_count(); ++v) {
    const std::size_t dimension = graph.variable(v).dimension;
    scalar_of_.push_back(static_cast<std::uint32_t>(observed_.size()));
    const bool is_node = dimension > 0 && !evidence.is_observed(v);
    node_of_.push_back(is_node ? static_cast<std::uint32_t>(nodes_.size()) : kNoNode);
    for (std::size_t i = 0; i < dimension; ++i) {
      observed_.push_back(is_node ? 0.0 : evidence.find(v)->value[i]);
    }
    if (!is_node) continue;
    nodes_.push_back({v, static_cast<std::uint32_t>(dimension),
                      static_cast<std::uint32_t>(scalar_count_), square_count_});
    scalar_count_ += dimension;
    square_count_ += dimension * dimension;
  }
  find_edges();
}

void GaussianNetwork::find_edges() {
  std::vector<std::pair<std::uint32_t, std::uint32_t>> pairs;
  for (const GaussianFactor& factor : graph_.gaussian_factors()) {
    for (const VariableId a : factor.continuous) {
      for (const VariableId b : factor.continuous) {
        if (node_of_[a] < node_of_[b] && node_of_[b] != kNoNode) {
          pairs.emplace_back(node_of_[a], node_of_[b]);
        }
      }
    }
  }
  std::ranges::sort(pairs);
  const auto repeated = std::ranges::unique(pairs);
  pairs.erase(repeated.begin(), repeated.end());
  std::uint64_t numbers = 0;
  for (const auto& [low, high] : pairs) {
    edges_.push_back({low, high, numbers});
    numbers += std::uint64_t{nodes_[low].dimension} * nodes_[high].dimension;
  }
  couplings_.assign(numbers, 0.0);
}

std::uint32_t GaussianNetwork::find_edge(std::uint32_t low, std::uint32_t high) const {
  const auto at = std::ranges::lower_bound(edges_, std::pair(low, high), {},
                                           [](const auto& e) { return std::pair(e.low, e.high); });
  return static_cast<std::uint32_t>(at - edges_.begin());
}

void GaussianNetwork::add_blocks(const GaussianFactor& factor, const gaussian::LocalForm& local) {
  const std::size_t order = local.dimension;
  std::size_t row = 0;
  for (const VariableId a : factor.continuous) {
    const std::size_t height = graph_.variable(a).dimension;
    std::size_t column = 0;
    for (const VariableId b : factor.continuous) {
      const std::size_t width = graph_.variable(b).dimension;
      const std::uint32_t low = node_of_[a];
      const std::uint32_t high = node_of_[b];
      if (low <= high && high != kNoNode) {
        double* to = low == high ? &whitening_[nodes_[low].square]
                                 : &couplings_[edges_[find_edge(low, high)].coupling];
        for (std::size_t i = 0; i < height; ++i) {
          for (std::size_t j = 0; j < width; ++j) {
            *to++ += local.precision[(row + i) * order + column + j];
          }
        }
      }
      column += width;
    }
    row += height;
  }
}

Loaded GaussianNetwork::bind(std::span<const std::size_t> states) {
  for (GaussianFactorId g = 0; g < graph_.gaussian_factors().size(); ++g) {
    const GaussianFactor& factor = graph_.gaussian_factor(g);
    if (std::ranges::all_of(factor.continuous,
                            [this](VariableId v) { return node_of_[v] == kNoNode; })) {
      continue;
    }
    const gaussian::LocalForm& local =
        forms_.of(factor.table, gaussian::entry_of(graph_, factor, states));
    if (local.log_constant == -kInfinity) return {Status::impossible_evidence, ""};
    if (local.is_kernel() && local.is_singular()) {
      return {Status::refused, fmt::format("{} has a direction without noise, and so no precision; "
                                           "gaussian_elimination keeps such kernels apart",
                                           graph_.describe_gaussian(g))};
    }
    add_blocks(factor, local);
    bound_.push_back({&local, static_cast<std::uint32_t>(bound_scalars_.size())});
    for (const VariableId v : factor.continuous) {
      for (std::uint32_t i = 0; i < graph_.variable(v).dimension; ++i) {
        bound_scalars_.push_back(scalar_of_[v] + i);
      }
    }
  }
  return {};
}

/// The block of J becomes its whitening; "" or why it has none.
std::string GaussianNetwork::whiten(const GaussianNode& node) {
  const std::size_t n = node.dimension;
  const std::span<double> block = std::span(whitening_).subspan(node.square, n * n);
  const std::string& name = graph_.variable(node.variable).name;
  std::vector<double> scale;
  for (std::size_t i = 0; i < n; ++i) {
    const double curvature = block[i * (n + 1)];
    if (!std::isfinite(curvature)) return "the numbers leave the range of doubles";
    if (!(curvature > 0.0)) return explain_precision(curvature < 0.0 ? -1.0 : 0.0, name);
    scale.push_back(std::sqrt(curvature));
  }
  if (n > 1) {
    std::vector<double> unit;
    for (std::size_t i = 0; i < n * n; ++i) unit.push_back(block[i] / scale[i / n] / scale[i % n]);
    const double smallest = smallest_eigenvalue(unit, n);
    if (!(smallest > gaussian::kKept)) return explain_precision(smallest, name);
  }
  const CovarianceFactor factor = factorise_covariance(block, n, kCertainAsComputed);
  std::ranges::copy(factor.whitening, block.begin());
  log_determinant_ += factor.log_determinant;
  return "";
}

std::span<const double> GaussianNetwork::whitening(std::uint32_t node) const {
  const std::size_t n = nodes_[node].dimension;
  return std::span(whitening_).subspan(nodes_[node].square, n * n);
}

void GaussianNetwork::whiten_coupling(const GaussianEdge& edge) {
  const std::size_t n = nodes_[edge.low].dimension;
  const std::size_t m = nodes_[edge.high].dimension;
  const std::span<double> block = std::span(couplings_).subspan(edge.coupling, n * m);
  const std::vector<double> turned = multiply(whitening(edge.low), false, block, false, n);
  std::ranges::copy(multiply(turned, false, whitening(edge.high), true, m), block.begin());
}

Loaded GaussianNetwork::load(std::span<const std::size_t> states) {
  whitening_.assign(square_count_, 0.0);
  Loaded loaded = bind(states);
  if (loaded.status != Status::ok) return loaded;
  for (const GaussianNode& node : nodes_) {
    std::string reason = whiten(node);
    if (!reason.empty()) return {Status::refused, std::move(reason)};
  }
  for (const GaussianEdge& edge : edges_) whiten_coupling(edge);
  for (const double entry : couplings_) {
    if (!std::isfinite(entry)) return {Status::refused, "the numbers leave the range of doubles"};
  }
  drop_zero_edges();
  link();
  order_nodes();
  return loaded;
}

void GaussianNetwork::drop_zero_edges() {
  std::erase_if(edges_, [this](const GaussianEdge& edge) {
    const double* block = &couplings_[edge.coupling];
    const std::size_t size = std::size_t{nodes_[edge.low].dimension} * nodes_[edge.high].dimension;
    return std::all_of(block, block + size, [](double entry) { return entry == 0.0; });
  });
}

void GaussianNetwork::link() {
  first_into_.assign(nodes_.size() + 1, 0);
  const auto messages = static_cast<std::uint32_t>(2 * edges_.size());
  for (std::uint32_t m = 0; m < messages; ++m) ++first_into_[head(m) + 1];
  for (std::size_t i = 0; i < nodes_.size(); ++i) first_into_[i + 1] += first_into_[i];
  into_.resize(messages);
  std::vector<std::uint32_t> next(first_into_.begin(), first_into_.end() - 1);
  for (std::uint32_t m = 0; m < messages; ++m) into_[next[head(m)]++] = m;
}

void GaussianNetwork::order_nodes() {
  to_parent_.assign(nodes_.size(), kNoNode);
  std::vector<char> seen(nodes_.size(), 0);
  std::size_t roots = 0;
  for (std::uint32_t root = 0; root < nodes_.size(); ++root) {
    if (seen[root]) continue;
    seen[root] = 1;
    ++roots;
    order_.push_back(root);
    for (std::size_t at = order_.size() - 1; at < order_.size(); ++at) {
      for (const std::uint32_t m : into(order_[at])) {
        const std::uint32_t child = tail(m);
        if (seen[child]) continue;
        seen[child] = 1;
        to_parent_[child] = m;
        order_.push_back(child);
      }
    }
  }
  is_forest_ = edges_.size() + roots == nodes_.size();
}

double GaussianNetwork::evaluate(std::span<const double> point,
                                 std::vector<double>& gradient) const {
  CompensatedSum sum;
  std::vector<double> of_point(point.size(), 0.0);
  std::vector<double> scratch;
  for (const Bound& bound : bound_) {
    scratch.resize(std::max(scratch.size(), 2 * bound.local->dimension));
    sum.add(bound.local->add_terms(*bound.local, &bound_scalars_[bound.scalars], point.data(),
                                   of_point.data(), scratch.data()));
  }
  gradient.assign(scalar_count_, 0.0);
  for (const GaussianNode& node : nodes_) {
    const double* own = &of_point[scalar_of_[node.variable]];
    const double* row = &whitening_[node.square];
    for (std::size_t i = 0; i < node.dimension; ++i, row += node.dimension) {
      for (std::size_t j = 0; j < node.dimension; ++j) gradient[node.first + i] += row[j] * own[j];
    }
  }
  return sum.value();
}

void GaussianNetwork::move(std::span<double> point, std::span<const double> z) const {
  for (const GaussianNode& node : nodes_) {
    double* own = &point[scalar_of_[node.variable]];
    const double* row = &whitening_[node.square];
    for (std::size_t i = 0; i < node.dimension; ++i, row += node.dimension) {
      for (std::size_t j = 0; j < node.dimension; ++j) own[j] += row[j] * z[node.first + i];
    }
  }
}

std::vector<double> GaussianNetwork::unwhiten(std::uint32_t a, std::uint32_t b,
                                              std::span<const double> block) const {
  const std::size_t n = nodes_[a].dimension;
  const std::vector<double> turned = multiply(whitening(a), true, block, false, n);
  return multiply(turned, false, whitening(b), false, nodes_[b].dimension);
}

}  // namespace credo::message_passing
