// Computes a subset-minimal set C of findings with Z(C) = 0, given that all of them have Z = 0.
// Invariant of explain(B, candidates): Z(B and candidates) = 0; it returns a minimal part of the
// candidates that conflicts together with B. Halving the candidates finds k culprits among n
// findings with about k log2(n / k) + 2 k tests.
// A test is zero propagation alone at first, which a model of any width can afford; then, on what
// that has left, zero propagation and where it finds nothing exact inference.
// Source: U. Junker, QuickXplain: preferred explanations and relaxations for over-constrained
// problems, AAAI 2004, algorithm 1. The recursion is as deep as log2 n.

#include <credo/inference/conflict.hpp>
#include <credo/inference/zero_propagation.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <span>
#include <utility>

namespace credo {

namespace {

using Findings = std::vector<Finding>;

Evidence evidence_of(std::span<const Finding> findings) {
  Evidence evidence;
  for (const Finding& f : findings) {
    switch (f.kind) {
      case FindingKind::hard:
        evidence.observe(f.variable, f.state);
        break;
      case FindingKind::likelihood:
        evidence.observe_likelihood(f.variable, f.likelihood);
        break;
      case FindingKind::allowed:
        evidence.allow(f.variable, f.allowed);
        break;
      case FindingKind::value:
        evidence.observe_value(f.variable, f.value);
        break;
    }
  }
  return evidence;
}

Findings joined(std::span<const Finding> a, std::span<const Finding> b) {
  Findings all(a.begin(), a.end());
  all.insert(all.end(), b.begin(), b.end());
  return all;
}

/// How a set of findings is tested.
enum class Test : std::uint8_t { zero_propagation, exact };

class ConflictSearch {
 public:
  ConflictSearch(const FactorGraph& graph, const InferOptions& options)
      : graph_(graph), options_(options) {
    options_.explain_conflict = false;
    options_.scalar = Scalar::log_double;
    options_.algorithm = "auto";
    // One order serves one test only: a long search would cost more than it saves.
    options_.plan.restarts = std::min(options_.plan.restarts, 4);
  }

  [[nodiscard]] bool stopped() const noexcept { return stopped_; }

  void test_by(Test test) noexcept { test_ = test; }

  /// Whether the test finds that Z of these findings is exactly zero. After a stop always false.
  bool impossible(std::span<const Finding> findings) {
    if (stopped_) return false;
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start_;
    InferOptions options = options_;
    options.time_spent_seconds += elapsed.count();
    if (options.time_spent_seconds >= options.time_limit_seconds) {
      stopped_ = true;
      return false;
    }
    const Evidence evidence = evidence_of(findings);
    const bool discrete = !graph_.has_continuous_variables();
    if (discrete && !propagate_zeros(graph_, evidence, SparseTables::looked_at)) return true;
    if (test_ == Test::zero_propagation) return false;
    const Result result = infer_exactly(graph_, evidence, Query::log_partition(), options);
    stopped_ = result.status != Status::ok && result.status != Status::impossible_evidence;
    return result.status == Status::impossible_evidence;
  }

  /// background_grew: whether the last step added findings to the background,
  /// so that it may conflict by itself.
  Findings explain(const Findings& background, bool background_grew,
                   std::span<const Finding> candidates) {
    if (background_grew && impossible(background)) return {};
    if (stopped_ || candidates.size() == 1) return {candidates.begin(), candidates.end()};
    const std::size_t half = candidates.size() / 2;
    const std::span<const Finding> first = candidates.first(half);
    const std::span<const Finding> second = candidates.subspan(half);
    const Findings of_second = explain(joined(background, first), true, second);
    const Findings of_first = explain(joined(background, of_second), !of_second.empty(), first);
    return joined(of_first, of_second);
  }

 private:
  const FactorGraph& graph_;
  InferOptions options_;
  Test test_ = Test::zero_propagation;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  bool stopped_ = false;
};

}  // namespace

Conflict find_conflict(const FactorGraph& graph, const Evidence& evidence,
                       const InferOptions& options) {
  Conflict conflict;
  ConflictSearch search(graph, options);
  Findings all;
  for (const auto& [v, finding] : evidence.findings()) all.push_back(finding);
  conflict.model_has_zero_mass = search.impossible({});
  const bool narrowed = !conflict.model_has_zero_mass && !all.empty() && search.impossible(all);
  if (narrowed) all = search.explain({}, false, all);
  const Findings proved = narrowed && !search.stopped() ? all : Findings{};
  search.test_by(Test::exact);
  if (!conflict.model_has_zero_mass) conflict.model_has_zero_mass = search.impossible({});
  if (!search.stopped() && !conflict.model_has_zero_mass && !all.empty()) {
    conflict.findings = search.explain({}, false, all);
  }
  conflict.complete = !search.stopped();
  if (search.stopped()) conflict.findings = proved;
  return conflict;
}

std::string describe(const FactorGraph& graph, const Conflict& conflict) {
  if (conflict.model_has_zero_mass) {
    return "the model has Z = 0 without any evidence: its factors exclude every joint state";
  }
  if (conflict.findings.empty()) return "the evidence has probability zero";
  std::string names;
  for (const Finding& finding : conflict.findings) {
    names += (names.empty() ? "" : ", ") + describe(graph, finding);
  }
  return fmt::format("the evidence has probability zero; a {}conflict is {{{}}}",
                     conflict.complete ? "minimal " : "", names);
}

}  // namespace credo
