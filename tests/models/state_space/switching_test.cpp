// Switching models: exact where nothing is collapsed, near the enumeration of modes elsewhere.

#include <credo/core/error.hpp>
#include <credo/core/numerics.hpp>
#include <credo/inference/infer.hpp>
#include <credo/models/state_space/switching.hpp>

#include <doctest/doctest.h>

#include <cmath>

using namespace credo;

namespace {

StateSpaceModel mode(double a, double noise, double offset) {
  StateSpaceModel model;
  model.states = 1;
  model.observations = 1;
  model.steps = {{{a}, {offset}, {noise}, {1.0}, {}, {0.5}}};
  model.initial_mean = {0.2};
  model.initial_covariance = {1.0};
  return model;
}

SwitchingModel two_modes() {
  SwitchingModel model;
  model.modes = {mode(0.9, 0.1, 0.0), mode(0.5, 2.0, 1.5)};
  model.initial = {0.6, 0.4};
  model.transition = {0.9, 0.1, 0.3, 0.7};
  return model;
}

struct Exact {
  double log_likelihood = -kInfinity;
  std::vector<double> mode_one;  ///< p(m_t = 1 | y_1 .. y_T)
  std::vector<double> means;
  std::vector<double> variances;
};

/// Every sequence of modes, each a plain model that changes with time.
Exact enumerate(const SwitchingModel& model, const ObservationSequence& y) {
  std::vector<double> logs;
  std::vector<StateSpaceAnswer> answers;
  for (std::size_t code = 0; code < (std::size_t{1} << y.size()); ++code) {
    StateSpaceModel path = model.modes[0];
    path.steps.clear();
    double log_p = 0.0;
    std::size_t before = 0;
    for (std::size_t t = 0; t < y.size(); ++t) {
      const std::size_t m = (code >> t) & 1U;
      log_p += std::log(t == 0 ? model.initial[m] : model.transition[before * 2 + m]);
      // Transitions belong to the mode that is entered, observations to the mode itself.
      if (t > 0) {
        path.steps.back().transition = model.modes[m].steps[0].transition;
        path.steps.back().offset = model.modes[m].steps[0].offset;
        path.steps.back().noise = model.modes[m].steps[0].noise;
      }
      path.steps.push_back(model.modes[m].steps[0]);
      before = m;
    }
    answers.push_back(smooth(path, y));
    REQUIRE(answers.back().ok());
    logs.push_back(log_p + answers.back().log_likelihood);
  }
  Exact exact;
  exact.log_likelihood = log_sum_exp(logs);
  const std::vector<double> p = softmax(logs);
  for (std::size_t t = 0; t < y.size(); ++t) {
    double mode_one = 0.0;
    double mean = 0.0;
    double variance = 0.0;
    for (std::size_t i = 0; i < p.size(); ++i) {
      mode_one += ((i >> t) & 1U) != 0 ? p[i] : 0.0;
      mean += p[i] * answers[i].means[t][0];
    }
    for (std::size_t i = 0; i < p.size(); ++i) {
      variance +=
          p[i] * (answers[i].covariances[t][0] + std::pow(answers[i].means[t][0] - mean, 2.0));
    }
    exact.mode_one.push_back(mode_one);
    exact.means.push_back(mean);
    exact.variances.push_back(variance);
  }
  return exact;
}

}  // namespace

TEST_CASE("switching: exact for two observations, close for eight") {
  const SwitchingModel model = two_modes();
  const ObservationSequence all = {{0.3}, {2.5}, {}, {2.0}, {0.1}, {-0.4}, {1.9}, {2.2}};
  for (const std::size_t count : {std::size_t{1}, std::size_t{2}, all.size()}) {
    CAPTURE(count);
    const ObservationSequence y(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count));
    const SwitchingAnswer answer = filter(model, y);
    REQUIRE_MESSAGE(answer.ok(), answer.message);
    const Exact exact = enumerate(model, y);
    const bool certain = count <= 2;
    CHECK(answer.guarantee == (certain ? Guarantee::exact : Guarantee::none));
    CHECK((answer.message.find("approximate") != std::string::npos) == !certain);
    const double tolerance = certain ? 1e-12 : 0.03;
    CHECK(std::fabs(answer.log_likelihood - exact.log_likelihood) < tolerance);
    CHECK(std::fabs(answer.modes.back()[1] - exact.mode_one.back()) < tolerance);
    CHECK(std::fabs(answer.means.back()[0] - exact.means.back()) < tolerance);
    CHECK(std::fabs(answer.covariances.back()[0] - exact.variances.back()) < tolerance);
  }
}

