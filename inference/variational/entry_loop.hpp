#pragma once
// J = the sum of several scores, row by row over (parents..., child): what one step of the reverse
// sweep reads.

#include <credo/inference/variational/problem.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace credo::variational {

/// Stored places of a step's table over (parents..., child): all of them, or the pattern of a
/// sparse table.
struct EntryPattern {
  std::vector<std::size_t> shape;  ///< of (parents..., child)
  std::optional<Table> sparse;
  std::size_t row_count = 0;    ///< rows held
  std::uint64_t all_rows = 0;   ///< joint states of the parents
  std::size_t width = 0;        ///< states of the child
  std::size_t entry_count = 0;  ///< entries held

  EntryPattern(const FactorGraph& graph, const Scope& scope, std::optional<Table> pattern);

  [[nodiscard]] std::uint64_t row_index(std::size_t r) const {
    return sparse ? sparse->rows().index[r] : r;
  }
  [[nodiscard]] std::size_t begin(std::size_t r) const {
    return sparse ? sparse->rows().begin[r] : r * width;
  }
  /// The held row of that number, or row_count.
  [[nodiscard]] std::size_t row_of(std::uint64_t index) const;
  /// State of the child at entry e of row r.
  [[nodiscard]] std::size_t column(std::size_t r, std::size_t e) const {
    return sparse ? sparse->rows().column[e] : e - r * width;
  }
  /// A table of these places.
  [[nodiscard]] Table table(std::vector<double> values, Domain domain) const;
};

/// For every entry of a pattern, the place of a sparse score's value, or -1. Computed once per pair
/// of tables.
class PlaceCache {
 public:
  using Places = std::shared_ptr<const std::vector<std::int64_t>>;
  /// strides: of the score's table per extent of the pattern, 0 where it has none. Null when the
  /// score's entries are those of the pattern, one by one.
  Places places(const EntryPattern& pattern, const Table& score,
                const std::vector<std::uint64_t>& strides);
  /// The same table without sparsity.
  Table densified(const Table& table);

 private:
  struct Entry {
    Table pattern;
    Table score;
    Places places;
  };
  std::map<std::vector<std::uint64_t>, Entry> entries_;
  std::map<const void*, std::pair<Table, Table>> dense_;
};

/// One score as the loop reads it.
class ScoreReader {
 public:
  /// scope, pattern and extra (variables beyond) say where the score's extents are.
  ScoreReader(const Score& score, const FactorGraph& graph, const Scope& scope,
              const EntryPattern& pattern, const Scope& extra, PlaceCache& cache);

  /// Adds the score to j, one number per entry of row r; extra_states: of the extra variables.
  void add_row(const EntryPattern& pattern, std::size_t r,
               std::span<const std::size_t> extra_states, std::span<double> j) const;

 private:
  [[nodiscard]] std::uint64_t row_offset(const EntryPattern& pattern, std::uint64_t row) const;

  Table table_;
  bool aligned_ = false;
  PlaceCache::Places places_;
  std::uint64_t column_stride_ = 0;
  std::vector<std::uint64_t> row_strides_;
  bool row_matters_ = false;
  /// The offset is the row's number times this; 0: use the strides.
  std::uint64_t row_factor_ = 0;
  std::vector<std::uint64_t> extra_strides_;
};

}  // namespace credo::variational
