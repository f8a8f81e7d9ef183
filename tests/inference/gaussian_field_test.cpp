// Product families with continuous variables against dense Gaussian algebra, state by state.

#include "gaussian_reference.hpp"

#include <credo/core/joint_states.hpp>
#include <credo/core/numerics.hpp>
#include <credo/inference/variational/variational.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <random>

namespace credo::testing {
namespace {

const double kLogTwoPi = std::log(2.0 * std::numbers::pi);

/// constant + linear' x - x' precision x / 2 over all continuous variables without value.
struct Dense {
  std::size_t n = 0;
  std::vector<double> precision;
  std::vector<double> linear;
  double constant = 0.0;

  [[nodiscard]] double at(std::size_t i, std::size_t k) const { return precision[i * n + k]; }
};

/// Where the coordinates of a variable without value begin.
std::vector<std::size_t> offsets_of(const FactorGraph& graph, const Evidence& evidence,
                                    std::size_t& n) {
  std::vector<std::size_t> offsets;
  for (VariableId v = 0; v < graph.variable_count(); ++v) {
    offsets.push_back(n);
    if (evidence.find(v) == nullptr) n += graph.variable(v).dimension;
  }
  return offsets;
}

/// The log weight given the states, a quadratic function, from its values at a few points.
Dense dense_of(const FactorGraph& graph, const Evidence& evidence,
               const std::vector<std::size_t>& states) {
  Dense dense;
  const std::vector<std::size_t> offsets = offsets_of(graph, evidence, dense.n);
  const auto f = [&](std::size_t i, double a, std::size_t k, double b) {
    std::vector<double> x(dense.n, 0.0);
    if (i < dense.n) x[i] += a;
    if (k < dense.n) x[k] += b;
    std::vector<std::vector<double>> values(graph.variable_count());
    for (VariableId v = 0; v < graph.variable_count(); ++v) {
      const Finding* finding = evidence.find(v);
      const auto first = x.begin() + static_cast<std::ptrdiff_t>(offsets[v]);
      values[v] =
          finding != nullptr
              ? finding->value
              : std::vector<double>(
                    first, first + static_cast<std::ptrdiff_t>(graph.variable(v).dimension));
    }
    return graph.log_weight(states, values);
  };
  const std::size_t none = dense.n;
  dense.constant = f(none, 0, none, 0);
  dense.precision.resize(dense.n * dense.n);
  for (std::size_t i = 0; i < dense.n; ++i) {
    dense.linear.push_back((f(i, 1, none, 0) - f(i, -1, none, 0)) / 2.0);
    for (std::size_t k = 0; k < dense.n; ++k) {
      dense.precision[i * dense.n + k] =
          f(i, 1, none, 0) + f(none, 0, k, 1) - f(i, 1, k, 1) - dense.constant;
    }
  }
  return dense;
}

/// Cholesky factor of the rows and columns [first, first + n) of a symmetric matrix.
std::vector<double> cholesky(const std::vector<double>& a, std::size_t stride, std::size_t first,
                             std::size_t n) {
  std::vector<double> l(n * n, 0.0);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k <= i; ++k) {
      double sum = a[(first + i) * stride + first + k];
      for (std::size_t j = 0; j < k; ++j) sum -= l[i * n + j] * l[k * n + j];
      l[i * n + k] = i == k ? std::sqrt(sum) : sum / l[k * n + k];
    }
  }
  return l;
}

double log_determinant(const std::vector<double>& a, std::size_t stride, std::size_t first,
                       std::size_t n) {
  const std::vector<double> l = cholesky(a, stride, first, n);
  double sum = 0.0;
  for (std::size_t i = 0; i < n; ++i) sum += 2.0 * std::log(l[i * n + i]);
  return sum;
}

std::vector<double> solve(const Dense& dense) {
  const std::vector<double> l = cholesky(dense.precision, dense.n, 0, dense.n);
  std::vector<double> x = dense.linear;
  for (std::size_t i = 0; i < dense.n; ++i) {
    for (std::size_t k = 0; k < i; ++k) x[i] -= l[i * dense.n + k] * x[k];
    x[i] /= l[i * dense.n + i];
  }
  for (std::size_t i = dense.n; i-- > 0;) {
    for (std::size_t k = i + 1; k < dense.n; ++k) x[i] -= l[k * dense.n + i] * x[k];
    x[i] /= l[i * dense.n + i];
  }
  return x;
}

