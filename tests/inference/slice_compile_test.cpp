// A slice compiled from a two-slice graph against the reverse sweep of the same graph, whose last
// variable carries the next message as a factor of its own.

#include "slice_cases.hpp"

#include <credo/core/error.hpp>
#include <credo/inference/variational/slice.hpp>
#include <credo/inference/variational/variational.hpp>

#include <doctest/doctest.h>

#include <functional>
#include <string>

using namespace credo;
using namespace credo::testing;

namespace {

constexpr std::size_t kContexts = 5;
constexpr std::size_t kChoices = 3;

struct TwoSlices {
  FactorGraph graph;
  VariableId x = 0, d = 0, weather = 0, y = 0;
  FactorId kernel = 0;
  Evidence evidence;
};

std::vector<double> random_positive(Random& random, std::size_t count) {
  std::vector<double> values(count);
  for (double& v : values) v = random.uniform(0.1, 2.0);
  return values;
}

/// x, d, an observed variable, x' under a kernel over (d, weather, x, x') with zeros; factors on
/// (d, x), (x' , d), x, x' and (x', x, d).
TwoSlices two_slices(Random& random, bool sparse) {
  TwoSlices t;
  t.x = t.graph.add_variable("x", kContexts);
  t.d = t.graph.add_variable("d", kChoices);
  t.weather = t.graph.add_variable("weather", 2);
  t.y = t.graph.add_variable("y", kContexts);
  std::vector<double> kernel;
  for (std::size_t row = 0; row < kChoices * 2 * kContexts; ++row) {
    std::vector<double> p = random_positive(random, kContexts);
    p[random.below(kContexts)] = 0.0;
    normalize(p);
    kernel.insert(kernel.end(), p.begin(), p.end());
  }
  Table table = Table::dense({kChoices, 2, kContexts, kContexts}, kernel);
  if (sparse) table = table.sparsified();
  t.kernel = t.graph.add_conditional({t.d, t.weather, t.x, t.y}, t.y, table);
  t.graph.add_factor({t.d, t.x}, random_positive(random, kChoices * kContexts));
  t.graph.add_factor({t.y, t.d, t.weather}, random_positive(random, kContexts * kChoices * 2));
  t.graph.add_factor({t.x}, random_positive(random, kContexts));
  t.graph.add_factor({t.y}, random_positive(random, kContexts));
  t.graph.add_factor({t.y, t.x, t.d}, random_positive(random, kContexts * kContexts * kChoices));
  t.evidence.observe(t.weather, 1);
  t.evidence.observe_likelihood(t.d, {0.5, 1.0, 2.0});
  return t;
}

/// U(x) by maximising over the family with x observed and exp(V) on x'.
std::vector<double> by_reverse_sweep(const TwoSlices& t, const Family& family,
                                     const std::vector<double>& v) {
  FactorGraph graph = t.graph;
  graph.add_factor({t.y}, Table::dense({kContexts}, v, Domain::log));
  // The same family on the larger graph.
  Family larger(graph);
  for (const Conditional& c : family.conditionals()) {
    if (c.child == t.x) continue;
    switch (c.kind) {
      case ConditionalKind::free:
        larger.free(c.child, c.parents, c.weight, c.table);
        break;
      case ConditionalKind::arg_max:
        larger.arg_max(c.child, c.parents);
        break;
      case ConditionalKind::clamped:
        c.factor ? larger.clamp(*c.factor) : larger.clamp(c.child, c.parents, *c.table);
        break;
      case ConditionalKind::charged:
        c.factor ? larger.charge(*c.factor, c.weight)
                 : larger.charge(c.child, c.parents, *c.table, c.weight);
        break;
    }
  }
  std::vector<double> result;
  for (std::size_t x = 0; x < kContexts; ++x) {
    Evidence evidence = t.evidence;
    evidence.observe(t.x, x);
    VariationalOptions options;
    options.method = VariationalMethod::sweep;
    result.push_back(maximize(graph, evidence, larger, options).value);
  }
  return result;
}

void check_same(const TwoSlices& t, const Family& family, const std::vector<double>& v) {
  const Slice slice(compile_slice(t.graph, t.evidence, family, t.x, t.y));
  std::vector<double> u(kContexts);
  slice.apply(v, u);
  const std::vector<double> expected = by_reverse_sweep(t, family, v);
  for (std::size_t x = 0; x < kContexts; ++x) {
    CHECK((u[x] == expected[x] || std::fabs(u[x] - expected[x]) < 1e-12));
  }
}

using Conditionals = std::function<void(Family&, const TwoSlices&)>;

}  // namespace

