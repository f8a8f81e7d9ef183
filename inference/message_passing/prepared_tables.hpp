#pragma once
// The tables of a factor graph as message passing reads them: sliced at hard evidence, raised to
// the power 1 / c_f, shared by the factors that share them, in doubles or logarithms as their range
// demands.

#include <credo/core/factor_graph.hpp>
#include <credo/inference/message_passing/edge_graph.hpp>
#include <credo/inference/message_passing/message_kernel.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace credo::message_passing {

/// Numbers whose logarithms are within this of each other are multiplied and added as doubles.
inline constexpr double kLinearRange = 600.0;

/// Places in Table::values() of the entries that fit the hard evidence, in row-major order over
/// the free axes (dense), or increasing (sparse).
[[nodiscard]] std::vector<std::uint64_t> held_places(const Factor& factor, const EdgeGraph& edges);

/// f(x)^exponent over the free axes.
class PreparedTable {
 public:
  PreparedTable() = default;
  PreparedTable(const Factor& factor, FactorId f, const EdgeGraph& edges, double exponent);

  [[nodiscard]] std::span<const std::size_t> extents() const noexcept { return extents_; }
  /// In doubles, times exp(-log_scale()); only when has_linear().
  [[nodiscard]] TableView linear() const { return view(linear_); }
  [[nodiscard]] bool has_linear() const noexcept { return has_linear_; }
  [[nodiscard]] double log_scale() const noexcept { return log_scale_; }
  /// Logarithms of the smallest entry above zero and the largest of linear().
  [[nodiscard]] double log_smallest() const noexcept { return log_smallest_; }
  [[nodiscard]] double log_largest() const noexcept { return log_largest_; }
  /// Natural logarithms, nothing scaled away; computed when first asked for.
  [[nodiscard]] TableView logs();
  [[nodiscard]] std::size_t held() const noexcept { return held_; }

 private:
  [[nodiscard]] TableView view(std::span<const double> values) const {
    return {extents_, values, sparse_, states_};
  }
  void read_states(const Factor& factor, FactorId f, const EdgeGraph& edges,
                   std::span<const std::uint64_t> places);
  void choose_representation();

  std::vector<std::size_t> extents_;
  bool sparse_ = false;
  std::vector<std::uint32_t> states_;
  std::size_t held_ = 0;
  std::span<const double> linear_;
  bool has_linear_ = false;
  double log_scale_ = 0.0;
  double log_smallest_ = 0.0;
  double log_largest_ = 0.0;
  std::vector<double> own_linear_;
  std::vector<double> own_logs_;
  Table source_;  // keeps borrowed values alive
};

/// A kernel k(x_c | x_pa), entry by entry; only entries above zero. With the factors it has taken
/// in.
struct PreparedKernel {
  std::vector<std::size_t> parent_extents;
  std::size_t parent_count = 1;  ///< joint states of the parents
  std::size_t child_axis = 0;    ///< among the free axes
  struct Entry {
    std::uint64_t held;     ///< place among the prepared table's entries
    std::uint64_t parents;  ///< row-major index over parent_extents
    std::uint32_t child;
    double probability;
    double log_score = 0.0;  ///< sum of the logarithms of those factors
  };
  std::vector<Entry> entries;
};

/// One table per distinct (values, slice, exponent), made in two steps so that the bytes are known
/// before anything is allocated. Borrows graph and edges.
class PreparedTables {
 public:
  /// exponents: 1 / c_f per factor, or empty. child_edge: as in find_order().
  PreparedTables(const FactorGraph& graph, const EdgeGraph& edges,
                 std::span<const double> exponents, std::span<const std::uint32_t> child_edge);

  /// What prepare() will hold, in bytes, and the entries of all factors together and of the
  /// largest.
  [[nodiscard]] double bytes() const noexcept { return bytes_; }
  [[nodiscard]] double entries() const noexcept { return entries_; }
  [[nodiscard]] double largest_entries() const noexcept { return largest_entries_; }

  void prepare();

  [[nodiscard]] PreparedTable& table(FactorId f) { return tables_[place_[f]]; }
  [[nodiscard]] const PreparedKernel& kernel(FactorId f) const { return kernels_[place_[f]]; }

 private:
  struct Recipe {
    FactorId factor = 0;
    double exponent = 1.0;
    std::uint32_t child_edge = kNone;
  };
  void account(const Recipe& recipe, double entries);
  /// The factors that f has taken in.
  [[nodiscard]] std::vector<FactorId> guests_of(FactorId f) const;
  void add_scores(FactorId f, PreparedTable& table, PreparedKernel& kernel) const;

  const FactorGraph& graph_;
  const EdgeGraph& edges_;
  std::vector<std::pair<FactorId, FactorId>> guests_;  // (host, guest), increasing
  std::vector<Recipe> recipes_;
  std::vector<std::uint32_t> place_;
  std::vector<PreparedTable> tables_;
  std::vector<PreparedKernel> kernels_;  // empty where nothing is constrained
  double bytes_ = 0.0;
  double entries_ = 0.0;
  double largest_entries_ = 0.0;
};

}  // namespace credo::message_passing