double log_integral(const Dense& dense) {
  if (dense.constant == -kInfinity) return -kInfinity;
  const std::vector<double> mean = solve(dense);
  double sum = dense.constant + (static_cast<double>(dense.n) * kLogTwoPi -
                                 log_determinant(dense.precision, dense.n, 0, dense.n)) /
                                    2.0;
  for (std::size_t i = 0; i < dense.n; ++i) sum += dense.linear[i] * mean[i] / 2.0;
  return sum;
}

double expected(const Dense& dense, const std::vector<double>& mean,
                const std::vector<double>& covariance) {
  double sum = dense.constant;
  for (std::size_t i = 0; i < dense.n; ++i) {
    sum += dense.linear[i] * mean[i];
    for (std::size_t k = 0; k < dense.n; ++k) {
      sum -= dense.at(i, k) * (mean[i] * mean[k] + covariance[i * dense.n + k]) / 2.0;
    }
  }
  return sum;
}

/// Visits the joint states of the discrete variables, all of them without finding.
template <typename Visit>
void for_each_state(const FactorGraph& graph, const Visit& visit) {
  std::vector<std::size_t> extents;
  for (const Variable& v : graph.variables()) {
    extents.push_back(v.is_continuous() ? 1 : v.cardinality);
  }
  for_each_joint_state(extents, [&](std::span<const std::size_t> states) {
    visit(std::vector<std::size_t>(states.begin(), states.end()));
  });
}

double exact_log_z(const FactorGraph& graph, const Evidence& evidence) {
  std::vector<double> logs;
  for_each_state(graph, [&](const std::vector<std::size_t>& states) {
    logs.push_back(log_integral(dense_of(graph, evidence, states)));
  });
  return log_sum_exp(logs);
}

/// E_q[log p~] + H(q) of the product of the result's marginals.
double bound_of(const FactorGraph& graph, const Evidence& evidence,
                const VariationalResult& result) {
  std::size_t n = 0;
  const std::vector<std::size_t> offsets = offsets_of(graph, evidence, n);
  std::vector<double> mean(n);
  std::vector<double> covariance(n * n, 0.0);
  double bound = 0.0;
  for (VariableId v = 0; v < graph.variable_count(); ++v) {
    const std::size_t m = graph.variable(v).dimension;
    if (evidence.find(v) != nullptr) continue;
    const GaussianMoments& own = result.gaussian_marginals[v];
    for (std::size_t i = 0; i < m; ++i) {
      mean[offsets[v] + i] = own.mean[i];
      for (std::size_t k = 0; k < m; ++k) {
        covariance[(offsets[v] + i) * n + offsets[v] + k] = own.covariance[i * m + k];
      }
    }
    if (m > 0) {
      bound +=
          (static_cast<double>(m) * (1.0 + kLogTwoPi) + log_determinant(own.covariance, m, 0, m)) /
          2.0;
    }
  }
  for_each_state(graph, [&](const std::vector<std::size_t>& states) {
    double q = 1.0;
    for (VariableId v = 0; v < graph.variable_count(); ++v) {
      if (!graph.variable(v).is_continuous()) q *= result.marginals[v][states[v]];
    }
    if (q == 0.0) return;
    bound += q * (expected(dense_of(graph, evidence, states), mean, covariance) - std::log(q));
  });
  return bound;
}

void check_monotone(const VariationalResult& result) {
  for (std::size_t i = 1; i < result.trace.size(); ++i) {
    CHECK(result.trace[i] >= result.trace[i - 1] - 1e-12 * (1.0 + std::fabs(result.trace[i])));
  }
}

double sum_of(const std::vector<GapTerm>& terms) {
  double sum = 0.0;
  for (const GapTerm& term : terms) {
    CHECK(term.nats >= -1e-10);
    sum += term.nats;
  }
  return sum;
}

QuadraticForm random_form(std::mt19937_64& random, std::size_t n, double anchor) {
  QuadraticForm form;
  std::vector<double> root(n * n);
  for (double& r : root) r = uniform(random, -1.0, 1.0);
  for (std::size_t i = 0; i < n; ++i) {
    form.linear.push_back(uniform(random, -2.0, 2.0));
    for (std::size_t k = 0; k < n; ++k) {
      double sum = i == k ? anchor : 0.0;
      for (std::size_t j = 0; j < n; ++j) sum += root[i * n + j] * root[k * n + j];
      form.precision.push_back(sum);
    }
  }
  form.constant = uniform(random, -1.0, 1.0);
  return form;
}

