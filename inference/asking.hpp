#pragma once
// One question, asked of one algorithm after another.

#include <credo/inference/algorithms.hpp>
#include <credo/inference/infer.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace credo {

/// Borrows everything. The question must be valid.
class Asking {
 public:
  Asking(const FactorGraph& graph, const Evidence& evidence, const Query& query,
         const InferOptions& options)
      : graph_(graph), evidence_(evidence), query_(query), options_(options) {}

  /// Runs one algorithm until a time limit counted as that of the options is. What it cannot answer
  /// comes back refused, with its name; what it finds on the way goes to the caller's observer when
  /// it is an improvement. why_not() is not asked first: it would plan, and run() plans again.
  [[nodiscard]] Result attempt(const Algorithm& algorithm, double time_limit_seconds);

  /// The first algorithm of the table that does not refuse, and its name; when all do, the first
  /// one's refusal (with its plan) and everyone's reasons.
  [[nodiscard]] std::pair<Result, std::string_view> choose(bool exactly);

  [[nodiscard]] double elapsed_seconds() const {
    return std::chrono::duration<double>(Clock::now() - start_).count();
  }

 private:
  using Clock = std::chrono::steady_clock;
  using Choice = std::pair<Result, std::string_view>;

  /// How good an answer is: what is known of it (0: there is none), then its value where more is
  /// better.
  struct Rank {
    int warrant = 0;
    double value = 0.0;
  };

  /// One run of an algorithm. A first answer may come later than the limit, but not than this; the
  /// run ends at the limit where it has one.
  struct Turn {
    double limit_seconds = kInfinity;  ///< counted as that of the options
    double limit_of_first_seconds = kInfinity;
    double memory_limit_bytes = kInfinity;
    bool hold_in_between = false;  ///< a quick answer, when the run takes long
    bool ask_observer = true;
  };

  [[nodiscard]] Result take_turn(const Algorithm& algorithm, const Turn& turn);
  [[nodiscard]] Observer watcher(const Turn& turn, const bool& has_first, bool& ended_early);
  /// What is for the other kind of variables has nothing to say.
  [[nodiscard]] bool concerns(const Algorithm& algorithm) const;
  [[nodiscard]] Rank rank_of(const Result& result) const;
  void offer(const Result& result, std::string_view algorithm);
  /// Seconds on the clock of the time limit.
  [[nodiscard]] double now() const { return options_.time_spent_seconds + elapsed_seconds(); }
  /// Why the question has to end: cancelled, deadline, or ok when it has not.
  [[nodiscard]] Status stopped() const;
  /// Whether an approximate algorithm's word that Z = 0 is to be taken.
  [[nodiscard]] bool proves_zero(const Result& result) const;
  /// An approximate answer until a time, of which every algorithm may take a share.
  void hold_quick_answer(double limit_seconds, double share, Turn turn);
  /// While an exact algorithm runs.
  void hold_in_between();
  /// When everything had to stop and there is nothing yet.
  void hold_something();
  [[nodiscard]] bool is_large_forest() const;
  /// Belief propagation on a forest; nothing where it cannot answer this question exactly.
  [[nodiscard]] std::optional<Choice> try_two_sweeps();
  [[nodiscard]] std::optional<Choice> try_exact();
  [[nodiscard]] std::optional<Choice> try_approximate();
  [[nodiscard]] Choice held_because(std::string_view reasons);
  [[nodiscard]] Choice nothing();
  void note_refusal(std::string_view reason);

  const FactorGraph& graph_;
  const Evidence& evidence_;
  const Query& query_;
  const InferOptions& options_;
  Clock::time_point start_ = Clock::now();
  std::optional<Choice> held_;
  Result refused_;
  std::string reasons_;
  Rank best_offered_;
  bool exactly_ = false;
  bool interrupted_ = false;      ///< the observer said no
  bool held_in_between_ = false;  ///< or tried
};

}  // namespace credo