TEST_CASE("switching: one mode is the plain filter, modes that agree too") {
  SwitchingModel model;
  model.modes = {mode(0.9, 0.1, 0.2)};
  model.initial = {1.0};
  model.transition = {1.0};
  const ObservationSequence y = {{0.3}, {2.5}, {}, {2.0}, {0.1}};
  const StateSpaceAnswer plain = filter(model.modes[0], y);
  CHECK(filter(model, y).guarantee == Guarantee::exact);
  CHECK(filter(model, y).log_likelihood == doctest::Approx(plain.log_likelihood).epsilon(1e-12));
  model.modes.push_back(model.modes[0]);
  model.initial = {0.5, 0.5};
  model.transition = {0.2, 0.8, 1.0, 0.0};
  const SwitchingAnswer twice = filter(model, y);
  CHECK(twice.log_likelihood == doctest::Approx(plain.log_likelihood).epsilon(1e-12));
  CHECK(twice.means.back()[0] == doctest::Approx(plain.means.back()[0]).epsilon(1e-12));
}

TEST_CASE("switching: the filter is moment matching on the chain, mode after state") {
  const SwitchingModel model = two_modes();
  const ObservationSequence y = {{0.3}, {2.5}, {}, {2.0}, {0.1}, {-0.4}, {1.9}, {2.2}};
  const SwitchingGraph chain = switching_graph(model, y);
  InferOptions options;
  options.algorithm = "moment_matching";
  for (std::size_t t = 0; t < y.size(); ++t) {
    options.plan.order.push_back(chain.states[t]);
    options.plan.order.push_back(chain.modes[t]);
  }
  const Result matched = infer(chain.graph, chain.evidence, Query::marginals(), options);
  const SwitchingAnswer filtered = filter(model, y);
  REQUIRE_MESSAGE(matched.ok(), matched.message);
  CHECK(matched.log_z == doctest::Approx(filtered.log_likelihood).epsilon(1e-12));
  CHECK(std::fabs(matched.marginal(chain.modes.back())[1] - filtered.modes.back()[1]) < 1e-12);
  const GaussianMarginal& last = matched.gaussian_marginal(chain.states.back());
  CHECK(std::fabs(last.mean[0] - filtered.means.back()[0]) < 1e-12);
  CHECK(std::fabs(last.covariance[0] - filtered.covariances.back()[0]) < 1e-12);
}

TEST_CASE("switching: the smoother against all sequences of modes") {
  const SwitchingModel model = two_modes();
  const ObservationSequence all = {{0.3}, {2.5}, {}, {2.0}, {0.1}, {-0.4}, {1.9}, {2.2}};
  for (const std::size_t count : {std::size_t{1}, all.size()}) {
    const ObservationSequence y(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count));
    const SwitchingAnswer answer = smooth(model, y);
    REQUIRE_MESSAGE(answer.ok(), answer.message);
    const Exact exact = enumerate(model, y);
    const bool certain = count == 1;
    CHECK(answer.guarantee == (certain ? Guarantee::exact : Guarantee::none));
    CHECK((answer.message.find("approximate: ") != std::string::npos) == !certain);
    const double tolerance = certain ? 1e-12 : 0.03;
    CHECK(std::fabs(answer.log_likelihood - exact.log_likelihood) < tolerance);
    for (std::size_t t = 0; t < count; ++t) {
      CAPTURE(t);
      CHECK(std::fabs(answer.modes[t][1] - exact.mode_one[t]) < tolerance);
      CHECK(std::fabs(answer.means[t][0] - exact.means[t]) < tolerance);
      CHECK(std::fabs(answer.covariances[t][0] - exact.variances[t]) < tolerance);
    }
  }
  CHECK(smooth(model, {}).log_likelihood == 0.0);
  SwitchingModel stuck = model;
  for (StateSpaceModel& mode : stuck.modes) mode.steps[0].observation_noise = {0.0};
  stuck.modes[0].steps[0].observation = stuck.modes[1].steps[0].observation = {0.0};
  CHECK(smooth(stuck, {{1.0}}).status == Status::impossible_evidence);
  CHECK(smooth(stuck, {{1.0}}).log_likelihood == -kInfinity);
}

TEST_CASE("switching: wrong input is named") {
  SwitchingModel model = two_modes();
  model.transition[0] = 0.5;
  CHECK_THROWS_WITH_AS(static_cast<void>(filter(model, ObservationSequence{{0.3}})),
                       doctest::Contains("transition"), ModelError);
  model = two_modes();
  CHECK_THROWS_AS(static_cast<void>(filter(model, ObservationSequence{{0.3, 0.4}})), ModelError);
  model.modes[1].states = 2;
  CHECK_THROWS_AS(static_cast<void>(filter(model, ObservationSequence{{0.3}})), ModelError);
}
