#include <credo/inference/variational/stationary_linear.hpp>
#include <credo/inference/variational/stationary_preconditioner.hpp>

#include <Eigen/IterativeLinearSolvers>
#include <Eigen/Sparse>
#include <Eigen/SparseLU>

#include <algorithm>
#include <cmath>

namespace credo::stationary {

namespace {

using Matrix = Eigen::SparseMatrix<double, Eigen::RowMajor, int>;
using Vector = Eigen::VectorXd;

constexpr std::size_t kDirectLimit = 400;
/// Up to here a system whose iteration fails is factorised after all.
constexpr std::size_t kLastResortLimit = 50000;
/// An inexact step costs one more of them; a tighter one costs iterations.
constexpr double kIterativeTolerance = 1e-4;
constexpr int kIterations = 1000;
/// A poorer solution still is a step.
constexpr double kUseful = 0.1;

Matrix identity_minus(const Derivative& p) {
  const auto n = static_cast<int>(p.begin.size() - 1);
  Matrix m(n, n);
  m.reserve(static_cast<Eigen::Index>(p.next.size()) + n);
  std::vector<std::pair<int, double>> row;
  for (int i = 0; i < n; ++i) {
    const auto at = static_cast<std::size_t>(i);
    row.assign(1, {i, 1.0});
    for (std::uint64_t e = p.begin[at]; e < p.begin[at + 1]; ++e) {
      row.emplace_back(static_cast<int>(p.next[e]), -p.weight[e]);
    }
    std::sort(row.begin(), row.end());
    m.startVec(i);
    for (std::size_t k = 0; k < row.size(); ++k) {
      double sum = row[k].second;
      while (k + 1 < row.size() && row[k + 1].first == row[k].first) sum += row[++k].second;
      m.insertBack(i, row[k].first) = sum;
    }
  }
  m.finalize();
  return m;
}

}  // namespace

struct LinearSystem::Implementation {
  Matrix matrix;
  Eigen::SparseLU<Eigen::SparseMatrix<double>> factorisation;
  Eigen::BiCGSTAB<Matrix, IncompleteFactors> iteration;
  bool factorised = false;
  bool singular = false;

  void factorise() {
    factorised = true;
    factorisation.compute(Eigen::SparseMatrix<double>(matrix));
    singular = factorisation.info() != Eigen::Success;
  }

  /// Empty when the residual is not nearly what was wanted.
  [[nodiscard]] Vector iterate(const Vector& b) {
    if (iteration.info() != Eigen::Success) return {};
    Vector x = iteration.solve(b);
    if ((b - matrix * x).norm() <= kUseful * b.norm()) return x;
    return {};
  }
};

LinearSystem::LinearSystem(const Derivative& p)
    : implementation_(std::make_unique<Implementation>()) {
  Implementation& i = *implementation_;
  i.matrix = identity_minus(p);
  if (direct(p.begin.size() - 1)) {
    i.factorise();
    return;
  }
  i.iteration.setTolerance(kIterativeTolerance);
  i.iteration.setMaxIterations(kIterations);
  i.iteration.compute(i.matrix);
}

LinearSystem::~LinearSystem() = default;
LinearSystem::LinearSystem(LinearSystem&&) noexcept = default;
LinearSystem& LinearSystem::operator=(LinearSystem&&) noexcept = default;

bool LinearSystem::direct(std::size_t contexts) noexcept { return contexts <= kDirectLimit; }

std::optional<std::vector<double>> LinearSystem::solve(std::span<const double> right) {
  Implementation& i = *implementation_;
  const Vector b = Eigen::Map<const Vector>(right.data(), static_cast<Eigen::Index>(right.size()));
  Vector x;
  if (!i.factorised) {
    x = i.iterate(b);
    if (x.size() == 0 && right.size() <= kLastResortLimit) i.factorise();
  }
  if (i.factorised && !i.singular) x = i.factorisation.solve(b);
  if (x.size() == 0 || !x.allFinite()) return std::nullopt;
  return std::vector<double>(x.begin(), x.end());
}

}  // namespace credo::stationary
