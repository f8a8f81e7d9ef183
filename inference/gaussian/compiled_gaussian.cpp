#include <credo/core/error.hpp>
#include <credo/inference/gaussian/compiled_gaussian.hpp>
#include <credo/inference/gaussian/divergence.hpp>
#include <credo/inference/gaussian/fixed_factors.hpp>
#include <credo/inference/gaussian/runner.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <utility>

namespace credo {

namespace {

[[noreturn]] void refuse_shape() {
  throw QueryError(
      "compiled Gaussian: expected a graph with the variables and scopes that were compiled");
}

}  // namespace

struct CompiledGaussian::Implementation {
  gaussian::Skeleton skeleton;
  const FactorGraph* graph = nullptr;
  std::vector<GaussianTable> tables;  ///< of every Gaussian factor, as the last graph had them
  std::vector<std::size_t> states;
  std::vector<VariableId> observed;     ///< increasing
  std::vector<GaussianFactorId> fixed;  ///< all variables observed
  std::vector<GaussianTable> fixed_tables;
  std::optional<gaussian::Runner> runner;
  std::string refusal;

  void load(const FactorGraph& other, std::span<const std::size_t> given) {
    for (const GaussianFactor& factor : other.gaussian_factors()) {
      if (!factor.scope.empty() && given.size() != other.variable_count()) {
        throw QueryError(fmt::format(
            "compiled Gaussian: expected the states of all {} variables, because Gaussian factors "
            "depend on {}; got {}",
            other.variable_count(), other.variable(factor.scope.front()).name, given.size()));
      }
    }
    graph = &other;
    tables.clear();
    for (const GaussianFactor& factor : other.gaussian_factors()) tables.push_back(factor.table);
    fixed_tables.clear();
    for (const GaussianFactorId g : fixed) fixed_tables.push_back(tables[g]);
    states.assign(given.begin(), given.end());
    runner->forget();
    runner->engine().load(other, states);
  }

  void load(std::span<const GaussianTable> given) {
    if (given.size() != tables.size()) refuse_shape();
    // Few tables serve most factors: pairs that were compared need not be again.
    std::array<std::pair<const void*, const void*>, 4> recent{};
    std::size_t next_recent = 0;
    for (std::size_t g = 0; g < given.size(); ++g) {
      const std::pair pair(given[g].identity(), tables[g].identity());
      if (std::ranges::find(recent, pair) != recent.end()) continue;
      if (!given[g].shape().empty() || !tables[g].shape().empty() ||
          !std::ranges::equal(given[g].dimensions(), tables[g].dimensions())) {
        refuse_shape();
      }
      recent[next_recent++ % recent.size()] = pair;
    }
    for (std::size_t i = 0; i < fixed.size(); ++i) fixed_tables[i] = given[fixed[i]];
    runner->forget();
    runner->engine().load(given);
  }

  void run(std::span<const double> values, GaussianAnswer& answer, bool covariances) {
    if (values.size() != runner->observed_count()) {
      throw EvidenceError(fmt::format("compiled Gaussian: expected {} observed numbers, got {}",
                                      runner->observed_count(), values.size()));
    }
    if (!refusal.empty()) {
      answer.log_z = kNaN;
      answer.status = Status::refused;
      answer.message = refusal;
      return;
    }
    runner->run(values, answer, covariances, [this](std::span<const double> point) {
      double sum = 0.0;
      for (std::size_t f = 0; f < fixed.size(); ++f) {
        sum += gaussian::log_of_fixed(*graph, fixed[f], fixed_tables[f], states,
                                      runner->engine().structure().scalar_of, point);
      }
      return sum;
    });
    if (answer.status == Status::impossible_evidence) refuse_rounding(answer);
  }

  /// A contradiction proves nothing where rounding made a kernel certain.
  void refuse_rounding(GaussianAnswer& answer) const {
    for (std::size_t f = 0; f < fixed.size(); ++f) {
      std::uint64_t entry = 0;
      if (!states.empty())
        entry = gaussian::entry_of(*graph, graph->gaussian_factor(fixed[f]), states);
      const double variance = fixed_tables[f].rounded_variance(entry);
      if (!(variance > 0.0)) continue;
      answer.status = Status::refused;
      answer.log_z = kNaN;
      answer.message = gaussian::explain_rounded_certainty(
                           fmt::format("Gaussian factor {}", fixed[f]), variance) +
                       gaussian::kRoundingProvesNothing;
      return;
    }
  }