/// Three continuous variables of the given dimensions, each pair with a quadratic factor, the last
/// two with a kernel too.
FactorGraph random_gaussian(std::mt19937_64& random, const std::vector<std::size_t>& dimensions) {
  FactorGraph graph;
  for (std::size_t i = 0; i < dimensions.size(); ++i) {
    graph.add_continuous_variable("x" + std::to_string(i), dimensions[i]);
  }
  for (VariableId a = 0; a < dimensions.size(); ++a) {
    for (VariableId b = 0; b < a; ++b) {
      const std::size_t n = dimensions[a] + dimensions[b];
      graph.add_gaussian_factor({a, b}, GaussianTable::quadratic({}, {dimensions[a], dimensions[b]},
                                                                 {random_form(random, n, 0.2)}));
    }
  }
  graph.add_gaussian_factor(
      {1, 2}, GaussianTable::conditional(
                  {}, {dimensions[1], dimensions[2]},
                  {random_kernel(random, dimensions[1], dimensions[2], dimensions[2])}));
  return graph;
}

/// a and b are discrete, x and y continuous; both kinds of Gaussian factors, one with -infinity.
FactorGraph random_mixed(std::mt19937_64& random, std::size_t dimension) {
  FactorGraph graph;
  graph.add_variable("a", 2);
  graph.add_continuous_variable("x", dimension);
  graph.add_variable("b", 3);
  graph.add_continuous_variable("y", 1);
  std::vector<double> weights;
  for (int i = 0; i < 6; ++i) weights.push_back(uniform(random, 0.1, 1.0));
  graph.add_factor({0, 2}, weights);
  std::vector<QuadraticForm> forms;
  std::vector<LinearGaussian> kernels;
  for (int i = 0; i < 6; ++i) forms.push_back(random_form(random, dimension + 1, 0.3));
  for (int i = 0; i < 2; ++i) kernels.push_back(random_kernel(random, dimension, 1, 1));
  graph.add_gaussian_factor({2, 0}, {3, 1},
                            GaussianTable::quadratic({3, 2}, {1, dimension}, forms));
  graph.add_gaussian_factor({0}, {1, 3}, GaussianTable::conditional({2}, {dimension, 1}, kernels));
  return graph;
}

VariationalOptions with_gap() {
  VariationalOptions options;
  options.gap = true;
  return options;
}

}  // namespace

TEST_CASE("gaussian field: a product has the posterior's means and its own precisions") {
  std::mt19937_64 random(11);
  for (const std::vector<std::size_t>& dimensions :
       {std::vector<std::size_t>{1, 1, 1}, {3, 1, 2}, {3, 3, 3}}) {
    const FactorGraph graph = random_gaussian(random, dimensions);
    const Dense p = dense_of(graph, {}, {0, 0, 0});
    const VariationalResult result = maximize(graph, {}, mean_field(graph, {}), with_gap());
    REQUIRE_MESSAGE(result.ok(), result.message);
    CHECK(result.algorithm_used == "ascent");
    CHECK(result.guarantee == Guarantee::fixed_point);
    const std::vector<double> mean = solve(p);
    double own = 0.0;
    std::size_t first = 0;
    for (VariableId v = 0; v < 3; ++v) {
      const std::size_t m = dimensions[v];
      own += log_determinant(p.precision, p.n, first, m);
      for (std::size_t i = 0; i < m; ++i) {
        const std::vector<double>& covariance = result.gaussian_marginals[v].covariance;
        CHECK(std::fabs(result.gaussian_marginals[v].mean[i] - mean[first + i]) < 1e-10);
        for (std::size_t k = 0; k < m; ++k) {
          double product = 0.0;
          for (std::size_t j = 0; j < m; ++j) {
            product += p.at(first + i, first + j) * covariance[j * m + k];
          }
          CHECK(std::fabs(product - (i == k ? 1.0 : 0.0)) < 1e-10);
        }
      }
      first += m;
    }
    const double divergence = (own - log_determinant(p.precision, p.n, 0, p.n)) / 2.0;
    CHECK(std::fabs(result.value - (log_integral(p) - divergence)) < 1e-10);
    CHECK(std::fabs(result.log_z - log_integral(p)) < 1e-10);
    CHECK(std::fabs(sum_of(result.gap) - divergence) < 1e-10);
    CHECK(result.log_z_lower == result.value);
    check_monotone(result);
  }
}

