// Budgets: what would not fit is refused before anything is allocated.

#include "oracle.hpp"
#include "random_models.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <string>

using namespace credo;
using namespace credo::testing;

TEST_CASE("budget: a plan over budget is refused before allocation, with numbers and advice") {
  // 60 x 60: a table of about 2^60 entries, which nobody can allocate.
  const FactorGraph graph = grid(60);
  InferOptions options;
  options.algorithm = "contraction";
  options.plan.restarts = 2;
  for (const Query& query : {Query::log_partition(), Query::marginals(), Query::map()}) {
    const Result result = infer(graph, query, options);
    CHECK(result.status == Status::refused);
    CHECK(std::isnan(result.log_z));
    CHECK(result.guarantee == Guarantee::none);
    CHECK(result.marginals.empty());
    CHECK(contains(result.message, "contraction: "));
    // What it would need, what there is, where it is widest, what to try.
    CHECK(contains(result.message, "8"));
    CHECK(contains(result.message, "g"));
    CHECK(contains(result.message, "widest"));
    CHECK(contains(result.message, "try"));
    CHECK(result.plan.peak_bytes > options.memory_limit_bytes);
    CHECK(result.plan.log2_widest > 40.0);
  }
}

TEST_CASE("budget: automatic choice falls back to a labelled approximation, and says why") {
  const FactorGraph graph = grid(60);
  InferOptions options;
  options.plan.restarts = 2;
  for (const Query& query : {Query::log_partition(), Query::marginals(), Query::map()}) {
    const Result result = infer(graph, query, options);
    REQUIRE_MESSAGE(result.ok(), result.message);
    CHECK(result.algorithm_requested == "auto");
    CHECK(result.algorithm_used == "belief_propagation");
    CHECK(
        (result.guarantee == Guarantee::fixed_point || result.guarantee == Guarantee::unconverged));
    CHECK(contains(result.message, "contraction: "));
    CHECK(contains(result.message, "enumeration: "));
    CHECK(contains(result.message, "widest"));
  }
  // Nothing approximate can draw.
  const Result refused = infer(graph, Query::samples(1, 1), options);
  CHECK(refused.status == Status::refused);
  CHECK(contains(refused.message, "contraction: "));
  CHECK(contains(refused.message, "enumeration: "));
  CHECK(contains(refused.message, "belief_propagation: "));
}

TEST_CASE("budget: a smaller budget refuses what a larger one answers") {
  const FactorGraph graph = grid(12);
  InferOptions options;
  options.algorithm = "contraction";
  const Result answered = infer(graph, Query::marginals(), options);
  REQUIRE_MESSAGE(answered.ok(), answered.message);
  CHECK(answered.plan.peak_bytes > 0.0);
  options.memory_limit_bytes = answered.plan.peak_bytes / 4.0;
  CHECK(infer(graph, Query::marginals(), options).status == Status::refused);
}
