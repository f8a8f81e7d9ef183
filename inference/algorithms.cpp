#include <credo/core/error.hpp>
#include <credo/core/names.hpp>
#include <credo/inference/algorithms.hpp>
#include <credo/inference/contraction/contraction.hpp>
#include <credo/inference/enumeration.hpp>
#include <credo/inference/message_passing/belief_propagation.hpp>
#include <credo/inference/variational/mean_field.hpp>

#include <fmt/format.h>

#include <array>
#include <vector>

namespace credo {

namespace {

constexpr std::array kAlgorithms{
    Algorithm{"contraction",
              "one contraction tree for every exact task; cost exponential in the plan's width",
              Guarantee::exact, why_not_contraction, run_contraction},
    Algorithm{"enumeration", "lists every joint state; the definition itself, for small models",
              Guarantee::exact, why_not_enumeration, run_enumeration},
    Algorithm{"belief_propagation",
              "sum- and max-product messages on the factor graph; exact on forests, Bethe's "
              "approximation elsewhere",
              Guarantee::fixed_point, why_not_belief_propagation, run_belief_propagation},
    Algorithm{"mean_field",
              "the closest product of single-variable distributions; its bound of log Z is certain",
              Guarantee::lower_bound, why_not_mean_field, run_mean_field},
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
