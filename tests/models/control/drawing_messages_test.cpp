#include <credo/core/error.hpp>
#include <credo/models/control/drawing.hpp>
#include <credo/models/control/drawing_messages.hpp>
#include <credo/models/control/environments.hpp>
#include <credo/models/control/policy_evaluation.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <numeric>
#include <string>
#include <vector>

// What the pictures show is checked as numbers; the pictures themselves as whole documents.

using namespace credo::control;

namespace {

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t n = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++n;
  return n;
}

/// Every tag is closed where it should be, and no number is missing.
bool is_whole(const std::string& svg) {
  std::vector<std::string> open;
  for (std::size_t at = svg.find('<'); at != std::string::npos; at = svg.find('<', at + 1)) {
    const std::size_t end = svg.find('>', at);
    if (end == std::string::npos) return false;
    const std::string name = svg.substr(at + 1, svg.find_first_of(" />", at + 2) - at - 1);
    if (svg[at + 1] == '/') {
      if (open.empty() || open.back() != svg.substr(at + 2, end - at - 2)) return false;
      open.pop_back();
    } else if (svg[end - 1] != '/') {
      open.push_back(name);
    }
  }
  return open.empty() && svg.starts_with("<svg ") && svg.find("nan") == std::string::npos &&
         svg.find("\"inf") == std::string::npos && svg.find("\"-inf") == std::string::npos;
}

/// A safe arm of 0, a risky one of +5 with probability 0.1 and -5 otherwise.
Mdp lottery() {
  MdpDescription d;
  d.name = "lottery";
  d.states = 4;
  d.actions = 2;
  d.initial = {1.0, 0.0, 0.0, 0.0};
  d.transitions = {{0, 0, 1, 1.0, 0.0}, {0, 1, 2, 0.1, 5.0}, {0, 1, 3, 0.9, -5.0}};
  d.terminal = {1, 2, 3};
  d.state_names = {"start", "safe", "won & gone", "lost"};
  return Mdp(std::move(d));
}

Posterior finite(const Mdp& mdp, std::size_t horizon) {
  Posterior posterior = solve_posterior(mdp, {.horizon = horizon});
  REQUIRE_MESSAGE(posterior.ok(), posterior.message);
  return posterior;
}

}  // namespace

TEST_CASE("drawing: the luck of a lottery") {
  const Mdp mdp = lottery();
  const Posterior posterior = finite(mdp, 1);
  // The posterior takes the risky arm: 0.1 e^5 + 0.9 e^-5 > 1.
  const auto arrows = luck_arrows(mdp, posterior.policy(), posterior.dynamics());
  const double won = 0.1 * std::exp(5.0);
  const double lost = 0.9 * std::exp(-5.0);
  REQUIRE(arrows.size() == 2);
  CHECK(arrows[0].action == 1);
  CHECK(arrows[0].next == 2);
  CHECK(arrows[0].true_probability == doctest::Approx(0.1).epsilon(1e-14));
  CHECK(arrows[0].lucky_probability == doctest::Approx(won / (won + lost)).epsilon(1e-14));
  CHECK(arrows[1].lucky_probability == doctest::Approx(lost / (won + lost)).epsilon(1e-12));
  const double p = won / (won + lost);
  CHECK(luck_nats(mdp, arrows)[0] ==
        doctest::Approx(p * std::log(p / 0.1) + (1 - p) * std::log((1 - p) / 0.9)).epsilon(1e-12));
  // The other arm, when asked for: no luck.
  const std::vector<std::size_t> safe(4, 0);
  const auto certain = luck_arrows(mdp, posterior.policy(), posterior.dynamics(), safe);
  REQUIRE(certain.size() == 1);
  CHECK(certain[0].lucky_probability == 1.0);
  CHECK(luck_nats(mdp, certain)[0] == 0.0);

  const std::string svg = luck_svg(mdp, arrows);
  CHECK(is_whole(svg));
  CHECK(svg.find("won &amp; gone") != std::string::npos);
}

