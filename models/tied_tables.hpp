#pragma once
// The tables of a network while they are learned: one set of numbers for all factors that share a
// table.

#include <credo/models/parameter_learning.hpp>
#include <credo/models/random.hpp>

#include <cstddef>
#include <vector>

namespace credo {

/// Factors with one table: its numbers, and where the child is in them.
struct Tied {
  std::vector<FactorId> factors;
  std::size_t states = 1;  ///< of the child
  std::size_t stride = 1;  ///< between its states
  std::vector<double> values;
  double prior = 0.0;
  bool fixed = false;

  /// body(index of the row's first entry).
  template <typename Body>
  void each_row(const Body& body) const {
    for (std::size_t outer = 0; outer < values.size(); outer += states * stride) {
      for (std::size_t inner = 0; inner < stride; ++inner) body(outer + inner);
    }
  }
};

class TiedTables {
 public:
  /// Borrows both. The structure's own tables.
  TiedTables(const FactorGraph& structure, const LearnOptions& options);

  /// theta = (N + c) / sum, N = counts per factor; rows without counts stay.
  void take_counts(const std::vector<std::vector<double>>& counts);
  /// Random rows; zeros stay zeros.
  void randomise(Random& random);
  /// Multiplies every entry by exp(u), u uniform on [-size, size), and scales the rows to sum to 1;
  /// zeros stay zeros.
  void shake(Random& random, double size);
  /// Entries of what is learned that are 0, and that no iteration of expectation maximisation can
  /// raise: 0 with a prior that adds counts.
  [[nodiscard]] std::size_t lasting_zeros() const;
  /// The structure with the tables so far.
  [[nodiscard]] FactorGraph graph() const;
  /// log p(data) of complete data with these counts: sum N log theta.
  [[nodiscard]] double log_likelihood(const std::vector<std::vector<double>>& counts) const;
  /// sum c log theta of what is learned.
  [[nodiscard]] double log_prior() const;
  /// log p(data) of complete data with these counts, the tables integrated out under Dirichlet(c).
  [[nodiscard]] double log_marginal_likelihood(
      const std::vector<std::vector<double>>& counts) const;

 private:
  [[nodiscard]] Tied group_of(FactorId f, std::size_t child) const;
  /// Every positive entry of what is learned becomes new_value(entry); rows are scaled to sum to 1.
  template <typename NewValue>
  void change_rows(const NewValue& new_value);

  const FactorGraph* structure_;
  const LearnOptions* options_;
  std::vector<Tied> groups_;
};

}  // namespace credo
