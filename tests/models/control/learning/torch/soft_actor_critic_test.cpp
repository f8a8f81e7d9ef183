#include <credo/core/error.hpp>
#include <credo/models/control/environments.hpp>
#include <credo/models/control/learning/classic_control.hpp>
#include <credo/models/control/learning/tabular_environment.hpp>
#include <credo/models/control/learning/torch/soft_actor_critic.hpp>
#include <credo/models/control/learning/torch/soft_actor_critic_table.hpp>
#include <credo/models/control/solve.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

namespace credo::control::learning {
namespace {

SoftActorCriticOptions small_options(std::size_t steps) {
  SoftActorCriticOptions options;
  options.run.steps = steps;
  options.run.curve_interval = 100;
  options.hidden = {32};
  options.batch = 32;
  options.start_steps = 100;
  options.actor_rate = options.critic_rate = options.temperature_rate = 0.01;
  options.target_rate = 0.05;
  return options;
}

/// One state, three actions with rewards 2, 1, 0; then the end, or on for ever.
Mdp bandit(bool ends) {
  MdpDescription d;
  d.states = 2;
  d.actions = 3;
  d.initial = {1.0, 0.0};
  for (std::size_t a = 0; a < 3; ++a) {
    d.transitions.push_back({0, a, ends ? std::size_t{1} : std::size_t{0}, 1.0, 2.0 - double(a)});
  }
  d.terminal = {1};
  return Mdp(std::move(d));
}

const std::vector<double> kFirst = {0.0};

TEST_CASE("soft actor-critic: a bandit's policy is the soft-max of its rewards") {
  TabularEnvironment environment(bandit(true));
  SoftActorCriticOptions options = small_options(1000);
  options.temperature = 1.0;
  const auto result = learn_soft_actor_critic(environment, options);
  REQUIRE(result.run.ok());
  // By hand: Q = r, pi = e^r / (e^2 + e + 1).
  const std::vector<double> q = result.actor->action_value(kFirst);
  const std::vector<double> policy = result.actor->policy(kFirst);
  const double total = std::exp(2.0) + std::exp(1.0) + 1.0;
  for (std::size_t a = 0; a < 3; ++a) {
    CHECK(q[a] == doctest::Approx(2.0 - double(a)).epsilon(0.01));
    CHECK(policy[a] == doctest::Approx(std::exp(2.0 - double(a)) / total).epsilon(0.03));
  }
  CHECK(result.temperature == 1.0);
  CHECK(result.actor->act(kFirst) == std::vector<double>{0.0});
}

TEST_CASE("soft actor-critic: the learned temperature gives the entropy asked for") {
  TabularEnvironment environment(bandit(true));
  SoftActorCriticOptions options = small_options(2500);
  options.target_entropy = 0.5;
  const auto result = learn_soft_actor_critic(environment, options);
  // The dual variable by bisection: the entropy of softmax(r / alpha) grows with alpha.
  const auto entropy = [](double alpha) {
    double z = 0.0;
    double mean = 0.0;
    for (const double r : {2.0, 1.0, 0.0}) {
      z += std::exp(r / alpha);
      mean += r / alpha * std::exp(r / alpha);
    }
    return std::log(z) - mean / z;
  };
  double low = 0.01;
  double high = 10.0;
  for (int i = 0; i < 100; ++i) {
    const double middle = 0.5 * (low + high);
    (entropy(middle) < 0.5 ? low : high) = middle;
  }
  CHECK(result.temperature == doctest::Approx(low).epsilon(0.05));
  CHECK(result.entropy == doctest::Approx(0.5).epsilon(0.05));
}

TEST_CASE("soft actor-critic: truncated episodes go on, terminated ones do not") {
  // Every episode is cut off after one step, which says nothing about the process.
  TabularEnvironment environment(bandit(false), {.time_limit = 1});
  SoftActorCriticOptions options = small_options(1500);
  options.discount = 0.5;
  options.temperature = 0.5;
  const auto result = learn_soft_actor_critic(environment, options);
  // Q(a) = r(a) + V / 2, V = LSE(Q / alpha) alpha, hence V = 2 alpha LSE(r / alpha).
  const double v = 2.0 * 0.5 * std::log(std::exp(4.0) + std::exp(2.0) + 1.0);
  const std::vector<double> q = result.actor->action_value(kFirst);
  for (std::size_t a = 0; a < 3; ++a) {
    CHECK(q[a] == doctest::Approx(2.0 - double(a) + 0.5 * v).epsilon(0.01));
  }
}

TEST_CASE("soft actor-critic: on a lake it comes to the exact clamped values") {
  // Without slips: what was sampled is then all there is to know.
  const Mdp lake = frozen_lake({.slippery = false});
  TabularEnvironment environment(lake, {.time_limit = 100, .exploring_starts = true});
  SoftActorCriticOptions options = small_options(2000);
  options.discount = 0.9;
  options.temperature = 0.1;
  options.hidden = {64};
  options.start_steps = 600;  // every choice in every state
  options.actor_rate = options.critic_rate = 1e-3;
  const auto result = learn_soft_actor_critic(environment, options);
  const ControlSolution exact = solve_control(
      lake, {.temperature = 0.1, .prior = ActionPrior::counting, .discount = 0.9, .gap = false});
  REQUIRE(exact.ok());
  const std::vector<double> q = exact.action_value();
  const std::vector<double> pi = exact.policy();
  double worst_value = 0.0;
  double worst_policy = 0.0;
  for (std::size_t s = 0; s < lake.state_count(); ++s) {
    if (lake.is_terminal(s)) continue;
    const std::vector<double> seen = {static_cast<double>(s)};
    const std::vector<double> learned = result.actor->action_value(seen);
    const std::vector<double> policy = result.actor->policy(seen);
    for (std::size_t a = 0; a < 4; ++a) {
      worst_value = std::max(worst_value, std::abs(learned[a] - q[s * 4 + a]));
      worst_policy = std::max(worst_policy, std::abs(policy[a] - pi[s * 4 + a]));
    }
  }
  MESSAGE("worst |Q - exact| " << worst_value << ", worst |pi - exact| " << worst_policy);
  CHECK(worst_value < 0.01);
  CHECK(worst_policy < 0.01);
}

TEST_CASE("soft actor-critic: sampled luck is averaged, not chosen") {
  // A lottery, +5 with probability 0.1 and else -5, beside a safe 0. Clamped: Q = -4; the posterior
  // would have log(0.1 e^5 + 0.9 e^-5) = 2.698 and gamble.
  MdpDescription d;
  d.states = 2;
  d.actions = 2;
  d.initial = {1.0, 0.0};
  d.transitions = {{0, 0, 1, 0.1, 5.0}, {0, 0, 1, 0.9, -5.0}, {0, 1, 1, 1.0, 0.0}};
  d.terminal = {1};
  TabularEnvironment environment{Mdp(std::move(d))};
  SoftActorCriticOptions options = small_options(1600);
  options.start_steps = 1000;
  options.temperature = 1.0;
  const auto result = learn_soft_actor_critic(environment, options);
  // 500 gambles, standard deviation 3 each: 0.13 for their mean; and the smaller of two critics.
  CHECK(result.actor->action_value(kFirst)[0] == doctest::Approx(-4.0).epsilon(0.15));
  CHECK(result.actor->policy(kFirst)[0] < 0.05);
}

/// Reward -(a - 0.3)^2 for the action a in [-1, 1], then the end.
class Parabola final : public Environment {
 public:
  Parabola() : Environment(describe()) {}

