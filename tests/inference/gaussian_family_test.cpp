// Families with continuous variables: recursions of textbooks, dense Gaussian algebra, breakdown.

#include <credo/core/error.hpp>
#include <credo/core/numerics.hpp>
#include <credo/inference/variational/variational.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <numbers>
#include <random>

using namespace credo;

namespace {

const double kLogTwoPi = std::log(2.0 * std::numbers::pi);

/// A scalar chain x_1 .. x_T+1 with inputs u_t: x' = a x + b u + N(0, w), score -(q x^2 + r u^2)
/// / 2.
struct Chain {
  FactorGraph graph;
  std::vector<VariableId> x;
  std::vector<VariableId> u;
  std::vector<GaussianFactorId> moves;
  GaussianFactorId start = 0;
};

struct Numbers {
  double a = 1.1, b = 0.5, w = 0.3, q = 2.0, r = 0.7, mean = 1.5, variance = 0.4;
};

Chain make_chain(std::size_t steps, const Numbers& n) {
  Chain chain;
  FactorGraph& graph = chain.graph;
  chain.x.push_back(graph.add_continuous_variable("x1"));
  chain.start = graph.add_gaussian_factor(
      {chain.x[0]}, GaussianTable::conditional({}, {1}, {{{}, {n.mean}, {n.variance}}}));
  const auto move = GaussianTable::conditional({}, {1, 1, 1}, {{{n.a, n.b}, {0.1}, {n.w}}});
  for (std::size_t t = 0; t < steps; ++t) {
    chain.u.push_back(graph.add_continuous_variable("u" + std::to_string(t + 1)));
    graph.add_gaussian_factor({chain.x[t]}, GaussianTable::quadratic({}, {1}, {{{n.q}, {0.2}, 0}}));
    graph.add_gaussian_factor({chain.u[t]}, GaussianTable::quadratic({}, {1}, {{{n.r}, {0}, 0}}));
    chain.x.push_back(graph.add_continuous_variable("x" + std::to_string(t + 2)));
    chain.moves.push_back(
        graph.add_gaussian_factor({chain.x[t], chain.u[t], chain.x[t + 1]}, move));
  }
  graph.add_gaussian_factor({chain.x.back()},
                            GaussianTable::quadratic({}, {1}, {{{n.q}, {0.2}, 0}}));
  return chain;
}

enum class Dynamics { clamped, free, charged };

Family family_of(const Chain& chain, Dynamics dynamics, double rho = 1.0) {
  Family family(chain.graph);
  dynamics == Dynamics::free ? family.free(chain.x[0], {}) : family.clamp_gaussian(chain.start);
  for (std::size_t t = 0; t < chain.u.size(); ++t) {
    family.free(chain.u[t], {chain.x[t]});
    if (dynamics == Dynamics::clamped) family.clamp_gaussian(chain.moves[t]);
    if (dynamics == Dynamics::charged) family.charge_gaussian(chain.moves[t], rho);
    if (dynamics == Dynamics::free) family.free(chain.x[t + 1], {chain.x[t], chain.u[t]});
  }
  return family;
}

/// V(x) = c + l x - p x^2 / 2 by the textbook's scalar recursion; rho infinite: clamped.
struct Value {
  double p, l, c, gain, offset, variance;
};

Value backward(const Numbers& n, std::size_t steps, double rho) {
  Value v{n.q, 0.2, 0.0, 0, 0, 0};
  for (std::size_t t = 0; t < steps; ++t) {
    double p = v.p;
    double l = v.l;
    double c = v.c - p * n.w / 2.0;
    if (std::isfinite(rho)) {
      const double shrink = 1.0 + v.p * n.w / rho;
      p = v.p / shrink;
      l = v.l / shrink;
      c = v.c + l * v.l * n.w / rho / 2.0 - rho / 2.0 * std::log(shrink);
    }
    const double f = 0.1;
    // J(x, u) = c + l (a x + b u + f) - p (a x + b u + f)^2 / 2 - r u^2 / 2 - q x^2 / 2 + 0.2 x
    const double m = n.r + n.b * n.b * p;
    const double slope = -n.b * p * n.a;
    const double shift = n.b * (l - p * f);
    v.gain = slope / m;
    v.offset = shift / m;
    v.variance = 1.0 / m;
    v.c = c + l * f - p * f * f / 2.0 + shift * shift / m / 2.0 + (kLogTwoPi - std::log(m)) / 2.0;
    v.l = 0.2 + n.a * (l - p * f) + slope * shift / m;
    v.p = n.q + n.a * n.a * p - slope * slope / m;
  }
  return v;
}

double expected_value(const Numbers& n, const Value& v) {
  return v.c + v.l * n.mean - v.p * (n.mean * n.mean + n.variance) / 2.0;
}

const LinearGaussian& kernel(const VariationalResult& result, const Family& family, VariableId v) {
  const auto place = static_cast<std::size_t>(family.find(v) - family.conditionals().data());
  return result.gaussian_conditionals.at(place)->kernels()[0];
}

}  // namespace

