// The elimination that never turns a kernel into a precision: fronts of careful_front.cpp.
// A pass works in differences from the point and moves the point to the mean; a second pass from
// there computes log Z from small numbers.

#include <credo/inference/gaussian/careful_front.hpp>
#include <credo/inference/gaussian/divergence.hpp>
#include <credo/inference/gaussian/engine.hpp>

#include <Eigen/QR>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

namespace credo::gaussian {

namespace {

using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using RowMajorMap = Eigen::Map<RowMajor>;

constexpr int kPasses = 4;
constexpr double kSettled = 1e-12;

void copy_row_major(const Eigen::MatrixXd& from, double* to) {
  RowMajorMap(to, from.rows(), from.cols()) = from;
}

/// A factor of the same product with at most as many columns as rows.
Eigen::MatrixXd narrowed(Eigen::MatrixXd factor) {
  if (factor.cols() <= factor.rows()) return factor;
  const Eigen::HouseholderQR<Eigen::MatrixXd> qr(factor.transpose());
  const Eigen::MatrixXd upper = qr.matrixQR().topRows(factor.rows()).triangularView<Eigen::Upper>();
  return upper.transpose();
}

}  // namespace

struct Engine::CarefulPass {
  std::vector<std::optional<CarefulMessage>> messages;  ///< per front, until its parent takes it
  std::vector<std::vector<std::uint32_t>> children;
  std::vector<Eigen::VectorXd> shifts;
  CompensatedSum log_z;
  std::size_t redundant = 0;
};

Solution Engine::careful_pass(const std::function<bool()>& keep_going) {
  const std::size_t count = structure_.fronts.size();
  CarefulPass pass;
  pass.messages.resize(count);
  pass.children.resize(count);
  pass.shifts.resize(count);
  roots_.assign(core_.size(), 0.0);
  for (std::uint32_t f = 0; f < count; ++f) {
    if (structure_.fronts[f].parent != f) pass.children[structure_.fronts[f].parent].push_back(f);
  }
  for (std::uint32_t f = 0; f < count; ++f) {
    if (keep_going && f % 64 == 0 && !keep_going()) return {Status::deadline, "", kNaN, 0};
    const Front& front = structure_.fronts[f];
    CarefulOutcome outcome = careful_front(pass, f);
    if (outcome.status == CarefulStatus::contradiction) {
      return {Status::impossible_evidence, "", -kInfinity, 0};
    }
    if (outcome.status == CarefulStatus::doubtful) {
      return {Status::refused,
              std::string("a combination of the variables was taken for certain that rounding may "
                          "have made so") +
                  kRoundingProvesNothing,
              kNaN, 0};
    }
    if (outcome.status != CarefulStatus::ok) {
      const std::string name =
          graph_ != nullptr ? graph_->variable(front.variable).name : name_(front.variable);
      const bool flat = outcome.status == CarefulStatus::flat;
      return {Status::refused, flat ? explain_flat(name) : explain_indefinite(name), kNaN, 0};
    }
    copy_row_major(outcome.gain, gain_.data() + front.gain);
    copy_row_major(outcome.root * outcome.root.transpose(), &core_[front.core]);
    const Eigen::MatrixXd root = narrowed(std::move(outcome.root));
    RowMajorMap(&roots_[front.core], root.rows(), root.rows()).leftCols(root.cols()) = root;
    pass.shifts[f] = std::move(outcome.shift);
    pass.redundant += outcome.redundant;
    pass.log_z.add(outcome.log_factor);
    if (front.parent == f) {
      pass.log_z.add(-outcome.message.squares.squaredNorm() / 2.0);
      if (outcome.message.form.size() > 0) pass.log_z.add(-outcome.message.form(0, 0) / 2.0);
    } else {
      pass.messages[f] = std::move(outcome.message);
    }
  }
  move_point(pass);
  return {Status::ok, "", pass.log_z.value(), pass.redundant};
}

CarefulOutcome Engine::careful_front(CarefulPass& pass, std::uint32_t f) {
  const Front& front = structure_.fronts[f];
  std::size_t noise = 0;
  for (std::uint32_t i = front.factors_begin; i < front.factors_end; ++i) {
    noise += bound_[i]->noise.rank;
  }
  CarefulFront work(front.size, noise, front.separator);
  for (std::uint32_t i = front.factors_begin; i < front.factors_end; ++i) {
    const BoundFactor& bound = structure_.factors[i];
    const LocalForm& local = *bound_[i];
    const std::span positions =
        std::span(structure_.positions).subspan(bound.positions, bound.dimension);
    const std::uint32_t* scalars = &structure_.scalars[bound.scalars];
    if (local.is_kernel()) {
      for (std::size_t k = 0; k < bound.dimension; ++k) local_values_[k] = point_[scalars[k]];
      work.add_kernel(local, positions, std::span(local_values_).first(bound.dimension));
      continue;
    }
    for (std::size_t k = 0; k < bound.dimension; ++k) gradient_[scalars[k]] = 0.0;
    pass.log_z.add(add_terms(bound, local));
    for (std::size_t k = 0; k < bound.dimension; ++k) local_gradient_[k] = gradient_[scalars[k]];
    work.add_quadratic(local, positions, std::span(local_gradient_).first(bound.dimension));
  }
  for (const std::uint32_t child : pass.children[f]) {
    const Front& below = structure_.fronts[child];
    work.add_message(*pass.messages[child],
                     std::span(structure_.positions).subspan(below.positions, below.separator));
    pass.messages[child].reset();
  }
  return work.eliminate();
}

void Engine::move_point(const CarefulPass& pass) {
  for (std::size_t f = structure_.fronts.size(); f-- > 0;) {
    const Front& front = structure_.fronts[f];
    const std::uint32_t* scalars = &structure_.scalars[front.scalars];
    const double* gain = gain_.data() + front.gain;
    for (std::uint32_t i = 0; i < front.size; ++i, gain += front.separator) {
      double step = pass.shifts[f][static_cast<Eigen::Index>(i)];
      for (std::uint32_t a = 0; a < front.separator; ++a) {
        step += gain[a] * step_[scalars[front.size + a]];
      }
      step_[scalars[i]] = step;
      point_[scalars[i]] += step;
    }
  }
}

Solution Engine::solve_carefully(const std::function<bool()>& keep_going) {
  factors_ = Factors::careful;
  for (std::size_t i = 0; i < point_.size(); ++i) {
    if (is_free_[i]) point_[i] = 0.0;
  }
  Solution solution;
  for (int pass = 0; pass < kPasses; ++pass) {
    const double before = solution.log_z;
    solution = careful_pass(keep_going);
    if (solution.status != Status::ok) return solution;
    if (std::fabs(solution.log_z - before) <= kSettled * std::max(1.0, std::fabs(before))) break;
  }
  return solution;
}

/// cov(x, s) = R R' with R = [gain S, root; S, 0], S the separator's rows of the parent's R: what
/// is nearly certain in one direction keeps its digits beside what is wide in another, as it would
/// not in a product of covariances.
void Engine::spread_carefully() {
  std::vector<Eigen::MatrixXd> wholes(structure_.fronts.size());
  for (std::size_t f = structure_.fronts.size(); f-- > 0;) {
    const Front& front = structure_.fronts[f];
    const auto size = static_cast<Eigen::Index>(front.size);
    const auto separator = static_cast<Eigen::Index>(front.separator);
    const Eigen::MatrixXd& above = wholes[front.parent];
    Eigen::MatrixXd whole = Eigen::MatrixXd::Zero(size + separator, above.cols() + size);
    whole.topRightCorner(size, size) = RowMajorMap(&roots_[front.core], size, size);
    if (separator > 0 && above.cols() > 0) {
      const RowMajorMap gain(gain_.data() + front.gain, size, separator);
      for (Eigen::Index a = 0; a < separator; ++a) {
        const std::uint32_t position =
            structure_.positions[front.positions + static_cast<std::size_t>(a)];
        whole.row(size + a).head(above.cols()) = above.row(static_cast<Eigen::Index>(position));
      }
      whole.topLeftCorner(size, above.cols()) =
          gain * whole.bottomLeftCorner(separator, above.cols());
    }
    whole = narrowed(std::move(whole));
    copy_row_major(whole * whole.transpose(), &square_[front.square]);
    wholes[f] = std::move(whole);
  }
}

}  // namespace credo::gaussian
