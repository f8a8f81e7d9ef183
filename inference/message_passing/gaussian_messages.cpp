// With A the precision of node i from everything but the message of j (its cavity), b the linear
// part of the same, and C the block of J between j and i, i tells j
//   P = -C A^-1 C',  l = -C A^-1 b:
// one step of block elimination, done by the same kernels as exact elimination's fronts.
// Invariants: A is positive definite for every message that was sent; P is negative semi-definite,
// so that taking j's own message out of a total adds and loses no digits. Messages of a fixed point
// have means with J m = h, exact; their covariances collect self-returning walks only.
// Bethe's log det J = sum_i log det A_i + sum_ij (log det A_i\j - log det A_i), i either end of the
// edge: the closed form of F(b) at a fixed point.
// Cost of an iteration: the sum over messages of n (n + m)^2, n and m the dimensions of the ends.
// Source: Weiss and Freeman, Correctness of belief propagation in Gaussian graphical models of
// arbitrary topology, Neural Computation 13, 2001; Malioutov, Johnson and Willsky 2006, section 5.

#include <credo/inference/message_passing/gaussian_messages.hpp>
#include <credo/inference/message_passing/gaussian_walk_sums.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>
#include <utility>

namespace credo::message_passing {

namespace {

/// sum += term; what rounding takes away goes to lost (Neumaier).
void add(double term, double& sum, double& lost) {
  const double next = sum + term;
  lost += std::fabs(sum) >= std::fabs(term) ? (sum - next) + term : (term - next) + sum;
  sum = next;
}

}  // namespace

GaussianMessages::GaussianMessages(const GaussianNetwork& network, const IterationOptions& options,
                                   contraction::Monitor& monitor)
    : network_(network), options_(options), monitor_(monitor), rank_(network.nodes().size()) {
  std::uint64_t precisions = 0;
  std::uint32_t linears = 0;
  for (std::uint32_t m = 0; m < 2 * network.edges().size(); ++m) {
    const std::uint32_t k = network.nodes()[network.head(m)].dimension;
    precision_at_.push_back(precisions);
    linear_at_.push_back(linears);
    precisions += std::uint64_t{k} * k;
    linears += k;
  }
  precision_.assign(precisions, 0.0);
  linear_.assign(linears, 0.0);
  std::size_t widest = 0;
  for (const GaussianNode& node : network.nodes()) {
    widest = std::max<std::size_t>(widest, node.dimension);
  }
  identity_.resize(widest);
  std::iota(identity_.begin(), identity_.end(), 0U);
  total_.resize(widest * widest);
  total_linear_.resize(widest);
  lost_.resize(widest * widest + widest);
  square_.resize(5 * widest * widest + 1);
  gain_.resize(widest * widest);
  core_.resize(4 * widest * widest);
  new_precision_.resize(widest * widest);
  new_linear_.resize(widest);
  means_.resize(network.scalar_count());
  covariances_.resize(network.square_count());
  for (std::uint32_t at = 0; at < rank_.size(); ++at) rank_[network.order()[at]] = at;
}

void GaussianMessages::set_gradient(std::vector<double> gradient) {
  gradient_ = std::move(gradient);
  std::ranges::fill(linear_, 0.0);
  double largest = 0.0;
  for (const double entry : gradient_) largest = std::max(largest, std::fabs(entry));
  linear_weight_ = largest > 0.0 && largest < 1.0 ? 1.0 / largest : 1.0;
}

/// Before the messages of a node are renewed.
void GaussianMessages::check(std::uint32_t node) {
  constexpr std::size_t kWorkPerCheck = 1 << 12;
  work_since_check_ += network_.into(node).size() + 1;
  if (work_since_check_ < kWorkPerCheck) return;
  work_since_check_ = 0;
  monitor_.check("messages", static_cast<double>(residuals_.size()) /
                                 static_cast<double>(options_.maximum_iterations + 1));
}

/// The node's own block of J, which is the identity, with every message to it. A hub's messages may
/// add up to nearly all of its block.
void GaussianMessages::gather(std::uint32_t node) {
  const GaussianNode& at = network_.nodes()[node];
  const std::size_t n = at.dimension;
  std::fill_n(total_.begin(), n * n, 0.0);
  for (std::size_t i = 0; i < n; ++i) {
    total_[i * n + i] = 1.0;
    total_linear_[i] = gradient_[at.first + i];
  }
  std::fill_n(lost_.begin(), n * n + n, 0.0);
  for (const std::uint32_t m : network_.into(node)) {
    const double* precision = &precision_[precision_at_[m]];
    const double* linear = &linear_[linear_at_[m]];
    for (std::size_t i = 0; i < n * n; ++i) add(precision[i], total_[i], lost_[i]);
    for (std::size_t i = 0; i < n; ++i) add(linear[i], total_linear_[i], lost_[n * n + i]);
  }
  for (std::size_t i = 0; i < n * n; ++i) total_[i] += lost_[i];
  for (std::size_t i = 0; i < n; ++i) total_linear_[i] += lost_[n * n + i];
}

/// Writes the precision that a gathered node has without its partner's message to square_.
void GaussianMessages::fill_cavity(std::uint32_t message, std::size_t order, std::size_t offset) {
  const std::size_t n = network_.nodes()[network_.tail(message)].dimension;
  const double* own = &precision_[precision_at_[message ^ 1U]];
  for (std::size_t i = 0; i < n; ++i) {
    double* row = &square_[(offset + i) * order + offset];
    for (std::size_t j = 0; j <= i; ++j) row[j] = total_[i * n + j] - own[i * n + j];
  }
}

bool GaussianMessages::factorise(std::uint32_t size, std::uint32_t separator,
                                 BrokenPrecision where) {
  const std::size_t order = std::size_t{size} + separator;
  // The front of the node, and one that takes its message.
  gaussian::Front fronts[2];
  fronts[0].size = size;
  fronts[0].separator = separator;
  fronts[0].parent = separator > 0 ? 1 : 0;
  fronts[1].size = separator;
  fronts[1].square = order * order;
  double* message = &square_[order * order];
  std::fill_n(message, std::size_t{separator} * separator, 0.0);
  pivots_ = {};
  gaussian::front_kernel(size, separator)
      .factorise(
          {fronts, identity_.data(), identity_.data(), square_.data(), gain_.data(), core_.data()},
          {0, 1}, pivots_);
  std::copy_n(message, std::size_t{separator} * separator, new_precision_.begin());
  bool good = pivots_.trustworthy;
  for (std::size_t i = 0; i < size && good; ++i) {
    good = core_[i * size + i] * gaussian::kKept < 1.0;
  }
  if (good) return true;
  std::vector<double> precision;
  for (std::size_t i = 0; i < size; ++i) {
    for (std::size_t j = 0; j < size; ++j) precision.push_back(square_[i * order + j]);
  }
  where.smallest = smallest_eigenvalue(precision, size);
  broken_ = where;
  return false;
}

/// Of a gathered node.
bool GaussianMessages::compute(std::uint32_t message) {
  const std::uint32_t n = network_.nodes()[network_.tail(message)].dimension;
  const std::uint32_t k = network_.nodes()[network_.head(message)].dimension;
  const std::size_t order = std::size_t{n} + k;
  fill_cavity(message, order, 0);
  for (std::size_t a = 0; a < k; ++a) {
    double* row = &square_[(n + a) * order];
    for (std::size_t i = 0; i < n; ++i) row[i] = network_.coupling(message, a, i);
    std::fill_n(row + n, k, 0.0);
  }
  if (!factorise(n, k, {network_.tail(message), network_.head(message), kNaN})) return false;
  const double* own = &linear_[linear_at_[message ^ 1U]];
  for (std::size_t a = 0; a < k; ++a) {
    for (std::size_t b = 0; b < a; ++b) new_precision_[b * k + a] = new_precision_[a * k + b];
    double sum = 0.0;
    for (std::size_t i = 0; i < n; ++i) sum += gain_[i * k + a] * (total_linear_[i] - own[i]);
    new_linear_[a] = sum;
  }
  return true;
}

/// Damps what was computed and writes it to the message's place; returns its change.
double GaussianMessages::store(std::uint32_t message, std::vector<double>& precision,
                               std::vector<double>& linear) {
  const std::size_t k = network_.nodes()[network_.head(message)].dimension;
  const double kept = options_.damping;
  double change = 0.0;
  const auto blend = [&](double before, double computed, double weight) {
    change = std::max(change, weight * std::fabs(computed - before));
    if (!std::isfinite(computed)) change = kInfinity;
    return kept > 0.0 ? (1.0 - kept) * computed + kept * before : computed;
  };
  const std::uint64_t at = precision_at_[message];
  for (std::size_t i = 0; i < k * k; ++i) {
    precision[at + i] = blend(precision_[at + i], new_precision_[i], 0.5);
  }
  const std::uint32_t linear_at = linear_at_[message];
  for (std::size_t i = 0; i < k; ++i) {
    linear[linear_at + i] = blend(linear_[linear_at + i], new_linear_[i], linear_weight_);
    largest_linear_ = std::max(largest_linear_, linear_weight_ * std::fabs(new_linear_[i]));
  }
  return change;
}

bool GaussianMessages::send(std::uint32_t message) {
  if (!compute(message)) return false;
  const std::size_t k = network_.nodes()[network_.head(message)].dimension;
  std::copy_n(new_precision_.begin(), k * k, &precision_[precision_at_[message]]);
  std::copy_n(new_linear_.begin(), k, &linear_[linear_at_[message]]);
  return true;
}

bool GaussianMessages::two_sweeps() {
  const std::span<const std::uint32_t> order = network_.order();
  for (std::size_t at = order.size(); at-- > 0;) {
    const std::uint32_t up = network_.to_parent(order[at]);
    if (up == kNoNode) continue;
    check(order[at]);
    gather(order[at]);
    if (!send(up)) return false;
  }
  for (const std::uint32_t node : order) {
    check(node);
    gather(node);
    for (const std::uint32_t m : network_.into(node)) {
      if (m != (network_.to_parent(node) ^ 1U) && !send(m ^ 1U)) return false;
    }
  }
  return true;
}

/// All messages of a node.
bool GaussianMessages::renew_node(std::uint32_t node, bool in_place) {
  check(node);
  gather(node);
  changes_.clear();
  for (const std::uint32_t m : network_.into(node)) {
    if (!compute(m ^ 1U)) return false;
    changes_.push_back(in_place ? store(m ^ 1U, precision_, linear_)
                                : store(m ^ 1U, next_precision_, next_linear_));
    residual_ = std::max(residual_, changes_.back());
  }
  if (residual_ < kInfinity) return true;
  broken_ = {};
  return false;
}

bool GaussianMessages::one_iteration(MessageSchedule schedule, std::size_t done) {
  const std::span<const std::uint32_t> order = network_.order();
  const bool in_place = schedule != MessageSchedule::parallel;
  next_precision_.resize(in_place ? 0 : precision_.size());
  next_linear_.resize(in_place ? 0 : linear_.size());
  for (std::size_t at = 0; at < order.size(); ++at) {
    const bool backwards = in_place && done % 2 == 0;
    if (!renew_node(order[backwards ? order.size() - 1 - at : at], in_place)) return false;
  }
  if (!in_place) {
    precision_.swap(next_precision_);
    linear_.swap(next_linear_);
  }
  return true;
}

/// A change below this is none, or is what rounding makes of large numbers.
double GaussianMessages::threshold() const {
  constexpr double kRoundings = 16.0;
  return options_.tolerance +
         kRoundings * std::numeric_limits<double>::epsilon() * (1.0 + largest_linear_);
}

bool GaussianMessages::finish_iteration(const std::function<void()>& observe) {
  residuals_.push_back(residual_);
  converged_ = residual_ <= threshold();
  residual_ = 0.0;
  largest_linear_ = 0.0;
  if (observe) observe();
  return converged_;
}

bool GaussianMessages::iterate(MessageSchedule schedule, std::size_t iterations,
                               const std::function<void()>& observe) {
  monitor_.check("messages", 0.0);
  converged_ = false;
  residual_ = 0.0;
  largest_linear_ = 0.0;
  if (schedule == MessageSchedule::residual) return iterate_by_priority(iterations, observe);
  for (std::size_t done = 0; done < iterations; ++done) {
    if (!one_iteration(schedule, done)) return false;
    if (finish_iteration(observe)) break;
  }
  return true;
}

/// First the node whose incoming messages changed most since it was renewed; an iteration is as
/// many renewals as there are nodes.
bool GaussianMessages::iterate_by_priority(std::size_t iterations,
                                           const std::function<void()>& observe) {
  const std::size_t count = network_.nodes().size();
  if (count == 0) return true;
  std::vector<double> priority(count, kInfinity);
  std::set<std::pair<double, std::uint32_t>> queue;
  for (std::uint32_t i = 0; i < count; ++i) queue.emplace(priority[i], i);
  const auto set = [&](std::uint32_t node, double value) {
    queue.erase({priority[node], node});
    priority[node] = value;
    queue.emplace(value, node);
  };
  for (std::size_t done = 0, renewed = 0; done < iterations;) {
    const auto [change, node] = *queue.rbegin();
    if (renewed == count || change <= threshold()) {
      residual_ = change;
      ++done;
      renewed = 0;
      if (finish_iteration(observe)) break;
      continue;
    }
    residual_ = 0.0;
    if (!renew_node(node, true)) return false;
    ++renewed;
    // A damped message is still on its way.
    set(node, options_.damping > 0.0 ? options_.damping * residual_ : 0.0);
    for (std::size_t i = 0; i < changes_.size(); ++i) {
      const std::uint32_t to = network_.tail(network_.into(node)[i]);
      if (changes_[i] > 0.0) set(to, priority[to] + changes_[i]);
    }
  }
  return true;
}

bool GaussianMessages::read_beliefs() {
  CompensatedSum log_determinant;
  for (std::uint32_t node = 0; node < network_.nodes().size(); ++node) {
    const GaussianNode& at = network_.nodes()[node];
    const std::size_t n = at.dimension;
    gather(node);
    std::copy_n(total_.begin(), n * n, square_.begin());
    if (!factorise(at.dimension, 0, {node, kNoNode, kNaN})) return false;
    for (std::size_t i = 0; i < n; ++i) {
      double sum = 0.0;
      for (std::size_t j = 0; j < n; ++j) sum += core_[i * n + j] * total_linear_[j];
      means_[at.first + i] = sum;
    }
    std::copy_n(core_.begin(), n * n, &covariances_[at.square]);
    const double own = pivots_.log();
    log_determinant.add(own);
    for (const std::uint32_t m : network_.into(node)) {
      if (rank_[network_.tail(m)] > rank_[node]) continue;
      if (!compute(m ^ 1U)) return false;
      log_determinant.add(pivots_.log() - own);
    }
  }
  log_determinant_ = log_determinant.value();
  return true;
}

std::span<const double> GaussianMessages::covariance(std::uint32_t node) const {
  const GaussianNode& at = network_.nodes()[node];
  return std::span(covariances_).subspan(at.square, std::size_t{at.dimension} * at.dimension);
}

std::vector<double> GaussianMessages::pair_covariance(std::uint32_t message) {
  const std::uint32_t n = network_.nodes()[network_.tail(message)].dimension;
  const std::uint32_t k = network_.nodes()[network_.head(message)].dimension;
  const std::size_t order = std::size_t{n} + k;
  gather(network_.tail(message));
  fill_cavity(message, order, 0);
  gather(network_.head(message));
  fill_cavity(message ^ 1U, order, n);
  for (std::size_t a = 0; a < k; ++a) {
    for (std::size_t i = 0; i < n; ++i) {
      square_[(n + a) * order + i] = network_.coupling(message, a, i);
    }
  }
  if (!factorise(n + k, 0, {network_.tail(message), kNoNode, kNaN})) return {};
  return {core_.begin(), core_.begin() + static_cast<std::ptrdiff_t>(order * order)};
}

}  // namespace credo::message_passing