TEST_CASE("gaussian family: clamped kernels give the certainty-equivalent recursion") {
  const Numbers n;
  const Chain chain = make_chain(6, n);
  const Family family = family_of(chain, Dynamics::clamped);
  VariationalOptions options;
  options.gap = true;
  const VariationalResult result = maximize(chain.graph, {}, family, options);
  REQUIRE_MESSAGE(result.ok(), result.message);
  CHECK(result.guarantee == Guarantee::exact);
  const Value v = backward(n, 6, kInfinity);
  CHECK(result.value == doctest::Approx(expected_value(n, v)).epsilon(1e-12));
  const LinearGaussian& first = kernel(result, family, chain.u[0]);
  CHECK(first.gain[0] == doctest::Approx(v.gain).epsilon(1e-12));
  CHECK(first.offset[0] == doctest::Approx(v.offset).epsilon(1e-12));
  CHECK(first.covariance[0] == doctest::Approx(v.variance).epsilon(1e-12));
  const GaussianScoreMessage* last = nullptr;
  for (const auto& m : result.gaussian_messages) {
    if (m.eliminated == chain.u[0]) last = &m;
  }
  REQUIRE(last != nullptr);
  CHECK(last->continuous == Scope{chain.x[0]});
  // The score of x1 alone is not among those that mention u1.
  CHECK(last->message[0].precision[0] == doctest::Approx(v.p - n.q).epsilon(1e-12));
  CHECK(last->message[0].linear[0] == doctest::Approx(v.l - 0.2).epsilon(1e-12));
  CHECK(last->message[0].constant == doctest::Approx(v.c).epsilon(1e-12));
  // The gap is the sum of the local divergences.
  double sum = 0.0;
  for (const GapTerm& term : result.gap) {
    CHECK(term.nats >= -1e-12);
    sum += term.nats;
  }
  CHECK(result.log_z - result.value == doctest::Approx(sum).epsilon(1e-10));
  CHECK(result.log_z > result.value);
}

TEST_CASE("gaussian family: free and charged kernels bend the noise") {
  const Numbers n;
  const Chain chain = make_chain(5, n);
  const VariationalResult free = maximize(chain.graph, {}, family_of(chain, Dynamics::free));
  REQUIRE_MESSAGE(free.ok(), free.message);
  for (const double rho : {1.0, 0.3, 10.0, -30.0}) {
    CAPTURE(rho);
    const Family family = family_of(chain, Dynamics::charged, rho);
    const VariationalResult result = maximize(chain.graph, {}, family);
    REQUIRE_MESSAGE(result.ok(), result.message);
    const Value v = backward(n, 5, rho);
    CHECK(result.value == doctest::Approx(expected_value(n, v)).epsilon(1e-12));
    CHECK(kernel(result, family, chain.u[0]).gain[0] == doctest::Approx(v.gain).epsilon(1e-12));
    if (rho != 1.0) continue;
    // The free family also bends x_1: log Z = log integral N(x; mean, variance) exp V.
    const double shrink = 1.0 + v.p * n.variance;
    const double b = v.l - v.p * n.mean;
    CHECK(free.value == doctest::Approx(v.c + v.l * n.mean - v.p * n.mean * n.mean / 2.0 +
                                        b * b * n.variance / shrink / 2.0 - std::log(shrink) / 2.0)
                            .epsilon(1e-12));
  }
}

