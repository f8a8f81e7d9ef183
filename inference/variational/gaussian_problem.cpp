// The model after its evidence, as a family with continuous variables sees it.
//
// Values of continuous variables are substituted; a kernel whose child is observed becomes the
// quadratic form of its likelihood, which needs noise in every direction, unless its parents are
// observed too. As for tables, a conditional that is clamped or charged takes its factor out of the
// scores, and a clamped kernel that is no factor adds E[-log k], its entropy.
// Cost: one root of a covariance per kernel.

#include <credo/core/joint_states.hpp>
#include <credo/core/numerics.hpp>
#include <credo/inference/variational/gaussian_problem.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace credo::variational {

namespace {

using Eigen::Index;

class Builder {
 public:
  Builder(const FactorGraph& graph, const Evidence& evidence, const Family& family)
      : graph_(graph),
        evidence_(evidence),
        family_(family),
        states_(observed_states(graph, evidence)) {}

  GaussianProblem run() {
    result_.plain = make_problem(graph_, evidence_, family_);
    for (const Score& score : result_.plain.scores) result_.scores.push_back(constants_of(score));
    std::vector<char> taken_out(graph_.gaussian_factors().size(), 0);
    for (Node& node : result_.plain.nodes) {
      const Conditional& conditional = family_.conditionals()[node.place];
      if (conditional.gaussian_factor) taken_out[*conditional.gaussian_factor] = 1;
      add_node(node, conditional);
    }
    for (GaussianFactorId g = 0; g < taken_out.size(); ++g) {
      if (taken_out[g] == 0) add_factor(g);
    }
    return std::move(result_);
  }

 private:
  GaussianScore constants_of(const Score& score) const {
    GaussianScore result;
    result.scope.discrete = score.scope;
    for (std::uint64_t i = 0; i < score.table.size(); ++i) {
      Form form = Form::zero(0);
      form.constant = score.table.log_at(i);
      result.forms.push_back(std::move(form));
    }
    return result;
  }

  /// Visits the entries of a table over `discrete` that agree with the evidence.
  template <typename Visit>
  void for_each_kept(const Scope& discrete, const Visit& visit) const {
    const std::vector<std::size_t> extents = graph_.shape_of(discrete);
    std::size_t index = 0;
    for_each_joint_state(extents, [&](std::span<const std::size_t> states) {
      bool kept = true;
      for (std::size_t d = 0; d < discrete.size(); ++d) {
        const std::size_t observed = states_[discrete[d]];
        kept = kept && (observed == kNoState || observed == states[d]);
      }
      if (kept) visit(index);
      ++index;
    });
  }

  [[nodiscard]] SplitScope unobserved(const SplitScope& scope) const {
    SplitScope kept;
    for (const VariableId v : scope.discrete) {
      if (states_[v] == kNoState) kept.discrete.push_back(v);
    }
    for (const VariableId v : scope.continuous) {
      if (states_[v] == kNoState) kept.continuous.push_back(v);
    }
    return kept;
  }

  /// Holds the observed ones among `blocks`, the last first, at their values.
  template <typename Part>
  [[nodiscard]] Part held(Part part, const Scope& blocks) const {
    Index first = result_.dimension_of(blocks);
    for (std::size_t i = blocks.size(); i-- > 0;) {
      first -= size_of(graph_.variable(blocks[i]).dimension);
      if (states_[blocks[i]] != kNoState) part = part.at(first, value_of(blocks[i]));
    }
    return part;
  }

  static Index size_of(std::size_t n) { return static_cast<Index>(n); }

  [[nodiscard]] Eigen::VectorXd value_of(VariableId v) const {
    const std::vector<double>& value = evidence_.find(v)->value;
    return Eigen::Map<const Eigen::VectorXd>(value.data(), size_of(value.size()));
  }

  void add_node(Node& node, const Conditional& conditional) {
    GaussianNode added;
    added.continuous = graph_.variable(node.variable).is_continuous();
    added.parents = result_.split(node.parents);
    if (added.continuous && !node.optimised()) node.table = Table();
    if (conditional.gaussian) {
      const SplitScope all = result_.split(conditional.parents);
      for_each_kept(all.discrete, [&](std::size_t i) {
        added.kernels.push_back(
            held(kernel_of(conditional.gaussian->kernels()[i]), all.continuous));
      });
      const bool held_kernel = !node.optimised() && !std::isinf(node.weight);
      if (held_kernel && !conditional.gaussian_factor) add_entropy(node, added);
    }
    result_.nodes.push_back(std::move(added));
  }

