#pragma once
// Networks and their optimiser in libtorch. The only header that shows it; for agent.cpp alone.

#include <credo/models/random.hpp>

#include <ATen/ATen.h>
#include <torch/optim/adam.h>

#include <cassert>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace credo::control::learning {

using at::Tensor;

inline std::int64_t signed_size(std::size_t n) { return static_cast<std::int64_t>(n); }

/// A tensor of a matrix of doubles, row-major, in the networks' precision; a copy.
inline Tensor matrix(std::span<const double> x, std::size_t rows,
                     const at::TensorOptions& options) {
  assert(rows > 0 && x.size() % rows == 0);
  // libtorch's interface is older than const; the copy below is made before anything writes.
  auto* data = const_cast<double*>(x.data());
  const auto columns = signed_size(x.size() / rows);
  return at::from_blob(data, {signed_size(rows), columns}, at::kDouble)
      .to(options.dtype(), false, true);
}

inline Tensor vector(std::span<const double> x, const at::TensorOptions& options) {
  return matrix(x, x.size(), options).view({-1});
}

inline void append(std::vector<double>& numbers, const Tensor& tensor) {
  const Tensor flat = tensor.detach().to(at::kDouble).contiguous();
  const double* data = flat.data_ptr<double>();
  numbers.insert(numbers.end(), data, data + flat.numel());
}

inline std::vector<double> numbers_of(const Tensor& tensor) {
  std::vector<double> numbers;
  append(numbers, tensor);
  return numbers;
}

/// Multilayer perceptrons of one shape, side by side. All weights are one leaf [copies, weights].
class Perceptrons {
 public:
  Perceptrons(std::size_t copies, std::vector<std::size_t> widths, const at::TensorOptions& options,
              Random& random)
      : copies_(signed_size(copies)) {
    for (const std::size_t width : widths) widths_.push_back(signed_size(width));
    std::vector<double> values;
    for (std::size_t copy = 0; copy < copies; ++copy) {
      for (std::size_t l = 0; l + 1 < widths.size(); ++l) {
        const double bound = 1.0 / std::sqrt(static_cast<double>(widths[l]));
        for (std::size_t i = 0; i < (widths[l] + 1) * widths[l + 1]; ++i) {
          values.push_back(random.uniform(-bound, bound));
        }
      }
    }
    for (std::size_t l = 0; l + 1 < widths_.size(); ++l) {
      sizes_.push_back(widths_[l] * widths_[l + 1]);
      sizes_.push_back(widths_[l + 1]);
    }
    weights_ = matrix(values, copies, options).requires_grad_();
  }

  /// x is [batch, inputs]; returns [copies, batch, outputs].
  [[nodiscard]] Tensor operator()(const Tensor& x) const {
    const auto pieces = weights_.split_with_sizes(sizes_, 1);
    Tensor h = x.expand({copies_, x.size(0), x.size(1)});
    for (std::size_t l = 0; l + 1 < widths_.size(); ++l) {
      if (l > 0) h = at::relu(h);
      const Tensor weight = pieces[2 * l].reshape({copies_, widths_[l], widths_[l + 1]});
      h = at::baddbmm(pieces[2 * l + 1].unsqueeze(1), h, weight);
    }
    return h;
  }

  [[nodiscard]] const Tensor& weights() const noexcept { return weights_; }

  /// The same numbers in a leaf of its own.
  [[nodiscard]] Perceptrons copy() const {
    Perceptrons other = *this;
    other.weights_ = weights_.detach().clone();
    return other;
  }

 private:
  std::int64_t copies_;
  std::vector<std::int64_t> widths_;
  /// Weights (inputs x outputs) and biases of the layers.
  std::vector<std::int64_t> sizes_;
  Tensor weights_;
};

/// One leaf and the Adam optimiser that moves it. Kingma, Ba 2015 (arXiv:1412.6980).
class Descent {
 public:
  Descent(Tensor parameter, double rate)
      : parameter_(std::move(parameter)),
        adam_(std::vector<Tensor>{parameter_}, torch::optim::AdamOptions(rate)) {}

  void step(const Tensor& gradient) {
    parameter_.mutable_grad() = gradient;
    adam_.step();
  }

  /// Steps taken and both moments.
  void append_to(std::vector<double>& numbers) {
    const auto found = adam_.state().find(key());
    if (found == adam_.state().end()) {
      numbers.resize(numbers.size() + length(), 0.0);
      return;
    }
    const auto& state = static_cast<const torch::optim::AdamParamState&>(*found->second);
    numbers.push_back(static_cast<double>(state.step()));
    append(numbers, state.exp_avg());
    append(numbers, state.exp_avg_sq());
  }

  [[nodiscard]] std::size_t length() const {
    return 1 + 2 * static_cast<std::size_t>(parameter_.numel());
  }

  void restore(std::span<const double> numbers) {
    adam_.state().erase(key());
    if (numbers[0] <= 0.0) return;
    const auto moment = [&](std::size_t place) {
      const auto size = static_cast<std::size_t>(parameter_.numel());
      return vector(numbers.subspan(1 + place * size, size), parameter_.options())
          .view_as(parameter_);
    };
    auto state = std::make_unique<torch::optim::AdamParamState>();
    state->step(static_cast<std::int64_t>(numbers[0]));
    state->exp_avg(moment(0));
    state->exp_avg_sq(moment(1));
    adam_.state()[key()] = std::move(state);
  }

 private:
  [[nodiscard]] std::string key() const {
    return c10::guts::to_string(parameter_.unsafeGetTensorImpl());
  }

  Tensor parameter_;
  torch::optim::Adam adam_;
};

}  // namespace credo::control::learning