TEST_CASE("gaussian family: every entropic family below the free one, which has no gap") {
  const Chain chain = make_chain(4, {});
  VariationalOptions options;
  options.gap = true;
  const VariationalResult free =
      maximize(chain.graph, {}, family_of(chain, Dynamics::free), options);
  REQUIRE_MESSAGE(free.ok(), free.message);
  CHECK(free.log_z == doctest::Approx(free.value).epsilon(1e-12));
  for (const GapTerm& term : free.gap) CHECK(std::fabs(term.nats) < 1e-10);
  double before = free.value;
  for (const double rho : {2.0, 8.0, 64.0}) {
    const auto family = family_of(chain, Dynamics::charged, rho);
    const VariationalResult result = maximize(chain.graph, {}, family, options);
    CHECK(result.value < before);
    CHECK(result.log_z_lower == result.value);
    before = result.value;
  }
  CHECK(maximize(chain.graph, {}, family_of(chain, Dynamics::clamped), options).value < before);
}

TEST_CASE("gaussian family: deterministic kernels make clamped, charged and free the same") {
  Numbers n;
  n.w = 0.0;
  const Chain chain = make_chain(5, n);
  const Family clamped = family_of(chain, Dynamics::clamped);
  const VariationalResult expected = maximize(chain.graph, {}, clamped);
  REQUIRE_MESSAGE(expected.ok(), expected.message);
  const Family charged = family_of(chain, Dynamics::charged, -3.0);
  const VariationalResult result = maximize(chain.graph, {}, charged);
  REQUIRE_MESSAGE(result.ok(), result.message);
  CHECK(result.value == doctest::Approx(expected.value).epsilon(1e-13));
  const VariationalResult free = maximize(chain.graph, {}, family_of(chain, Dynamics::free));
  REQUIRE_MESSAGE(free.ok(), free.message);
  const Family free_family = family_of(chain, Dynamics::free);
  CHECK(kernel(free, free_family, chain.u[2]).gain[0] ==
        doctest::Approx(kernel(expected, clamped, chain.u[2]).gain[0]).epsilon(1e-12));
}

TEST_CASE("gaussian family: what does not exist is no number") {
  const Numbers n;
  const Chain chain = make_chain(8, n);
  const VariationalResult worst =
      maximize(chain.graph, {}, family_of(chain, Dynamics::charged, -0.2));
  CHECK(worst.status == Status::refused);
  REQUIRE(worst.breakdown);
  CHECK(std::isnan(worst.value));
  CHECK(worst.message.find("breakdown at x9") != std::string::npos);
  CHECK(worst.gaussian_conditionals.empty());
  Numbers flat = n;
  flat.r = 0.0;
  flat.b = 0.0;
  const Chain idle = make_chain(2, flat);
  const VariationalResult free = maximize(idle.graph, {}, family_of(idle, Dynamics::clamped));
  CHECK(free.status == Status::refused);
  CHECK(free.breakdown == idle.u[1]);
  CHECK(free.message.find("no curvature") != std::string::npos);
  flat.r = -1.0;
  const Chain upward = make_chain(2, flat);
  const VariationalResult grows = maximize(upward.graph, {}, family_of(upward, Dynamics::clamped));
  CHECK(grows.message.find("curve upwards") != std::string::npos);
}

TEST_CASE("gaussian family: hidden variables are averaged under a filter") {
  // x1, seen through y = x1 + noise; u sees y only; x2 = x1 + u.
  for (const double noise : {0.5, 0.0}) {
    CAPTURE(noise);
    FactorGraph graph;
    const VariableId x1 = graph.add_continuous_variable("x1");
    const VariableId y = graph.add_continuous_variable("y");
    const VariableId u = graph.add_continuous_variable("u");
    const VariableId x2 = graph.add_continuous_variable("x2");
    using T = GaussianTable;
    graph.add_gaussian_factor({x1}, T::conditional({}, {1}, {{{}, {0.3}, {2.0}}}));
    graph.add_gaussian_factor({x1, y}, T::conditional({}, {1, 1}, {{{1.0}, {0.0}, {noise}}}));
    graph.add_gaussian_factor({x1, u, x2},
                              T::conditional({}, {1, 1, 1}, {{{1.0, 1.0}, {0.0}, {0.1}}}));
    graph.add_gaussian_factor({u}, T::quadratic({}, {1}, {{{0.5}, {0.0}, 0.0}}));
    graph.add_gaussian_factor({x2}, T::quadratic({}, {1}, {{{3.0}, {0.0}, 0.0}}));
    Family family(graph);
    family.clamp_gaussian(0);
    family.clamp_gaussian(1);
    family.clamp_gaussian(2);
    family.free(u, {y});
    const VariationalResult result = maximize(graph, {}, family);
    REQUIRE_MESSAGE(result.ok(), result.message);
    const double filter = 2.0 / (2.0 + noise);  // E[x1 | y] = 0.3 + filter (y - 0.3)
    const LinearGaussian& q = kernel(result, family, u);
    CHECK(q.gain[0] == doctest::Approx(-3.0 / 3.5 * filter).epsilon(1e-10));
    CHECK(q.offset[0] == doctest::Approx(-3.0 / 3.5 * 0.3 * (1.0 - filter)).epsilon(1e-10));
    CHECK(q.covariance[0] == doctest::Approx(1.0 / 3.5).epsilon(1e-10));
    // E[x1 | y] has variance 2 filter, what is left 2 (1 - filter).
    const double p = 3.0 - 9.0 / 3.5;
    CHECK(result.value ==
          doctest::Approx(-(p * (0.09 + 2.0 * filter) + 3.0 * (2.0 * (1.0 - filter) + 0.1)) / 2.0 +
                          (kLogTwoPi - std::log(3.5)) / 2.0)
              .epsilon(1e-10));
  }
}

