// Fronts of the block Cholesky factorisation, up and down.
//
// A = L D L' with L of unit diagonal, V = L^-1 B', core = L^-T D^-1 L^-1, gain = -L^-T D^-1 V,
// message S - V' D^-1 V: no square roots, whose latency a chain would pay at every step. The way
// down is the selected inverse in the form of conditional moments (Takahashi's equations by
// blocks): sums of positive semi-definite terms only, so that covariances stay so.
// Sizes up to 4 are compiled with their loops unrolled; all others go to Eigen (L L').
// Cost per front of n scalars and m in the separator: n (n + m)^2.

#include <credo/inference/gaussian/front_kernel.hpp>

#include <Eigen/Cholesky>
#include <Eigen/Core>

#include <array>
#include <cmath>
#include <utility>

namespace credo::gaussian {

void Pivots::rescale(double pivot) noexcept {
  int power_of_pivot = 0;
  int power_of_product = 0;
  mantissa = std::frexp(mantissa * std::frexp(pivot, &power_of_pivot), &power_of_product);
  exponent += power_of_pivot + power_of_product;
}

double Pivots::log() const noexcept {
  return std::log(mantissa) + static_cast<double>(exponent) * 0.69314718055994530942;
}

namespace {

/// One front's numbers.
struct FrontView {
  std::uint32_t size = 0;
  std::uint32_t separator = 0;
  double* square = nullptr;
  double* gain = nullptr;  ///< size x separator
  double* core = nullptr;  ///< size x size
  double* parent_square = nullptr;
  std::uint32_t parent_order = 0;
  const std::uint32_t* positions = nullptr;  ///< of the separator in the parent
  const std::uint32_t* scalars = nullptr;    ///< of the variable, then of the separator
};

FrontView view(const FrontArrays& all, std::uint32_t f) {
  const Front& front = all.fronts[f];
  const Front& parent = all.fronts[front.parent];
  return {front.size,
          front.separator,
          all.square + front.square,
          all.gain + front.gain,
          all.core + front.core,
          all.square + parent.square,
          parent.order(),
          all.positions + front.positions,
          all.scalars + front.scalars};
}

template <int N, int M>
struct Small {
  static constexpr int kOrder = N + M;

  /// L below the diagonal, D^-1 on it. False where a pivot is lost.
  static bool decompose(const double* square, double* lower, Pivots& pivots) {
    for (int j = 0; j < N; ++j) {
      double scaled[N] = {};  // row j of L D
      double pivot = square[j * kOrder + j];
      const double before = pivot;
      for (int i = 0; i < j; ++i) {
        scaled[i] = square[j * kOrder + i];
        for (int k = 0; k < i; ++k) scaled[i] -= scaled[k] * lower[i * N + k];
        lower[j * N + i] = scaled[i] * lower[i * N + i];
        pivot -= scaled[i] * lower[j * N + i];
      }
      if (!(pivot > kKept * before)) return false;
      pivots.multiply(pivot);
      lower[j * N + j] = 1.0 / pivot;
    }
    return true;
  }

  /// column <- L^-1 column; column <- L^-T column. Columns are `Stride` apart.
  template <int Stride>
  static void solve_lower(const double* lower, double* column) {
    for (int i = 1; i < N; ++i) {
      for (int k = 0; k < i; ++k) column[i * Stride] -= lower[i * N + k] * column[k * Stride];
    }
  }
  template <int Stride>
  static void solve_upper(const double* lower, double* column) {
    for (int i = N; i-- > 0;) {
      for (int k = i + 1; k < N; ++k) column[i * Stride] -= lower[k * N + i] * column[k * Stride];
    }
  }

  static void factorise(const FrontView& front, Pivots& pivots) {
    const double* square = front.square;
    double lower[N * N] = {};
    if (!decompose(square, lower, pivots)) {
      pivots.trustworthy = false;
      return;
    }
    double turned[N * M + 1];  // V
    double gain[N * M + 1];    // D^-1 V, then the gain
    for (int a = 0; a < M; ++a) {
      for (int i = 0; i < N; ++i) turned[i * M + a] = square[(N + a) * kOrder + i];
      solve_lower<M>(lower, turned + a);
      for (int i = 0; i < N; ++i) gain[i * M + a] = turned[i * M + a] * lower[i * N + i];
    }
    const std::uint32_t order = front.parent_order;
    for (int a = 0; a < M; ++a) {
      double* row = front.parent_square + std::size_t{front.positions[a]} * order;
      for (int b = 0; b <= a; ++b) {
        const double own = square[(N + a) * kOrder + N + b];
        double message = own;
        for (int k = 0; k < N; ++k) message -= turned[k * M + a] * gain[k * M + b];
        if (a == b && own > 0.0 && !(message > kKept * own)) pivots.trustworthy = false;
        row[front.positions[b]] += message;
      }
    }
    for (int a = 0; a < M; ++a) {
      solve_upper<M>(lower, gain + a);
      for (int i = 0; i < N; ++i) front.gain[i * M + a] = -gain[i * M + a];
    }
    double core[N * N] = {};
    for (int j = 0; j < N; ++j) {
      core[j * N + j] = 1.0;
      solve_lower<N>(lower, core + j);
      for (int i = j; i < N; ++i) core[i * N + j] *= lower[i * N + i];
      solve_upper<N>(lower, core + j);
    }
    for (int i = 0; i < N * N; ++i) front.core[i] = core[i];
  }

