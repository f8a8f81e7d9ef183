#pragma once
// The numbers of eliminating continuous variables: planned once, filled and solved many times.

#include <credo/inference/gaussian/front_kernel.hpp>
#include <credo/inference/gaussian/local_form.hpp>
#include <credo/inference/gaussian/structure.hpp>
#include <credo/inference/result.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace credo::gaussian {

struct CarefulOutcome;

/// What solve() found; message where the status is not ok.
struct Solution {
  Status status = Status::not_run;
  std::string message;
  /// log of the integral over the variables of the structure, natural logarithm.
  double log_z = kNaN;
  /// Observations that repeat what is certain already.
  std::size_t redundant = 0;
};

/// Borrows the graph it was loaded with. One object per thread.
class Engine {
 public:
  explicit Engine(Structure structure);

  [[nodiscard]] const Structure& structure() const noexcept { return structure_; }

  /// Takes the numbers of a graph: of every table the entry of the states of its discrete variables
  /// (one per variable of the graph). The graph has the structure's variables and factors.
  void load(const FactorGraph& graph, std::span<const std::size_t> states);
  /// The same from a table for every factor of the graph, none with discrete extents.
  void load(std::span<const GaussianTable> tables);
  /// What messages call a variable, where no graph is loaded.
  void name_variables(std::function<std::string(VariableId)> name) { name_ = std::move(name); }
  /// Other states, the same numbers.
  void choose(std::span<const std::size_t> states);

  /// One number per scalar. Fill in the observed ones before solve(); the others are the posterior
  /// means after it.
  [[nodiscard]] std::span<double> point() noexcept { return point_; }
  [[nodiscard]] std::span<const double> point() const noexcept { return point_; }

  /// log Z and means. keep_going() false, asked now and then, stops with Status::deadline. Numbers
  /// that were loaded before are not factorised again.
  Solution solve(const std::function<bool()>& keep_going = {});
  /// log prod f at the point, which solve() left at the mode: kernels without noise count with
  /// their density on the support.
  [[nodiscard]] double log_at_point();
  /// Covariances of all fronts, after a solve() that was ok.
  void spread();
  /// Covariance of the scalars of one front, row-major, after spread().
  [[nodiscard]] const double* square(std::uint32_t front) const {
    return &square_[structure_.fronts[front].square];
  }
  /// cov(x_a, x_b) at positions in the front.
  [[nodiscard]] double covariance(std::uint32_t front, std::uint32_t a, std::uint32_t b) const {
    return square(front)[std::uint64_t{a} * structure_.fronts[front].order() + b];
  }

  /// x_v given its separator: mean gain s + ..., covariance core; of a front, after solve().
  [[nodiscard]] std::span<const double> gain(std::uint32_t front) const;
  [[nodiscard]] std::span<const double> core(std::uint32_t front) const;
  /// Whether the slower elimination was needed, the one that keeps nearly certain kernels apart.
  [[nodiscard]] bool careful() const noexcept { return careful_; }

 private:
  void refuse_rounding(Solution& solution) const;
  enum class Factors : std::uint8_t { none, plain, careful };

  void begin_binding();
  void bind(std::size_t f, const LocalForm& form);
  [[nodiscard]] FrontArrays arrays() noexcept;
  void assemble();
  void assemble(const Front& front, double* square) const;
  [[nodiscard]] bool assembled_alike(std::uint32_t f, std::uint32_t other) const;
  bool factorise(const std::function<bool()>& keep_going);
  /// log prod f at the point; its gradient goes to gradient_.
  double evaluate();
  double add_terms(const BoundFactor& bound, const LocalForm& local);
  Solution solve_plainly();
  /// One Newton step: the point moves to the mean; returns what log f gains.
  double take_step();
  Solution solve_carefully(const std::function<bool()>& keep_going);
  struct CarefulPass;
  Solution careful_pass(const std::function<bool()>& keep_going);
  CarefulOutcome careful_front(CarefulPass& pass, std::uint32_t f);
  void move_point(const CarefulPass& pass);
  void spread_carefully();

  Structure structure_;
  const FactorGraph* graph_ = nullptr;
  std::function<std::string(VariableId)> name_;
  LocalForms forms_;
  std::vector<const LocalForm*> bound_;  ///< per bound factor
  /// Neighbours with one kernel.
  struct Stretch {
    const FrontKernel* kernel;
    FrontRange range;
  };
  std::vector<Stretch> stretches_;
  std::vector<double> point_;
  std::vector<double> gradient_;
  std::vector<double> step_;
  std::vector<double> square_;
  std::vector<double> gain_;
  std::vector<double> core_;
  std::vector<double> roots_;           ///< core = root root', after careful elimination
  std::vector<double> local_values_;    ///< of one factor
  std::vector<double> local_gradient_;  ///< of one factor
  std::vector<double> scratch_;         ///< of one factor
  std::vector<char> is_free_;           ///< per scalar
  Pivots pivots_;
  std::size_t free_scalars_ = 0;
  Factors factors_ = Factors::none;
  bool careful_ = false;
  bool stopped_ = false;
};

}  // namespace credo::gaussian
