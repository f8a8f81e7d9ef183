#include <credo/core/error.hpp>
#include <credo/core/numerics.hpp>
#include <credo/models/control/learning/run.hpp>

#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <cstdint>
#include <utility>

// The loop all learners run in: act, learn, report. Invariants: nothing that is learned depends on
// how many steps are still to come, and a checkpoint holds all that the next step depends on, so
// that a resumed run is the run itself. The learner and the environment draw from generators of
// their own.

namespace credo::control::learning {
namespace {

/// Steps between two looks at the observer, at most; and seconds.
constexpr std::size_t kObserved = 256;
constexpr double kObservedSeconds = 0.02;
/// Seeds that fit a double exactly.
constexpr std::size_t kSeeds = std::size_t{1} << 53;

/// A number that tells tables of equal sizes apart: another map, other slips.
double digest(const Mdp& mdp) {
  double sum = 0.0;
  double place = 1.0;
  for (std::size_t row = 0; row < mdp.state_count() * mdp.action_count(); ++row) {
    for (const Outcome& o : mdp.outcomes(row / mdp.action_count(), row % mdp.action_count())) {
      place = std::fmod(place * 1.6180339887498949, 97.0);
      sum += place * (o.probability * (o.reward + 3.0) + static_cast<double>(o.next));
    }
  }
  return sum;
}

class Loop {
 public:
  Loop(Environment& environment, SampleLearner& learner, const RunOptions& options)
      : environment_(environment), learner_(learner), options_(options), random_(options.seed) {
    run_.method = learner.method();
  }

  LearningRun run() {
    const auto start = std::chrono::steady_clock::now();
    const auto elapsed = [start] {
      return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    };
    if (options_.resume.empty()) {
      observation_ = environment_.reset(random_.below(kSeeds));
    } else {
      load();
    }
    run_.status = Status::ok;
    run_.message = "ok";
    while (run_.steps < options_.steps && run_.status == Status::ok) {
      take_step();
      const double now = elapsed();
      if (run_.steps % kObserved != 0 && now - observed_seconds_ < kObservedSeconds) continue;
      observed_seconds_ = now;
      look(now);
    }
    if (options_.save_checkpoint) options_.save_checkpoint(saved());
    run_.elapsed_seconds = elapsed();
    return std::move(run_);
  }

 private:
  /// Stops when the observer says no or the memory is full.
  void look(double elapsed_seconds) {
    if (run_.status != Status::ok) return;
    const double bytes =
        learner_.remembered_bytes() + static_cast<double>(run_.curve.size() * sizeof(CurvePoint));
    const bool full = bytes > options_.memory_limit_bytes;
    if (!full &&
        (!options_.observer || options_.observer({"learn", fraction(), elapsed_seconds}))) {
      return;
    }
    run_.status = Status::cancelled;
    run_.message = fmt::format("stopped after {} of {} steps", run_.steps, options_.steps);
    if (full) {
      run_.message += fmt::format(
          ", because the curve and what is remembered have {}, over the memory limit of {}; try a "
          "larger curve interval or shorter episodes",
          describe_bytes(bytes), describe_bytes(options_.memory_limit_bytes));
    }
  }

  [[nodiscard]] double fraction() const {
    return static_cast<double>(run_.steps) / static_cast<double>(options_.steps);
  }

  void take_step() {
    const std::vector<double> action = learner_.choose(environment_, observation_, random_);
    Step step = environment_.step(action);
    learner_.learn(
        environment_,
        {observation_, action, step.reward, step.observation, step.terminated, step.truncated},
        random_);
    episode_return_ += step.reward;
    ++run_.steps;
    observation_ = std::move(step.observation);
    if (step.ended()) end_episode();
    if (run_.steps % options_.curve_interval == 0) add_point();
    if (options_.checkpoint_interval > 0 && options_.save_checkpoint &&
        run_.steps % options_.checkpoint_interval == 0 && run_.steps < options_.steps) {
      options_.save_checkpoint(saved());
    }
  }

  void end_episode() {
    ++run_.episodes;
    returns_.add(episode_return_);
    lengths_.add(static_cast<double>(environment_.episode_steps()));
    episode_return_ = 0.0;
    observation_ = environment_.reset();
  }

  void add_point() {
    CurvePoint point;
    point.steps = run_.steps;
    point.episodes = run_.episodes;
    point.mean_return = returns_.take();
    point.mean_length = lengths_.take();
    point.loss = learner_.take_loss();
    if (!learner_.is_finite()) {
      run_.status = Status::refused;
      run_.message = fmt::format(
          "what was learned is not finite any more after {} steps; lower the learning rate",
          run_.steps);
    } else if (options_.measure) {
      point.error = options_.measure(learner_.table());
    }
    run_.curve.push_back(point);
  }

