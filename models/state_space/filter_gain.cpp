// Kalman 1960, with the pseudo-inverse of a complete orthogonal decomposition: sensors may say the
// same without noise. Cost: (n + k) k (n + k).

#include <credo/models/state_space/filter_gain.hpp>

#include <Eigen/Core>
#include <Eigen/QR>

namespace credo {

std::vector<double> filter_gain(const StateSpaceModel& model, const StateSpaceStep& step,
                                const std::vector<double>& predicted_covariance) {
  using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const auto n = static_cast<Eigen::Index>(model.states);
  const auto k = static_cast<Eigen::Index>(model.observations);
  const Eigen::Map<const RowMajor> c(step.observation.data(), k, n);
  const Eigen::Map<const RowMajor> s(predicted_covariance.data(), n, n);
  const RowMajor seen = c * s;
  RowMajor spread = seen * c.transpose();
  if (!step.observation_noise.empty()) {
    spread += Eigen::Map<const RowMajor>(step.observation_noise.data(), k, k);
  }
  const RowMajor gain = spread.completeOrthogonalDecomposition().solve(seen).transpose();
  return {gain.data(), gain.data() + gain.size()};
}

}  // namespace credo
