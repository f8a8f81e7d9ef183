// Walk-summability. The entries of (I - R)^-1 are sums over walks of products of the couplings on
// their steps; the sums converge absolutely exactly when rho(|R|) < 1, and then message passing
// converges: means collect every walk, variances only those whose steps cancel pairwise
// (Malioutov, Johnson and Willsky, Walk-sums and belief propagation in Gaussian graphical models,
// JMLR 7, 2006, Propositions 1, 7 and 9). For blocks the spectral norms stand in for |R|: the norm
// of a walk is at most the product of the norms of its steps, so that rho < 1 is sufficient.
//
// rho of the symmetric non-negative N by power iteration on N + I (which has no eigenvalue of
// opposite sign and equal size, as bipartite graphs do): for every v > 0
//   v' N v / v' v <= rho <= max_i (N v)_i / v_i    (Rayleigh; Collatz and Wielandt).
// Where rho >= 1, J may still be positive definite, or not, and messages can settle in either
// case. Conjugate gradients on J from a random start meet a direction p with p' J p <= 0 when there
// is one, before they end (Hestenes and Stiefel 1952).
// Cost: the edges times the iterations.

#include <credo/inference/message_passing/gaussian_walk_sums.hpp>

#include <credo/core/numerics.hpp>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace credo::message_passing {

