#pragma once
// Asking: one free function, and a compiled form for repeated queries.

#include <credo/inference/message_passing/iteration.hpp>
#include <credo/inference/plan.hpp>
#include <credo/inference/query.hpp>
#include <credo/inference/result.hpp>

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace credo {

/// What an observer sees while long work runs.
struct Progress {
  std::string_view phase;        ///< "plan", "contract", ...
  double fraction = 0.0;         ///< of the predicted operations, 0 to 1
  double elapsed_seconds = 0.0;  ///< since infer() was called
};
/// Called now and then from the calling thread; return false to cancel.
using Observer = std::function<bool(const Progress&)>;
/// Called from the calling thread with an answer that is better than those before it, complete but
/// for what only the last one can tell, while a still better one is sought. The last answer is what
/// infer() returns. Of iterative algorithms after 1, 2, 4, 8, ... iterations.
using ImprovementObserver = std::function<void(const Result&)>;

enum class Scalar : std::uint8_t {
  automatic,      ///< scaled doubles; log-doubles when the range demands it
  scaled_double,  ///< doubles with a power-of-two exponent per table
  log_double,     ///< natural logarithms
};

/// How to answer; every default is valid.
struct InferOptions {
  /// A name of the table of algorithms, or "auto".
  std::string algorithm = "auto";
  /// Refuse plans that would need more. Tables of the model are not counted.
  double memory_limit_bytes = 8.0 * 1024 * 1024 * 1024;
  /// Of the whole question, measured; past it the status is deadline. At least 0.
  double time_limit_seconds = kInfinity;
  /// How much of the limit was gone before the call. At least 0.
  double time_spent_seconds = 0.0;
  /// Results do not depend on it.
  std::size_t threads = 1;
  Scalar scalar = Scalar::automatic;
  /// Drop states without support before planning (never changes an answer).
  bool propagate_zeros = true;
  /// Look for a minimal conflicting set when evidence is impossible.
  bool explain_conflict = true;
  PlanOptions plan;
  /// Of iterative algorithms.
  IterationOptions iteration;
  Observer observer;
  ImprovementObserver improvement;

  /// Throws OptionError naming option, value and bound.
  void validate() const;
};

/// Answers a query. Wrong input throws (EvidenceError, QueryError, OptionError); everything else is
/// a status of the result. Automatic choice takes the first exact algorithm that can answer, or
/// else an approximate one, and says so in guarantee and message. Under a time limit an approximate
/// algorithm goes first, within a share of the time, and its answer stands when the exact one comes
/// too late.
[[nodiscard]] Result infer(const FactorGraph& graph, const Evidence& evidence, const Query& query,
                           const InferOptions& options = {});
[[nodiscard]] Result infer(const FactorGraph& graph, const Query& query,
                           const InferOptions& options = {});

/// The same, but automatic choice refuses what only an approximation could answer. For callers that
/// hand on numbers without their guarantee.
[[nodiscard]] Result infer_exactly(const FactorGraph& graph, const Evidence& evidence,
                                   const Query& query, const InferOptions& options = {});

/// A query planned once for an evidence pattern (which variables have findings, of which kind),
/// answered many times, also with other numbers in the tables. Borrows the graph.
class CompiledQuery {
 public:
  /// The states of pattern are ignored; only its variables and kinds matter.
  /// Throws like infer(). When the plan is over budget, every run says so.
  CompiledQuery(const FactorGraph& graph, const Evidence& pattern, Query query,
                InferOptions options = {});
  ~CompiledQuery();
  CompiledQuery(CompiledQuery&&) noexcept;
  CompiledQuery& operator=(CompiledQuery&&) noexcept;

  /// The plan that every run follows; reasons for a refusal are on the results.
  [[nodiscard]] const Plan& plan() const;
  /// Throws EvidenceError when the findings are not of the pattern.
  [[nodiscard]] Result run(const Evidence& evidence) const;
  /// One result per evidence, contracted together with the batch as innermost index; each is, bit
  /// for bit, what run() returns. Throws as run(), before any work.
  [[nodiscard]] std::vector<Result> run_batch(std::span<const Evidence> evidences) const;

  /// From now on the numbers are those of `graph`, which is borrowed in place of the graph so far.
  /// Both must be there during the call, with the same variables, scopes, marks and shapes of
  /// tables, and the same stored entries where tables are sparse. Answers are, bit for bit, those
  /// of a query compiled for `graph`. The plan stays (true): which entries of dense tables are zero
  /// and how large they are is no part of it. It is made again (false) only where conditionals
  /// begin or cease to sum to one, which decides whether they may be left out, and after a refusal.
  /// Throws ModelError naming the first factor that differs, and leaves the query as it was.
  bool rebind(const FactorGraph& graph);

 private:
  struct Implementation;
  /// Throws QueryError on an object that was moved from; so does all of the above.
  [[nodiscard]] Implementation& implementation() const;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace credo