TEST_CASE("gaussian field: blocks are solved together, and values are substituted") {
  std::mt19937_64 random(12);
  const FactorGraph graph = random_gaussian(random, {2, 1, 3, 1});
  Evidence evidence;
  evidence.observe_value(3, {0.7});
  const Dense p = dense_of(graph, evidence, {0, 0, 0, 0});
  Family family(graph);
  family.free(2, {});
  family.free(0, {2});
  family.free(1, {});
  for (const AscentSchedule schedule :
       {AscentSchedule::forward, AscentSchedule::backward, AscentSchedule::random}) {
    VariationalOptions options = with_gap();
    options.schedule = schedule;
    const VariationalResult result = maximize(graph, evidence, family, options);
    REQUIRE_MESSAGE(result.ok(), result.message);
    // Coordinates: x0 (2), x1 (1), x2 (3); the block of x0 and x2 is what is left given x1.
    Dense block;
    block.n = 5;
    for (const std::size_t i : {0U, 1U, 3U, 4U, 5U}) {
      for (const std::size_t k : {0U, 1U, 3U, 4U, 5U}) block.precision.push_back(p.at(i, k));
    }
    const double divergence = (log_determinant(block.precision, 5, 0, 5) + std::log(p.at(2, 2)) -
                               log_determinant(p.precision, 6, 0, 6)) /
                              2.0;
    CHECK(std::fabs(result.value - (log_integral(p) - divergence)) < 1e-10);
    CHECK(std::fabs(sum_of(result.gap) - divergence) < 1e-10);
    const std::vector<double> mean = solve(p);
    CHECK(std::fabs(result.gaussian_marginals[0].mean[1] - mean[1]) < 1e-10);
    CHECK(std::fabs(result.gaussian_marginals[2].mean[2] - mean[5]) < 1e-10);
    CHECK(result.gaussian_marginals[3].mean[0] == 0.7);
    check_monotone(result);
  }
}

TEST_CASE("gaussian field: mixed graphs against every state with dense integrals") {
  std::mt19937_64 random(13);
  for (int trial = 0; trial < 12; ++trial) {
    const FactorGraph graph = random_mixed(random, trial % 2 == 0 ? 1 : 3);
    Evidence evidence;
    if (trial % 3 == 0) evidence.observe_value(3, {0.4});
    const VariationalResult result =
        maximize(graph, evidence, mean_field(graph, evidence), with_gap());
    REQUIRE_MESSAGE(result.ok(), result.message);
    const double log_z = exact_log_z(graph, evidence);
    CHECK(std::fabs(result.log_z - log_z) < 1e-10);
    CHECK(std::fabs(result.value - bound_of(graph, evidence, result)) < 1e-10);
    CHECK(std::fabs(sum_of(result.gap) - (log_z - result.value)) < 1e-9);
    check_monotone(result);
    // A stationary point: no q(a) is better, given the rest.
    for (const double other : {0.02, 0.5, 0.98}) {
      VariationalResult moved = result;
      moved.marginals[0] = {other, 1.0 - other};
      CHECK(bound_of(graph, evidence, moved) <= result.value + 1e-10);
    }
    // The family that keeps a and b together, and x and y, climbs on from there.
    Family structured(graph);
    structured.free(0, {});
    structured.free(2, {0});
    structured.free(1, {});
    structured.free(3, {1});
    VariationalOptions from_there = with_gap();
    std::vector<double> rows = result.marginals[2];
    rows.insert(rows.end(), rows.begin(), rows.begin() + 3);
    from_there.initial = {result.conditionals[0], Table::dense({2, 3}, rows), Table(), Table()};
    const VariationalResult better = maximize(graph, evidence, structured, from_there);
    REQUIRE_MESSAGE(better.ok(), better.message);
    CHECK(better.value >= result.value - 1e-9);
    CHECK(better.value <= log_z + 1e-10);
    CHECK(std::fabs(sum_of(better.gap) - (log_z - better.value)) < 1e-9);
    check_monotone(better);
  }
}

