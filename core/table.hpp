#pragma once
// Tables: non-negative values over a product of finite domains, immutable and
// shared, so that a thousand copies of one transition cost one.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace credo {

/// Which quantity a table stores: values, or their natural logarithms. A log
/// table can hold exp(-1e4), which no double can.
enum class Domain : std::uint8_t { linear, log };

/// Dense: every entry. Sparse: only the stored entries are non-zero.
enum class Storage : std::uint8_t { dense, sparse };

/// One stored entry of a sparse table.
struct SparseEntry {
  /// Row-major index over the shape (the last extent varies fastest).
  std::uint64_t index;
  /// In the table's domain.
  double value;
};

/// Values f(x_1, ..., x_d) >= 0 over extents n_1, ..., n_d, row-major, the last
/// varies fastest. A handle: copies share the values, which never change.
/// A table knows extents, not variables; a Factor binds it to a scope.
class Table {
 public:
  /// The scalar 1 (no extents, one entry).
  Table();
  /// Copies and moves share the values: no handle is ever empty.
  Table(const Table&) noexcept = default;
  Table& operator=(const Table&) noexcept = default;
  ~Table() = default;

  /// All entries. Throws ModelError when an extent is 0, when the number of values is not
  /// the product of the extents, or when an entry is negative (linear), NaN or +infinity.
  [[nodiscard]] static Table dense(std::vector<std::size_t> shape, std::vector<double> values,
                                   Domain domain = Domain::linear);

  /// Stored entries in any order; duplicates are refused. Throws as dense().
  /// Stored zeros (log: -infinity) are kept, so that a pattern can be shared and differentiated.
  [[nodiscard]] static Table sparse(std::vector<std::size_t> shape,
                                    std::vector<SparseEntry> entries,
                                    Domain domain = Domain::linear);

  [[nodiscard]] std::span<const std::size_t> shape() const noexcept;
  [[nodiscard]] std::size_t rank() const noexcept { return shape().size(); }
  /// Product of the extents.
  [[nodiscard]] std::uint64_t size() const noexcept;
  /// Number of values held in memory (size() when dense).
  [[nodiscard]] std::uint64_t stored() const noexcept { return values().size(); }
  [[nodiscard]] Storage storage() const noexcept;
  [[nodiscard]] Domain domain() const noexcept;
  [[nodiscard]] bool is_sparse() const noexcept { return storage() == Storage::sparse; }

  /// The held values in the table's own domain: all of them (dense) or the
  /// stored ones in increasing index order (sparse).
  [[nodiscard]] std::span<const double> values() const noexcept;

  /// Compressed rows of a sparse table. A row is one assignment of all
  /// extents but the last; only rows with stored entries are listed.
  struct Rows {
    std::span<const std::uint64_t> index;   ///< row-major over all extents but the last; increasing
    std::span<const std::uint64_t> begin;   ///< rows + 1 offsets into column and values()
    std::span<const std::uint32_t> column;  ///< state of the last extent, one per stored entry
  };
  /// Empty spans for dense tables.
  [[nodiscard]] Rows rows() const noexcept;
  /// Row-major index of every stored entry, aligned with values(); empty for dense tables.
  [[nodiscard]] std::vector<std::uint64_t> stored_indices() const;

  /// Natural logarithm of the entry at a row-major index < size(); -infinity for zero. Throws
  /// ModelError on other indices.
  [[nodiscard]] double log_at(std::uint64_t index) const;
  /// The entry itself; may underflow to 0 for log tables. Throws as log_at().
  [[nodiscard]] double at(std::uint64_t index) const;

  /// Row-major index of a joint state, one state per extent. Throws ModelError
  /// when the count or a state is out of range.
  [[nodiscard]] std::uint64_t index_of(std::span<const std::size_t> states) const;

  /// Natural logarithms of the smallest non-zero and the largest entry
  /// (both -infinity when all entries are zero). Computed once, when built.
  [[nodiscard]] double log_smallest() const noexcept;
  [[nodiscard]] double log_largest() const noexcept;
  /// Whether some entry is zero (a sparse table with unstored entries has zeros).
  [[nodiscard]] bool has_zero() const noexcept;

  /// The same function stored the other way. densified() throws ModelError when size()
  /// exceeds limit entries.
  [[nodiscard]] Table densified(std::uint64_t limit) const;
  [[nodiscard]] Table sparsified() const;
  /// The same function with its values stored in another domain.
  [[nodiscard]] Table in_domain(Domain domain) const;

  /// Equal shape, storage, domain and bits.
  friend bool operator==(const Table& a, const Table& b);
  /// Whether two handles share one set of values.
  [[nodiscard]] bool same_object(const Table& other) const noexcept { return data_ == other.data_; }
  /// Identity of the shared values, for caches keyed on sharing.
  [[nodiscard]] const void* identity() const noexcept { return data_.get(); }

 private:
  struct Data;
  /// The entry in the table's own domain.
  [[nodiscard]] double value_at(std::uint64_t index) const;
  explicit Table(std::shared_ptr<const Data> data) : data_(std::move(data)) {}
  std::shared_ptr<const Data> data_;
};

}  // namespace credo
