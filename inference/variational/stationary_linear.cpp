#include <credo/inference/variational/stationary_linear.hpp>

#include <Eigen/IterativeLinearSolvers>
#include <Eigen/Sparse>
#include <Eigen/SparseLU>

#include <algorithm>
#include <cmath>

namespace credo::stationary {

namespace {

using Matrix = Eigen::SparseMatrix<double, Eigen::RowMajor, int>;
using Vector = Eigen::VectorXd;

constexpr std::size_t kDirectLimit = 4000;
constexpr double kIterativeTolerance = 1e-10;
constexpr int kIterations = 2000;
constexpr double kDrop = 1e-4;
constexpr int kFill = 10;

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
  Eigen::BiCGSTAB<Matrix, Eigen::IncompleteLUT<double>> iteration;
  bool is_direct = false;
  bool usable = false;
};

LinearSystem::LinearSystem(const Derivative& p)
    : implementation_(std::make_unique<Implementation>()) {
  Implementation& i = *implementation_;
  i.matrix = identity_minus(p);
  i.is_direct = direct(p.begin.size() - 1);
  if (i.is_direct) {
    i.factorisation.compute(Eigen::SparseMatrix<double>(i.matrix));
    i.usable = i.factorisation.info() == Eigen::Success;
    return;
  }
  i.iteration.preconditioner().setDroptol(kDrop);
  i.iteration.preconditioner().setFillfactor(kFill);
  i.iteration.setTolerance(kIterativeTolerance);
  i.iteration.setMaxIterations(kIterations);
  i.iteration.compute(i.matrix);
  i.usable = i.iteration.info() == Eigen::Success;
}

LinearSystem::~LinearSystem() = default;
LinearSystem::LinearSystem(LinearSystem&&) noexcept = default;
LinearSystem& LinearSystem::operator=(LinearSystem&&) noexcept = default;

bool LinearSystem::direct(std::size_t contexts) noexcept { return contexts <= kDirectLimit; }

std::optional<std::vector<double>> LinearSystem::solve(std::span<const double> right) const {
  const Implementation& i = *implementation_;
  if (!i.usable) return std::nullopt;
  const Eigen::Map<const Vector> b(right.data(), static_cast<Eigen::Index>(right.size()));
  Vector x;
  if (i.is_direct) {
    x = i.factorisation.solve(b);
  } else {
    x = i.iteration.solve(b);
    // A poor solution still is a step; one that does not even shrink the residual is none.
    if (!((b - i.matrix * x).norm() <= 0.5 * b.norm())) return std::nullopt;
  }
  if (!x.allFinite()) return std::nullopt;
  return std::vector<double>(x.begin(), x.end());
}

}  // namespace credo::stationary
