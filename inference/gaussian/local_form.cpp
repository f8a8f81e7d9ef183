#include <credo/inference/gaussian/local_form.hpp>

#include <cmath>
#include <numbers>
#include <span>

namespace credo::gaussian {

namespace {

/// W = rotation' whitening' whitening rotation, the (pseudo-)inverse of the covariance.
std::vector<double> inverse_covariance(const CovarianceFactor& factor) {
  const std::size_t n = factor.dimension;
  std::vector<double> inverse(n * n, 0.0);
  std::vector<double> row(n);
  for (std::size_t k = 0; k < factor.rank; ++k) {
    const double* white = &factor.whitening[k * n];
    row.assign(white, white + n);
    if (!factor.rotation.empty()) {
      row.assign(n, 0.0);
      for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j < n; ++j) row[j] += white[i] * factor.rotation[i * n + j];
      }
    }
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) inverse[i * n + j] += row[i] * row[j];
    }
  }
  return inverse;
}

/// [A W A', -A W; -W A, W] with A the transposed gain: minus the Hessian of log N(y; gain x, W^-1).
std::vector<double> joint_precision(const LinearGaussian& kernel, const std::vector<double>& inner,
                                    std::size_t dimension, std::size_t child) {
  const std::size_t parents = dimension - child;
  // Rows of [-gain, I]: the residual's derivative.
  std::vector<double> slope(child * dimension, 0.0);
  for (std::size_t i = 0; i < child; ++i) {
    for (std::size_t j = 0; j < parents; ++j) {
      slope[i * dimension + j] = -kernel.gain[i * parents + j];
    }
    slope[i * dimension + parents + i] = 1.0;
  }
  std::vector<double> precision(dimension * dimension, 0.0);
  for (std::size_t a = 0; a < child; ++a) {
    for (std::size_t b = 0; b < child; ++b) {
      const double weight = inner[a * child + b];
      for (std::size_t i = 0; i < dimension; ++i) {
        const double scaled = weight * slope[a * dimension + i];
        if (scaled == 0.0) continue;
        for (std::size_t j = 0; j < dimension; ++j) {
          precision[i * dimension + j] += scaled * slope[b * dimension + j];
        }
      }
    }
  }
  return precision;
}

LocalForm prepare(const GaussianTable& table, std::uint64_t entry) {
  LocalForm local;
  local.dimension = table.dimension();
  if (!table.is_conditional()) {
    local.form = &table.forms()[entry];
    local.precision = local.form->precision;
    local.log_constant = local.form->constant;
    local.add_terms = quadratic_terms();
    return local;
  }
  local.child = table.dimensions().back();
  local.kernel = &table.kernels()[entry];
  local.add_terms = kernel_terms(local.dimension - local.child, local.child);
  local.noise =
      factorise_covariance(local.kernel->covariance, local.child, certain_as_given(local.child));
  local.log_constant = -(static_cast<double>(local.noise.rank) * std::log(2.0 * std::numbers::pi) +
                         local.noise.log_determinant) /
                       2.0;
  local.child_precision = inverse_covariance(local.noise);
  if (local.is_singular()) return local;
  local.precision =
      joint_precision(*local.kernel, local.child_precision, local.dimension, local.child);
  return local;
}

}  // namespace

const LocalForm& LocalForms::find_or_prepare(const GaussianTable& table, std::uint64_t entry) {
  const void* identity = table.identity();
  auto at = forms_.find(Key{identity, entry});
  if (at == forms_.end()) {
    at = forms_.try_emplace(Key{identity, entry}, Prepared{table, prepare(table, entry)}).first;
  }
  at->second.used = true;
  recent_[next_recent_++ % recent_.size()] = {identity, entry, &at->second.form};
  return at->second.form;
}

void LocalForms::forget_unused() {
  recent_ = {};
  for (auto at = forms_.begin(); at != forms_.end();) {
    if (!at->second.used) {
      at = forms_.erase(at);
    } else {
      (at++)->second.used = false;
    }
  }
}

}  // namespace credo::gaussian
