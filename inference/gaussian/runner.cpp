// Covariances do not depend on the observed values: they are computed once for loaded numbers, and
// copied from then on. Only the careful elimination computes them again in every run.

#include <credo/inference/gaussian/runner.hpp>

#include <cmath>
#include <utility>

namespace credo::gaussian {

Runner::Runner(const Skeleton& skeleton, const std::vector<char>& observed, Structure structure)
    : engine_(std::move(structure)) {
  const Structure& own = engine_.structure();
  for (VariableId v = 0; v < skeleton.variable_count(); ++v) {
    const std::uint32_t dimension = skeleton.dimension(v);
    covariance_offset_.push_back(covariance_size_);
    covariance_size_ += std::size_t{dimension} * dimension;
    for (std::uint32_t i = 0; i < dimension && observed[v]; ++i) {
      observed_scalar_.push_back(own.scalar_of[v] + i);
    }
  }
  for (const Front& front : own.fronts) {
    blocks_.push_back({front.size, front.order(), covariance_offset_[front.variable]});
  }
}

void Runner::collect() {
  engine_.spread();
  spread_ = true;
  covariances_.resize(covariance_size_, 0.0);
  for (std::uint32_t f = 0; f < blocks_.size(); ++f) {
    const Block& block = blocks_[f];
    const double* from = engine_.square(f);
    double* to = &covariances_[block.to];
    for (std::uint32_t i = 0; i < block.size; ++i, from += block.order) {
      for (std::uint32_t j = 0; j < block.size; ++j) *to++ = from[j];
    }
  }
}

void Runner::run(std::span<const double> values, GaussianAnswer& answer, bool covariances,
                 const std::function<double(std::span<const double>)>& further) {
  const std::span<double> point = engine_.point();
  for (std::size_t i = 0; i < values.size(); ++i) point[observed_scalar_[i]] = values[i];
  Solution solution = engine_.solve();
  if (solution.status == Status::ok && further) {
    const double log_value = further(point);
    solution.log_z += log_value;
    if (log_value == -kInfinity) {
      solution.status = Status::impossible_evidence;
    } else if (!std::isfinite(solution.log_z)) {
      solution.status = Status::refused;
      solution.message = "the numbers leave the range of doubles";
      solution.log_z = kNaN;
    }
  }
  answer.status = solution.status;
  answer.log_z = solution.log_z;
  answer.message = solution.status == Status::impossible_evidence
                       ? "the observed values contradict kernels without noise"
                       : std::move(solution.message);
  if (solution.status != Status::ok) return;
  if (engine_.careful()) spread_ = false;
  answer.means.assign(point.begin(), point.end());
  if (!covariances) return;
  if (!spread_) collect();
  answer.covariances = covariances_;
}

}  // namespace credo::gaussian
