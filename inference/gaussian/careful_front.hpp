#pragma once
// A front whose factors must not be turned into precisions: certain or nearly certain kernels.

#include <credo/inference/gaussian/local_form.hpp>

#include <Eigen/Core>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace credo::gaussian {

/// What a front hands up: -(|squares z|^2 + z' form z) / 2 with z = (separator, 1), and equations
/// rows z = 0. The bounds are the largest magnitudes that were added and subtracted on the way:
/// what is far below them is rounding. form is empty where there are squares only.
struct CarefulMessage {
  Eigen::MatrixXd squares;
  Eigen::VectorXd square_bound;  ///< by column
  Eigen::MatrixXd form;
  Eigen::VectorXd bound;
  Eigen::MatrixXd rows;
  Eigen::MatrixXd row_bounds;
};

enum class CarefulStatus : std::uint8_t {
  ok,
  contradiction,  ///< an equation without variables has no solution
  doubtful,       ///< the same, but only after a small coefficient was taken for zero
  flat,           ///< a direction without curvature: the integral diverges
  indefinite,     ///< a direction of negative curvature: the integral diverges
};

struct CarefulOutcome {
  CarefulStatus status = CarefulStatus::ok;
  /// x given the separator s: mean gain s + shift, covariance root root'.
  Eigen::MatrixXd gain;
  Eigen::VectorXd shift;
  Eigen::MatrixXd root;
  CarefulMessage message;
  /// Logarithm of what the elimination multiplies by; without the form that goes up.
  double log_factor = 0.0;
  /// Equations that say nothing new.
  std::size_t redundant = 0;
};

/// Coordinates are differences from a given point. A kernel is y = gain x + offset + G e with e
/// standard normal: G's columns are further variables, eliminated in the same front.
class CarefulFront {
 public:
  CarefulFront(std::size_t size, std::size_t noise, std::size_t separator);

  /// positions: of the form's scalars in the front, kObserved for fixed ones. gradient: of log f.
  void add_quadratic(const LocalForm& local, std::span<const std::uint32_t> positions,
                     std::span<const double> gradient);
  /// values: of the kernel's scalars at the point.
  void add_kernel(const LocalForm& local, std::span<const std::uint32_t> positions,
                  std::span<const double> values);
  void add_message(const CarefulMessage& message, std::span<const std::uint32_t> positions);
  [[nodiscard]] CarefulOutcome eliminate();

 private:
  using Index = Eigen::Index;
  /// A right-hand side below this part of what met in it is zero.
  static constexpr double kConsistent = 1e-9;
  /// A curvature, or a square's coefficient, below this part of what met in it is zero.
  static constexpr double kFlat = 1e-13;
  static constexpr double kLogTwoPi = 1.83787706640934548356;
  struct Pivot {
    Index row = -1;
    Index column = -1;
  };

  [[nodiscard]] Index column(std::uint32_t position) const;
  void append_rows(Index count);
  void need_form();
  void fold_squares();
  [[nodiscard]] Eigen::VectorXd curvatures() const;
  [[nodiscard]] Pivot find_pivot() const;
  void substitute(Pivot pivot);
  [[nodiscard]] std::vector<Index> free_columns() const;
  void integrate_form(CarefulOutcome& outcome);
  void integrate_squares(CarefulOutcome& outcome);
  void hand_up_rows(CarefulOutcome& outcome);

  Index size_;
  Index noise_;
  Index separator_;
  Index next_noise_;
  Eigen::MatrixXd squares_;
  Eigen::VectorXd square_bound_;
  Eigen::MatrixXd form_;  ///< empty until something is not a square
  Eigen::VectorXd bound_;
  Eigen::MatrixXd rows_;
  Eigen::MatrixXd row_bounds_;
  Eigen::MatrixXd of_columns_;  ///< x as combinations of the columns
  std::vector<char> row_used_;
  std::vector<char> column_used_;
  double log_factor_ = 0.0;
};

}  // namespace credo::gaussian
