#include <credo/core/error.hpp>
#include <credo/core/evidence.hpp>
#include <credo/core/numerics.hpp>

#include <doctest/doctest.h>

#include <vector>

using namespace credo;

namespace {

FactorGraph weather() {
  FactorGraph g;
  g.add_variable("rain", 2, {"no", "yes"});
  g.add_variable("wind", 3);
  return g;
}

}  // namespace

TEST_CASE("evidence: a later finding replaces an earlier one") {
  Evidence e;
  e.observe(1, 2);
  e.observe_likelihood(1, {0.5, 1, 2});
  CHECK(e.size() == 1);
  CHECK(e.find(1)->kind == FindingKind::likelihood);
  e.allow(1, {2, 0, 2});
  CHECK(e.find(1)->allowed == std::vector<std::size_t>{0, 2});
  CHECK(e.find(0) == nullptr);
  e.retract(1);
  CHECK(e.empty());
}

TEST_CASE("evidence: observed is a state or a value, not a weight or a set") {
  Evidence evidence;
  evidence.observe(3, 1);
  evidence.observe_likelihood(1, {0.5, 0.5});
  evidence.allow(2, {0, 1});
  evidence.observe_value(5, {1.0, 2.0});
  CHECK(evidence.is_observed(3));
  CHECK(evidence.is_observed(5));
  CHECK_FALSE(evidence.is_observed(0));
  CHECK_FALSE(evidence.is_observed(1));
  CHECK_FALSE(evidence.is_observed(2));
  CHECK(evidence.unobserved({5, 2, 3, 0}) == Scope{2, 0});
}

TEST_CASE("evidence: by names, described as messages show it") {
  const FactorGraph g = weather();
  Evidence e;
  e.observe(g, "rain", "yes");
  CHECK(describe(g, *e.find(0)) == "rain = yes");
  e.observe_likelihood(g, "rain", {0.25, 0.75});
  CHECK(describe(g, *e.find(0)) == "rain ~ (0.25, 0.75)");
  e.allow(g, "wind", {"2", "0"});
  CHECK(describe(g, *e.find(1)) == "wind in {0, 2}");
  CHECK_NOTHROW(e.validate(g));
  CHECK_THROWS_WITH_AS(e.observe(g, "rian", "yes"), doctest::Contains("did you mean rain"),
                       ModelError);
  CHECK_THROWS_AS(e.observe(g, "rain", "maybe"), ModelError);
}

TEST_CASE("evidence: what does not fit the graph is refused with the variable's name") {
  const FactorGraph g = weather();
  const auto refused = [&](auto change, const char* message) {
    Evidence e;
    change(e);
    CHECK_THROWS_WITH_AS(e.validate(g), doctest::Contains(message), EvidenceError);
  };
  refused([](Evidence& e) { e.observe(2, 0); }, "expected variables below 2, got 2");
  refused([](Evidence& e) { e.observe(1, 3); },
          "evidence on wind: expected a state from 0 to 2, got 3");
  refused([](Evidence& e) { e.allow(0, {}); },
          "evidence on rain: expected at least one allowed state");
  refused([](Evidence& e) { e.allow(0, {0, 2}); },
          "evidence on rain: expected a state from 0 to 1, got 2");
  refused([](Evidence& e) { e.observe_likelihood(0, {1}); },
          "likelihood of rain: expected 2 values, got 1");
  refused([](Evidence& e) { e.observe_likelihood(0, {1, -1}); },
          "finite non-negative values, got -1");
  refused([](Evidence& e) { e.observe_likelihood(0, {1, kNaN}); }, "finite non-negative values");
  refused([](Evidence& e) { e.observe_likelihood(0, {1, kInfinity}); },
          "finite non-negative values");
}
