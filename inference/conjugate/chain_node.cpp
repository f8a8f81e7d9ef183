// Markov chain plates: structured variational message passing. Within a chain q is not factorised;
// the best q(z_1..z_T) given the other nodes is
//   q(z) prop. exp(E[log pi_{z_1}] + sum_t E[log A_{z_{t-1} z_t}] + sum_t w_t(z_t)),
// with w what the children tell each time: a factor graph, whose marginals over single times and
// neighbouring pairs come from the exact engine, as does its log Z, hence the entropy
//   H(q) = log Z - E_q[exponent].
// Natural parameters: w [count, d]. Cost: one sum-product pass, T d^2, planned once per length of
// chains. Beal 2003, section 3.4.

#include <credo/core/numerics.hpp>
#include <credo/inference/conjugate/node.hpp>
#include <credo/inference/infer.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <utility>

namespace credo::conjugate {

namespace {

/// exp(-600) still has full precision.
constexpr double kWidestFinding = 600.0;
/// Chains contracted together: bounds the memory of their answers.
constexpr std::size_t kBatch = 64;

/// One chain's log weights by time, the largest of each taken out.
struct ScaledChain {
  std::size_t begin = 0;
  double log_scale = 0.0;
  bool wide = false;  ///< beyond what findings can hold
  std::vector<std::vector<double>> log_weights;
};

/// Chains of one length, planned once.
struct ChainPlan {
  std::unique_ptr<const FactorGraph> graph;  ///< what the query borrows
  std::optional<CompiledQuery> query;
};

class ChainNode final : public Node {
 public:
  ChainNode(const ConjugatePlate& plate, const Nodes& nodes)
      : Node(plate),
        d_(plate.dimension),
        initial_(nodes[plate.parents[0].node.index].get()),
        transition_(nodes[plate.parents[1].node.index].get()),
        first_(d_),
        pairs_(d_ * d_) {
    moments_.mean.resize(plate.count * d_);
    natural_.resize(plate.count * d_);
  }

  void take_prior() override { std::ranges::fill(natural_, 0.0); }

  void send(Node& parent) const override {
    const auto add = [&parent](std::span<const double> counts) {
      for (std::size_t i = 0; i < counts.size(); ++i) parent.natural()[i] += counts[i];
    };
    if (&parent == initial_) add(first_);
    if (&parent == transition_) add(pairs_);
  }

  void absorb() override {
    std::ranges::fill(first_, 0.0);
    std::ranges::fill(pairs_, 0.0);
    // Chains of one length are contracted together.
    std::map<std::size_t, std::vector<ScaledChain>> by_length;
    std::size_t begin = 0;
    for (const std::size_t length : plate().lengths) {
      by_length[length].push_back(scaled(begin, length));
      begin += length;
    }
    CompensatedSum entropy;
    for (const auto& [length, chains] : by_length) entropy.add(infer_chains(length, chains));
    for (std::size_t i = 0; i < natural_.size(); ++i) {
      if (moments_.mean[i] > 0.0) entropy.add(-moments_.mean[i] * natural_[i]);
    }
    entropy.add(-log_density());
    entropy_ = entropy.value();
  }

  void begin(const ConjugateStart* given, Draws& draws) override {
    for (std::size_t i = 0; i < natural_.size(); ++i) {
      natural_[i] = std::log(given == nullptr ? -std::log(draws.uniform()) : given->mean[i]);
    }
    absorb();
  }

  [[nodiscard]] double log_density() const override {
    CompensatedSum sum;
    const auto add = [&sum](std::span<const double> counts, const Node& node) {
      for (std::size_t i = 0; i < counts.size(); ++i) {
        if (counts[i] > 0.0) sum.add(counts[i] * node.moments().log_mean[i]);
      }
    };
    add(first_, *initial_);
    add(pairs_, *transition_);
    return sum.value();
  }

  [[nodiscard]] double entropy() const override { return entropy_; }

 private:
  /// The log weights of single times, the first state's prior among them.
  [[nodiscard]] ScaledChain scaled(std::size_t begin, std::size_t length) const {
    ScaledChain chain;
    chain.begin = begin;
    for (std::size_t t = 0; t < length; ++t) {
      std::vector<double> weights(natural_.begin() + offset(begin + t),
                                  natural_.begin() + offset(begin + t + 1));
      for (std::size_t s = 0; t == 0 && s < d_; ++s) weights[s] += initial_->moments().log_mean[s];
      const double top = *std::ranges::max_element(weights);
      if (top == -kInfinity) {
        throw Failure{fmt::format("chain \"{}\", element {}: every state is impossible",
                                  plate().name, begin + t),
                      true};
      }
      chain.log_scale += top;
      for (double& weight : weights) {
        weight -= top;
        chain.wide = chain.wide || (weight < -kWidestFinding && weight != -kInfinity);
      }
      chain.log_weights.push_back(std::move(weights));
    }
    return chain;
  }

