#pragma once
// One structure, many runs: observed values in, means and covariances out.

#include <credo/inference/gaussian/compiled_gaussian.hpp>
#include <credo/inference/gaussian/engine.hpp>
#include <credo/inference/gaussian/skeleton.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace credo::gaussian {

/// Without a graph: load the engine before running.
class Runner {
 public:
  /// observed: per variable. The structure is that of the skeleton's other continuous variables.
  Runner(const Skeleton& skeleton, const std::vector<char>& observed, Structure structure);

  [[nodiscard]] Engine& engine() noexcept { return engine_; }
  [[nodiscard]] const Engine& engine() const noexcept { return engine_; }
  /// The engine has been given other numbers.
  void forget() noexcept { spread_ = false; }

  [[nodiscard]] std::size_t mean_offset(VariableId v) const {
    return engine_.structure().scalar_of.at(v);
  }
  [[nodiscard]] std::size_t covariance_offset(VariableId v) const {
    return covariance_offset_.at(v);
  }
  [[nodiscard]] std::size_t observed_count() const noexcept { return observed_scalar_.size(); }
  /// Whether the engine holds the covariances of the last run.
  [[nodiscard]] bool spread() const noexcept { return spread_; }

  /// Takes as many values as are observed, by increasing variable. `further` is called with the
  /// point where all is well and returns the logarithm of what else the values contribute.
  void run(std::span<const double> values, GaussianAnswer& answer, bool covariances,
           const std::function<double(std::span<const double>)>& further = {});

 private:
  /// Where a front's covariance goes.
  struct Block {
    std::uint32_t size;
    std::uint32_t order;
    std::uint64_t to;
  };
  void collect();

  Engine engine_;
  std::vector<std::uint32_t> observed_scalar_;  ///< into the point
  std::vector<std::size_t> covariance_offset_;
  std::size_t covariance_size_ = 0;
  std::vector<Block> blocks_;        ///< by front
  std::vector<double> covariances_;  ///< those of the loaded numbers, when spread
  bool spread_ = false;
};

}  // namespace credo::gaussian
