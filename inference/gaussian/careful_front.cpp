// Elimination of x from a quadratic form under linear equations.
//
// Columns are (x, e, s, 1): the front's variable, the noise of its kernels, the separator, and the
// constant. Every kernel contributes equations row z = 0. Each equation is solved for one x or e
// and substituted, a congruence of the form; what is left of (x, e) goes by Cholesky. The column
// solved for is the one with the largest |coefficient| / sqrt(curvature): a kernel much narrower
// than what else is known of x moves x (the Kalman filter's sum of covariances), a wide one moves
// e (the sum of precisions); neither cancels. An equation without noise and without x is handed
// up; without any variable it is redundant or a contradiction.
// Delta functions: an equation solved for z_j contributes 1 / |its coefficient|.
// What counts as zero is decided against the largest magnitudes that met in an entry.
// Cost O((equations + n) (n + e + m)^2). Source: Lauritzen and Jensen, Stable local computation
// with conditional Gaussian distributions, 2001, for the problem; the elimination is textbook
// algebra (Golub and Van Loan, Matrix Computations, 2013, section 6.2: null-space method).

#include <credo/inference/gaussian/careful_front.hpp>

#include <credo/core/numerics.hpp>
#include <credo/inference/gaussian/structure.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace credo::gaussian {

namespace {

/// A coefficient below this part of what met in it is zero.
constexpr double kZeroCoefficient = 1e-11;
/// A right-hand side below this part of what met in it is zero.
constexpr double kConsistent = 1e-9;
/// A curvature below this part of what met in it is zero.
constexpr double kFlat = 1e-13;

const double kLogTwoPi = std::log(2.0 * std::numbers::pi);

}  // namespace

std::string explain_divergence(CarefulStatus status, const std::string& name) {
  if (status == CarefulStatus::flat) {
    return fmt::format(
        "the integral over {} diverges: the factors leave a direction of it without curvature "
        "(give it a prior, or observe it)",
        name);
  }
  return fmt::format(
      "the integral over {} diverges: the precision is indefinite (a direction of it has negative "
      "curvature)",
      name);
}

CarefulFront::CarefulFront(std::size_t size, std::size_t noise, std::size_t separator)
    : size_(static_cast<Index>(size)),
      noise_(static_cast<Index>(noise)),
      separator_(static_cast<Index>(separator)),
      next_noise_(size_) {
  const Index columns = size_ + noise_ + separator_ + 1;
  form_ = Eigen::MatrixXd::Zero(columns, columns);
  bound_ = Eigen::VectorXd::Zero(columns);
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
  const Index before = rows_.rows();
  rows_.conservativeResize(before + count, Eigen::NoChange);
  row_bounds_.conservativeResize(before + count, Eigen::NoChange);
  rows_.bottomRows(count).setZero();
  row_bounds_.bottomRows(count).setZero();
}

void CarefulFront::add_quadratic(const LocalForm& local, std::span<const std::uint32_t> positions,
                                 std::span<const double> gradient) {
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
  const Index constant = form_.cols() - 1;
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
  for (std::size_t e = 0; e < local.noise.rank; ++e, ++next_noise_) {
    form_(next_noise_, next_noise_) = 1.0;
    bound_[next_noise_] = 1.0;
    log_factor_ -= kLogTwoPi / 2.0;
  }
}

void CarefulFront::add_message(const CarefulMessage& message,
                               std::span<const std::uint32_t> positions) {
  std::vector<Index> columns;
  for (const std::uint32_t position : positions) columns.push_back(column(position));
  columns.push_back(form_.cols() - 1);
  const auto count = static_cast<Index>(columns.size());
  const auto target = [&columns](Index i) { return columns[static_cast<std::size_t>(i)]; };
  const Index first = rows_.rows();
  append_rows(message.rows.rows());
  for (Index i = 0; i < count; ++i) {
    for (Index j = 0; j < count; ++j) form_(target(i), target(j)) += message.form(i, j);
    bound_[target(i)] += message.bound[i];
    for (Index row = 0; row < message.rows.rows(); ++row) {
      rows_(first + row, target(i)) = message.rows(row, i);
      row_bounds_(first + row, target(i)) = message.row_bounds(row, i);
    }
  }
}

