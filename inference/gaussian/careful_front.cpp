// Elimination of x from a quadratic form under linear equations.
//
// Columns are (x, e, s, 1): the front's variable, the noise of its kernels, the separator, and the
// constant. Every kernel contributes equations row z = 0, and one square e^2 for each noise. Each
// equation is solved for one x or e and substituted; what is left of (x, e) goes by Householder QR
// of the squares, whose condition is the root of their sum's: a precise sensor beside a wide noise
// keeps its digits (square-root information, Bierman, Factorization Methods for Discrete Sequential
// Estimation, 1977). Where factors are given as quadratic forms, maybe indefinite, the squares are
// added to them, and the rest goes by Cholesky. The column
// solved for is the one with the largest |coefficient| / sqrt(curvature): a kernel much narrower
// than what else is known of x moves x (the Kalman filter's sum of covariances), a wide one moves
// e (the sum of precisions); neither cancels. An x of which nothing is known yet is solved for in
// the most precise equation, so that wide noise does not stand in its place. An equation without
// noise and without x is handed up; without any variable it is redundant or a contradiction. Delta
// functions: an equation solved for z_j contributes 1 / |its coefficient|. What counts as zero is
// decided against the largest magnitudes that met in an entry. Cost O((equations + n) (n + e +
// m)^2). Source: Lauritzen and Jensen, Stable local computation with conditional Gaussian
// distributions, 2001, for the problem; the elimination is textbook algebra (Golub and Van Loan,
// Matrix Computations, 2013, section 6.2: null-space method).

#include <credo/inference/gaussian/careful_front.hpp>

#include <credo/core/numerics.hpp>
#include <credo/inference/gaussian/structure.hpp>

#include <algorithm>
#include <array>
#include <cmath>

