#pragma once
// Features of observations, phi(s): what linear learners are linear in. A table is the case of one
// feature per state.

#include <credo/models/control/learning/environment.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace credo::control::learning {

/// phi_index(s) = value; features that are not listed are 0.
struct Feature {
  std::size_t index = 0;
  double value = 0.0;
};

class FeatureMap {
 public:
  /// Appends the features of an observation that are not 0.
  using Function = std::function<void(std::span<const double>, std::vector<Feature>&)>;

  /// Features of one's own. The name goes into checkpoints: two maps of one name are taken for the
  /// same.
  FeatureMap(std::string name, std::size_t count, Function function);

  /// phi_i(s) = 1 if s = i: linear in these is a table.
  [[nodiscard]] static FeatureMap one_hot(std::size_t states);
  /// phi_c(s) = sqrt(2 / count) cos(pi c . x), c in {0, ..., order}^dimension, x the observation
  /// scaled from [low, high] to [0, 1] and held within: sum phi^2 is about 1. Konidaris, Osentoski,
  /// Thomas 2011, "Value function approximation in reinforcement learning using the Fourier basis".
  /// Throws OptionError for bounds that are not finite and increasing, or more than 10^6 features.
  [[nodiscard]] static FeatureMap fourier(std::vector<double> low, std::vector<double> high,
                                          std::size_t order);
  /// One-hot when observations are discrete; else Fourier of the order over the typical range.
  [[nodiscard]] static FeatureMap usual(const Environment& environment, std::size_t order = 3);

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] std::size_t count() const noexcept { return count_; }
  [[nodiscard]] bool is_table() const noexcept { return is_table_; }
  [[nodiscard]] std::vector<Feature> operator()(std::span<const double> observation) const;

 private:
  std::string name_;
  std::size_t count_;
  Function function_;
  bool is_table_ = false;
};

}  // namespace credo::control::learning