  /// Marginals of chains of one length, added to the counts; returns the sum of their log Z.
  double infer_chains(std::size_t length, std::span<const ScaledChain> chains) {
    const Table transition = Table::dense({d_, d_}, transition_->moments().log_mean, Domain::log);
    FactorGraph graph;
    for (std::size_t t = 0; t < length; ++t) graph.add_variable(fmt::format("z{}", t), d_);
    for (VariableId t = 1; t < length; ++t) graph.add_factor({t - 1, t}, transition);
    CompensatedSum log_z;
    std::vector<const ScaledChain*> together;
    for (const ScaledChain& chain : chains) {
      if (!chain.wide) {
        together.push_back(&chain);
        continue;
      }
      const CompiledQuery& query = renewed(wide_plans_[length], with_factors(graph, chain), {});
      log_z.add(take(query.run({}), chain, length));
    }
    if (together.empty()) return log_z.value();
    const CompiledQuery& query =
        renewed(plans_[length], std::move(graph), findings(*together.front()));
    for (std::size_t first = 0; first < together.size(); first += kBatch) {
      std::vector<Evidence> batch;
      for (std::size_t i = first; i < std::min(together.size(), first + kBatch); ++i) {
        batch.push_back(findings(*together[i]));
      }
      const std::vector<Result> answers = query.run_batch(batch);
      for (std::size_t i = 0; i < answers.size(); ++i) {
        log_z.add(take(answers[i], *together[first + i], length));
      }
    }
    return log_z.value();
  }

  /// The plan with the tables of this chain: made at first, given new numbers then.
  static const CompiledQuery& renewed(ChainPlan& plan, FactorGraph graph, const Evidence& pattern) {
    auto next = std::make_unique<const FactorGraph>(std::move(graph));
    if (plan.query) {
      static_cast<void>(plan.query->rebind(*next));
    } else {
      Query query = Query::marginals();
      query.factor_marginals = true;
      query.targets.resize(next->variable_count());
      std::iota(query.targets.begin(), query.targets.end(), VariableId{0});
      InferOptions options;
      options.plan.order = query.targets;
      plan.query.emplace(*next, pattern, std::move(query), std::move(options));
    }
    plan.graph = std::move(next);
    return *plan.query;
  }

  static Evidence findings(const ScaledChain& chain) {
    Evidence evidence;
    for (VariableId t = 0; t < chain.log_weights.size(); ++t) {
      std::vector<double> weights = chain.log_weights[t];
      for (double& weight : weights) weight = std::exp(weight);
      evidence.observe_likelihood(t, std::move(weights));
    }
    return evidence;
  }

  static FactorGraph with_factors(FactorGraph graph, const ScaledChain& chain) {
    for (VariableId t = 0; t < chain.log_weights.size(); ++t) {
      const std::vector<double>& weights = chain.log_weights[t];
      graph.add_factor({t}, Table::dense({weights.size()}, weights, Domain::log));
    }
    return graph;
  }

  /// Reads the marginals; returns log Z.
  double take(const Result& result, const ScaledChain& chain, std::size_t length) {
    if (!result.ok()) {
      throw Failure{fmt::format("chain \"{}\": {}", plate().name, result.message),
                    result.status == Status::impossible_evidence};
    }
    read(result, chain.begin, length);
    return result.log_z + chain.log_scale;
  }

  void read(const Result& result, std::size_t begin, std::size_t length) {
    for (std::size_t t = 0; t < length; ++t) {
      std::ranges::copy(result.marginals[t], moments_.mean.begin() + offset(begin + t));
    }
    for (std::size_t s = 0; s < d_; ++s) first_[s] += result.marginals[0][s];
    for (std::size_t t = 1; t < length; ++t) {
      const Table& pair = result.factor_marginals[t - 1].table;
      for (std::size_t i = 0; i < d_ * d_; ++i) pairs_[i] += pair.at(i);
    }
  }

  [[nodiscard]] std::ptrdiff_t offset(std::size_t element) const {
    return static_cast<std::ptrdiff_t>(element * d_);
  }

  std::size_t d_;
  Node* initial_;
  Node* transition_;
  std::vector<double> first_;  ///< expected first states
  std::vector<double> pairs_;  ///< expected transitions [d, d]
  double entropy_ = kNaN;
  /// By length; of chains that findings can hold, and of the others.
  std::map<std::size_t, ChainPlan> plans_;
  std::map<std::size_t, ChainPlan> wide_plans_;
};

}  // namespace

std::unique_ptr<Node> make_chain(const ConjugatePlate& plate, const Nodes& nodes) {
  return std::make_unique<ChainNode>(plate, nodes);
}

}  // namespace credo::conjugate