 private:
  static EnvironmentFacts describe() {
    EnvironmentFacts facts;
    facts.name = "parabola";
    facts.observations = Space::box({0.0}, {1.0});
    facts.actions = Space::box({-1.0}, {1.0});
    return facts;
  }
  std::vector<double> begin(Random&) override { return {0.0}; }
  Step advance(std::span<const double> action, Random&) override {
    return {{0.0}, -std::pow(action[0] - 0.3, 2), true, false};
  }
  [[nodiscard]] std::vector<double> inner_state() const override { return {}; }
  [[nodiscard]] bool set_inner_state(std::span<const double>) override { return true; }
};

TEST_CASE("soft actor-critic: one continuous choice comes to the best one") {
  Parabola environment;
  SoftActorCriticOptions options = small_options(1000);
  options.temperature = 0.01;
  const auto result = learn_soft_actor_critic(environment, options);
  CHECK(result.actor->act(kFirst)[0] == doctest::Approx(0.3).epsilon(0.2));
  // The soft optimum exp(-(a - 0.3)^2 / alpha) is a normal density of variance alpha / 2 here,
  // and what is lost by squashing is little: entropy = log(2 pi e alpha / 2) / 2.
  CHECK(result.entropy == doctest::Approx(0.5 * std::log(3.14159 * 2.71828 * 0.01)).epsilon(0.15));
  CHECK_THROWS_AS((void)result.actor->policy(kFirst), ModelError);
  CHECK_THROWS_AS((void)result.actor->action_value(kFirst), ModelError);
}

TEST_CASE("soft actor-critic: the pendulum is swung up better and better") {
  const auto environment = pendulum();
  SoftActorCriticOptions options;
  options.run.steps = 4000;
  options.hidden = {64, 64};
  options.batch = 64;
  options.actor_rate = options.critic_rate = options.temperature_rate = 1e-3;
  options.evaluation_interval = 1000;
  const auto result = learn_soft_actor_critic(*environment, options);
  REQUIRE(result.evaluations.size() == 4);
  CHECK(result.evaluations[0].steps == 1000);
  MESSAGE("mean return " << result.evaluations[0].mean_return << " at first, "
                         << result.evaluations[3].mean_return << " after 4000 steps");
  CHECK(result.evaluations[0].mean_return < -900.0);
  CHECK(result.evaluations[3].mean_return > -600.0);
}

/// The last checkpoint of a run: everything that was learned.
std::string last_checkpoint(Environment& environment, SoftActorCriticOptions options,
                            std::size_t steps, std::string resume = {}) {
  std::string last;
  options.run.steps = steps;
  options.run.resume = std::move(resume);
  options.run.save_checkpoint = [&last](const std::string& bytes) { last = bytes; };
  const auto result = learn_soft_actor_critic(environment, options);
  CHECK(result.run.steps == steps);
  CHECK(result.actor.has_value());
  return last;
}

TEST_CASE("soft actor-critic: resumed runs have the bits of uninterrupted ones") {
  SoftActorCriticOptions options = small_options(0);
  options.evaluation_interval = 75;
  options.evaluation_episodes = 2;
  const auto check = [&options](auto make) {
    const auto whole = make();
    const std::string expected = last_checkpoint(*whole, options, 260);
    const auto first = make();
    // In the middle of an episode, and of an interval of the curve.
    const std::string half = last_checkpoint(*first, options, 133);
    const auto second = make();
    CHECK((last_checkpoint(*second, options, 260, half) == expected));
    const auto again = make();
    CHECK((last_checkpoint(*again, options, 260) == expected));
    SoftActorCriticOptions other = options;
    other.run.seed = 2;
    CHECK((last_checkpoint(*again, other, 260) != expected));
  };
  check([] { return pendulum(); });
  check([] { return std::make_unique<TabularEnvironment>(frozen_lake()); });
}

TEST_CASE("soft actor-critic: checkpoints of other runs are refused") {
  const auto environment = pendulum();
  const SoftActorCriticOptions options = small_options(0);
  const std::string saved = last_checkpoint(*environment, options, 120);
  SoftActorCriticOptions other = options;
  other.hidden = {33};
  CHECK_THROWS_AS((void)last_checkpoint(*environment, other, 200, saved), FileError);
  CHECK_THROWS_AS((void)last_checkpoint(*environment, options, 200, saved.substr(0, 4000)),
                  FileError);
  TabularEnvironment lake(frozen_lake());
  CHECK_THROWS_AS((void)last_checkpoint(lake, options, 200, saved), FileError);
}

TEST_CASE("soft actor-critic: what it cannot do is said before it starts") {
  MdpDescription d;
  d.states = 2;
  d.actions = 2;
  d.initial = {1.0, 0.0};
  d.transitions = {{0, 0, 1, 1.0, 0.0}, {1, 0, 0, 1.0, 0.0}, {1, 1, 0, 1.0, 0.0}};
  TabularEnvironment environment{Mdp(std::move(d))};
  CHECK(why_no_soft_actor_critic(environment) ==
        "action 1 is not available in state 0, but the actor chooses among all");
  CHECK_THROWS_AS((void)learn_soft_actor_critic(environment), ModelError);
  CHECK(why_no_soft_actor_critic(*pendulum()).empty());

  const auto refused = [](auto change) {
    SoftActorCriticOptions options;
    change(options);
    CHECK_THROWS_AS(options.validate(), OptionError);
  };
  SoftActorCriticOptions().validate();
  refused([](auto& o) { o.discount = 1.1; });
  refused([](auto& o) { o.prior = ActionPrior::given; });
  refused([](auto& o) { o.temperature = -0.1; });
  refused([](auto& o) { o.initial_temperature = 0.0; });
  refused([](auto& o) { o.hidden.clear(); });
  refused([](auto& o) { o.hidden = {4, 0}; });
  refused([](auto& o) { o.critic_rate = kNaN; });
  refused([](auto& o) { o.replay_capacity = o.batch - 1; });
  refused([](auto& o) { o.target_rate = 0.0; });
  refused([](auto& o) { o.start_steps = 0; });
}

TEST_CASE("soft actor-critic: by name it answers with tables and figures") {
  const Learner& learner = soft_actor_critic_learner();
  CHECK(learner.name == "sac");
  TabularEnvironment lake(frozen_lake(), {.time_limit = 50});
  CHECK(learner.why_not(lake).empty());
  LearnRequest request;
  request.run.steps = 1100;
  request.learning_rate = 0.002;
  const LearnedAnswer answer = learner.learn(lake, request);
  CHECK(answer.run.method == "sac");
  REQUIRE(answer.action_value.size() == 64);
  REQUIRE(answer.policy.size() == 64);
  CHECK(answer.action_value[15 * 4] == 0.0);  // the goal
  CHECK(answer.policy[15 * 4] == 0.25);
  REQUIRE(answer.figures.size() == 4);
  CHECK(answer.figures[0].first == "temperature");
  CHECK(answer.figures[0].second < 1.0);
  CHECK(answer.figures[2].second >= 0.0);
  request.exploration = 0.1;
  CHECK_THROWS_AS((void)learner.learn(lake, request), OptionError);
}

TEST_CASE("soft actor-critic: numbers that overflow end the run with the reason") {
  TabularEnvironment environment(bandit(true));
  SoftActorCriticOptions options = small_options(1000);
  options.critic_rate = 1e30;
  const auto result = learn_soft_actor_critic(environment, options);
  CHECK(result.run.status == Status::refused);
  CHECK(result.run.message.find("not finite") != std::string::npos);
}

}  // namespace
}  // namespace credo::control::learning
