// The integral over what no equation has determined: Householder QR of the squares, or Cholesky of
// the form they were added to (careful_front.cpp). The flat and the indefinite directions are found
// here. Cost O(squares (n + e + m)^2).

#include <credo/inference/gaussian/careful_front.hpp>

#include <Eigen/QR>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace credo::gaussian {

namespace {

/// Rows by falling size: Householder's transformations then keep the digits of the small ones
/// (Cox and Higham, Stability of Householder QR factorization for weighted least squares, 1998).
std::vector<Eigen::Index> by_size(const Eigen::MatrixXd& rows) {
  const Eigen::VectorXd size = rows.cwiseAbs().rowwise().maxCoeff();
  std::vector<Eigen::Index> order(static_cast<std::size_t>(rows.rows()));
  std::iota(order.begin(), order.end(), Eigen::Index{0});
  std::ranges::sort(order, [&size](Eigen::Index a, Eigen::Index b) {
    return size[a] != size[b] ? size[a] > size[b] : a < b;
  });
  return order;
}

/// At most as many rows as columns with the same sum of squares.
Eigen::MatrixXd compressed(const Eigen::MatrixXd& rows) {
  const Eigen::Index columns = rows.cols();
  if (rows.rows() <= columns) return rows;
  const Eigen::ColPivHouseholderQR<Eigen::MatrixXd> qr(rows(by_size(rows), Eigen::all));
  const Eigen::MatrixXd upper = qr.matrixQR().topRows(columns).triangularView<Eigen::Upper>();
  return upper * qr.colsPermutation().transpose();
}

}  // namespace

std::vector<Eigen::Index> CarefulFront::free_columns() const {
  std::vector<Index> free;
  for (Index j = 0; j < size_ + noise_; ++j) {
    if (!column_used_[static_cast<std::size_t>(j)]) free.push_back(j);
  }
  return free;
}

void CarefulFront::integrate_squares(CarefulOutcome& outcome) {
  const std::vector<Index> free = free_columns();
  const auto count = static_cast<Index>(free.size());
  const Index rest = separator_ + 1;
  Eigen::MatrixXd affine = of_columns_.rightCols(rest);
  if (squares_.rows() > 0) squares_ = squares_(by_size(squares_), Eigen::all).eval();
  Eigen::MatrixXd tail = squares_.rightCols(rest);
  outcome.root.resize(size_, 0);
  outcome.message.square_bound = square_bound_.tail(rest);
  if (count > 0) {
    if (squares_.rows() < count) {
      outcome.status = CarefulStatus::flat;
      return;
    }
    const Eigen::ColPivHouseholderQR<Eigen::MatrixXd> qr(squares_(Eigen::all, free));
    const auto& swaps = qr.colsPermutation();
    for (Index k = 0; k < count; ++k) {
      const double pivot = std::fabs(qr.matrixQR()(k, k));
      const Index j = free[static_cast<std::size_t>(swaps.indices()[k])];
      if (!(pivot > kFlat * square_bound_[j])) {
        outcome.status = CarefulStatus::flat;
        return;
      }
      log_factor_ += kLogTwoPi / 2.0 - std::log(pivot);
    }
    const auto upper = qr.matrixQR().topRows(count).triangularView<Eigen::Upper>();
    tail.applyOnTheLeft(qr.householderQ().adjoint());
    const Eigen::MatrixXd share = of_columns_(Eigen::all, free) * swaps;
    affine -= share * upper.solve(tail.topRows(count));
    outcome.root = upper.transpose().solve(share.transpose().eval()).transpose();
    tail = tail.bottomRows(tail.rows() - count).eval();
  }
  outcome.message.squares = compressed(tail);
  outcome.gain = affine.leftCols(separator_);
  outcome.shift = affine.col(separator_);
}

void CarefulFront::integrate_form(CarefulOutcome& outcome) {
  const std::vector<Index> free = free_columns();
  const auto count = static_cast<Index>(free.size());
  const Index rest = separator_ + 1;
  Eigen::MatrixXd lower = form_(free, free);
  Eigen::MatrixXd turned = form_.rightCols(rest)(free, Eigen::all);
  for (Index k = 0; k < count; ++k) {
    const double pivot = lower(k, k);
    const double bound = bound_[free[static_cast<std::size_t>(k)]];
    if (!(pivot > kFlat * bound)) {
      outcome.status =
          pivot < -kConsistent * bound ? CarefulStatus::indefinite : CarefulStatus::flat;
      return;
    }
    const double root = std::sqrt(pivot);
    lower(k, k) = root;
    turned.row(k) /= root;
    log_factor_ += kLogTwoPi / 2.0 - std::log(root);
    for (Index i = k + 1; i < count; ++i) {
      lower(i, k) /= root;
      turned.row(i) -= lower(i, k) * turned.row(k);
    }
    for (Index i = k + 1; i < count; ++i) {
      for (Index j = k + 1; j <= i; ++j) lower(i, j) -= lower(i, k) * lower(j, k);
    }
  }
  outcome.message.squares.resize(0, rest);
  outcome.message.square_bound = Eigen::VectorXd::Zero(rest);
  outcome.message.form = form_.bottomRightCorner(rest, rest) - turned.transpose() * turned;
  outcome.message.bound = bound_.tail(rest);
  const auto upper = lower.triangularView<Eigen::Lower>().transpose();
  const Eigen::MatrixXd share = of_columns_(Eigen::all, free);
  const Eigen::MatrixXd solution = upper.solve(turned);
  const Eigen::MatrixXd affine = of_columns_.rightCols(rest) - share * solution;
  outcome.gain = affine.leftCols(separator_);
  outcome.shift = affine.col(separator_);
  outcome.root = lower.triangularView<Eigen::Lower>().solve(share.transpose().eval()).transpose();
}

}  // namespace credo::gaussian