namespace {

/// Iterations at most; and once rho is known to be below or above 1, this many at least, and this
/// many multiplications.
constexpr int kIterations = 5000;
constexpr int kRefinements = 30;
constexpr double kRefiningOperations = 4e6;
/// Good enough for people.
constexpr double kPrecise = 1e-4;
/// Entries of v are kept from zero: any positive v gives bounds.
constexpr double kFloor = 1e-150;

/// Makes entry (p, q) zero (Golub and Van Loan 2013, section 8.5).
void rotate(std::vector<double>& matrix, std::size_t n, std::size_t p, std::size_t q) {
  const double off = matrix[p * n + q];
  if (off == 0.0) return;
  const double tau = (matrix[q * n + q] - matrix[p * n + p]) / (2.0 * off);
  const double tangent = std::copysign(1.0 / (std::fabs(tau) + std::hypot(1.0, tau)), tau);
  const double cosine = 1.0 / std::hypot(1.0, tangent);
  const double sine = tangent * cosine;
  for (std::size_t k = 0; k < n; ++k) {
    const double left = matrix[k * n + p];
    const double right = matrix[k * n + q];
    matrix[k * n + p] = cosine * left - sine * right;
    matrix[k * n + q] = sine * left + cosine * right;
  }
  for (std::size_t k = 0; k < n; ++k) {
    const double above = matrix[p * n + k];
    const double below = matrix[q * n + k];
    matrix[p * n + k] = cosine * above - sine * below;
    matrix[q * n + k] = sine * above + cosine * below;
  }
}

/// Eigenvalues, on the diagonal, of a symmetric row-major matrix by Jacobi's rotations.
void diagonalise(std::vector<double>& matrix, std::size_t n) {
  constexpr int kSweeps = 30;  // quadratic convergence: a handful do
  for (int sweep = 0; sweep < kSweeps; ++sweep) {
    double off = 0.0;
    double size = 0.0;
    for (std::size_t i = 0; i < n * n; ++i) {
      (i % (n + 1) == 0 ? size : off) += std::fabs(matrix[i]);
    }
    if (off <= 1e-15 * size) return;
    for (std::size_t p = 0; p < n; ++p) {
      for (std::size_t q = p + 1; q < n; ++q) rotate(matrix, n, p, q);
    }
  }
}

double spectral_norm(const GaussianNetwork& network, const GaussianEdge& edge) {
  const std::size_t n = network.nodes()[edge.low].dimension;
  const std::size_t m = network.nodes()[edge.high].dimension;
  const std::span<const double> block = network.couplings().subspan(edge.coupling, n * m);
  double scale = 0.0;
  for (const double entry : block) scale = std::max(scale, std::fabs(entry));
  if (block.size() == 1 || scale == 0.0) return scale;
  // The Gram matrix of the shorter side.
  const bool by_rows = n <= m;
  const std::size_t order = by_rows ? n : m;
  std::vector<double> gram(order * order, 0.0);
  for (std::size_t i = 0; i < order; ++i) {
    for (std::size_t j = 0; j < order; ++j) {
      for (std::size_t k = 0; k < n + m - order; ++k) {
        gram[i * order + j] += (by_rows ? block[i * m + k] : block[k * m + i]) / scale *
                               ((by_rows ? block[j * m + k] : block[k * m + j]) / scale);
      }
    }
  }
  diagonalise(gram, order);
  double largest = 0.0;
  for (std::size_t i = 0; i < order; ++i) largest = std::max(largest, gram[i * (order + 1)]);
  return scale * std::sqrt(largest);
}

/// y = (I - R) x, in z.
void multiply(const GaussianNetwork& network, std::span<const double> x, std::vector<double>& y) {
  y.assign(x.begin(), x.end());
  for (std::uint32_t m = 0; m < 2 * network.edges().size(); ++m) {
    const GaussianNode& to = network.nodes()[network.head(m)];
    const GaussianNode& from = network.nodes()[network.tail(m)];
    for (std::size_t i = 0; i < to.dimension; ++i) {
      for (std::size_t j = 0; j < from.dimension; ++j) {
        y[to.first + i] += network.coupling(m, i, j) * x[from.first + j];
      }
    }
  }
}

double dot(std::span<const double> a, std::span<const double> b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

std::uint32_t largest_node(const GaussianNetwork& network, std::span<const double> z) {
  const auto at = std::ranges::max_element(z, {}, [](double entry) { return std::fabs(entry); });
  const auto scalar = static_cast<std::uint32_t>(at - z.begin());
  const auto after = std::ranges::upper_bound(network.nodes(), scalar, {}, &GaussianNode::first);
  return static_cast<std::uint32_t>(after - network.nodes().begin()) - 1;
}

}  // namespace

SpectralRadius bound_spectral_radius(const GaussianNetwork& network,
                                     contraction::Monitor& monitor) {
  SpectralRadius rho{0.0, network.edges().empty() ? 0.0 : kInfinity};
  std::vector<double> norms;
  for (const GaussianEdge& edge : network.edges()) norms.push_back(spectral_norm(network, edge));
  std::vector<double> v(network.nodes().size(), 1.0);
  std::vector<double> next(v.size());
  for (int step = 0; step < kIterations && rho.upper > 0.0; ++step) {
    monitor.check("walk sums", 0.0);
    std::ranges::fill(next, 0.0);
    for (std::size_t e = 0; e < norms.size(); ++e) {
      const GaussianEdge& edge = network.edges()[e];
      next[edge.high] += norms[e] * v[edge.low];
      next[edge.low] += norms[e] * v[edge.high];
    }
    double most = 0.0;
    double largest = 0.0;
    for (std::size_t i = 0; i < v.size(); ++i) most = std::max(most, next[i] / v[i]);
    rho.lower = std::max(rho.lower, dot(v, next) / dot(v, v));
    rho.upper = std::max(std::min(rho.upper, most), rho.lower);
    for (std::size_t i = 0; i < v.size(); ++i) largest = std::max(largest, v[i] += next[i]);
    for (double& entry : v) entry = std::max(entry / largest, kFloor);
    const bool decided = rho.upper < 1.0 || rho.lower >= 1.0;
    const bool precise = rho.upper - rho.lower <= kPrecise * rho.upper;
    const double operations = static_cast<double>(step) * static_cast<double>(norms.size());
    if (decided && precise) break;
    if (decided && step >= kRefinements && operations >= kRefiningOperations) break;
  }
  return rho;
}

Curvature search_curvature(const GaussianNetwork& network, contraction::Monitor& monitor) {
  constexpr double kResolved = 1e-10;
  constexpr std::size_t kMostSteps = 3000;
  constexpr double kFlat = 1e-13;
  std::mt19937_64 random(20060301);
  std::vector<double> residual(network.scalar_count());
  for (double& entry : residual) entry = static_cast<double>(random() >> 11U) * 0x1p-52 - 1.0;
  std::vector<double> direction = residual;
  std::vector<double> image;
  double squared = dot(residual, residual);
  const double enough = squared * kResolved * kResolved;
  for (std::size_t step = 0; step < kMostSteps; ++step) {
    monitor.check("curvature", 0.0);
    multiply(network, direction, image);
    const double curvature = dot(direction, image) / dot(direction, direction);
    if (!(curvature > kFlat)) {
      return {Curvature::Sign::negative, largest_node(network, direction), curvature};
    }
    const double length = squared / dot(direction, image);
    for (std::size_t i = 0; i < residual.size(); ++i) residual[i] -= length * image[i];
    const double before = squared;
    squared = dot(residual, residual);
    if (squared <= enough) return {Curvature::Sign::positive, kNoNode, kNaN};
    for (std::size_t i = 0; i < residual.size(); ++i) {
      direction[i] = residual[i] + squared / before * direction[i];
    }
  }
  return {};
}

double smallest_eigenvalue(std::span<const double> matrix, std::size_t dimension) {
  std::vector<double> full(dimension * dimension);
  for (std::size_t i = 0; i < dimension; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      full[i * dimension + j] = full[j * dimension + i] = matrix[i * dimension + j];
    }
  }
  diagonalise(full, dimension);
  double smallest = kInfinity;
  for (std::size_t i = 0; i < dimension; ++i) {
    smallest = std::min(smallest, full[i * (dimension + 1)]);
  }
  return smallest;
}

}  // namespace credo::message_passing