TEST_CASE("gaussian family: discrete parents, coupled recursions, a free discrete choice") {
  // mode m (clamped), choice d (free, sees m), x = 1 + d + N(0, v_m), score -(p_m x^2) / 2.
  FactorGraph graph;
  const VariableId m = graph.add_variable("m", 2);
  const VariableId d = graph.add_variable("d", 2);
  const VariableId x = graph.add_continuous_variable("x");
  const VariableId u = graph.add_continuous_variable("u");
  graph.add_conditional({m}, m, Table::dense({2}, {0.3, 0.7}));
  const double v[] = {0.5, 2.0};
  const double p[] = {1.0, 3.0};
  std::vector<LinearGaussian> kernels;
  std::vector<QuadraticForm> forms;
  for (int i = 0; i < 2; ++i) {
    for (int k = 0; k < 2; ++k) kernels.push_back({{}, {1.0 + k}, {v[i]}});
    forms.push_back({{p[i], p[i], p[i], p[i] + 1.0}, {0.0, 0.0}, 0.0});  // p (x + u)^2 + u^2
  }
  graph.add_gaussian_factor({m, d}, {x}, GaussianTable::conditional({2, 2}, {1}, kernels));
  graph.add_gaussian_factor({m}, {x, u}, GaussianTable::quadratic({2}, {1, 1}, forms));
  Family family(graph);
  family.clamp(0);
  family.clamp_gaussian(0);
  family.free(d, {m});
  family.free(u, {m, x});
  const VariationalResult result = maximize(graph, {}, family);
  REQUIRE_MESSAGE(result.ok(), result.message);
  double expected = 0.0;
  for (int i = 0; i < 2; ++i) {
    const double left = p[i] - p[i] * p[i] / (p[i] + 1.0);
    double sum = 0.0;
    for (int k = 0; k < 2; ++k) sum += std::exp(-left * ((1.0 + k) * (1.0 + k) + v[i]) / 2.0);
    expected += (i == 0 ? 0.3 : 0.7) * (std::log(sum) + (kLogTwoPi - std::log(p[i] + 1.0)) / 2.0);
  }
  CHECK(result.value == doctest::Approx(expected).epsilon(1e-12));
  // Moments of x: a mixture of four.
  double mean = 0.0;
  double second = 0.0;
  for (int i = 0; i < 2; ++i) {
    for (int k = 0; k < 2; ++k) {
      const double q =
          (i == 0 ? 0.3 : 0.7) * result.conditionals[2].at(static_cast<std::uint64_t>(2 * i + k));
      mean += q * (1.0 + k);
      second += q * ((1.0 + k) * (1.0 + k) + v[i]);
    }
  }
  CHECK(result.gaussian_marginals[x].mean[0] == doctest::Approx(mean).epsilon(1e-12));
  CHECK(result.gaussian_marginals[x].covariance[0] ==
        doctest::Approx(second - mean * mean).epsilon(1e-12));
  // u that does not see m would have to average a mixture.
  Family blind(graph);
  blind.clamp(0);
  blind.clamp_gaussian(0);
  blind.clamp(d, {m}, Table::dense({2, 2}, {0.5, 0.5, 0.5, 0.5}));
  blind.free(u, {x});
  const VariationalResult refused = maximize(graph, {}, blind);
  CHECK(refused.status == Status::refused);
  CHECK(refused.message.find("mixture") != std::string::npos);
}

