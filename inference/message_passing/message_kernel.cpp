// Computes all outgoing messages of a factor of d axes with n_1 ... n_d states.
// Dense: contracting the axes from the right, T_{k-1} = sum over x_k of T_k in_k with T_d = f, and
// building the products L_k = in_1 ... in_k from the left,
//   out_k(x_k) = sum over x_1..x_{k-1} of L_{k-1} T_k,
// which is reverse-mode differentiation of the full contraction (Darwiche 2003): two
// multiplications per entry of every T_k, so about 4 |f| in all, whatever d is.
// Sparse: products of the messages before and behind each axis, entry by entry: d per entry.
// Sums of logarithms go in two passes, the largest first; zeros are -infinity and stay so.

#include <credo/core/numerics.hpp>
#include <credo/inference/message_passing/message_kernel.hpp>

#include <algorithm>
#include <cmath>

namespace credo::message_passing {

namespace {

struct LinearSum {
  static constexpr double kZero = 0.0;
  static constexpr double kOne = 1.0;
  static constexpr bool kTwoPasses = false;
  static double times(double a, double b) { return a * b; }
  static void accumulate(double& sum, double x) { sum += x; }
};
struct LinearMax : LinearSum {
  static void accumulate(double& sum, double x) { sum = std::max(sum, x); }
};
struct LogMax {
  static constexpr double kZero = -kInfinity;
  static constexpr double kOne = 0.0;
  static constexpr bool kTwoPasses = false;
  static double times(double a, double b) { return a + b; }
  static void accumulate(double& sum, double x) { sum = std::max(sum, x); }
};
struct LogSum : LogMax {
  static constexpr bool kTwoPasses = true;
};

/// sum_j row_j in_j.
template <typename Semiring>
double reduce_row(const double* row, const double* in, std::size_t n) {
  double total = Semiring::kZero;
  for (std::size_t j = 0; j < n; ++j) {
    Semiring::accumulate(total, Semiring::times(row[j], in[j]));
  }
  if constexpr (Semiring::kTwoPasses) {
    if (total == -kInfinity) return total;
    double sum = 0.0;
    for (std::size_t j = 0; j < n; ++j) sum += std::exp(row[j] + in[j] - total);
    return total + std::log(sum);
  }
  return total;
}

/// out_j = sum_r left_r rows_{r, j}.
template <typename Semiring>
void reduce_columns(const double* left, const double* rows, std::size_t count, std::size_t n,
                    double* out, std::vector<double>& largest) {
  std::fill_n(out, n, Semiring::kZero);
  for (std::size_t r = 0; r < count; ++r) {
    if (left[r] == Semiring::kZero) continue;
    for (std::size_t j = 0; j < n; ++j) {
      Semiring::accumulate(out[j], Semiring::times(left[r], rows[r * n + j]));
    }
  }
  if constexpr (Semiring::kTwoPasses) {
    largest.assign(out, out + n);
    std::fill_n(out, n, 0.0);
    for (std::size_t r = 0; r < count; ++r) {
      if (left[r] == -kInfinity) continue;
      for (std::size_t j = 0; j < n; ++j) {
        const double x = left[r] + rows[r * n + j];
        if (x > -kInfinity) out[j] += std::exp(x - largest[j]);
      }
    }
    for (std::size_t j = 0; j < n; ++j) out[j] = largest[j] + std::log(out[j]);
  }
}

/// Calls visit(place in out, product of the entry and of the other axes' messages) for every
/// stored entry and wanted axis.
template <typename Semiring, typename Visit>
void for_each_product(const TableView& table, std::span<const double> in,
                      std::span<const std::size_t> start, std::size_t only, const Visit& visit) {
  const std::size_t d = table.extents.size();
  std::vector<double> behind(d + 1, Semiring::kOne);
  for (std::size_t e = 0; e < table.values.size(); ++e) {
    const std::uint32_t* states = table.states.data() + e * d;
    const std::size_t last = only == kAllAxes ? 0 : only;
    for (std::size_t k = d; k-- > last + 1;) {
      behind[k] = Semiring::times(behind[k + 1], in[start[k] + states[k]]);
    }
    double before = table.values[e];
    for (std::size_t k = 0; k < d; ++k) {
      if (only == kAllAxes || only == k) {
        visit(start[k] + states[k], Semiring::times(before, behind[k + 1]));
        if (only == k) break;
      }
      before = Semiring::times(before, in[start[k] + states[k]]);
    }
  }
}

}  // namespace

template <typename Semiring>
void MessageKernel::run_dense(const TableView& table, std::span<const double> in,
                              std::span<double> out, std::size_t only) {
  const std::size_t d = table.extents.size();
  if (right_.size() < d + 1) right_.resize(d + 1);
  const std::size_t first = only == kAllAxes ? 0 : only;
  const std::size_t end = only == kAllAxes ? d : only + 1;
  const auto contracted = [&](std::size_t k) {
    return k == d ? table.values.data() : right_[k].data();
  };
  // right_[k] keeps the axes 0 .. k - 1; axis `first` is the last one needed.
  std::size_t rows = table.values.size();
  for (std::size_t k = d; k > first + 1; --k) {
    const std::size_t n = table.extents[k - 1];
    rows /= n;
    right_[k - 1].resize(rows);
    const double* from = contracted(k);
    for (std::size_t r = 0; r < rows; ++r) {
      right_[k - 1][r] = reduce_row<Semiring>(from + r * n, in.data() + start_[k - 1], n);
    }
  }
  left_.assign(1, Semiring::kOne);
  for (std::size_t k = 0; k < end; ++k) {
    const std::size_t n = table.extents[k];
    if (k >= first) {
      reduce_columns<Semiring>(left_.data(), contracted(k + 1), left_.size(), n,
                               out.data() + start_[k], largest_);
    }
    if (k + 1 == end) break;
    next_left_.resize(left_.size() * n);
    for (std::size_t r = 0; r < left_.size(); ++r) {
      for (std::size_t j = 0; j < n; ++j) {
        next_left_[r * n + j] = Semiring::times(left_[r], in[start_[k] + j]);
      }
    }
    left_.swap(next_left_);
  }
}

template <typename Semiring>
void MessageKernel::run_sparse(const TableView& table, std::span<const double> in,
                               std::span<double> out, std::size_t only) {
  const std::size_t first = only == kAllAxes ? 0 : start_[only];
  const std::size_t end = only == kAllAxes ? start_.back() : start_[only + 1];
  const std::span<double> wanted = out.subspan(first, end - first);
  std::ranges::fill(wanted, Semiring::kZero);
  for_each_product<Semiring>(table, in, start_, only,
                             [&](std::size_t at, double x) { Semiring::accumulate(out[at], x); });
  if constexpr (Semiring::kTwoPasses) {
    largest_.assign(out.begin(), out.end());
    std::ranges::fill(wanted, 0.0);
    for_each_product<Semiring>(table, in, start_, only, [&](std::size_t at, double x) {
      if (x > -kInfinity) out[at] += std::exp(x - largest_[at]);
    });
    for (std::size_t i = first; i < end; ++i) out[i] = largest_[i] + std::log(out[i]);
  }
}

template <typename Semiring>
void MessageKernel::run_either(const TableView& table, std::span<const double> in,
                               std::span<double> out, std::size_t only) {
  if (table.sparse) {
    run_sparse<Semiring>(table, in, out, only);
  } else {
    run_dense<Semiring>(table, in, out, only);
  }
}

void MessageKernel::run(const TableView& table, Operator op, Arithmetic arithmetic,
                        std::span<const double> in, std::span<double> out, std::size_t only) {
  start_.assign(1, 0);
  for (const std::size_t extent : table.extents) start_.push_back(start_.back() + extent);
  if (arithmetic == Arithmetic::linear) {
    if (op == Operator::sum) {
      run_either<LinearSum>(table, in, out, only);
    } else {
      run_either<LinearMax>(table, in, out, only);
    }
  } else if (op == Operator::sum) {
    run_either<LogSum>(table, in, out, only);
  } else {
    run_either<LogMax>(table, in, out, only);
  }
}

double MessageKernel::scratch_entries(const TableView& table) {
  if (table.sparse || table.extents.empty()) return 0.0;
  return 3.0 * static_cast<double>(table.values.size()) / static_cast<double>(table.extents.back());
}

}  // namespace credo::message_passing
