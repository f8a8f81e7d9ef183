#pragma once
// Tables of a two-slice graph as a slice reads them: by (x, d, x').

#include <credo/core/numerics.hpp>
#include <credo/core/table.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

namespace credo::slice_tables {

inline constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

/// A table read at (x, d, x'): strides of 0 where it does not have the variable.
struct Reader {
  const Table* table = nullptr;
  std::uint64_t x = 0;
  std::uint64_t d = 0;
  std::uint64_t next = 0;

  [[nodiscard]] double log_at(std::size_t context, std::size_t choice, std::size_t to) const {
    return table->log_at(context * x + choice * d + to * next);
  }
};

/// Rows of a table whose last extent is x' and whose others are among (x, d), in that order.
class Rows {
 public:
  Rows(Table table, bool has_x, bool has_d, std::size_t choices)
      : table_(std::move(table)), has_x_(has_x), has_d_(has_d), choices_(choices) {
    if (!table_.is_sparse()) return;
    const Table::Rows rows = table_.rows();
    place_.assign(table_.size() / table_.shape().back(), kNone);
    for (std::size_t i = 0; i < rows.index.size(); ++i) {
      place_[rows.index[i]] = static_cast<std::uint32_t>(i);
    }
  }

  /// Calls visit(x', value) for every entry that is not zero, in the table's own domain.
  template <typename Visit>
  void visit(std::size_t context, std::size_t choice, Visit visit) const {
    const std::size_t row =
        has_d_ ? (has_x_ ? context * choices_ : 0) + choice : (has_x_ ? context : 0);
    const double zero = table_.domain() == Domain::linear ? 0.0 : -kInfinity;
    const std::span<const double> values = table_.values();
    if (!table_.is_sparse()) {
      const std::size_t width = table_.shape().back();
      for (std::size_t to = 0; to < width; ++to) {
        if (values[row * width + to] != zero) visit(to, values[row * width + to]);
      }
      return;
    }
    if (place_[row] == kNone) return;
    const Table::Rows rows = table_.rows();
    for (std::uint64_t e = rows.begin[place_[row]]; e < rows.begin[place_[row] + 1]; ++e) {
      if (values[e] != zero) visit(rows.column[e], values[e]);
    }
  }
  [[nodiscard]] bool is_log() const noexcept { return table_.domain() == Domain::log; }
  [[nodiscard]] std::uint64_t stored() const noexcept { return table_.stored(); }

 private:
  Table table_;
  bool has_x_;
  bool has_d_;
  std::size_t choices_;
  std::vector<std::uint32_t> place_;
};

}  // namespace credo::slice_tables
