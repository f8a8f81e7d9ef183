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

  /// What is for the other kind of variables has nothing to say.
  [[nodiscard]] bool concerns(const Algorithm& algorithm) const;
  [[nodiscard]] Rank rank_of(const Result& result) const;
  void offer(const Result& result, std::string_view algorithm);
  /// An approximate answer within a share of the time.
  void hold_quick_answer();
  [[nodiscard]] std::optional<Choice> try_exact();
  [[nodiscard]] std::optional<Choice> try_approximate();
  [[nodiscard]] Choice held_because(std::string_view reasons);
  [[nodiscard]] std::string why_without_answer(const Result& result) const;

  const FactorGraph& graph_;
  const Evidence& evidence_;
  const Query& query_;
  const InferOptions& options_;
  Clock::time_point start_ = Clock::now();
  std::optional<Choice> held_;
  Result refused_;
  std::string reasons_;
  Rank best_offered_;
};

}  // namespace credo