TEST_CASE("slice compiled from a graph: every kind of conditional") {
  Random random(31);
  std::vector<double> kernel;
  for (std::size_t row = 0; row < kContexts; ++row) {
    std::vector<double> p = random_positive(random, kContexts);
    normalize(p);
    kernel.insert(kernel.end(), p.begin(), p.end());
  }
  std::vector<double> longer;
  for (std::size_t x = 0; x < kContexts; ++x) {
    for (std::size_t d = 0; d < kChoices; ++d) {
      const std::vector<double> p(
          kernel.begin() + static_cast<std::ptrdiff_t>((x + d) % kContexts * kContexts),
          kernel.begin() + static_cast<std::ptrdiff_t>(((x + d) % kContexts + 1) * kContexts));
      longer.insert(longer.end(), p.begin(), p.end());
    }
  }
  const Table both = Table::dense({kContexts, kChoices, kContexts}, longer);
  std::vector<double> q;
  for (std::size_t row = 0; row < kContexts; ++row) {
    std::vector<double> p = random_positive(random, kChoices);
    normalize(p);
    q.insert(q.end(), p.begin(), p.end());
  }
  const Table own = Table::dense({kContexts, kContexts}, kernel);
  const Table given = Table::dense({kContexts, kChoices}, q);
  const std::vector<Conditionals> nexts = {
      [](Family& f, const TwoSlices& t) { f.clamp(t.kernel); },
      [](Family& f, const TwoSlices& t) { f.charge(t.kernel, 2.5); },
      [](Family& f, const TwoSlices& t) { f.charge(t.kernel, -1.5); },
      [](Family& f, const TwoSlices& t) { f.charge(t.kernel, kInfinity); },
      [](Family& f, const TwoSlices& t) { f.free(t.y, {t.d, t.x}); },
      [](Family& f, const TwoSlices& t) { f.free(t.y, {t.x, t.d}, 0.7); },
      [](Family& f, const TwoSlices& t) { f.arg_max(t.y, {t.x, t.d}); },
      [&](Family& f, const TwoSlices& t) { f.clamp(t.y, {t.x}, own); },
      [&](Family& f, const TwoSlices& t) { f.charge(t.y, {t.x, t.d}, both, 0.5); },
  };
  const std::vector<Conditionals> choices = {
      [](Family& f, const TwoSlices& t) { f.free(t.d, {t.x}); },
      [&](Family& f, const TwoSlices& t) { f.free(t.d, {t.x}, 0.3, given); },
      [](Family& f, const TwoSlices& t) { f.arg_max(t.d, {t.x}); },
      [&](Family& f, const TwoSlices& t) { f.clamp(t.d, {t.x}, given); },
      [&](Family& f, const TwoSlices& t) { f.charge(t.d, {t.x}, given, 3.0); },
  };
  for (const bool sparse : {false, true}) {
    const TwoSlices t = two_slices(random, sparse);
    for (const Conditionals& next : nexts) {
      for (const Conditionals& choice : choices) {
        Family family(t.graph);
        next(family, t);
        choice(family, t);
        CAPTURE(&next - nexts.data());
        CAPTURE(&choice - choices.data());
        check_same(t, family, random_message(random, kContexts, 3.0));
      }
    }
  }
}

