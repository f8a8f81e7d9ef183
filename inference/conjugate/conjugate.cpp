// The best of several starts of variational message passing, and what is known about it.

#include <credo/core/error.hpp>
#include <credo/core/numerics.hpp>
#include <credo/inference/conjugate/ascent.hpp>
#include <credo/inference/contraction/monitor.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace credo {

namespace {

using conjugate::Ascent;
using conjugate::Draws;
using conjugate::Failure;

/// Labels are shaken by factors within exp(-kShake) and exp(kShake), means by this part of their
/// deviation.
constexpr double kShake = 0.1;
/// Of the prior covariance of shaken Gaussian nodes: what they know already.
constexpr double kShakenNarrowing = 1e-2;
/// A higher point is higher by more than this, in nats, and relative to L: sweeps that stop a
/// little early on the way to one maximum differ by less.
constexpr double kSaddleGain = 1e-4;
constexpr double kRelativeSaddleGain = 1e-9;
/// Bounds the work; every escape raises L.
constexpr std::size_t kMostEscapes = 20;

[[noreturn]] void refuse_option(std::string_view name, std::string_view bound, double given) {
  throw OptionError(fmt::format("option {}: expected {}, got {}", name, bound, given));
}

void validate_starts(const ConjugateModel& model, const ConjugateOptions& options) {
  for (const std::vector<ConjugateStart>& starts : options.starts) {
    for (const ConjugateStart& start : starts) {
      const ConjugatePlate& plate = model.plate(start.node);
      const bool gaussian = plate.kind == ConjugateKind::gaussian;
      const bool discrete =
          plate.kind == ConjugateKind::categorical || plate.kind == ConjugateKind::chain;
      if (plate.known() || (!gaussian && !discrete)) {
        throw ModelError(
            fmt::format("start of \"{}\": expected an unknown Gaussian, categorical "
                        "or chain",
                        plate.name));
      }
      if (start.mean.size() != plate.count * plate.dimension) {
        throw ModelError(fmt::format("start of \"{}\": expected {} x {} numbers, got {}",
                                     plate.name, plate.count, plate.dimension, start.mean.size()));
      }
      if (!(start.narrowing > 0.0 && start.narrowing <= 1.0)) {
        throw ModelError(fmt::format("start of \"{}\": expected a narrowing in (0, 1], got {}",
                                     plate.name, start.narrowing));
      }
      for (const double x : start.mean) {
        if (std::isfinite(x) && (gaussian || x >= 0.0)) continue;
        throw ModelError(fmt::format("start of \"{}\": expected finite {}, got {}", plate.name,
                                     gaussian ? "means" : "weights of at least 0", x));
      }
    }
  }
}

/// Whether no factor has two unknown nodes: q is then the posterior.
bool is_exact(const ConjugateModel& model) {
  for (std::size_t i = 0; i < model.plates().size(); ++i) {
    const std::vector<std::size_t> nodes = conjugate::factor_of(model, i);
    const auto unknown = [&model](std::size_t n) { return !model.plates()[n].known(); };
    if (std::ranges::count_if(nodes, unknown) > 1) return false;
  }
  return true;
}

class Maximizer {
 public:
  Maximizer(const ConjugateModel& model, const ConjugateOptions& options)
      : model_(model),
        options_(options),
        limits_(contraction::limits_of(options)),
        monitor_(limits_) {}

  ConjugateResult run() {
    Draws draws(options_.seed);
    const std::size_t starts = is_exact(model_) ? 1 : options_.restarts;
    for (std::size_t start = 0; start < starts && result_.status != Status::deadline &&
                                result_.status != Status::cancelled;
         ++start) {
      try {
        climb(start, starts, draws);
      } catch (const Failure& failure) {
        // Another start may end better.
        start_values_.push_back(-kInfinity);
        if (result_.ok()) continue;
        // Where two unknown nodes meet, no proof: another q may have a finite bound.
        const bool proven = failure.impossible && is_exact(model_);
        result_.status = proven ? Status::impossible_evidence : Status::refused;
        result_.message = failure.message;
        if (failure.impossible && !proven) {
          result_.message += "; with this start E[log p] is minus infinity, which proves nothing";
        }
        if (proven) result_.value = result_.log_z_lower = -kInfinity;
      }
    }
    leave_saddles(draws);
    result_.start_values = std::move(start_values_);
    result_.escaped_saddles = escaped_;
    result_.timings.infer_seconds = monitor_.elapsed_seconds();
    return std::move(result_);
  }

 private:
  void climb(std::size_t start, std::size_t starts, Draws& draws) {
    Ascent ascent(model_, options_);
    ascent.begin(start < options_.starts.size()
                     ? std::span<const ConjugateStart>(options_.starts[start])
                     : std::span<const ConjugateStart>(),
                 draws);
    const bool converged =
        ascent.climb(draws, monitor_, static_cast<double>(start) / static_cast<double>(starts));
    start_values_.push_back(ascent.bound().value);
    // NaN loses.
    if (!result_.ok() || ascent.bound().value > result_.value) {
      ascent.report(result_);
      result_.best_start = start;
      judge(converged, ascent.monotone());
    }
    if (ascent.stopped()) note_stop();
  }

