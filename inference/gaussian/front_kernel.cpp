// One front of the block Cholesky factorisation, up and down.
//
// A = L L', V = L^-1 B', core = L^-T L^-1, gain = -L^-T V, message S - V' V. The way down is the
// selected inverse in the form of conditional moments (Takahashi's equations by blocks): sums of
// positive semi-definite terms only, so that covariances stay so.
// Sizes up to 4 are compiled with their loops unrolled; all others go to Eigen.
// Cost per front of n scalars and m in the separator: n (n + m)^2.

#include <credo/inference/gaussian/front_kernel.hpp>

#include <Eigen/Cholesky>
#include <Eigen/Core>

#include <array>
#include <cmath>
#include <utility>

namespace credo::gaussian {

void Pivots::multiply(double pivot) noexcept {
  int power_of_pivot = 0;
  int power_of_product = 0;
  mantissa = std::frexp(mantissa * std::frexp(pivot, &power_of_pivot), &power_of_product);
  exponent += power_of_pivot + power_of_product;
}

double Pivots::log() const noexcept {
  return std::log(mantissa) + static_cast<double>(exponent) * 0.69314718055994530942;
}

namespace {

template <int N, int M>
struct Small {
  static constexpr int kOrder = N + M;

  /// The lower triangle of L with inverted diagonal. False where a pivot is lost.
  static bool cholesky(const double* square, double* lower, Pivots& pivots) {
    for (int j = 0; j < N; ++j) {
      const double before = square[j * kOrder + j];
      double pivot = before;
      for (int k = 0; k < j; ++k) pivot -= lower[j * N + k] * lower[j * N + k];
      if (!(pivot > kKept * before)) return false;
      pivots.multiply(pivot);
      const double inverse = 1.0 / std::sqrt(pivot);
      lower[j * N + j] = inverse;
      for (int i = j + 1; i < N; ++i) {
        double sum = square[i * kOrder + j];
        for (int k = 0; k < j; ++k) sum -= lower[i * N + k] * lower[j * N + k];
        lower[i * N + j] = sum * inverse;
      }
    }
    return true;
  }

  /// column <- L^-1 column; column <- L^-T column. Columns are `Stride` apart.
  template <int Stride>
  static void solve_lower(const double* lower, double* column) {
    for (int i = 0; i < N; ++i) {
      double sum = column[i * Stride];
      for (int k = 0; k < i; ++k) sum -= lower[i * N + k] * column[k * Stride];
      column[i * Stride] = sum * lower[i * N + i];
    }
  }
  template <int Stride>
  static void solve_upper(const double* lower, double* column) {
    for (int i = N; i-- > 0;) {
      double sum = column[i * Stride];
      for (int k = i + 1; k < N; ++k) sum -= lower[k * N + i] * column[k * Stride];
      column[i * Stride] = sum * lower[i * N + i];
    }
  }

