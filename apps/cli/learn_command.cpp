// credo learn: learning from samples of an environment, beside the exact answer where there is one.

#include "commands.hpp"
#include "control_report.hpp"
#include "input.hpp"
#include "learn_report.hpp"
#include "limits.hpp"
#include "network_learners.hpp"
#include "output.hpp"

#include <credo/core/error.hpp>
#include <credo/core/names.hpp>
#include <credo/models/control/learning/tabular_environment.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace credo::cli {
namespace {

namespace learning = control::learning;
using learning::Learner;

constexpr std::string_view kActorCritic = "sac";

/// Tables come from where credo control has them; the rest by name.
std::unique_ptr<learning::Environment> load_environment(const LearnArguments& l,
                                                        double memory_limit_bytes) {
  const auto tables = control::environments();
  const bool table = std::any_of(tables.begin(), tables.end(),
                                 [&l](const auto& row) { return row.name == l.environment; });
  const std::vector<std::string> names = learning::learning_environment_names();
  const bool named = std::find(names.begin(), names.end(), l.environment) != names.end();
  const bool file = !named && (l.environment.find_first_of("./") != std::string::npos ||
                               std::filesystem::exists(l.environment));
  if (table || file) {
    ControlArguments c;
    c.environment = l.environment;
    c.map = l.map;
    c.slippery = l.slippery;
    c.discount = l.discount;
    learning::TabularOptions options;
    options.time_limit =
        l.episode_limit ? l.episode_limit : learning::published_time_limit(l.environment, l.map);
    options.exploring_starts = l.exploring_starts;
    return std::make_unique<learning::TabularEnvironment>(load_process(c, memory_limit_bytes),
                                                          options);
  }
  if (!l.map.empty() || l.slippery) {
    throw OptionError(fmt::format("{} has no map: leave out --map and --slippery", l.environment));
  }
  learning::LearningEnvironmentOptions options;
  options.time_limit = l.episode_limit;
  options.exploring_starts = l.exploring_starts;
  return learning::make_learning_environment(l.environment, options);
}

/// Every method this program was built with.
std::vector<Learner> all_learners() {
  const auto table = learning::learners();
  std::vector<Learner> all(table.begin(), table.end());
  const std::vector<Learner> networks = network_learners();
  all.insert(all.end(), networks.begin(), networks.end());
  return all;
}

Learner require_learner(const std::string& method) {
  const std::vector<Learner> all = all_learners();
  std::vector<std::string> names;
  for (const Learner& learner : all) {
    if (learner.name == method) return learner;
    names.emplace_back(learner.name);
  }
  if (method == kActorCritic) {
    run_with_networks();
    throw Refusal(
        "method sac needs libtorch, which this program was built without; install libtorch-dev and "
        "libopenblas0-pthread, configure with -DCREDO_TORCH=ON and build again");
  }
  if (network_learners().empty()) names.emplace_back(kActorCritic);
  throw OptionError(fmt::format("--method '{}' is unknown{}; expected one of {}", method,
                                did_you_mean(method, names), fmt::join(names, ", ")));
}

void check_paths(const LearnArguments& l) {
  if (!l.curve_path.empty() && !l.curve_path.ends_with(".csv") && !l.curve_path.ends_with(".svg")) {
    throw OptionError(
        fmt::format("--curve {}: expected a name that ends in .csv or .svg", l.curve_path));
  }
  if (l.checkpoint_interval.value_or(0) > 0 && l.checkpoint_path.empty()) {
    throw OptionError("--checkpoint-interval needs --checkpoint FILE");
  }
  if (l.checkpoint_path.ends_with(".gz")) {
    throw OptionError("--checkpoint: checkpoints are not compressed; leave out .gz");
  }
}

/// "64,64".
std::vector<std::size_t> parse_widths(const std::string& text) {
  std::vector<std::size_t> widths;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (true) {
    std::size_t width = 0;
    const auto [stop, failure] = std::from_chars(at, end, width);
    if (failure != std::errc{} || (stop != end && *stop != ',')) {
      throw OptionError(
          fmt::format("--hidden '{}': expected whole numbers with commas, as in 64,64", text));
    }
    widths.push_back(width);
    if (stop == end) return widths;
    at = stop + 1;
  }
}

/// Nothing where no option of networks is given.
std::optional<learning::NetworkRequest> network_request(const NetworkArguments& n,
                                                        std::string_view method) {
  learning::NetworkRequest request;
  const char* given = nullptr;
  const auto pass_on = [&given](const char* name, const auto& from, auto& to) {
    if (!from) return;
    to = from;
    given = name;
  };
  const auto hidden = n.hidden ? std::optional(parse_widths(*n.hidden)) : std::nullopt;
  pass_on("--hidden", hidden, request.hidden);
  pass_on("--actor-rate", n.actor_rate, request.actor_rate);
  pass_on("--critic-rate", n.critic_rate, request.critic_rate);
  pass_on("--temperature-rate", n.temperature_rate, request.temperature_rate);
  pass_on("--batch", n.batch, request.batch);
  pass_on("--replay-capacity", n.replay_capacity, request.replay_capacity);
  pass_on("--target-rate", n.target_rate, request.target_rate);
  pass_on("--target-entropy", n.target_entropy, request.target_entropy);
  pass_on("--initial-temperature", n.initial_temperature, request.initial_temperature);
  pass_on("--start-steps", n.start_steps, request.start_steps);
  pass_on("--updates", n.updates_per_step, request.updates_per_step);
  if (given == nullptr) return std::nullopt;
  if (method != kActorCritic) {
    throw OptionError(fmt::format("{} belongs to --method sac, got --method {}", given, method));
  }
  return request;
}

/// Files that could not be written must not cost what was learned: the first failure of each last
/// attempt is kept, and told once everything else is written.
class LostFiles {
 public:
  template <typename Write>
  void attempt(const Write& write) {
    try {
      write();
      message_.clear();
    } catch (const FileError& error) {
      message_ = error.what();
    }
  }
  void require_none() const {
    if (!message_.empty()) throw FileError(message_);
  }

