#pragma once
// The one call that tests every algorithm against enumeration.

#include <credo/inference/algorithms.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace credo::testing {

/// What two right answers may differ by. Log quantities: relative to the sum of the magnitudes of
/// the logarithms that went into them. Probabilities: absolute.
struct Tolerance {
  double log_relative = 1e-13;
  double probability = 1e-11;
};

/// Every algorithm of the table, with every scalar and one and two threads, must answer as
/// enumeration does, or say why it cannot. Compares what is unique: log Z, marginals, joints,
/// derivatives, and the *values* of assignments, each of which must be the value of its assignment.
void check_against_enumeration(const FactorGraph& graph, const Evidence& evidence,
                               const Query& query, Tolerance tolerance = {});

/// The same for a compiled query: run() on each evidence, and run_batch() on all of them, bit
/// by bit as one by one. The evidences must be of one pattern.
void check_compiled(const FactorGraph& graph, const std::vector<Evidence>& evidences,
                    const Query& query, Tolerance tolerance = {});

/// One result against the truth for the same question.
void check_same_answer(const FactorGraph& graph, const Evidence& evidence, const Query& query,
                       const Result& truth, const Result& result, Tolerance tolerance = {});

/// Enumeration's answer.
[[nodiscard]] Result truth_of(const FactorGraph& graph, const Evidence& evidence,
                              const Query& query);

/// log p~ of a full assignment with its findings; -infinity when a finding forbids it.
[[nodiscard]] double log_value_of(const FactorGraph& graph, const Evidence& evidence,
                                  const std::vector<std::size_t>& states);

/// Every algorithm but enumeration.
[[nodiscard]] std::vector<Algorithm> algorithms_under_test();

/// Everything two results must share to be called bit-equal: all numbers, not the timings.
[[nodiscard]] bool bit_equal(const Result& a, const Result& b);

/// Whether a message says something.
[[nodiscard]] inline bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

/// A model and question as text, for the message of a failed check.
[[nodiscard]] std::string describe_question(const FactorGraph& graph, const Evidence& evidence,
                                            const Query& query);

}  // namespace credo::testing
