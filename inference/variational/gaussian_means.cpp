// The means of all components that are one Gaussian each, moved together.
//
// With covariances and discrete variables as they are, L is a concave quadratic function of those
// means, whose curvature is the graph's precision averaged over q. Conjugate gradients, scaled by
// the diagonal, find its maximum in about the square root of the sweeps that one component after
// another takes (Hestenes and Stiefel 1952); every step raises L. A direction without or with
// negative curvature that L rises in means that the integral diverges. Cost per step: the entries
// of the precision.

#include <credo/core/joint_states.hpp>
#include <credo/core/numerics.hpp>
#include <credo/inference/variational/gaussian_component.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

namespace credo::variational {

namespace {

using Eigen::Index;
using Eigen::VectorXd;

constexpr Index kNowhere = -1;
/// Of the gradient, in units of the diagonal: what is left is rounding.
constexpr double kSmallest = 1e-14;
/// Curvatures below this, in the same units, are rounding.
constexpr double kFlat = 1e-13;

/// One score's part of the averaged precision.
struct Block {
  std::size_t score;
  std::vector<Index> at;
  Eigen::MatrixXd precision;
};

/// first: by component, where its coordinates begin, or kNowhere.
Block block_of(const FieldLayout& layout, std::size_t s, const std::vector<Index>& first) {
  const SharedScore& score = layout.scores[s];
  Block block{s, {}, {}};
  std::vector<Index> own;
  for (const SharedScore::Part& part : score.parts) {
    if (first[part.component] == kNowhere) continue;
    for (std::size_t a = 0; a < part.coordinates.size(); ++a) {
      own.push_back(part.coordinates[a]);
      block.at.push_back(first[part.component] + static_cast<Index>(a));
    }
  }
  const auto n = static_cast<Index>(own.size());
  block.precision = Eigen::MatrixXd::Zero(n, n);
  std::size_t form = 0;
  for_each_joint_state(score.extents, [&](std::span<const std::size_t> states) {
    const Form& f = score.forms[form++];
    double share = f.feasible() ? 1.0 : 0.0;
    for (const SharedScore::Part& part : score.parts)
      share *= part.cells[part.index(states)].weight;
    if (!(share > 0.0)) return;
    for (Index i = 0; i < n; ++i) {
      for (Index k = 0; k < n; ++k) {
        block.precision(i, k) +=
            share * f.precision(own[static_cast<std::size_t>(i)], own[static_cast<std::size_t>(k)]);
      }
    }
  });
  return block;
}

VectorXd product(const std::vector<Block>& blocks, const VectorXd& x) {
  VectorXd result = VectorXd::Zero(x.size());
  for (const Block& block : blocks) {
    for (std::size_t i = 0; i < block.at.size(); ++i) {
      double sum = 0.0;
      for (std::size_t k = 0; k < block.at.size(); ++k) {
        sum += block.precision(static_cast<Index>(i), static_cast<Index>(k)) * x[block.at[k]];
      }
      result[block.at[i]] += sum;
    }
  }
  return result;
}

VectorXd diagonal(const std::vector<Block>& blocks, Index n) {
  VectorXd result = VectorXd::Zero(n);
  for (const Block& block : blocks) {
    for (std::size_t i = 0; i < block.at.size(); ++i) {
      result[block.at[i]] += block.precision(static_cast<Index>(i), static_cast<Index>(i));
    }
  }
  return result;
}

/// The step to the maximum, or as far as rounding lets it be found.
VectorXd newton_step(const std::vector<Block>& blocks, VectorXd gradient,
                     contraction::Monitor& monitor) {
  const Index n = gradient.size();
  const VectorXd scale = diagonal(blocks, n).cwiseInverse();
  VectorXd step = VectorXd::Zero(n);
  VectorXd direction = scale.cwiseProduct(gradient);
  double size = gradient.dot(direction);
  const double enough = size * kSmallest * kSmallest;
  for (Index i = 0; i < 2 * n + 10 && size > enough; ++i) {
    monitor.check("ascent", 0.0);
    const VectorXd image = product(blocks, direction);
    const double curvature = direction.dot(image);
    const double unit = direction.cwiseAbs2().cwiseQuotient(scale).sum();
    if (curvature < -kFlat * unit) {
      throw Breakdown{std::nullopt,
                      "L grows without bound: the graph has no finite integral (its joint "
                      "precision is not positive definite)"};
    }
    if (!(curvature > kFlat * unit)) break;
    step += size / curvature * direction;
    gradient -= size / curvature * image;
    const VectorXd scaled = scale.cwiseProduct(gradient);
    const double next = gradient.dot(scaled);
    direction = scaled + next / size * direction;
    size = next;
  }
  return step;
}

}  // namespace

void FieldSolver::improve_means(contraction::Monitor& monitor) {
  std::vector<Index> first(size(), kNowhere);
  Index n = 0;
  for (std::size_t c = 0; c < size(); ++c) {
    const FieldComponent& component = layout_.components[c];
    const Node& node = problem_.plain.nodes[component.nodes.front()];
    if (component.local || !component.continuous || !node.optimised()) continue;
    if (node.kind == ConditionalKind::charged) continue;
    first[c] = n;
    n += problem_.dimension_of({node.variable});
  }
  std::vector<Block> blocks;
  for (std::size_t s = 0; s < layout_.scores.size(); ++s) {
    Block block = block_of(layout_, s, first);
    if (!block.at.empty()) blocks.push_back(std::move(block));
  }
  VectorXd gradient = VectorXd::Zero(n);
  for (std::size_t c = 0; c < size(); ++c) {
    if (first[c] == kNowhere) continue;
    for (const FieldPlace place : layout_.components[c].places) {
      average(layout_.scores[place.score], place.part);
      const SharedScore::Part& part = part_at(place);
      const Form& form = part.averaged.front();
      gradient.segment(first[c], form.dimension()) +=
          form.linear - form.precision * part.cells.front().mean;
    }
  }
  const VectorXd step = newton_step(blocks, std::move(gradient), monitor);
  for (std::size_t c = 0; c < size(); ++c) {
    if (first[c] == kNowhere) continue;
    VectorXd& mean = q_.kernels[layout_.components[c].nodes.front()].front().offset;
    mean += step.segment(first[c], mean.size());
    for (const FieldPlace place : layout_.components[c].places) {
      part_at(place).cells.front().mean = mean;
    }
  }
  for (const Block& block : blocks) {
    average(layout_.scores[block.score], 0);
    settle(layout_.scores[block.score], 0);
  }
}

}  // namespace credo::variational