namespace credo::gaussian {

namespace {

/// A coefficient below this part of what met in it is zero.
constexpr double kZeroCoefficient = 1e-11;
/// One below this is what rounding leaves of zero.
constexpr double kRoundedCoefficient = 1e-14;

void append_zeros(Eigen::MatrixXd& rows, Eigen::Index count) {
  if (count == 0) return;
  rows.conservativeResize(rows.rows() + count, Eigen::NoChange);
  rows.bottomRows(count).setZero();
}

}  // namespace

CarefulFront::CarefulFront(std::size_t size, std::size_t noise, std::size_t separator)
    : size_(static_cast<Index>(size)),
      noise_(static_cast<Index>(noise)),
      separator_(static_cast<Index>(separator)),
      next_noise_(size_) {
  const Index columns = size_ + noise_ + separator_ + 1;
  squares_.resize(0, columns);
  square_bound_ = Eigen::VectorXd::Zero(columns);
  rows_.resize(0, columns);
  row_bounds_.resize(0, columns);
  of_columns_ = Eigen::MatrixXd::Zero(size_, columns);
  of_columns_.leftCols(size_).setIdentity();
  column_used_.assign(static_cast<std::size_t>(size_ + noise_), 0);
}

CarefulFront::Index CarefulFront::column(std::uint32_t position) const {
  const auto at = static_cast<Index>(position);
  return at < size_ ? at : at + noise_;
}

void CarefulFront::append_rows(Index count) {
  append_zeros(rows_, count);
  append_zeros(row_bounds_, count);
}

void CarefulFront::need_form() {
  if (form_.size() > 0) return;
  form_ = Eigen::MatrixXd::Zero(rows_.cols(), rows_.cols());
  bound_ = Eigen::VectorXd::Zero(rows_.cols());
}

void CarefulFront::add_quadratic(const LocalForm& local, std::span<const std::uint32_t> positions,
                                 std::span<const double> gradient) {
  need_form();
  const Index constant = form_.cols() - 1;
  for (std::size_t i = 0; i < positions.size(); ++i) {
    if (positions[i] == kObserved) continue;
    const Index row = column(positions[i]);
    form_(row, constant) -= gradient[i];
    form_(constant, row) -= gradient[i];
    for (std::size_t j = 0; j < positions.size(); ++j) {
      if (positions[j] == kObserved) continue;
      form_(row, column(positions[j])) += local.precision[i * positions.size() + j];
    }
    bound_[row] += std::fabs(local.precision[i * positions.size() + i]);
  }
}

void CarefulFront::add_kernel(const LocalForm& local, std::span<const std::uint32_t> positions,
                              std::span<const double> values) {
  const auto child = static_cast<Index>(local.child);
  const Index parents = static_cast<Index>(local.dimension) - child;
  const Index first = rows_.rows();
  const Index constant = rows_.cols() - 1;
  append_rows(child);
  const LinearGaussian& kernel = *local.kernel;
  const auto rotation = [&](Index i, Index k) {
    if (local.noise.rotation.empty()) return i == k ? 1.0 : 0.0;
    return local.noise.rotation[static_cast<std::size_t>(i * child + k)];
  };
  const auto add = [&](Index row, double coefficient, std::size_t scalar) {
    const double shift = coefficient * values[scalar];
    rows_(row, constant) += shift;
    row_bounds_(row, constant) += std::fabs(shift);
    if (positions[scalar] == kObserved) return;
    rows_(row, column(positions[scalar])) += coefficient;
    row_bounds_(row, column(positions[scalar])) += std::fabs(coefficient);
  };
  for (Index i = 0; i < child; ++i) {
    for (Index k = 0; k < child; ++k) {
      const double turn = rotation(i, k);
      if (turn == 0.0) continue;
      add(first + i, turn, static_cast<std::size_t>(parents + k));
      for (Index j = 0; j < parents; ++j) {
        add(first + i, -turn * kernel.gain[static_cast<std::size_t>(k * parents + j)],
            static_cast<std::size_t>(j));
      }
      const double offset = turn * kernel.offset[static_cast<std::size_t>(k)];
      rows_(first + i, constant) -= offset;
      row_bounds_(first + i, constant) += std::fabs(offset);
    }
    for (std::size_t e = 0; e < local.noise.rank; ++e) {
      const double coefficient =
          -local.noise.noise[static_cast<std::size_t>(i) * local.noise.rank + e];
      rows_(first + i, next_noise_ + static_cast<Index>(e)) = coefficient;
      row_bounds_(first + i, next_noise_ + static_cast<Index>(e)) = std::fabs(coefficient);
    }
  }
  const auto rank = static_cast<Index>(local.noise.rank);
  const Index before = squares_.rows();
  append_zeros(squares_, rank);
  for (Index e = 0; e < rank; ++e, ++next_noise_) {
    squares_(before + e, next_noise_) = 1.0;
    square_bound_[next_noise_] = 1.0;
    log_factor_ -= kLogTwoPi / 2.0;
  }
}

void CarefulFront::add_message(const CarefulMessage& message,
                               std::span<const std::uint32_t> positions) {
  std::vector<Index> columns;
  for (const std::uint32_t position : positions) columns.push_back(column(position));
  columns.push_back(rows_.cols() - 1);
  const auto count = static_cast<Index>(columns.size());
  const auto target = [&columns](Index i) { return columns[static_cast<std::size_t>(i)]; };
  const Index first = rows_.rows();
  append_rows(message.rows.rows());
  const bool has_form = message.form.size() > 0;
  if (has_form) need_form();
  const Index own = squares_.rows();
  append_zeros(squares_, message.squares.rows());
  for (Index i = 0; i < count; ++i) {
    for (Index row = 0; row < message.squares.rows(); ++row) {
      squares_(own + row, target(i)) = message.squares(row, i);
    }
    square_bound_[target(i)] = std::max(square_bound_[target(i)], message.square_bound[i]);
    for (Index j = 0; has_form && j < count; ++j) form_(target(i), target(j)) += message.form(i, j);
    if (has_form) bound_[target(i)] += message.bound[i];
    for (Index row = 0; row < message.rows.rows(); ++row) {
      rows_(first + row, target(i)) = message.rows(row, i);
      row_bounds_(first + row, target(i)) = message.row_bounds(row, i);
    }
  }
}

/// Into the form, which may take away what they add.
void CarefulFront::fold_squares() {
  form_ += squares_.transpose() * squares_;
  bound_ += square_bound_.cwiseAbs2();
  squares_.resize(0, Eigen::NoChange);
}

/// Of the columns that are eliminated; 0 where it is rounding.
Eigen::VectorXd CarefulFront::curvatures() const {
  Eigen::VectorXd curvature(size_ + noise_);
  for (Index j = 0; j < curvature.size(); ++j) {
    const double squares = squares_.col(j).norm();
    curvature[j] = squares > kFlat * square_bound_[j] ? squares * squares : 0.0;
    if (form_.size() > 0) curvature[j] = form_(j, j) > kFlat * bound_[j] ? form_(j, j) : 0.0;
  }
  return curvature;
}

CarefulFront::Pivot CarefulFront::find_pivot() const {
  const Eigen::VectorXd curvature = curvatures();
  Pivot best;
  // Score, precision, coefficient: the first that differs decides.
  std::array<double, 3> best_score{-1.0, 0.0, 0.0};
  for (Index i = 0; i < rows_.rows(); ++i) {
    if (row_used_[static_cast<std::size_t>(i)]) continue;
    double noise = 0.0;
    for (Index j = 0; j < size_ + noise_; ++j) {
      if (curvature[j] > 0.0) noise += rows_(i, j) * rows_(i, j) / curvature[j];
    }
    for (Index j = 0; j < size_ + noise_; ++j) {
      if (column_used_[static_cast<std::size_t>(j)]) continue;
      const double coefficient = std::fabs(rows_(i, j));
      if (!(coefficient > kZeroCoefficient * row_bounds_(i, j))) continue;
      const std::array<double, 3> score{coefficient / std::sqrt(curvature[j]),
                                        coefficient / std::sqrt(noise), coefficient};
      if (score <= best_score) continue;
      best = {i, j};
      best_score = score;
    }
  }
  return best;
}

void CarefulFront::substitute(Pivot pivot) {
  const Index j = pivot.column;
  const double coefficient = rows_(pivot.row, j);
  // z_j = u' z over the other columns.
  Eigen::VectorXd u = -rows_.row(pivot.row).transpose() / coefficient;
  u[j] = 0.0;
  const Eigen::VectorXd u_bound = row_bounds_.row(pivot.row).transpose() / std::fabs(coefficient);
  if (form_.size() > 0) {
    const Eigen::VectorXd column_j = form_.col(j);
    const double curvature = column_j[j];
    form_ += u * column_j.transpose() + column_j * u.transpose() + curvature * u * u.transpose();
    bound_ += 2.0 * u.cwiseProduct(column_j).cwiseAbs() + std::fabs(curvature) * u.cwiseAbs2();
    form_.row(j).setZero();
    form_.col(j).setZero();
  } else {
    const Eigen::VectorXd share = squares_.col(j);
    const double largest = share.size() > 0 ? share.cwiseAbs().maxCoeff() : 0.0;
    squares_ += share * u.transpose();
    squares_.col(j).setZero();
    square_bound_ = square_bound_.cwiseMax(largest * u_bound).eval();
  }
  for (Index i = 0; i < rows_.rows(); ++i) {
    const double factor = rows_(i, j);
    if (i == pivot.row || row_used_[static_cast<std::size_t>(i)] || factor == 0.0) continue;
    rows_.row(i) += factor * u.transpose();
    rows_(i, j) = 0.0;
    row_bounds_.row(i) =
        row_bounds_.row(i).cwiseMax(std::fabs(factor) * u_bound.transpose()).eval();
  }
  const Eigen::VectorXd share = of_columns_.col(j);
  of_columns_ += share * u.transpose();
  of_columns_.col(j).setZero();
  row_used_[static_cast<std::size_t>(pivot.row)] = 1;
  column_used_[static_cast<std::size_t>(j)] = 1;
  log_factor_ -= std::log(std::fabs(coefficient));
}

void CarefulFront::hand_up_rows(CarefulOutcome& outcome) {
  const Index rest = separator_ + 1;
  std::vector<Index> kept;
  for (Index i = 0; i < rows_.rows(); ++i) {
    if (row_used_[static_cast<std::size_t>(i)]) continue;
    bool has_variable = false;
    bool doubtful = false;
    for (Index j = 0; j < rows_.cols() - 1; ++j) {
      const double coefficient = std::fabs(rows_(i, j));
      if (j >= size_ + noise_ && coefficient > kZeroCoefficient * row_bounds_(i, j)) {
        has_variable = true;
      } else {
        doubtful = doubtful || coefficient > kRoundedCoefficient * row_bounds_(i, j);
        rows_(i, j) = 0.0;
      }
    }
    if (has_variable) {
      kept.push_back(i);
    } else if (std::fabs(rows_(i, rows_.cols() - 1)) <=
               kConsistent * row_bounds_(i, rows_.cols() - 1)) {
      ++outcome.redundant;
    } else if (outcome.status != CarefulStatus::contradiction) {
      outcome.status = doubtful ? CarefulStatus::doubtful : CarefulStatus::contradiction;
    }
  }
  outcome.message.rows = rows_.rightCols(rest)(kept, Eigen::all);
  outcome.message.row_bounds = row_bounds_.rightCols(rest)(kept, Eigen::all);
}

CarefulOutcome CarefulFront::eliminate() {
  if (form_.size() > 0) fold_squares();
  row_used_.assign(static_cast<std::size_t>(rows_.rows()), 0);
  for (Pivot pivot = find_pivot(); pivot.row >= 0; pivot = find_pivot()) substitute(pivot);
  CarefulOutcome outcome;
  hand_up_rows(outcome);
  if (outcome.status != CarefulStatus::ok) return outcome;
  if (form_.size() > 0) {
    integrate_form(outcome);
  } else {
    integrate_squares(outcome);
  }
  outcome.log_factor = log_factor_;
  return outcome;
}

}  // namespace credo::gaussian
