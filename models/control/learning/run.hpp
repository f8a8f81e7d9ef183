#pragma once
// What all learners share: how long, from where, what is reported; and the loop that runs them.

#include <credo/inference/infer.hpp>
#include <credo/models/control/learning/checkpoint.hpp>
#include <credo/models/control/learning/environment.hpp>
#include <credo/models/control/trajectory.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace credo::control::learning {

struct RunOptions {
  /// Steps of the environment in all, those before a checkpoint included. At least 1.
  std::size_t steps = 100'000;
  /// Of the learner; the environment is reset with a seed that is drawn from it.
  std::uint64_t seed = 1;
  /// The learning curve has a point after every so many steps. At least 1.
  std::size_t curve_interval = 1000;
  /// Empty, or called at every point of the curve with the learner's table (soft Q-learning: Q(s,
  /// a); policies: pi(a given s); states x actions, empty when observations are not states); what
  /// it returns is CurvePoint::error. Say, the distance from the exact answer.
  std::function<double(std::span<const double> table)> measure = {};
  /// Phase "learn", asked every 256 steps or 20 milliseconds, whichever is sooner; false stops with
  /// Status::cancelled and a checkpoint.
  Observer observer = {};
  /// Of the curve and of what the learner remembers; over it the run stops as if cancelled, and
  /// message says so.
  double memory_limit_bytes = 8.0 * 1024 * 1024 * 1024;
  /// Empty, or the bytes of a checkpoint of the same method, environment and options to go on from:
  /// the run ends with the same bits as one that was never interrupted.
  std::string resume = {};
  /// Where the bytes are from, for messages.
  std::string resume_source = "checkpoint";
  /// Empty, or called with the bytes of a checkpoint every checkpoint_interval steps (0: never) and
  /// at the end.
  std::function<void(const std::string& bytes)> save_checkpoint = {};
  std::size_t checkpoint_interval = 0;

  /// Throws OptionError naming option, value and bound.
  void validate() const;
};

/// A point of the learning curve; means are over what happened since the point before.
struct CurvePoint {
  std::size_t steps = 0;     ///< since the start
  std::size_t episodes = 0;  ///< ended since the start
  /// Of the episodes that ended, sum of rewards, not discounted; NaN when none did.
  double mean_return = kNaN;
  double mean_length = kNaN;
  /// The method's own, per update: see there. NaN when nothing was updated.
  double loss = kNaN;
  /// What RunOptions::measure said.
  double error = kNaN;
};

/// What every learner's result has. Poisoned until computed.
struct LearningRun {
  Status status = Status::not_run;
  std::string message = "not run yet";
  std::string method;
  std::size_t steps = 0;
  std::size_t episodes = 0;
  std::vector<CurvePoint> curve;
  double elapsed_seconds = kNaN;

  [[nodiscard]] bool ok() const noexcept { return status == Status::ok; }
};

/// One step as a learner sees it. The spans are valid during the call.
struct Experience {
  std::span<const double> observation;
  std::span<const double> action;
  double reward = 0.0;
  std::span<const double> next;
  bool terminated = false;
  bool truncated = false;

  [[nodiscard]] bool ended() const noexcept { return terminated || truncated; }
};

/// What a learner is to the loop. All its randomness comes from the generator it is given.
class SampleLearner {
 public:
  SampleLearner() = default;
  virtual ~SampleLearner() = default;
  SampleLearner(const SampleLearner&) = delete;
  SampleLearner& operator=(const SampleLearner&) = delete;

  /// Also the kind of its checkpoints.
  [[nodiscard]] virtual std::string_view method() const = 0;
  /// All options that change what is learned, as text: checkpoints of others are refused.
  [[nodiscard]] virtual std::string settings() const = 0;
  /// The action for this observation; the environment is where it was observed.
  [[nodiscard]] virtual std::vector<double> choose(const Environment& environment,
                                                   std::span<const double> observation,
                                                   Random& random) = 0;
  /// Learns from a step; the environment is where the step has led.
  virtual void learn(const Environment& environment, const Experience& step, Random& random) = 0;
  /// Mean loss since the last call; NaN when there was no update.
  [[nodiscard]] virtual double take_loss() = 0;
  /// False when what was learned has left the finite numbers. Asked at every point of the curve.
  [[nodiscard]] virtual bool is_finite() const { return true; }
  /// What was remembered and grows with the steps, bytes.
  [[nodiscard]] virtual double remembered_bytes() const { return 0.0; }
  /// As RunOptions::measure takes it; empty when there is none.
  [[nodiscard]] virtual std::vector<double> table() const { return {}; }
  /// Everything learned and remembered, an unfinished episode and unfinished means included.
  virtual void save(CheckpointWriter& out) const = 0;
  virtual void load(const CheckpointReader& in) = 0;
};

/// Resets the environment and learns for options.steps steps, or goes on from options.resume.
/// A learner that is no longer finite ends the run with Status::refused. Throws OptionError, and
/// FileError for a checkpoint that does not fit.
[[nodiscard]] LearningRun run_learner(Environment& environment, SampleLearner& learner,
                                      const RunOptions& options);

/// A mean of what was added since it was last taken.
class MeanSince {
 public:
  void add(double x) {
    sum_ += x;
    ++count_;
  }
  /// NaN when nothing was added.
  [[nodiscard]] double take();
  void save(CheckpointWriter& out, std::string_view name) const;
  void load(const CheckpointReader& in, const std::string& name);

 private:
  double sum_ = 0.0;
  std::uint64_t count_ = 0;
};

}  // namespace credo::control::learning