TEST_CASE("gaussian field: components with discrete parents, held kernels, everything observed") {
  std::mt19937_64 random(14);
  const FactorGraph graph = random_mixed(random, 2);
  const double log_z = exact_log_z(graph, {});
  // q(a) q(x | a) q(b) q(y), the third held at a kernel.
  Family family(graph);
  family.free(0, {});
  family.free(1, {0});
  family.clamp(2, {}, Table::dense({3}, {0.2, 0.5, 0.3}));
  family.free(3, {});
  const VariationalResult result = maximize(graph, {}, family, with_gap());
  REQUIRE_MESSAGE(result.ok(), result.message);
  CHECK(result.algorithm_used == "ascent");
  CHECK(result.conditionals[2].at(1) == 0.5);
  CHECK(std::fabs(sum_of(result.gap) - (log_z - result.value)) < 1e-9);
  check_monotone(result);
  // A factor that is held leaves the objective: with x clamped to its own kernel it cancels.
  FactorGraph chain;
  for (const char* name : {"x", "y", "z"}) chain.add_continuous_variable(name);
  const auto prior =
      chain.add_gaussian_factor({0}, GaussianTable::conditional({}, {1}, {{{}, {1.5}, {0.4}}}));
  chain.add_gaussian_factor({0, 1},
                            GaussianTable::conditional({}, {1, 1}, {{{0.8}, {0.1}, {0.3}}}));
  chain.add_gaussian_factor({1, 2}, GaussianTable::conditional({}, {1, 1}, {{{1.2}, {0}, {0.2}}}));
  Evidence evidence;
  Family held(chain);
  held.clamp_gaussian(prior);
  held.free(1, {});
  held.free(2, {});
  const VariationalResult kept = maximize(chain, evidence, held, with_gap());
  REQUIRE_MESSAGE(kept.ok(), kept.message);
  CHECK(kept.gaussian_marginals[0].mean[0] == 1.5);
  CHECK(kept.gaussian_marginals[0].covariance[0] == doctest::Approx(0.4).epsilon(1e-14));
  CHECK(std::fabs(kept.value - bound_of(chain, evidence, kept)) < 1e-10);
  CHECK(std::fabs(sum_of(kept.gap) - (0.0 - kept.value)) < 1e-10);
  for (VariableId v = 0; v < 3; ++v) evidence.observe_value(v, {0.5 * v});
  const VariationalResult all = maximize(chain, evidence, mean_field(chain, evidence), with_gap());
  REQUIRE_MESSAGE(all.ok(), all.message);
  CHECK(all.value == doctest::Approx(dense_of(chain, evidence, {0, 0, 0}).constant).epsilon(1e-14));
  CHECK(all.log_z == doctest::Approx(all.value).epsilon(1e-14));
}

TEST_CASE("gaussian field: the row of the table of algorithms, with a deterministic factor") {
  std::mt19937_64 random(15);
  FactorGraph graph = random_mixed(random, 1);
  // a and b agree (state 2 of b never): a product has to decide.
  graph.add_factor({0, 2}, {1, 0, 0, 0, 1, 0});
  InferOptions options;
  options.algorithm = "mean_field";
  Query query = Query::marginals();
  const Result result = infer(graph, {}, query, options);
  REQUIRE_MESSAGE(result.ok(), result.message);
  CHECK(result.guarantee == Guarantee::lower_bound);
  const double log_z = exact_log_z(graph, {});
  CHECK(result.log_z <= log_z);
  CHECK(result.log_z_lower == result.log_z);
  // The better of the two decisions, each a pure Gaussian product.
  double best = -kInfinity;
  for (const std::size_t state : {std::size_t{0}, std::size_t{1}}) {
    const Dense p = dense_of(graph, {}, {state, 0, state, 0});
    const double own = std::log(p.at(0, 0)) + std::log(p.at(1, 1));
    best = std::max(best, log_integral(p) - (own - log_determinant(p.precision, 2, 0, 2)) / 2.0);
  }
  CHECK(std::fabs(result.log_z - best) < 1e-9);
  CHECK(std::ranges::is_sorted(result.values));
  CHECK(result.gaussian_marginals[1].mean.size() == 1);
  CHECK(result.marginals[2][2] == 0.0);
  query = Query::joint({3, 1});
  const Result joint = infer(graph, {}, query, options);
  REQUIRE(joint.gaussian_joints.size() == 1);
  CHECK(joint.gaussian_joints[0].mean[1] == result.gaussian_marginals[1].mean[0]);
  CHECK(joint.gaussian_joints[0].covariance[1] == 0.0);
  CHECK(infer(graph, {}, Query::joint({0, 1}), options).status == Status::refused);
  CHECK(infer(graph, {}, Query::map(), options).status == Status::refused);
  graph.add_factor({0, 2}, {0, 1, 1, 1, 0, 1});
  CHECK(infer(graph, {}, Query::log_partition(), options).status == Status::impossible_evidence);
}

