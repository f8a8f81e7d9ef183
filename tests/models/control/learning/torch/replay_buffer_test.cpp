#include <credo/core/error.hpp>
#include <credo/models/control/learning/torch/replay_buffer.hpp>

#include <doctest/doctest.h>

#include <set>

namespace credo::control::learning {
namespace {

EnvironmentFacts corridor(std::size_t states) {
  EnvironmentFacts facts;
  facts.name = "corridor";
  facts.observations = Space::discrete(states);
  facts.actions = Space::discrete(2);
  return facts;
}

void fill(ReplayBuffer& buffer, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const auto x = static_cast<double>(i);
    const double next = x + 1.0;
    const double action = i % 2 == 0 ? 0.0 : 1.0;
    buffer.add({&x, 1}, {&action, 1}, 10.0 * x, {&next, 1}, i % 5 == 4);
  }
}

TEST_CASE("replay buffer: the newest take the place of the oldest, rows stay whole") {
  const Encoding encoding(corridor(12));
  ReplayBuffer buffer(1, 1, 4);
  fill(buffer, 11);
  CHECK(buffer.size() == 4);
  Random random(1);
  const Batch batch = buffer.draw(200, encoding, random);
  std::set<std::size_t> seen;
  for (std::size_t i = 0; i < batch.size; ++i) {
    const auto state = static_cast<std::size_t>(batch.rewards[i] / 10.0);
    seen.insert(state);
    CHECK(batch.actions[i] == static_cast<double>(state % 2));
    CHECK(batch.ends[i] == (state % 5 == 4 ? 1.0 : 0.0));
    for (std::size_t s = 0; s < 12; ++s) {
      CHECK(batch.observations[i * 12 + s] == (s == state ? 1.0 : 0.0));
      CHECK(batch.next_observations[i * 12 + s] == (s == state + 1 ? 1.0 : 0.0));
    }
  }
  CHECK(seen == std::set<std::size_t>{7, 8, 9, 10});
}

TEST_CASE("replay buffer: its state comes back, that of another does not") {
  const Encoding encoding(corridor(30));
  ReplayBuffer buffer(1, 1, 8);
  fill(buffer, 13);
  ReplayBuffer other(1, 1, 8);
  REQUIRE(other.restore(buffer.state()));
  fill(buffer, 2);
  fill(other, 2);
  CHECK(other.state() == buffer.state());

  CHECK_FALSE(ReplayBuffer(1, 1, 4).restore(buffer.state()));
  CHECK_FALSE(ReplayBuffer(2, 1, 8).restore(buffer.state()));
  std::vector<double> state = buffer.state();
  state[0] = 8.0;
  CHECK_FALSE(other.restore(state));
  CHECK_FALSE(other.restore({}));
}

TEST_CASE("encoding: boxes are centred on their typical range, actions fill their box") {
  EnvironmentFacts facts;
  facts.name = "arm";
  facts.observations = Space::box({-kInfinity, 0.0}, {kInfinity, 4.0});
  facts.actions = Space::box({-1.0, 2.0}, {3.0, 8.0});
  facts.typical_low = {-10.0, 0.0};
  facts.typical_high = {30.0, 4.0};
  const Encoding encoding(facts);
  CHECK(encoding.shape().observation == 2);
  CHECK(encoding.shape().action == 2);
  CHECK_FALSE(encoding.shape().discrete);
  CHECK(encoding.encode(std::vector<double>{30.0, 1.0}) == std::vector<double>{1.0, -0.5});
  CHECK(encoding.to_box(std::vector<double>{-1.0, 0.5}) == std::vector<double>{-1.0, 6.5});
  CHECK_THROWS_AS((void)encoding.encode(std::vector<double>{kNaN, 1.0}), ModelError);
  CHECK_THROWS_AS((void)encoding.encode(std::vector<double>{1.0}), ModelError);
}

}  // namespace
}  // namespace credo::control::learning
