// The loop that all learners run in: checkpoints, interruption, curves, wrong options.

#include <credo/core/error.hpp>
#include <credo/models/control/environments.hpp>
#include <credo/models/control/learning/classic_control.hpp>
#include <credo/models/control/learning/curve.hpp>
#include <credo/models/control/learning/learners.hpp>
#include <credo/models/control/learning/soft_q_learning.hpp>
#include <credo/models/control/learning/tabular_environment.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <utility>

namespace credo::control::learning {
namespace {

bool same_bits(const std::vector<double>& a, const std::vector<double>& b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0);
}

void check_same_curve(const std::vector<CurvePoint>& a, const std::vector<CurvePoint>& b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    CHECK(a[i].steps == b[i].steps);
    CHECK(a[i].episodes == b[i].episodes);
    CHECK(same_bits({a[i].mean_return, a[i].mean_length, a[i].loss},
                    {b[i].mean_return, b[i].mean_length, b[i].loss}));
  }
}

TEST_CASE("learners: a resumed run ends with the bits of one that was never interrupted") {
  for (const Learner& learner : learners()) {
    CAPTURE(learner.name);
    LearningEnvironmentOptions slippery;
    slippery.tables.slippery = true;
    const auto whole_environment = make_learning_environment("frozen_lake", slippery);
    REQUIRE(learner.why_not(*whole_environment).empty());
    LearnRequest request;
    request.temperature = 0.1;
    request.run.steps = 3000;
    request.run.curve_interval = 250;
    std::string at_end;
    request.run.save_checkpoint = [&at_end](const std::string& bytes) { at_end = bytes; };
    const LearnedAnswer whole = learner.learn(*whole_environment, request);
    const std::string whole_end = at_end;

    // Stopped in the middle of an episode, a batch, a window and a curve's interval.
    const auto first_environment = make_learning_environment("frozen_lake", slippery);
    LearnRequest first = request;
    first.run.steps = 1111;
    (void)learner.learn(*first_environment, first);
    const auto second_environment = make_learning_environment("frozen_lake", slippery);
    LearnRequest second = request;
    second.run.resume = at_end;
    const LearnedAnswer resumed = learner.learn(*second_environment, second);
    CHECK(at_end == whole_end);
    check_same_curve(whole.run.curve, resumed.run.curve);
    CHECK(same_bits(whole.policy, resumed.policy));
    CHECK(same_bits(whole.action_value, resumed.action_value));
    CHECK(same_bits(whole.value, resumed.value));
    CHECK(whole.run.episodes == resumed.run.episodes);
  }
}

TEST_CASE("learners: features over a box are resumed, too") {
  for (const Learner& learner : learners()) {
    CAPTURE(learner.name);
    std::string end;
    LearnRequest request;
    request.run.curve_interval = 50;
    request.run.save_checkpoint = [&end](const std::string& bytes) { end = bytes; };
    request.run.steps = 120;
    const auto one = cart_pole();
    (void)learner.learn(*one, request);
    const std::string whole = end;
    request.run.steps = 61;
    const auto two = cart_pole();
    (void)learner.learn(*two, request);
    request.run.steps = 120;
    request.run.resume = end;
    const auto three = cart_pole();
    (void)learner.learn(*three, request);
    CHECK(end == whole);
  }
}

TEST_CASE("learners: checkpoints of other runs are refused") {
  std::string bytes;
  LearnRequest request;
  request.run.steps = 10;
  request.run.save_checkpoint = [&bytes](const std::string& b) { bytes = b; };
  const auto lake = make_learning_environment("frozen_lake");
  (void)learners()[0].learn(*lake, request);
  request.run.resume = bytes;
  CHECK_NOTHROW((void)learners()[0].learn(*lake, request));
  CHECK_THROWS_AS((void)learners()[1].learn(*lake, request), FileError);
  const auto taxi = make_learning_environment("taxi");
  CHECK_THROWS_AS((void)learners()[0].learn(*taxi, request), FileError);
  // Same sizes, another map.
  const auto other = make_learning_environment(
      "frozen_lake", {.tables = {.map = "SFFF\nFHFF\nFFFH\nHFFG"}, .time_limit = 100});
  CHECK_THROWS_AS((void)learners()[0].learn(*other, request), FileError);
  const auto exploring = make_learning_environment("frozen_lake", {.exploring_starts = true});
  CHECK_THROWS_AS((void)learners()[0].learn(*exploring, request), FileError);
  LearnRequest warmer = request;
  warmer.temperature = 2.0;
  CHECK_THROWS_AS((void)learners()[0].learn(*lake, warmer), FileError);
  LearnRequest reseeded = request;
  reseeded.run.seed = 2;
  CHECK_THROWS_AS((void)learners()[0].learn(*lake, reseeded), FileError);
}