TEST_CASE("gaussian field: what has no finite integral is named") {
  const auto pair = [](double diagonal, double off) {
    FactorGraph graph;
    graph.add_continuous_variable("left");
    graph.add_continuous_variable("right");
    graph.add_gaussian_factor(
        {0, 1}, GaussianTable::quadratic({}, {1, 1}, {{{1, off, off, diagonal}, {1, 0.5}, 0}}));
    return graph;
  };
  const FactorGraph flat = pair(0.0, 0.5);
  const VariationalResult none = maximize(flat, {}, mean_field(flat, {}));
  CHECK(none.status == Status::refused);
  CHECK(none.breakdown == VariableId{1});
  CHECK(none.message.find("right") != std::string::npos);
  // Each has a precision, both together have none in one direction.
  const FactorGraph line = pair(1.0, -1.0);
  const VariationalResult infinite = maximize(line, {}, mean_field(line, {}));
  CHECK(infinite.status == Status::refused);
  CHECK_MESSAGE(infinite.message.find("diverges") != std::string::npos, infinite.message);
  const FactorGraph saddle = pair(1.0, 2.0);
  const VariationalResult grows = maximize(saddle, {}, mean_field(saddle, {}));
  CHECK(grows.status == Status::refused);
  CHECK_MESSAGE(grows.message.find("not positive definite") != std::string::npos, grows.message);
}

namespace {

/// Scores -(anchor x^2 - 2 h x) / 2 and -(pull (x_t - x_t-1)^2) / 2 along a chain.
struct Rope {
  FactorGraph graph;
  double pull;
  double anchor;
  std::vector<double> potential;
};

Rope make_rope(std::size_t n, double pull, double anchor) {
  Rope rope{{}, pull, anchor, {}};
  for (std::size_t i = 0; i < n; ++i) rope.graph.add_continuous_variable("x" + std::to_string(i));
  const auto pair = GaussianTable::quadratic({}, {1, 1}, {{{pull, -pull, -pull, pull}, {0, 0}, 0}});
  for (VariableId v = 0; v < n; ++v) {
    rope.potential.push_back(std::sin(0.1 * v));
    rope.graph.add_gaussian_factor(
        {v}, GaussianTable::quadratic({}, {1}, {{{anchor}, {rope.potential[v]}, 0}}));
    if (v > 0) rope.graph.add_gaussian_factor({v - 1, v}, pair);
  }
  return rope;
}

/// Means and max L by the tridiagonal system: pivots forward, means backward.
double solve_rope(const Rope& rope, std::vector<double>& mean) {
  const std::size_t n = rope.potential.size();
  std::vector<double> pivot(n);
  mean = rope.potential;
  double bound = 0.0;
  for (std::size_t i = 0; i < n; ++i) {
    const double own = rope.anchor + rope.pull * (i == 0 || i + 1 == n ? 1.0 : 2.0);
    pivot[i] = own - (i > 0 ? rope.pull * rope.pull / pivot[i - 1] : 0.0);
    if (i > 0) mean[i] += rope.pull / pivot[i - 1] * mean[i - 1];
    bound += (kLogTwoPi - std::log(own)) / 2.0;
  }
  for (std::size_t i = n; i-- > 0;) {
    mean[i] = (mean[i] + (i + 1 < n ? rope.pull * mean[i + 1] : 0.0)) / pivot[i];
    bound += rope.potential[i] * mean[i] / 2.0;
  }
  return bound;
}

}  // namespace

TEST_CASE("gaussian field: long chains, also where neighbours are nearly one") {
  for (const double anchor : {1.0, 1e-4}) {
    const Rope rope = make_rope(anchor == 1.0 ? 5000 : 1000, 0.1, anchor);
    VariationalOptions options;
    options.tolerance = 1e-6;
    const VariationalResult result = maximize(rope.graph, {}, mean_field(rope.graph, {}), options);
    REQUIRE_MESSAGE(result.ok(), result.message);
    CHECK(result.guarantee == Guarantee::fixed_point);
    CHECK(result.sweeps < 30);
    std::vector<double> mean;
    const double bound = solve_rope(rope, mean);
    double worst = 0.0;
    for (std::size_t i = 0; i < mean.size(); ++i) {
      worst = std::max(worst, std::fabs(result.gaussian_marginals[i].mean[0] - mean[i]));
    }
    CHECK(worst < 1e-10 / std::sqrt(anchor));
    CHECK(std::fabs(result.value - bound) < 1e-12 * std::fabs(bound));
  }
}

}  // namespace credo::testing