  static void factorise(const FrontView& front, Pivots& pivots) {
    const double* square = front.square;
    double lower[N * N] = {};
    if (!cholesky(square, lower, pivots)) {
      pivots.trustworthy = false;
      return;
    }
    double* gain = front.gain;
    for (int a = 0; a < M; ++a) {
      for (int i = 0; i < N; ++i) gain[i * M + a] = square[(N + a) * kOrder + i];
      solve_lower<M>(lower, gain + a);
    }
    const std::uint32_t order = front.parent_order;
    for (int a = 0; a < M; ++a) {
      double* row = front.parent_square + std::size_t{front.positions[a]} * order;
      for (int b = 0; b <= a; ++b) {
        const double own = square[(N + a) * kOrder + N + b];
        double message = own;
        for (int k = 0; k < N; ++k) message -= gain[k * M + a] * gain[k * M + b];
        if (a == b && own > 0.0 && !(message > kKept * own)) pivots.trustworthy = false;
        row[front.positions[b]] += message;
      }
    }
    for (int a = 0; a < M; ++a) {
      solve_upper<M>(lower, gain + a);
      for (int i = 0; i < N; ++i) gain[i * M + a] = -gain[i * M + a];
    }
    double* core = front.core;
    for (int j = 0; j < N; ++j) {
      for (int i = 0; i < N; ++i) core[i * N + j] = i == j ? 1.0 : 0.0;
      solve_lower<N>(lower, core + j);
      solve_upper<N>(lower, core + j);
    }
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

  static double ascend(const FrontView& front, const std::uint32_t* scalars, double* gradient) {
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

  static void descend(const FrontView& front, const std::uint32_t* scalars, const double* gradient,
                      double* step) {
    const double* own = gradient + scalars[0];
    for (int i = 0; i < N; ++i) {
      double sum = 0.0;
      for (int j = 0; j < N; ++j) sum += front.core[i * N + j] * own[j];
      for (int a = 0; a < M; ++a) sum += front.gain[i * M + a] * step[scalars[N + a]];
      step[scalars[i]] = sum;
    }
  }

  static constexpr FrontKernel kKernel{factorise, spread, ascend, descend};
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
    const auto lower = cholesky.matrixL();
    for (Eigen::Index i = 0; i < n; ++i) {
      const double pivot = cholesky.matrixLLT()(i, i) * cholesky.matrixLLT()(i, i);
      if (!(pivot > kKept * all(i, i))) pivots.trustworthy = false;
      pivots.multiply(pivot);
    }
    const Eigen::MatrixXd turned = lower.solve(all.bottomLeftCorner(m, n).transpose());
    Matrix message = all.bottomRightCorner(m, m).triangularView<Eigen::Lower>();
    message.triangularView<Eigen::Lower>() -= turned.transpose() * turned;
    for (Eigen::Index a = 0; a < m; ++a) {
      const double own = all(n + a, n + a);
      if (own > 0.0 && !(message(a, a) > kKept * own)) pivots.trustworthy = false;
      double* row = front.parent_square + std::size_t{front.positions[a]} * front.parent_order;
      for (Eigen::Index b = 0; b <= a; ++b) row[front.positions[b]] += message(a, b);
    }
    gain(front) = -cholesky.matrixU().solve(turned);
    core(front) = cholesky.solve(Eigen::MatrixXd::Identity(n, n));
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

  static double ascend(const FrontView& front, const std::uint32_t* scalars, double* gradient) {
    const VectorView own(gradient + scalars[0], index(front.size));
    const Eigen::VectorXd up = gain(front).transpose() * own;
    for (Eigen::Index a = 0; a < up.size(); ++a) gradient[scalars[front.size + a]] += up[a];
    return own.dot(core(front) * own);
  }

  static void descend(const FrontView& front, const std::uint32_t* scalars, const double* gradient,
                      double* step) {
    Eigen::VectorXd of_separator(index(front.separator));
    for (Eigen::Index a = 0; a < of_separator.size(); ++a) {
      of_separator[a] = step[scalars[front.size + a]];
    }
    Eigen::Map<Eigen::VectorXd>(step + scalars[0], index(front.size)) =
        core(front) * VectorView(gradient + scalars[0], index(front.size)) +
        gain(front) * of_separator;
  }

  static constexpr FrontKernel kKernel{factorise, spread, ascend, descend};
};

constexpr int kSmallest = 4;

template <std::size_t... I>
constexpr std::array<FrontKernel, sizeof...(I)> small_kernels(std::index_sequence<I...> /*all*/) {
  constexpr int kSeparators = kSmallest + 1;
  return {
      Small<static_cast<int>(I) / kSeparators + 1, static_cast<int>(I) % kSeparators>::kKernel...};
}
constexpr auto kSmallKernels =
    small_kernels(std::make_index_sequence<std::size_t{kSmallest} * (kSmallest + 1)>{});

}  // namespace

const FrontKernel& front_kernel(std::uint32_t size, std::uint32_t separator) noexcept {
  if (size > kSmallest || separator > kSmallest) return Large::kKernel;
  return kSmallKernels[(size - 1) * (kSmallest + 1) + separator];
}

}  // namespace credo::gaussian
