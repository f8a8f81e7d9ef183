#include <credo/core/error.hpp>
#include <credo/core/names.hpp>
#include <credo/inference/algorithms.hpp>
#include <credo/inference/contraction/contraction.hpp>
#include <credo/inference/enumeration.hpp>
#include <credo/inference/gaussian/gaussian_elimination.hpp>
#include <credo/inference/gaussian/moment_matching.hpp>
#include <credo/inference/gaussian/square_range.hpp>
#include <credo/inference/message_passing/belief_propagation.hpp>
#include <credo/inference/message_passing/gaussian_belief_propagation.hpp>
#include <credo/inference/variational/mean_field.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace credo {

namespace {

/// Why an algorithm for discrete variables cannot answer; empty where all are.
std::string why_continuous(const FactorGraph& graph) {
  if (!graph.has_continuous_variables()) return "";
  const auto found = std::ranges::find_if(graph.variables(), &Variable::is_continuous);
  return fmt::format("{} is continuous, and only discrete variables have tables", found->name);
}

/// The only way the table reaches an algorithm that knows discrete variables alone.
template <auto WhyNot>
std::string why_not_discrete(const FactorGraph& graph, const Evidence& evidence, const Query& query,
                             const InferOptions& options) {
  std::string reason = why_continuous(graph);
  return reason.empty() ? WhyNot(graph, evidence, query, options) : reason;
}

template <auto Run>
Result run_discrete(const FactorGraph& graph, const Evidence& evidence, const Query& query,
                    const InferOptions& options) {
  std::string reason = why_continuous(graph);
  if (reason.empty()) return Run(graph, evidence, query, options);
  Result refused;
  refused.status = Status::refused;
  refused.message = std::move(reason);
  return refused;
}

/// The only way the table reaches an algorithm for continuous variables: impossible is what an
/// exact zero proves, not a log density that has left the doubles.
template <auto Run>
Result run_continuous(const FactorGraph& graph, const Evidence& evidence, const Query& query,
                      const InferOptions& options) {
  Result result = Run(graph, evidence, query, options);
  if (result.status != Status::impossible_evidence || !graph.has_continuous_variables()) {
    return result;
  }
  std::string reason = gaussian::why_squares_overflow(graph, evidence);
  if (reason.empty()) return result;
  Result refused;
  refused.status = Status::refused;
  refused.message = std::move(reason);
  return refused;
}

constexpr std::array kAlgorithms{
    Algorithm{"contraction",
              "one contraction tree for every exact task; cost exponential in the plan's width",
              Guarantee::exact, why_not_discrete<why_not_contraction>,
              run_discrete<run_contraction>},
    Algorithm{"enumeration", "lists every joint state; the definition itself, for small models",
              Guarantee::exact, why_not_discrete<why_not_enumeration>,
              run_discrete<run_enumeration>},
    Algorithm{"gaussian_elimination",
              "continuous variables by block Cholesky, before the discrete ones; linear-Gaussian "
              "and quadratic factors",
              Guarantee::exact, why_not_gaussian_elimination,
              run_continuous<run_gaussian_elimination>, true},
    Algorithm{"belief_propagation",
              "sum- and max-product messages on the factor graph; exact on forests, Bethe's "
              "approximation elsewhere",
              Guarantee::fixed_point, why_not_discrete<why_not_belief_propagation>,
              run_discrete<run_belief_propagation>, false, Iterates::messages},
    Algorithm{"gaussian_belief_propagation",
              "messages between continuous variables, discrete ones observed; exact on forests, "
              "elsewhere exact means and approximate variances once they settle",
              Guarantee::fixed_point, why_not_gaussian_belief_propagation,
              run_continuous<run_gaussian_belief_propagation>, true, Iterates::messages},
    Algorithm{
        "moment_matching",
        "discrete and continuous variables in any order: mixtures replaced by one Gaussian of "
        "their mean and covariance; exact where none is",
        Guarantee::none, why_not_moment_matching, run_continuous<run_moment_matching>, true},
    Algorithm{"mean_field",
              "the closest product of single-variable distributions; its bound of log Z is certain",
              Guarantee::lower_bound, why_not_mean_field, run_continuous<run_mean_field>, true,
              Iterates::sweeps},
};

}  // namespace

std::span<const Algorithm> algorithms() noexcept { return kAlgorithms; }

const Algorithm& require_algorithm(std::string_view name) {
  std::vector<std::string> names;
  for (const Algorithm& algorithm : kAlgorithms) {
    if (algorithm.name == name) return algorithm;
    names.emplace_back(algorithm.name);
  }
  names.emplace_back("auto");
  throw OptionError(fmt::format("unknown algorithm {}{}; expected one of {}", name,
                                did_you_mean(name, names), fmt::join(names, ", ")));
}

}  // namespace credo