  void add_entropy(const Node& node, const GaussianNode& added) {
    GaussianScore score;
    score.scope.discrete = added.parents.discrete;
    for (const Kernel& kernel : added.kernels) {
      if (!kernel.regular()) {
        throw Breakdown{
            node.variable,
            fmt::format("the kernel that {} is clamped to is no factor of the model and has no "
                        "density, so that its entropy is minus infinity; charge it infinitely to "
                        "hold it without counting its entropy",
                        graph_.variable(node.variable).name)};
      }
      Form form = Form::zero(0);
      form.constant = kernel.entropy();
      score.forms.push_back(std::move(form));
    }
    add_score(std::move(score));
  }

  void add_factor(GaussianFactorId g) {
    const GaussianFactor& factor = graph_.gaussian_factor(g);
    GaussianScore score;
    score.factor = g;
    const SplitScope all{factor.scope, factor.continuous};
    score.scope = unobserved(all);
    const bool child_seen = factor.child && states_[*factor.child] != kNoState;
    for_each_kept(factor.scope, [&](std::size_t i) {
      if (!factor.child) {
        score.forms.push_back(held(form_of(factor.table.forms()[i]), factor.continuous));
        return;
      }
      const Scope parents(factor.continuous.begin(), factor.continuous.end() - 1);
      Kernel kernel = held(kernel_of(factor.table.kernels()[i]), parents);
      if (child_seen) {
        score.forms.push_back(likelihood(kernel, *factor.child, g));
      } else {
        score.kernels.push_back(std::move(kernel));
      }
    });
    add_score(std::move(score));
  }

  /// log p(y = value | parents).
  [[nodiscard]] Form likelihood(const Kernel& kernel, VariableId child, GaussianFactorId g) const {
    const Eigen::VectorXd value = value_of(child);
    if (kernel.regular()) return kernel.log_density().at(kernel.gain.cols(), value);
    if (kernel.gain.cols() > 0) {
      throw Breakdown{child, fmt::format("{} is observed and a certain function of what is not: "
                                         "{} has no noise in some direction, expected noise in all",
                                         graph_.variable(child).name, graph_.describe_gaussian(g))};
    }
    Form constant = Form::zero(0);
    const LinearGaussian only = linear_gaussian_of(kernel);
    const auto table = GaussianTable::conditional({}, {only.offset.size()}, {only});
    constant.constant = table.log_at(0, {value.data(), static_cast<std::size_t>(value.size())});
    return constant;
  }

  void add_score(GaussianScore score) {
    Score plain;
    plain.scope = score.scope.discrete;
    plain.scope.insert(plain.scope.end(), score.scope.continuous.begin(),
                       score.scope.continuous.end());
    result_.plain.scores.push_back(std::move(plain));
    result_.scores.push_back(std::move(score));
  }

  const FactorGraph& graph_;
  const Evidence& evidence_;
  const Family& family_;
  std::vector<std::size_t> states_;
  GaussianProblem result_;
};

}  // namespace

SplitScope GaussianProblem::split(const Scope& scope) const {
  SplitScope result;
  for (const VariableId v : scope) {
    (graph().variable(v).is_continuous() ? result.continuous : result.discrete).push_back(v);
  }
  return result;
}

std::vector<std::size_t> GaussianProblem::dimensions_of(const Scope& continuous) const {
  std::vector<std::size_t> dimensions;
  for (const VariableId v : continuous) dimensions.push_back(graph().variable(v).dimension);
  return dimensions;
}

Index GaussianProblem::dimension_of(const Scope& continuous) const {
  Index sum = 0;
  for (const VariableId v : continuous) sum += static_cast<Index>(graph().variable(v).dimension);
  return sum;
}

std::vector<Index> coordinates_of(const FactorGraph& graph, const Scope& part, const Scope& whole) {
  std::vector<Index> coordinates;
  for (const VariableId v : part) {
    Index first = 0;
    for (const VariableId u : whole) {
      if (u == v) break;
      first += static_cast<Index>(graph.variable(u).dimension);
    }
    for (std::size_t i = 0; i < graph.variable(v).dimension; ++i) {
      coordinates.push_back(first + static_cast<Index>(i));
    }
  }
  return coordinates;
}

StateIndex::StateIndex(const FactorGraph& graph, const Scope& part, const Scope& whole)
    : places_(part.size()), strides_(part.size(), 1) {
  for (std::size_t d = part.size(); d-- > 0;) {
    const auto at = std::ranges::find(whole, part[d]) - whole.begin();
    places_[d] = static_cast<std::size_t>(at);
    if (d > 0) strides_[d - 1] = strides_[d] * graph.cardinality(part[d]);
  }
}

std::size_t StateIndex::operator()(std::span<const std::size_t> states) const {
  std::size_t index = 0;
  for (std::size_t d = 0; d < places_.size(); ++d) index += strides_[d] * states[places_[d]];
  return index;
}

GaussianProblem make_gaussian_problem(const FactorGraph& graph, const Evidence& evidence,
                                      const Family& family) {
  return Builder(graph, evidence, family).run();
}

}  // namespace credo::variational
