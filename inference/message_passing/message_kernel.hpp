#pragma once
// The messages of one factor to all its variables,
//   out_i(x_i) = sum over the other axes of f(x) prod_{j != i} in_j(x_j),
// without division, and with max in place of sum.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace credo::message_passing {

enum class Operator : std::uint8_t { sum, max };
/// What values, in and out are: numbers, or their natural logarithms.
enum class Arithmetic : std::uint8_t { linear, log };

/// A table as the kernels read it. Dense: all entries, the last axis fastest. Sparse: entries in
/// any order, with the states of each, one per axis, in `states`.
struct TableView {
  std::span<const std::size_t> extents;
  std::span<const double> values;
  bool sparse = false;
  std::span<const std::uint32_t> states;
};

/// Every axis.
inline constexpr std::size_t kAllAxes = static_cast<std::size_t>(-1);

/// Reuses its memory from call to call.
class MessageKernel {
 public:
  /// in and out hold the axes' vectors one after another. only: a single axis whose message is
  /// wanted; the rest of out is then left as it was. in of that axis is not read. At least one
  /// axis.
  void run(const TableView& table, Operator op, Arithmetic arithmetic, std::span<const double> in,
           std::span<double> out, std::size_t only = kAllAxes);

  /// Doubles that the kernel needs for a table: twice a dense table without its last axis.
  [[nodiscard]] static double scratch_entries(const TableView& table);

 private:
  template <typename Semiring>
  void run_dense(const TableView& table, std::span<const double> in, std::span<double> out,
                 std::size_t only);
  template <typename Semiring>
  void run_sparse(const TableView& table, std::span<const double> in, std::span<double> out,
                  std::size_t only);
  template <typename Semiring>
  void run_either(const TableView& table, std::span<const double> in, std::span<double> out,
                  std::size_t only);

  std::vector<std::size_t> start_;          // of each axis in in and out, and the end
  std::vector<std::vector<double>> right_;  // right_[k]: axes k.. contracted
  std::vector<double> left_;                // product of the messages of the first axes
  std::vector<double> next_left_;
  std::vector<double> largest_;
};

}  // namespace credo::message_passing
