#pragma once
// Message passing with counting numbers on the factor graph itself: the stationary points of
//   F(b) = sum_f E_b[log f] + sum_v E_b[log g_v] + sum_f c_f H(b_f) + sum_v c_v H(b_v)
// over beliefs b_f, b_v that agree on single variables; g_v is the evidence on v. c_f = 1 and
// c_v = 1 - degree(v) is Bethe's approximation (belief propagation), which is exact on forests.

#include <credo/inference/infer.hpp>
#include <credo/inference/message_passing/iteration.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace credo {

class Family;

/// Which entropies are added up. Empty vectors: Bethe's numbers.
struct CountingNumbers {
  /// c_f > 0, one per factor; empty: 1.
  std::vector<double> of_factor;
  /// c_v, one per variable; empty: 1 - sum of c_f over the factors of v. c_v + that sum must be
  /// positive.
  std::vector<double> of_variable;
};

struct MessagePassingResult;

/// What to pass and what to hand out; every default is valid.
struct MessagePassingOptions {
  IterationOptions iteration;
  /// Max-product: beliefs are max-marginals, value estimates max log p~, and a state is decoded.
  bool maximise = false;
  CountingNumbers counting;
  /// Clamped and charged conditionals of the family that name factors of the graph put their rule
  /// on those factors (section "Constrained factors" below). Free conditionals of weight 1 without
  /// base measure ask for nothing. Borrowed. Only with Bethe's numbers and without maximise.
  const Family* constraints = nullptr;
  /// Also the belief of every factor.
  bool factor_beliefs = false;
  /// Also every message.
  bool messages = false;
  /// Also F after every iteration; costs another pass over the tables each time.
  bool value_history = false;
  /// Refuse what would need more. Dense tables that are used as they are do not count.
  double memory_limit_bytes = 8.0 * 1024 * 1024 * 1024;
  /// Past it the status is deadline; beliefs of the last whole iteration, if there was one, are
  /// handed out, unconverged.
  double time_limit_seconds = kInfinity;
  Observer observer;
  /// Called with what can be read off the messages after 1, 2, 4, 8, ... iterations on a graph with
  /// cycles; when maximising, only with better assignments.
  std::function<void(const MessagePassingResult&)> improvement;

  /// Throws OptionError naming option, value and bound.
  void validate() const;
};

/// Poisoned until computed.
struct MessagePassingResult {
  Status status = Status::not_run;
  std::string message = "not run yet";
  /// Exact on forests with Bethe's numbers; with constraints, when moreover every constrained
  /// factor points away from its root and the family has every dependence that the factors make
  /// (message says what it lacks). Else fixed_point or unconverged.
  Guarantee guarantee = Guarantee::none;
  /// "two-sweeps", "sequential", "parallel" or "residual".
  std::string schedule_used;

  /// F at the messages: log Z on forests, else an estimate without bound. maximise: the same for
  /// max log p~. With constraints: of the best constrained q, max L.
  double value = kNaN;
  /// b_v, linear, sums to 1, one per variable (observed: 1 on the state).
  std::vector<std::vector<double>> marginals;
  /// b_f, linear, sums to 1, sparse when the factor is; one per factor when asked for.
  std::vector<Belief> factor_beliefs;
  /// One per edge between a factor (not taken in by another) and a variable without hard finding,
  /// when asked for.
  std::vector<EdgeMessages> messages;
  /// maximise: the decoded state and its log p~: the maximum on forests, else a lower bound of it
  /// (the best of those decoded after 1, 2, 4, 8, ... iterations and at the end).
  std::optional<Assignment> assignment;

  /// Largest change in nats, and F when asked for, after every iteration.
  std::vector<double> residuals;
  std::vector<double> values;
  /// Seconds from the start to the end of every iteration.
  std::vector<double> iteration_seconds;
  std::size_t iterations = 0;
  double residual = kNaN;
  /// Renewals of all messages of one factor.
  std::uint64_t updates = 0;
  double predicted_operations = kNaN;  ///< of one iteration
  double predicted_bytes = kNaN;
  Timings timings;

  [[nodiscard]] bool ok() const noexcept { return status == Status::ok; }
};

/// Passes messages until they change no more. Throws EvidenceError, OptionError and ModelError on
/// wrong input; everything else is a status. impossible_evidence is only said when the zeros prove
/// it.
///
/// Cost of a factor's messages: four multiplications per entry of a dense table, whatever its
/// degree; degree per stored entry of a sparse one. Yedidia, Freeman and Weiss 2005 (Bethe), Hazan
/// and Shashua 2010 (counting numbers).
///
/// Constrained factors. A factor k(x_c | x_pa) that the family clamps has the belief
/// b(x_pa, x_c) = k b(x_pa), and sends, with m its incoming messages,
///   to a parent   the sum over the other parents of their messages times exp(W),
///   to the child  (sum over x_pa of k b(x_pa)) / m_c,
/// where W(x_pa) = sum_c k log m_c when clamped and rho log sum_c k m_c^(1/rho) when charged (with
/// q(x_c | x_pa) = k m_c^(1/rho) / exp(W / rho) in place of k). Stationary points of the
/// constrained free energy; without bound on graphs with cycles. A factor whose unobserved
/// variables (two or more) all belong to a constrained one is taken in by it, log f(x) joining log
/// m_c in W: it sends and receives no messages of its own.
[[nodiscard]] MessagePassingResult propagate(const FactorGraph& graph, const Evidence& evidence,
                                             const MessagePassingOptions& options = {});

}  // namespace credo