  static void spread(const FrontView& front) {
    double* square = front.square;
    const std::uint32_t order = front.parent_order;
    for (int a = 0; a < M; ++a) {
      const double* row = front.parent_square + std::size_t{front.positions[a]} * order;
      for (int b = 0; b < M; ++b) square[(N + a) * kOrder + N + b] = row[front.positions[b]];
    }
    for (int i = 0; i < N; ++i) {
      for (int b = 0; b < M; ++b) {
        double sum = 0.0;
        for (int a = 0; a < M; ++a) {
          sum += front.gain[i * M + a] * square[(N + a) * kOrder + N + b];
        }
        square[i * kOrder + N + b] = sum;
        square[(N + b) * kOrder + i] = sum;
      }
    }
    for (int i = 0; i < N; ++i) {
      for (int j = 0; j <= i; ++j) {
        double sum = front.core[i * N + j];
        for (int b = 0; b < M; ++b) sum += square[i * kOrder + N + b] * front.gain[j * M + b];
        square[i * kOrder + j] = sum;
        square[j * kOrder + i] = sum;
      }
    }
  }

  static double ascend(const FrontView& front, double* gradient) {
    const std::uint32_t* scalars = front.scalars;
    const double* own = gradient + scalars[0];
    double gained = 0.0;
    for (int i = 0; i < N; ++i) {
      for (int j = 0; j < N; ++j) gained += own[i] * front.core[i * N + j] * own[j];
    }
    for (int a = 0; a < M; ++a) {
      double sum = 0.0;
      for (int i = 0; i < N; ++i) sum += front.gain[i * M + a] * own[i];
      gradient[scalars[N + a]] += sum;
    }
    return gained;
  }

  static void descend(const FrontView& front, const double* gradient, double* step) {
    const std::uint32_t* scalars = front.scalars;
    const double* own = gradient + scalars[0];
    for (int i = 0; i < N; ++i) {
      double sum = 0.0;
      for (int j = 0; j < N; ++j) sum += front.core[i * N + j] * own[j];
      for (int a = 0; a < M; ++a) sum += front.gain[i * M + a] * step[scalars[N + a]];
      step[scalars[i]] = sum;
    }
  }
};

/// The same for any size.
struct Large {
  using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  using View = Eigen::Map<Matrix>;
  using VectorView = Eigen::Map<const Eigen::VectorXd>;

  static Eigen::Index index(std::uint32_t n) { return static_cast<Eigen::Index>(n); }
  static View square(const FrontView& f) {
    return {f.square, index(f.size + f.separator), index(f.size + f.separator)};
  }
  static View gain(const FrontView& f) { return {f.gain, index(f.size), index(f.separator)}; }
  static View core(const FrontView& f) { return {f.core, index(f.size), index(f.size)}; }

  static void factorise(const FrontView& front, Pivots& pivots) {
    const View all = square(front);
    const Eigen::Index n = index(front.size);
    const Eigen::Index m = index(front.separator);
    const Eigen::LLT<Eigen::MatrixXd> cholesky(all.topLeftCorner(n, n));
    if (cholesky.info() != Eigen::Success) {
      pivots.trustworthy = false;
      return;
    }
    for (Eigen::Index i = 0; i < n; ++i) {
      const double pivot = cholesky.matrixLLT()(i, i) * cholesky.matrixLLT()(i, i);
      if (!(pivot > kKept * all(i, i))) pivots.trustworthy = false;
      pivots.multiply(pivot);
    }
    core(front) = cholesky.solve(Eigen::MatrixXd::Identity(n, n));
    if (m == 0) return;
    const Eigen::MatrixXd turned = cholesky.matrixL().solve(all.bottomLeftCorner(m, n).transpose());
    gain(front) = -cholesky.matrixU().solve(turned);
    hand_up(front, turned, pivots);
  }

