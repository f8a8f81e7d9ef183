#include <credo/core/error.hpp>
#include <credo/core/numerics.hpp>
#include <credo/core/table.hpp>

#include <doctest/doctest.h>
#include <tests/core/random_graphs.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

using namespace credo;

TEST_CASE("table: the default is the scalar 1") {
  const Table one;
  CHECK(one.rank() == 0);
  CHECK(one.size() == 1);
  CHECK(one.at(0) == 1.0);
  CHECK(one == Table::dense({}, {1.0}));
}

TEST_CASE("table: row-major, the last extent varies fastest") {
  const Table t = Table::dense({2, 3}, {0, 1, 2, 3, 4, 5});
  const std::vector<std::size_t> states{1, 2};
  CHECK(t.index_of(states) == 5);
  CHECK(t.at(t.index_of(states)) == 5.0);
  const std::vector<std::size_t> outside{1, 3};
  CHECK_THROWS_WITH_AS(static_cast<void>(t.index_of(outside)),
                       "table extent 1: expected a state below 3, got 3", ModelError);
  const std::vector<std::size_t> few{1};
  CHECK_THROWS_AS(static_cast<void>(t.index_of(few)), ModelError);
}

TEST_CASE("table: entries that are no weights, and shapes that do not fit") {
  CHECK_THROWS_WITH_AS(
      (void)Table::dense({2}, {0.5, -0.5}),
      doctest::Contains("table entry 1: expected a finite non-negative number, got -0.5"),
      ModelError);
  CHECK_THROWS_AS((void)Table::dense({2}, {0.5, kNaN}), ModelError);
  CHECK_THROWS_AS((void)Table::dense({2}, {0.5, kInfinity}), ModelError);
  CHECK_THROWS_AS((void)Table::dense({2}, {0.5, kInfinity}, Domain::log), ModelError);
  CHECK_THROWS_AS((void)Table::dense({2}, {0.5, kNaN}, Domain::log), ModelError);
  CHECK_NOTHROW((void)Table::dense({2}, {-0.5, -kInfinity}, Domain::log));
  CHECK_THROWS_AS((void)Table::dense({2, 2}, {1, 2, 3}), ModelError);
  CHECK_THROWS_AS((void)Table::dense({2, 0}, {}), ModelError);
  CHECK_THROWS_AS((void)Table::sparse({2}, {{2, 1.0}}), ModelError);
  CHECK_THROWS_AS((void)Table::sparse({2}, {{1, 1.0}, {1, 1.0}}), ModelError);
  CHECK_THROWS_AS((void)Table::dense(std::vector<std::size_t>(65, 2), {1.0}), ModelError);
}

TEST_CASE("table: sparse rows hold the stored entries in order, and entries not stored are zero") {
  const Table t = Table::sparse({3, 4}, {{11, 0.5}, {1, 0.25}, {8, 0.0}});
  CHECK(t.stored() == 3);
  CHECK(t.size() == 12);
  CHECK(std::ranges::equal(t.rows().index, std::vector<std::uint64_t>{0, 2}));
  CHECK(std::ranges::equal(t.rows().begin, std::vector<std::uint64_t>{0, 1, 3}));
  CHECK(std::ranges::equal(t.rows().column, std::vector<std::uint32_t>{1, 0, 3}));
  CHECK(std::ranges::equal(t.values(), std::vector<double>{0.25, 0.0, 0.5}));
  CHECK(t.at(11) == 0.5);
  CHECK(t.at(10) == 0.0);
  CHECK(t.log_at(0) == -kInfinity);
  CHECK(t.has_zero());
  CHECK(t.log_largest() == std::log(0.5));
  CHECK(t.log_smallest() == std::log(0.25));
}

TEST_CASE("table: an enormous sparse shape costs only its entries") {
  const Table t = Table::sparse({1000000, 1000000, 1000000}, {{999999999999999999ULL, 2.0}});
  CHECK(t.size() == 1000000000000000000ULL);
  CHECK(t.at(999999999999999999ULL) == 2.0);
  CHECK_THROWS_AS(static_cast<void>(t.densified(1000)), ModelError);
}

TEST_CASE("table: storages and domains hold the same function") {
  credo::testing::RandomGraphs random(3);
  for (int trial = 0; trial < 50; ++trial) {
    std::vector<double> values(24);
    for (double& x : values) x = random.value();
    const Table dense = Table::dense({2, 3, 4}, values);
    const Table sparse = dense.sparsified();
    CHECK(sparse.stored() == 24 - static_cast<std::size_t>(std::ranges::count(values, 0.0)));
    CHECK(sparse.densified(24) == dense);
    CHECK(sparse.log_largest() == dense.log_largest());
    CHECK(sparse.log_smallest() == dense.log_smallest());
    const Table logs = sparse.in_domain(Domain::log);
    for (std::uint64_t i = 0; i < 24; ++i) {
      CHECK(sparse.at(i) == values[i]);
      CHECK(logs.log_at(i) == std::log(values[i]));
      CHECK(logs.at(i) == doctest::Approx(values[i]).epsilon(1e-12));
    }
  }
}

TEST_CASE("table: copies share, equal values do not") {
  const Table a = Table::dense({2}, {1, 2});
  const Table b = a;  // NOLINT(performance-unnecessary-copy-initialization)
  const Table c = Table::dense({2}, {1, 2});
  CHECK(a.same_object(b));
  CHECK(a.identity() == b.identity());
  CHECK_FALSE(a.same_object(c));
  CHECK(a == c);
  CHECK_FALSE(a == a.sparsified());
}