TEST_CASE("learners: same seed, same bits, another seed others") {
  const auto learn = [](std::uint64_t seed) {
    TabularEnvironment lake(frozen_lake(), {.time_limit = 100});
    SoftQOptions options;
    options.run.steps = 500;
    options.run.seed = seed;
    return learn_soft_q(lake, options).weights;
  };
  CHECK(same_bits(learn(4), learn(4)));
  CHECK_FALSE(same_bits(learn(4), learn(5)));
}

TEST_CASE("learners: a run whose memory is full ends with what was learned") {
  TabularEnvironment lake(frozen_lake(), {.time_limit = 100});
  SoftQOptions options;
  options.run.steps = static_cast<std::size_t>(-1);
  options.run.curve_interval = 1;
  options.run.memory_limit_bytes = 1e5;
  const SoftQResult full = learn_soft_q(lake, options);
  CHECK(full.run.status == Status::cancelled);
  CHECK(full.run.steps < 10'000);
  CHECK(full.run.curve.size() == full.run.steps);
  CHECK(full.run.message.find("over the memory limit") != std::string::npos);
  // Episodes without an end are remembered by policy gradients until the memory is full.
  MdpDescription circle;
  circle.states = 2;
  circle.actions = 1;
  circle.initial = {1.0, 0.0};
  circle.transitions = {{0, 0, 1, 1.0, -1.0}, {1, 0, 0, 1.0, -1.0}};
  TabularEnvironment endless(Mdp(std::move(circle)), {.time_limit = static_cast<std::size_t>(-1)});
  for (const Learner& learner : learners()) {
    if (learner.name != "policy-gradient") continue;
    LearnRequest request;
    request.run = options.run;
    request.run.curve_interval = 1'000'000;
    CHECK(learner.learn(endless, request).run.status == Status::cancelled);
  }
}

TEST_CASE("learners: an observer stops a run, whose checkpoint goes on") {
  TabularEnvironment lake(frozen_lake(), {.time_limit = 100});
  std::string bytes;
  SoftQOptions options;
  options.run.steps = 5000;
  options.run.checkpoint_interval = 1000;
  std::size_t saved = 0;
  options.run.save_checkpoint = [&](const std::string& b) {
    bytes = b;
    ++saved;
  };
  const SoftQResult whole = learn_soft_q(lake, options);
  CHECK(saved == 5);
  options.run.observer = [](const Progress& p) { return p.fraction < 0.5; };
  const SoftQResult stopped = learn_soft_q(lake, options);
  CHECK(stopped.run.status == Status::cancelled);
  CHECK(stopped.run.steps >= 2500);
  CHECK(stopped.run.steps < 3000);
  options.run.observer = {};
  options.run.resume = bytes;
  CHECK(same_bits(learn_soft_q(lake, options).weights, whole.weights));
}

TEST_CASE("learners: means of the curve are those of the episodes") {
  // Every episode: 3 steps, return -3.
  MdpDescription d;
  d.states = 4;
  d.actions = 1;
  d.initial = {1.0, 0.0, 0.0, 0.0};
  d.terminal = {3};
  d.transitions = {{0, 0, 1, 1.0, -1.0}, {1, 0, 2, 1.0, -1.0}, {2, 0, 3, 1.0, -1.0}};
  TabularEnvironment line{Mdp(d)};
  SoftQOptions options;
  options.run.steps = 8;
  options.run.curve_interval = 2;
  const SoftQResult found = learn_soft_q(line, options);
  REQUIRE(found.run.curve.size() == 4);
  CHECK(std::isnan(found.run.curve[0].mean_return));
  CHECK(found.run.curve[1].mean_return == -3.0);
  CHECK(found.run.curve[1].mean_length == 3.0);
  CHECK(found.run.curve[3].episodes == 2);
  CHECK(found.run.episodes == 2);
}

TEST_CASE("learners: a step size that is too large is told, not returned as numbers") {
  MdpDescription d;
  d.states = 2;
  d.actions = 1;
  d.initial = {1.0, 0.0};
  d.transitions = {{0, 0, 1, 1.0, 1.0}, {1, 0, 0, 1.0, 1.0}};
  TabularEnvironment loop{Mdp(d)};
  SoftQOptions options;
  options.step_size = StepSize{5.0, kInfinity, 1.0};
  const SoftQResult found = learn_soft_q(loop, options);
  CHECK(found.run.status == Status::refused);
  CHECK(found.run.message.find("lower the learning rate") != std::string::npos);
}

TEST_CASE("learners: wrong options are refused") {
  TabularEnvironment lake(frozen_lake());
  const auto refused = [&lake](const auto& change) {
    SoftQOptions options;
    options.run.steps = 10;
    change(options);
    CHECK_THROWS_AS((void)learn_soft_q(lake, options), OptionError);
  };
  refused([](SoftQOptions& o) { o.run.steps = 0; });
  refused([](SoftQOptions& o) { o.run.curve_interval = 0; });
  refused([](SoftQOptions& o) { o.objective.discount = 1.5; });
  refused([](SoftQOptions& o) { o.objective.discount = kNaN; });
  refused([](SoftQOptions& o) { o.objective.temperature = 0.0; });
  refused([](SoftQOptions& o) { o.objective.prior = ActionPrior::given; });
  refused([](SoftQOptions& o) { o.exploration = -0.1; });
  refused([](SoftQOptions& o) { o.step_size = StepSize{0.0, 1.0, 1.0}; });
  refused([](SoftQOptions& o) { o.step_size = StepSize{0.1, 0.0, 1.0}; });
  const auto rod = pendulum();
  CHECK_THROWS_AS((void)learn_soft_q(*rod), OptionError);
  for (const Learner& learner : learners()) CHECK_FALSE(learner.why_not(*rod).empty());
  CHECK_THROWS_AS((void)FeatureMap::fourier({0.0}, {kInfinity}, 3), OptionError);
  CHECK_THROWS_AS((void)FeatureMap::fourier({0, 0, 0, 0}, {1, 1, 1, 1}, 100), OptionError);
}

TEST_CASE("charts: flat, empty and infinite lines give whole documents") {
  const double big = 1e300;
  for (const std::vector<double>& y : {std::vector<double>{},
                                       {-200.0},
                                       {5.0, 5.0, 5.0},
                                       {kNaN, kInfinity, 1.0},
                                       {-big, 0.0, big}}) {
    ChartLine line{"a < b", {}, y};
    for (std::size_t i = 0; i < y.size(); ++i)
      line.x.push_back(1000.0 * static_cast<double>(i + 1));
    const std::string svg = chart_svg({.title = "a title"}, std::span(&line, 1));
    CHECK(svg.starts_with("<svg"));
    CHECK(svg.ends_with("</svg>\n"));
    CHECK(svg.find("nan") == std::string::npos);
    CHECK(svg.find("inf") == std::string::npos);
    CHECK(svg.find("a &lt; b") != std::string::npos);
  }
  CurvePoint point;
  point.steps = 10;
  point.mean_return = -0.1;
  CHECK(curve_csv(std::span(&point, 1)) ==
        "steps,episodes,mean_return,mean_length,loss,error\n10,0,-0.1,,,\n");
}

TEST_CASE("features: Fourier by its formula") {
  const FeatureMap map = FeatureMap::fourier({-1.0, 0.0}, {1.0, 4.0}, 2);
  CHECK(map.count() == 9);
  const std::vector<double> s = {0.3, 1.0};
  double squares = 0.0;
  for (const Feature& f : map(s)) {
    // Order: the first component turns fastest.
    const double c0 = static_cast<double>(f.index % 3);
    const double c1 = static_cast<double>(f.index / 3);
    const double expected = std::sqrt(2.0 / 9.0) * std::cos(M_PI * (c0 * 0.65 + c1 * 0.25));
    CHECK(f.value == doctest::Approx(expected).epsilon(1e-13));
    squares += f.value * f.value;
  }
  CHECK(squares < 2.0);
  CHECK(FeatureMap::one_hot(5)(std::vector<double>{3.0}).front().index == 3);
}

}  // namespace
}  // namespace credo::control::learning