  static void hand_up(const FrontView& front, const Eigen::MatrixXd& turned, Pivots& pivots) {
    const View all = square(front);
    const Eigen::Index n = turned.rows();
    const Eigen::Index m = turned.cols();
    Matrix message = all.bottomRightCorner(m, m).triangularView<Eigen::Lower>();
    message.triangularView<Eigen::Lower>() -= turned.transpose() * turned;
    for (Eigen::Index a = 0; a < m; ++a) {
      const double own = all(n + a, n + a);
      if (own > 0.0 && !(message(a, a) > kKept * own)) pivots.trustworthy = false;
      double* row = front.parent_square + std::size_t{front.positions[a]} * front.parent_order;
      for (Eigen::Index b = 0; b <= a; ++b) row[front.positions[b]] += message(a, b);
    }
  }

  static void spread(const FrontView& front) {
    View all = square(front);
    const Eigen::Index n = index(front.size);
    const Eigen::Index m = index(front.separator);
    for (Eigen::Index a = 0; a < m; ++a) {
      const double* row =
          front.parent_square + std::size_t{front.positions[a]} * front.parent_order;
      for (Eigen::Index b = 0; b < m; ++b) all(n + a, n + b) = row[front.positions[b]];
    }
    const View k = gain(front);
    all.topRightCorner(n, m).noalias() = k * all.bottomRightCorner(m, m);
    all.bottomLeftCorner(m, n) = all.topRightCorner(n, m).transpose();
    const Eigen::MatrixXd own = core(front) + all.topRightCorner(n, m) * k.transpose();
    all.topLeftCorner(n, n) = (own + own.transpose()) / 2.0;
  }

  static double ascend(const FrontView& front, double* gradient) {
    const std::uint32_t* scalars = front.scalars;
    const VectorView own(gradient + scalars[0], index(front.size));
    const Eigen::VectorXd up = gain(front).transpose() * own;
    for (Eigen::Index a = 0; a < up.size(); ++a) gradient[scalars[front.size + a]] += up[a];
    return own.dot(core(front) * own);
  }

  static void descend(const FrontView& front, const double* gradient, double* step) {
    const std::uint32_t* scalars = front.scalars;
    Eigen::VectorXd of_separator(index(front.separator));
    for (Eigen::Index a = 0; a < of_separator.size(); ++a) {
      of_separator[a] = step[scalars[front.size + a]];
    }
    Eigen::Map<Eigen::VectorXd>(step + scalars[0], index(front.size)) =
        core(front) * VectorView(gradient + scalars[0], index(front.size)) +
        gain(front) * of_separator;
  }
};

/// One kernel over many fronts, its work inlined.
template <typename One>
struct OverFronts {
  static void factorise(const FrontArrays& all, FrontRange range, Pivots& pivots) {
    Pivots own = pivots;
    for (std::uint32_t f = range.begin; f != range.end && own.trustworthy; ++f) {
      One::factorise(view(all, f), own);
    }
    pivots = own;
  }

  static void spread(const FrontArrays& all, FrontRange range) {
    for (std::uint32_t f = range.end; f-- > range.begin;) One::spread(view(all, f));
  }

  static void ascend(const FrontArrays& all, FrontRange range, double* gradient,
                     CompensatedSum& gained) {
    CompensatedSum own = gained;
    for (std::uint32_t f = range.begin; f != range.end; ++f) {
      own.add(One::ascend(view(all, f), gradient));
    }
    gained = own;
  }

  static void descend(const FrontArrays& all, FrontRange range, const double* gradient,
                      double* step, double* point) {
    for (std::uint32_t f = range.end; f-- > range.begin;) {
      const FrontView front = view(all, f);
      One::descend(front, gradient, step);
      for (std::uint32_t i = 0; i < front.size; ++i) {
        point[front.scalars[i]] += step[front.scalars[i]];
      }
    }
  }

  static constexpr FrontKernel kKernel{factorise, spread, ascend, descend};
};

constexpr int kSmallest = 4;

template <std::size_t... I>
constexpr std::array<FrontKernel, sizeof...(I)> small_kernels(std::index_sequence<I...> /*all*/) {
  constexpr int kSeparators = kSmallest + 1;
  return {OverFronts<
      Small<static_cast<int>(I) / kSeparators + 1, static_cast<int>(I) % kSeparators>>::kKernel...};
}
constexpr auto kSmallKernels =
    small_kernels(std::make_index_sequence<std::size_t{kSmallest} * (kSmallest + 1)>{});

}  // namespace

const FrontKernel& front_kernel(std::uint32_t size, std::uint32_t separator) noexcept {
  if (size > kSmallest || separator > kSmallest) return OverFronts<Large>::kKernel;
  return kSmallKernels[(size - 1) * (kSmallest + 1) + separator];
}

}  // namespace credo::gaussian
