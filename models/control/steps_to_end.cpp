#include <credo/core/numerics.hpp>
#include <credo/models/control/trajectory.hpp>

#include <cstdint>

// Breadth first from the ended states, against the transitions. Cost: outcomes.

namespace credo::control {

std::vector<std::size_t> steps_to_end(const Trajectory& trajectory,
                                      const std::vector<char>& ended) {
  const Table::Rows rows = trajectory.transition.rows();
  std::vector<std::vector<std::uint32_t>> into(trajectory.state_count);
  for (std::size_t row = 0; row < rows.index.size(); ++row) {
    if (trajectory.log_prior[rows.index[row]] == -kInfinity) continue;
    const auto from = static_cast<std::uint32_t>(rows.index[row] / trajectory.action_count);
    for (std::size_t k = rows.begin[row]; k < rows.begin[row + 1]; ++k) {
      into[rows.column[k]].push_back(from);
    }
  }
  std::vector<std::size_t> steps(trajectory.state_count, kNoState);
  std::vector<std::uint32_t> queue;
  for (std::uint32_t s = 0; s < trajectory.state_count; ++s) {
    if (ended[s] == 0) continue;
    steps[s] = 0;
    queue.push_back(s);
  }
  for (std::size_t i = 0; i < queue.size(); ++i) {
    for (const std::uint32_t from : into[queue[i]]) {
      if (steps[from] != kNoState) continue;
      steps[from] = steps[queue[i]] + 1;
      queue.push_back(from);
    }
  }
  return steps;
}

}  // namespace credo::control