 private:
  std::string message_;
};

learning::LearnRequest make_request(const Arguments& a, double memory_limit_bytes,
                                    const std::shared_ptr<LostFiles>& lost) {
  const LearnArguments& l = a.learn;
  learning::LearnRequest request;
  request.run.memory_limit_bytes = memory_limit_bytes;
  request.run.steps = l.steps;
  request.run.seed = a.engine.seed;
  request.run.curve_interval = l.curve_interval;
  request.run.checkpoint_interval = l.checkpoint_interval.value_or(0);
  if (!l.resume_path.empty()) {
    request.run.resume = read_text(l.resume_path, "a checkpoint", memory_limit_bytes);
    request.run.resume_source = l.resume_path;
    if (request.run.resume.empty()) {
      throw FileError(fmt::format("{}: an empty file is no checkpoint", l.resume_path));
    }
  }
  if (!l.checkpoint_path.empty()) {
    request.run.save_checkpoint = [path = l.checkpoint_path, lost](const std::string& bytes) {
      lost->attempt([&] { write_output(bytes, path); });
    };
  }
  request.discount = l.discount;
  request.temperature = l.temperature;
  request.prior = control::require_action_prior(l.prior);
  request.learning_rate = l.learning_rate;
  request.exploration = l.exploration;
  request.network = network_request(l.network, l.method);
  return request;
}

/// Methods that learn their temperature have no question the engine could answer.
std::shared_ptr<const learning::ExactReference> make_reference(
    const learning::Environment& environment, const learning::LearnRequest& request,
    const InferOptions& infer) {
  const control::Mdp* const mdp = environment.process();
  const learning::Objective objective{request.discount, request.temperature.value_or(1.0),
                                      request.prior};
  objective.validate();
  if (mdp == nullptr) return nullptr;
  return std::make_shared<learning::ExactReference>(*mdp, objective, infer);
}

/// The session's observer, and the time limit: the first to object stops the run.
class Stopper {
 public:
  Stopper(Session& session, std::optional<double> limit_seconds, const Stopwatch& since_start)
      : observer_(session.observer()),
        limit_seconds_(limit_seconds),
        since_start_(since_start),
        seconds_before_(seconds_before_start() - since_start.seconds()) {
    if (limit_seconds_ && !(*limit_seconds_ > 0.0)) {
      throw OptionError(
          fmt::format("time limit {} is not a positive number of seconds", *limit_seconds_));
    }
  }
  [[nodiscard]] bool goes_on(const Progress& progress) {
    const double seconds = since_start_.seconds() + std::max(0.0, seconds_before_);
    late_ = limit_seconds_ && seconds >= *limit_seconds_;
    return observer_(progress) && !late_;
  }
  [[nodiscard]] bool late() const { return late_; }