CarefulFront::Pivot CarefulFront::find_pivot() const {
  Pivot best;
  double best_score = -1.0;
  double best_coefficient = 0.0;
  for (Index i = 0; i < rows_.rows(); ++i) {
    if (row_used_[static_cast<std::size_t>(i)]) continue;
    for (Index j = 0; j < size_ + noise_; ++j) {
      if (column_used_[static_cast<std::size_t>(j)]) continue;
      const double coefficient = std::fabs(rows_(i, j));
      if (!(coefficient > kZeroCoefficient * row_bounds_(i, j))) continue;
      const double curvature = form_(j, j) > kFlat * bound_[j] ? form_(j, j) : 0.0;
      const double score = coefficient / std::sqrt(curvature);
      if (score < best_score) continue;
      if (score == best_score && coefficient <= best_coefficient) continue;
      best = {i, j};
      best_score = score;
      best_coefficient = coefficient;
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
  const Eigen::VectorXd column_j = form_.col(j);
  const double curvature = column_j[j];
  form_ += u * column_j.transpose() + column_j * u.transpose() + curvature * u * u.transpose();
  bound_ += 2.0 * u.cwiseProduct(column_j).cwiseAbs() + std::fabs(curvature) * u.cwiseAbs2();
  form_.row(j).setZero();
  form_.col(j).setZero();
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

void CarefulFront::integrate(CarefulOutcome& outcome) {
  std::vector<Index> free;
  for (Index j = 0; j < size_ + noise_; ++j) {
    if (!column_used_[static_cast<std::size_t>(j)]) free.push_back(j);
  }
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
  outcome.message.form = form_.bottomRightCorner(rest, rest) - turned.transpose() * turned;
  outcome.message.bound = bound_.tail(rest);
  const auto upper = lower.triangularView<Eigen::Lower>().transpose();
  const Eigen::MatrixXd share = of_columns_(Eigen::all, free);
  const Eigen::MatrixXd solution = upper.solve(turned);
  const Eigen::MatrixXd affine = of_columns_.rightCols(rest) - share * solution;
  outcome.gain = affine.leftCols(separator_);
  outcome.shift = affine.col(separator_);
  const Eigen::MatrixXd root = lower.triangularView<Eigen::Lower>().solve(share.transpose().eval());
  outcome.core = root.transpose() * root;
}

void CarefulFront::hand_up_rows(CarefulOutcome& outcome) {
  const Index rest = separator_ + 1;
  std::vector<Index> kept;
  for (Index i = 0; i < rows_.rows(); ++i) {
    if (row_used_[static_cast<std::size_t>(i)]) continue;
    bool has_variable = false;
    for (Index j = size_ + noise_; j < rows_.cols() - 1; ++j) {
      if (std::fabs(rows_(i, j)) > kZeroCoefficient * row_bounds_(i, j)) {
        has_variable = true;
      } else {
        rows_(i, j) = 0.0;
      }
    }
    if (has_variable) {
      kept.push_back(i);
    } else if (std::fabs(rows_(i, rows_.cols() - 1)) <=
               kConsistent * row_bounds_(i, rows_.cols() - 1)) {
      ++outcome.redundant;
    } else {
      outcome.status = CarefulStatus::contradiction;
    }
  }
  outcome.message.rows = rows_.rightCols(rest)(kept, Eigen::all);
  outcome.message.row_bounds = row_bounds_.rightCols(rest)(kept, Eigen::all);
}

CarefulOutcome CarefulFront::eliminate() {
  row_used_.assign(static_cast<std::size_t>(rows_.rows()), 0);
  for (Pivot pivot = find_pivot(); pivot.row >= 0; pivot = find_pivot()) substitute(pivot);
  CarefulOutcome outcome;
  hand_up_rows(outcome);
  if (outcome.status != CarefulStatus::ok) return outcome;
  integrate(outcome);
  outcome.log_factor = log_factor_;
  return outcome;
}

}  // namespace credo::gaussian