TEST_CASE("drawing: product of the messages and occupancy of the policy in the tube") {
  const Mdp mdp = cliff_walking({.slippery = true});
  const Posterior posterior = finite(mdp, 20);
  std::vector<std::vector<double>> policies;
  for (std::size_t t = 0; t < 20; ++t) policies.push_back(posterior.policy(t));
  const std::vector<std::size_t> steps = {0, 3, 12};
  const auto frames = tube_frames(mdp, posterior, steps, policies);
  REQUIRE(frames.size() == 3);
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const std::vector<double> product = tube_product(mdp, frames[i]);
    double occupied = 0.0;
    for (std::size_t s = 0; s < mdp.state_count(); ++s) {
      CHECK(std::fabs(product[s] - posterior.state_marginals[steps[i]][s]) < 1e-12);
      occupied += frames[i].occupancy[s];
    }
    CHECK(occupied == doctest::Approx(1.0).epsilon(1e-13));
  }
  const std::string svg = tube_svg(mdp, frames);
  CHECK(is_whole(svg));
  CHECK(count(svg, "step ") == 3);
  CHECK(count(svg, "largest: ") == 9);
  CHECK(count(tube_text(mdp, frames), "\n") == 3 * 5);
  const std::vector<std::size_t> late = {20};
  CHECK_THROWS_AS((void)tube_frames(mdp, posterior, late), credo::QueryError);
}

TEST_CASE("drawing: the steps of a tube end where the trajectory does") {
  const Mdp mdp = grid({.map = "S...G"});
  const Posterior posterior = finite(mdp, 400);
  const auto steps = telling_steps(mdp, posterior, 4);
  REQUIRE(steps.size() == 4);
  CHECK(steps.front() == 0);
  CHECK(posterior.state_marginals[steps.back()][4] >= 0.99);
  CHECK(posterior.state_marginals[steps.back() - 1][4] < 0.99);
  CHECK(telling_steps(mdp, finite(mdp, 2), 4) == std::vector<std::size_t>{0, 1});
  CHECK(telling_steps(mdp, posterior, 1) == std::vector<std::size_t>{0});
}

TEST_CASE("drawing: occupancy steps forward as values step backward") {
  const Mdp mdp = random_mdp({.states = 7, .terminal_states = 1, .unavailable = 0.2, .seed = 4});
  const Posterior posterior = finite(mdp, 6);
  std::vector<double> value(7, 0.0);
  for (std::size_t t = 6; t-- > 0;) value = evaluate_step(mdp, posterior.policy(t), 1.0, value);
  const std::vector<double> zero(7, 0.0);
  std::vector<double> occupancy(mdp.initial().begin(), mdp.initial().end());
  double earned = 0.0;
  for (std::size_t t = 0; t < 6; ++t) {
    const std::vector<double> now = evaluate_step(mdp, posterior.policy(t), 1.0, zero);
    earned += std::inner_product(now.begin(), now.end(), occupancy.begin(), 0.0);
    occupancy = occupancy_step(mdp, posterior.policy(t), occupancy);
  }
  CHECK(earned == doctest::Approx(posterior.expected_return).epsilon(1e-13));
}

TEST_CASE("drawing: pictures of messages of every kind of process are whole") {
  const std::string wide = "S" + std::string(59, '.') + "G";
  for (const Mdp& mdp : {frozen_lake(), frozen_lake({.map = "8x8"}), grid({.map = wide}),
                         random_mdp({.states = 60, .terminal_states = 1})}) {
    const Posterior posterior = finite(mdp, 5);
    const std::vector<std::size_t> steps = telling_steps(mdp, posterior, 3);
    CHECK(is_whole(tube_svg(mdp, tube_frames(mdp, posterior, steps))));
    CHECK(is_whole(luck_svg(mdp, luck_arrows(mdp, posterior.policy(), posterior.dynamics()))));
    CHECK(is_whole(value_svg(mdp, posterior.value(), posterior.policy())));
    CHECK_FALSE(tube_text(mdp, tube_frames(mdp, posterior, steps)).empty());
  }
  // Nothing feasible, and no range of values.
  const Mdp lake = frozen_lake();
  const std::vector<double> none(16, -credo::kInfinity);
  CHECK(is_whole(value_svg(lake, none, std::vector<double>(64, 0.0))));
}

TEST_CASE("drawing: a gap meter stacks what is given away") {
  const std::vector<GapBar> bars = {
      {"clamped", -2.0, -8.0, {.initial = 1.0, .policy = 2.0, .dynamics = 3.0}},
      {"hard <goal>", -2.0, -credo::kInfinity, {}}};
  const std::string svg = gap_svg("two families", bars);
  CHECK(is_whole(svg));
  CHECK(svg.find("hard &lt;goal&gt;") != std::string::npos);
  CHECK(svg.find("L −∞") != std::string::npos);
  // 620 pixels for 6 nats: 1, 2 and 3 of them.
  for (const char* width : {"\"103.3\"", "\"206.7\"", "\"310.0\""}) {
    CHECK(svg.find(width) != std::string::npos);
  }
}