  /// Whether the best point is a maximum, or only stationary: a random change of q that is small
  /// beside its spread, and more sweeps, lead back to a maximum and away from a saddle.
  void leave_saddles(Draws& draws) {
    while (result_.ok() && result_.guarantee == Guarantee::fixed_point && escaped_ < kMostEscapes) {
      Ascent ascent(model_, options_);
      bool converged = false;
      try {
        const std::vector<ConjugateStart> starts = shaken(draws);
        ascent.begin(starts, draws);
        converged = ascent.climb(draws, monitor_, 1.0);
      } catch (const Failure&) {
        return;
      }
      const double needed = kSaddleGain + kRelativeSaddleGain * std::fabs(result_.value);
      const bool higher = ascent.bound().value > result_.value + needed;
      if (higher) adopt(ascent, converged);
      if (ascent.stopped()) note_stop();
      if (!higher) return;
    }
  }

  void adopt(const Ascent& ascent, bool converged) {
    std::vector<double> trace = std::move(result_.trace);
    const double reached = result_.value;
    const std::size_t sweeps = result_.sweeps;
    ascent.report(result_);
    for (const double value : result_.trace) {
      if (value >= reached) trace.push_back(value);
    }
    result_.trace = std::move(trace);
    result_.sweeps += sweeps;
    start_values_[result_.best_start] = result_.value;
    ++escaped_;
    judge(converged, ascent.monotone());
    result_.message += fmt::format("; saddles left on the way: {}", escaped_);
  }

  /// First moments near those of the best point, of the nodes that can be given some.
  [[nodiscard]] std::vector<ConjugateStart> shaken(Draws& draws) const {
    std::vector<ConjugateStart> starts;
    for (std::size_t i = 0; i < model_.plates().size(); ++i) {
      const ConjugatePlate& plate = model_.plates()[i];
      const bool gaussian = plate.kind == ConjugateKind::gaussian;
      const bool discrete =
          plate.kind == ConjugateKind::categorical || plate.kind == ConjugateKind::chain;
      if (plate.known() || (!gaussian && !discrete)) continue;
      const ConjugatePosterior& q = result_.posteriors[i];
      ConjugateStart start{{static_cast<std::uint32_t>(i)}, q.mean};
      if (gaussian) start.narrowing = kShakenNarrowing;
      for (std::size_t j = 0; j < start.mean.size(); ++j) {
        if (gaussian) {
          const std::size_t d = plate.dimension;
          const double variance = q.covariance[j / d * d * d + j % d * (d + 1)];
          start.mean[j] += kShake * std::sqrt(variance) * draws.normal();
        } else {
          start.mean[j] *= std::exp(kShake * (2.0 * draws.uniform() - 1.0));
        }
      }
      starts.push_back(std::move(start));
    }
    return starts;
  }

  void judge(bool converged, bool monotone) {
    result_.status = Status::ok;
    result_.guarantee = Guarantee::unconverged;
    if (!monotone) {
      result_.message = "an update lowered the bound; do not trust it";
    } else if (!converged) {
      result_.message = "stopped before its fixed point; a lower bound all the same";
    } else if (is_exact(model_)) {
      result_.guarantee = Guarantee::exact;
      result_.message = "q is the posterior: no two unknown nodes meet in a factor";
    } else {
      result_.guarantee = Guarantee::fixed_point;
      result_.message = "a stationary point of the lower bound";
    }
  }

  void note_stop() {
    result_.status = monitor_.stopped();
    result_.message = contraction::stop_message(result_.status, options_.time_limit_seconds);
  }

  const ConjugateModel& model_;
  const ConjugateOptions& options_;
  InferOptions limits_;
  contraction::Monitor monitor_;
  std::vector<double> start_values_;
  std::size_t escaped_ = 0;
  ConjugateResult result_;
};

}  // namespace

void ConjugateOptions::validate() const {
  if (restarts == 0) refuse_option("restarts", "at least 1", 0.0);
  if (maximum_sweeps == 0) refuse_option("maximum_sweeps", "at least 1", 0.0);
  if (!(tolerance >= 0.0)) refuse_option("tolerance", "at least 0", tolerance);
  if (!(time_limit_seconds >= 0.0)) {
    refuse_option("time_limit_seconds", "at least 0", time_limit_seconds);
  }
}

void ConjugatePosterior::refuse_element(std::size_t i) const {
  throw QueryError(
      fmt::format("posterior of \"{}\": expected an element below {}, got {}", name, count, i));
}

const ConjugatePosterior& ConjugateResult::posterior(ConjugateNode node) const {
  if (node.index >= posteriors.size()) {
    throw QueryError(
        fmt::format("no posterior of node {}: {} ({})", node.index, status_name(status), message));
  }
  return posteriors[node.index];
}

ConjugateResult maximize(const ConjugateModel& model, const ConjugateOptions& options) {
  options.validate();
  validate_starts(model, options);
  return Maximizer(model, options).run();
}

}  // namespace credo