 private:
  Observer observer_;
  std::optional<double> limit_seconds_;
  const Stopwatch& since_start_;
  /// What another program has spent before it became this one.
  double seconds_before_;
  bool late_ = false;
};

}  // namespace

ExitCode run_learn(const Arguments& arguments, const Stopwatch& since_start) {
  const LearnArguments& l = arguments.learn;
  const std::string format = require_one_of("--format", arguments.output.format, {"text", "json"});
  check_paths(l);
  const Learner learner = require_learner(l.method);
  InferOptions infer = make_infer_options(arguments.engine, since_start);
  const auto environment = load_environment(l, infer.memory_limit_bytes);
  if (const std::string why = learner.why_not(*environment); !why.empty()) {
    throw Refusal(fmt::format("method {}: {}", learner.name, why));
  }
  const auto lost_checkpoints = std::make_shared<LostFiles>();
  learning::LearnRequest request =
      make_request(arguments, infer.memory_limit_bytes, lost_checkpoints);
  Session session(arguments.output, since_start);
  Stopper stopper(session, arguments.engine.time_limit_seconds, since_start);
  infer.observer = session.observer();
  infer.time_spent_seconds = since_start.seconds();
  const bool comparable = learner.name != kActorCritic || request.temperature.has_value();
  const auto reference = comparable ? make_reference(*environment, request, infer) : nullptr;
  if (reference != nullptr) {
    request.run.measure = [reference, kind = learner.table](std::span<const double> table) {
      return reference->error_of(table, kind);
    };
  }
  request.run.observer = [&stopper](const Progress& p) { return stopper.goes_on(p); };
  LearnReport report{
      l,        arguments.engine.seed, *environment, learner, learner.learn(*environment, request),
      reference};
  session.finish();
  if (stopper.late() && report.answer.run.status == Status::cancelled) {
    report.answer.run.status = Status::ok;
    report.answer.run.message += " by the time limit";
  }

  LostFiles lost_curve;
  if (!l.curve_path.empty()) {
    lost_curve.attempt([&] { write_output(learn_curve(report, l.curve_path), l.curve_path); });
  }
  const bool answered = report.answer.run.status != Status::refused;
  if (format == "json") {
    write_output(learn_json(report), arguments.output.path);
  } else if (answered) {
    write_output(learn_text(report), arguments.output.path);
  }
  if (report.answer.run.message != "ok" && !arguments.output.quiet) {
    complain(report.answer.run.message);
  }
  if (!report.answer.remark.empty() && !arguments.output.quiet) {
    complain(report.answer.remark);
  }
  lost_curve.require_none();
  lost_checkpoints->require_none();
  // What was learned until an interrupt is an answer.
  const Status status = report.answer.run.status;
  return status == Status::cancelled ? ExitCode::answered : exit_code_of(status);
}

}  // namespace credo::cli
