#pragma once
// Exact inference over continuous variables, planned once and run many times: the way to filter
// and smooth long chains, and to ask again with other observations or other numbers.

#include <credo/inference/infer.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace credo {

/// Means and covariances of one run. Its buffers are used again by the next run.
struct GaussianAnswer {
  Status status = Status::not_run;
  std::string message = "not run yet";
  /// log of the integral of the product of the Gaussian factors, natural logarithm: the log density
  /// of the observations where the factors are a model's conditionals. -infinity when the status is
  /// impossible_evidence.
  double log_z = kNaN;
  /// E[x_v] of every continuous variable, observed ones as given, at CompiledGaussian::mean_offset.
  std::vector<double> means;
  /// cov(x_v), row-major, at CompiledGaussian::covariance_offset; zero for observed variables.
  std::vector<double> covariances;

  [[nodiscard]] bool ok() const noexcept { return status == Status::ok; }
};

/// The order of elimination and the layout of all numbers for a graph and a pattern of evidence.
/// run() allocates nothing once its answer has grown to size. Not for two threads at once.
class CompiledGaussian {
 public:
  /// The values of pattern are ignored; only which continuous variables it observes. `states`: of
  /// all variables, read where a Gaussian factor has discrete variables; may be empty where none
  /// has. Throws EvidenceError and OptionError as infer(), QueryError when states are missing.
  /// Factors over discrete variables alone play no part. Keeps no reference to the graph but to its
  /// Gaussian tables: the graph must outlive the object, or load() another one.
  CompiledGaussian(const FactorGraph& graph, const Evidence& pattern,
                   const InferOptions& options = {}, std::span<const std::size_t> states = {});
  ~CompiledGaussian();
  CompiledGaussian(CompiledGaussian&&) noexcept;
  CompiledGaussian& operator=(CompiledGaussian&&) noexcept;

  /// One step per front, in order of elimination.
  [[nodiscard]] const Plan& plan() const;
  /// Why no run will answer (memory limit); empty when they can.
  [[nodiscard]] const std::string& refusal() const;

  /// Other numbers for the same variables and scopes: all tables are read again. Throws QueryError
  /// when the graph is not of the shape that was compiled.
  void load(const FactorGraph& graph, std::span<const std::size_t> states = {});
  /// The same without building a graph, faster: a table for every Gaussian factor, in order of
  /// addition. Tables that are shared are prepared once, and not again when they were loaded
  /// before. Throws QueryError on a table of another shape or where factors have discrete
  /// variables.
  void load(std::span<const GaussianTable> tables);

  /// Where a continuous variable stands in GaussianAnswer::means and ::covariances. Throw
  /// QueryError on others.
  [[nodiscard]] std::size_t mean_offset(VariableId v) const;
  [[nodiscard]] std::size_t covariance_offset(VariableId v) const;
  /// Scalars of the observed variables: the length of run()'s argument.
  [[nodiscard]] std::size_t observed_count() const;

  /// Conditions on the observed values, concatenated by increasing variable. Exact: log Z, and the
  /// mean and covariance of every variable (covariances only when wanted). Status::refused where
  /// the integral diverges, naming a variable; impossible_evidence where values contradict a kernel
  /// without noise. Covariances do not depend on the values and are kept between runs.
  void run(std::span<const double> observed, GaussianAnswer& answer, bool covariances = true);
  /// The same from findings. Throws EvidenceError when they are not of the pattern.
  [[nodiscard]] GaussianAnswer run(const Evidence& evidence);

  /// cov(x_a, x_b) of the last run, row-major, dimension of a times dimension of b; empty when no
  /// front holds both (variables that share a factor always share a front), or one was observed.
  /// Throws QueryError unless both are continuous variables of the graph.
  [[nodiscard]] std::vector<double> cross_covariance(VariableId a, VariableId b) const;

 private:
  struct Implementation;
  /// Throws QueryError on an object that was moved from; so does all of the above.
  [[nodiscard]] Implementation& implementation() const;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace credo