TEST_CASE("gaussian family: insoluble families and wrong kernels are refused with the reason") {
  const Chain chain = make_chain(2, {});
  VariationalOptions swept;
  swept.method = VariationalMethod::sweep;
  const VariationalResult factored = maximize(chain.graph, {}, mean_field(chain.graph, {}), swept);
  CHECK(factored.status == Status::refused);
  CHECK(factored.message.find("not soluble") != std::string::npos);
  CHECK_FALSE(solubility(chain.graph, {}, mean_field(chain.graph, {})).soluble);
  CHECK(solubility(chain.graph, {}, family_of(chain, Dynamics::clamped)).soluble);
  Family family(chain.graph);
  CHECK_THROWS_WITH_AS(family.clamp_gaussian(1), doctest::Contains("is a conditional"), ModelError);
  CHECK_THROWS_AS(family.clamp_gaussian(99), ModelError);
  CHECK_THROWS_AS(family.free(chain.x[0], {}, 1.0, Table::dense({1}, {1.0})), ModelError);
  CHECK_THROWS_WITH_AS(
      family.clamp(chain.x[0], {},
                   GaussianTable::conditional({}, {2}, {{{}, {0, 0}, {1, 0, 0, 1}}})),
      doctest::Contains("dimensions [1]"), ModelError);
  CHECK_THROWS_AS(family.charge_gaussian(chain.start, 0.0), ModelError);
  // One component is solved by one sweep, whatever the method is called.
  VariationalOptions ascent;
  ascent.method = VariationalMethod::ascent;
  const Family clamped = family_of(chain, Dynamics::clamped);
  CHECK(maximize(chain.graph, {}, clamped, ascent).value ==
        doctest::Approx(maximize(chain.graph, {}, clamped).value).epsilon(1e-12));
}

TEST_CASE("gaussian family: values condition, and the fully structured family is the posterior") {
  const Numbers n;
  const Chain chain = make_chain(3, n);
  Evidence evidence;
  evidence.observe_value(chain.x[2], {0.4});
  evidence.observe_value(chain.u[0], {-0.3});
  VariationalOptions options;
  options.gap = true;
  const VariationalResult result =
      maximize(chain.graph, evidence, fully_structured(chain.graph, evidence), options);
  REQUIRE_MESSAGE(result.ok(), result.message);
  CHECK(result.log_z == doctest::Approx(result.value).epsilon(1e-12));
  CHECK(result.gaussian_marginals[chain.x[2]].mean[0] == 0.4);
  // x2 given both neighbours: by hand, from the five terms that mention it.
  const double prior = n.a * n.mean + n.b * -0.3 + 0.1;
  // x1 is integrated: N(x1; mean, variance) exp(0.2 x1 - q x1^2 / 2).
  const double p1 = 1.0 / n.variance + n.q;
  const double m1 = (n.mean / n.variance + 0.2) / p1;
  const double mean2 = prior + n.a * (m1 - n.mean);
  const double variance2 = n.w + n.a * n.a / p1;
  // x3 = a x2 + b u2 + 0.1 + noise, u2 has precision r: noise of variance w + b^2 / r.
  const double noise = n.w + n.b * n.b / n.r;
  const double precision = 1.0 / variance2 + n.q + n.a * n.a / noise;
  const double mean = (mean2 / variance2 + 0.2 + n.a * (0.4 - 0.1) / noise) / precision;
  CHECK(result.gaussian_marginals[chain.x[1]].mean[0] == doctest::Approx(mean).epsilon(1e-12));
  CHECK(result.gaussian_marginals[chain.x[1]].covariance[0] ==
        doctest::Approx(1.0 / precision).epsilon(1e-12));
}

TEST_CASE("gaussian family: scores of -1e4 per step over a thousand steps") {
  Numbers n;
  n.q = 1e4;
  n.mean = 300.0;
  const Chain chain = make_chain(1000, n);
  const Family family = family_of(chain, Dynamics::clamped);
  const VariationalResult result = maximize(chain.graph, {}, family);
  REQUIRE_MESSAGE(result.ok(), result.message);
  const Value v = backward(n, 1000, kInfinity);
  CHECK(result.value == doctest::Approx(expected_value(n, v)).epsilon(1e-11));
  CHECK(kernel(result, family, chain.u[0]).gain[0] == doctest::Approx(v.gain).epsilon(1e-12));
}