  void require_continuous(VariableId v) const {
    if (v < skeleton.variable_count() && skeleton.dimension(v) > 0) return;
    throw QueryError(fmt::format(
        "compiled Gaussian: expected a continuous variable of the graph, which has {} variables, "
        "got {}",
        skeleton.variable_count(), v));
  }
};

CompiledGaussian::CompiledGaussian(const FactorGraph& graph, const Evidence& pattern,
                                   const InferOptions& options, std::span<const std::size_t> states)
    : implementation_(std::make_unique<Implementation>()) {
  pattern.validate(graph);
  options.validate();
  Implementation& i = *implementation_;
  i.skeleton = gaussian::Skeleton(graph);
  gaussian::StructureRequest request;
  std::vector<char> observed(graph.variable_count(), 0);
  for (VariableId v = 0; v < graph.variable_count(); ++v) {
    if (i.skeleton.dimension(v) == 0) continue;
    observed[v] = pattern.find(v) != nullptr ? 1 : 0;
    (observed[v] ? i.observed : request.variables).push_back(v);
  }
  i.fixed = gaussian::fixed_factors(graph, pattern);
  gaussian::Structure structure =
      gaussian::build_structure(i.skeleton, request, options.plan, [] { return true; });
  if (structure.plan.peak_bytes > options.memory_limit_bytes) {
    i.refusal = fmt::format("the fronts take {} (widest: {} numbers); the memory limit is {}",
                            describe_bytes(structure.plan.peak_bytes), structure.plan.widest_front,
                            describe_bytes(options.memory_limit_bytes));
    structure.square_size = structure.gain_size = structure.core_size = 0;
  }
  i.runner.emplace(i.skeleton, observed, std::move(structure));
  i.load(graph, states);
}

CompiledGaussian::~CompiledGaussian() = default;
CompiledGaussian::CompiledGaussian(CompiledGaussian&&) noexcept = default;
CompiledGaussian& CompiledGaussian::operator=(CompiledGaussian&&) noexcept = default;

CompiledGaussian::Implementation& CompiledGaussian::implementation() const {
  if (implementation_) return *implementation_;
  throw QueryError("compiled Gaussian: expected one that was not moved from");
}

const Plan& CompiledGaussian::plan() const {
  return implementation().runner->engine().structure().plan;
}

const std::string& CompiledGaussian::refusal() const { return implementation().refusal; }

void CompiledGaussian::load(const FactorGraph& graph, std::span<const std::size_t> states) {
  if (gaussian::Skeleton(graph) != implementation().skeleton) refuse_shape();
  implementation().load(graph, states);
}

void CompiledGaussian::load(std::span<const GaussianTable> tables) {
  implementation().load(tables);
}

std::size_t CompiledGaussian::mean_offset(VariableId v) const {
  implementation().require_continuous(v);
  return implementation().runner->mean_offset(v);
}

std::size_t CompiledGaussian::covariance_offset(VariableId v) const {
  implementation().require_continuous(v);
  return implementation().runner->covariance_offset(v);
}

std::size_t CompiledGaussian::observed_count() const {
  return implementation().runner->observed_count();
}

void CompiledGaussian::run(std::span<const double> observed, GaussianAnswer& answer,
                           bool covariances) {
  implementation().run(observed, answer, covariances);
}

GaussianAnswer CompiledGaussian::run(const Evidence& evidence) {
  evidence.validate(*implementation().graph);
  std::vector<double> values;
  std::vector<VariableId> observed;
  for (const auto& [v, finding] : evidence.findings()) {
    if (finding.kind != FindingKind::value) continue;
    observed.push_back(v);
    values.insert(values.end(), finding.value.begin(), finding.value.end());
  }
  if (observed != implementation().observed) {
    throw EvidenceError(
        fmt::format("compiled Gaussian: expected values of the {} continuous variables that were "
                    "compiled, got {}",
                    implementation().observed.size(), observed.size()));
  }
  GaussianAnswer answer;
  run(values, answer);
  return answer;
}

std::vector<double> CompiledGaussian::cross_covariance(VariableId a, VariableId b) const {
  implementation().require_continuous(a);
  implementation().require_continuous(b);
  const gaussian::Runner& runner = *implementation().runner;
  if (!runner.spread()) return {};
  return gaussian::cross_covariance(runner.engine(), a, b);
}

}  // namespace credo