TEST_CASE("slice compiled from a graph: ended contexts") {
  Random random(32);
  const TwoSlices t = two_slices(random, true);
  const std::vector<std::size_t> ended = {1, 4};
  for (int kind = 0; kind < 4; ++kind) {
    Family family(t.graph);
    if (kind == 0) family.clamp(t.kernel);
    if (kind == 1) family.charge(t.kernel, 0.8);
    if (kind == 2) family.charge(t.kernel, -0.8);
    if (kind == 3) family.free(t.y, {t.x, t.d});
    family.free(t.d, {t.x});
    std::vector<double> v = random_message(random, kContexts, 2.0);
    v[1] = v[4] = 0.0;
    std::vector<double> whole(kContexts);
    Slice(compile_slice(t.graph, t.evidence, family, t.x, t.y)).apply(v, whole);
    std::vector<double> u(kContexts);
    v[1] = v[4] = 77.0;  // not read
    Slice(compile_slice(t.graph, t.evidence, family, t.x, t.y, ended)).apply(v, u);
    for (const std::size_t x : {0U, 2U, 3U}) CHECK(std::fabs(u[x] - whole[x]) < 1e-12);
    for (const std::size_t x : {1U, 4U}) CHECK(u[x] == 0.0);
  }
}

TEST_CASE("slice compiled from a graph without a choice is a chain") {
  Random random(33);
  FactorGraph graph;
  const VariableId x = graph.add_variable("x", 3);
  const VariableId y = graph.add_variable("y", 3);
  const std::vector<double> f = random_positive(random, 9);
  graph.add_factor({x, y}, f);
  Family family(graph);
  family.free(y, {x});
  const Slice slice(compile_slice(graph, {}, family, x, y));
  std::vector<double> v(3, 0.0);
  std::vector<double> u(3);
  for (int t = 0; t < 4; ++t) {
    slice.apply(v, u);
    v = u;
  }
  // log of the row sums of the fourth power.
  std::vector<double> z(3, 1.0);
  for (int t = 0; t < 4; ++t) {
    std::vector<double> after(3, 0.0);
    for (std::size_t i = 0; i < 9; ++i) after[i / 3] += f[i] * z[i % 3];
    z = after;
  }
  for (std::size_t i = 0; i < 3; ++i) CHECK(u[i] == doctest::Approx(std::log(z[i])).epsilon(1e-14));
}

TEST_CASE("slice compiled from a graph: what is in the way is named") {
  Random random(34);
  const TwoSlices t = two_slices(random, false);
  const auto message_of = [&](const Family& family, VariableId from, VariableId to,
                              const Evidence& evidence) {
    try {
      (void)compile_slice(t.graph, evidence, family, from, to);
    } catch (const ModelError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  Family family(t.graph);
  family.clamp(t.kernel);
  family.free(t.d, {t.x});
  CHECK(message_of(family, t.x, t.y, t.evidence).empty());
  CHECK(message_of(family, t.x, t.d, t.evidence).find("'x' has 5 states and 'd' has 3") !=
        std::string::npos);
  CHECK(message_of(family, t.x, t.x, t.evidence).find("two different variables") !=
        std::string::npos);
  Family two(t.graph);
  two.clamp(t.kernel);
  two.free(t.d, {t.x});
  two.free(t.weather, {});
  CHECK(message_of(two, t.x, t.y, {}).find("'d' and 'weather' are both unobserved") !=
        std::string::npos);
  Family blind(t.graph);
  blind.free(t.y, {t.x});
  blind.free(t.d, {t.y});
  CHECK(message_of(blind, t.x, t.y, t.evidence).find("'d' depends on 'y'") != std::string::npos);
  Family unaware(t.graph);
  unaware.free(t.y, {t.x});
  unaware.free(t.d, {t.x});
  CHECK(message_of(unaware, t.x, t.y, t.evidence).find("'y' does not see 'd'") !=
        std::string::npos);
  Family blindfold(t.graph);
  blindfold.clamp(t.kernel);
  blindfold.free(t.d, {});
  CHECK(message_of(blindfold, t.x, t.y, t.evidence).find("'d' does not see 'x'") !=
        std::string::npos);
  Evidence observed = t.evidence;
  observed.observe(t.x, 0);
  CHECK(message_of(family, t.x, t.y, observed).find("'x' is observed") != std::string::npos);
  const std::vector<std::size_t> ended = {9};
  CHECK_THROWS_AS((void)compile_slice(t.graph, t.evidence, family, t.x, t.y, ended), ModelError);
}