  [[nodiscard]] std::string saved() const {
    CheckpointWriter out(learner_.method());
    out.text("environment", description());
    out.text("settings", settings());
    out.count("steps", run_.steps);
    out.count("episodes", run_.episodes);
    std::vector<std::uint64_t> counts;
    std::vector<double> means;
    for (const CurvePoint& p : run_.curve) {
      counts.insert(counts.end(), {p.steps, p.episodes});
      means.insert(means.end(), {p.mean_return, p.mean_length, p.loss, p.error});
    }
    out.counts("curve.counts", counts);
    out.numbers("curve.means", means);
    out.text("random", random_.state());
    out.environment("environment", environment_.state());
    out.numbers("observation", observation_);
    out.number("episode_return", episode_return_);
    returns_.save(out, "returns");
    lengths_.save(out, "lengths");
    learner_.save(out);
    return out.take();
  }

  void load() {
    const CheckpointReader in(options_.resume, learner_.method(), options_.resume_source);
    in.require_text("environment", description());
    in.require_text("settings", settings());
    run_.steps = in.count("steps");
    run_.episodes = in.count("episodes");
    const std::vector<std::uint64_t> counts = in.counts("curve.counts");
    const std::vector<double> means = in.numbers("curve.means", 2 * counts.size());
    for (std::size_t i = 0; i + 1 < counts.size(); i += 2) {
      const double* const m = means.data() + 2 * i;
      run_.curve.push_back({counts[i], counts[i + 1], m[0], m[1], m[2], m[3]});
    }
    if (!random_.restore(in.text("random"))) in.refuse("its generator cannot be read");
    const Space& space = environment_.facts().observations;
    observation_ = in.numbers("observation", space.dimension());
    if (!space.contains(observation_)) in.refuse("its observation is of another environment");
    try {
      environment_.restore(in.environment("environment"));
    } catch (const ModelError& error) {
      in.refuse(error.what());
    }
    episode_return_ = in.number("episode_return");
    returns_.load(in, "returns");
    lengths_.load(in, "lengths");
    learner_.load(in);
  }

  [[nodiscard]] std::string settings() const {
    return fmt::format("{}; seed {}; a point every {} steps", learner_.settings(), options_.seed,
                       options_.curve_interval);
  }

  [[nodiscard]] std::string description() const {
    const EnvironmentFacts& facts = environment_.facts();
    const Mdp* const tables = environment_.process();
    return fmt::format("{}, observations {}, actions {}, time limit {}{}{}{}", facts.name,
                       facts.observations.description(), facts.actions.description(),
                       facts.time_limit ? fmt::format("{}", *facts.time_limit) : "none",
                       facts.variant.empty() ? "" : ", ", facts.variant,
                       tables == nullptr ? "" : fmt::format(", tables {:.17g}", digest(*tables)));
  }

  Environment& environment_;
  SampleLearner& learner_;
  const RunOptions& options_;
  Random random_;
  LearningRun run_;
  std::vector<double> observation_;
  double observed_seconds_ = 0.0;
  double episode_return_ = 0.0;
  MeanSince returns_;
  MeanSince lengths_;
};

}  // namespace

void RunOptions::validate() const {
  if (steps == 0) throw OptionError("steps 0, expected at least 1");
  if (!(memory_limit_bytes > 0.0)) {
    throw OptionError(
        fmt::format("memory_limit_bytes {}, expected more than 0", memory_limit_bytes));
  }
  if (curve_interval == 0) throw OptionError("curve_interval 0, expected at least 1");
}

double MeanSince::take() {
  const double mean = count_ == 0 ? kNaN : sum_ / static_cast<double>(count_);
  sum_ = 0.0;
  count_ = 0;
  return mean;
}

void MeanSince::save(CheckpointWriter& out, std::string_view name) const {
  const std::string prefix(name);
  out.number(prefix + ".sum", sum_);
  out.count(prefix + ".count", count_);
}

void MeanSince::load(const CheckpointReader& in, const std::string& name) {
  sum_ = in.number(name + ".sum");
  count_ = in.count(name + ".count");
}

LearningRun run_learner(Environment& environment, SampleLearner& learner,
                        const RunOptions& options) {
  options.validate();
  return Loop(environment, learner, options).run();
}

}  // namespace credo::control::learning
