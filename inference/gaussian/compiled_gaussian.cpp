#include <credo/core/error.hpp>
#include <credo/inference/gaussian/compiled_gaussian.hpp>
#include <credo/inference/gaussian/engine.hpp>
#include <credo/inference/gaussian/fixed_factors.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

namespace credo {

struct CompiledGaussian::Implementation {
  InferOptions options;
  const FactorGraph* graph = nullptr;
  std::vector<std::size_t> states;
  std::vector<VariableId> observed;  ///< increasing
  std::size_t observed_count = 0;
  std::vector<std::size_t> covariance_offset;
  std::size_t covariance_size = 0;
  std::vector<GaussianFactorId> fixed;  ///< all variables observed
  std::optional<gaussian::Engine> engine;
  std::string refusal;
  bool spread = false;  ///< covariances are those of the loaded numbers

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
    states.assign(given.begin(), given.end());
    spread = false;
    if (engine) engine->load(other, states);
  }

  void write_covariances(GaussianAnswer& answer) {
    if (!spread) engine->spread();
    spread = true;
    answer.covariances.assign(covariance_size, 0.0);
    for (std::uint32_t f = 0; f < engine->structure().fronts.size(); ++f) {
      const gaussian::Front& front = engine->structure().fronts[f];
      double* to = &answer.covariances[covariance_offset[front.variable]];
      for (std::uint32_t i = 0; i < front.size; ++i) {
        for (std::uint32_t j = 0; j < front.size; ++j) *to++ = engine->covariance(f, i, j);
      }
    }
  }

  void run(std::span<const double> values, GaussianAnswer& answer, bool covariances) {
    if (values.size() != observed_count) {
      throw EvidenceError(fmt::format("compiled Gaussian: expected {} observed numbers, got {}",
                                      observed_count, values.size()));
    }
    answer.log_z = kNaN;
    if (!refusal.empty()) {
      answer.status = Status::refused;
      answer.message = refusal;
      return;
    }
    const std::span<double> point = engine->point();
    for (const VariableId v : observed) {
      const std::size_t dimension = graph->variable(v).dimension;
      std::ranges::copy(values.first(dimension), &point[mean_offset(v)]);
      values = values.subspan(dimension);
    }
    gaussian::Solution solution = engine->solve();
    for (const GaussianFactorId g : fixed) {
      if (solution.status != Status::ok) break;
      solution.log_z +=
          gaussian::log_of_fixed(*graph, g, states, engine->structure().scalar_of, point);
      if (solution.log_z == -kInfinity) solution.status = Status::impossible_evidence;
    }
    answer.status = solution.status;
    answer.log_z = solution.log_z;
    answer.message = solution.status == Status::impossible_evidence
                         ? "the observed values contradict kernels without noise"
                         : std::move(solution.message);
    if (solution.status != Status::ok) return;
    if (engine->careful()) spread = false;
    answer.means.assign(point.begin(), point.end());
    if (covariances) write_covariances(answer);
  }

  [[nodiscard]] std::size_t mean_offset(VariableId v) const {
    return engine->structure().scalar_of.at(v);
  }
};

CompiledGaussian::CompiledGaussian(const FactorGraph& graph, const Evidence& pattern,
                                   const InferOptions& options, std::span<const std::size_t> states)
    : implementation_(std::make_unique<Implementation>()) {
  pattern.validate(graph);
  options.validate();
  Implementation& i = *implementation_;
  i.options = options;
  gaussian::StructureRequest request;
  for (VariableId v = 0; v < graph.variable_count(); ++v) {
    i.covariance_offset.push_back(i.covariance_size);
    const std::size_t dimension = graph.variable(v).dimension;
    i.covariance_size += dimension * dimension;
    if (dimension == 0) continue;
    if (pattern.find(v) != nullptr) {
      i.observed.push_back(v);
      i.observed_count += dimension;
    } else {
      request.variables.push_back(v);
    }
  }
  i.fixed = gaussian::fixed_factors(graph, pattern);
  gaussian::Structure structure =
      gaussian::build_structure(graph, request, options.plan, [] { return true; });
  if (structure.plan.peak_bytes > options.memory_limit_bytes) {
    i.refusal = fmt::format("the fronts take {} (widest: {} numbers); the memory limit is {}",
                            describe_bytes(structure.plan.peak_bytes), structure.plan.widest_front,
                            describe_bytes(options.memory_limit_bytes));
    structure.square_size = structure.gain_size = structure.core_size = 0;
  }
  i.engine.emplace(std::move(structure));
  i.load(graph, states);
}

CompiledGaussian::~CompiledGaussian() = default;
CompiledGaussian::CompiledGaussian(CompiledGaussian&&) noexcept = default;
CompiledGaussian& CompiledGaussian::operator=(CompiledGaussian&&) noexcept = default;

const Plan& CompiledGaussian::plan() const noexcept {
  return implementation_->engine->structure().plan;
}

const std::string& CompiledGaussian::refusal() const noexcept { return implementation_->refusal; }

void CompiledGaussian::load(const FactorGraph& graph, std::span<const std::size_t> states) {
  const FactorGraph& old = *implementation_->graph;
  bool same = graph.variable_count() == old.variable_count() &&
              graph.gaussian_factors().size() == old.gaussian_factors().size();
  for (VariableId v = 0; same && v < graph.variable_count(); ++v) {
    same = graph.variable(v).dimension == old.variable(v).dimension;
  }
  for (GaussianFactorId g = 0; same && g < graph.gaussian_factors().size(); ++g) {
    same = graph.gaussian_factor(g).continuous == old.gaussian_factor(g).continuous;
  }
  if (!same) {
    throw QueryError(
        "compiled Gaussian: expected a graph with the variables and scopes that were compiled");
  }
  implementation_->load(graph, states);
}

std::size_t CompiledGaussian::mean_offset(VariableId v) const {
  return implementation_->mean_offset(v);
}

std::size_t CompiledGaussian::covariance_offset(VariableId v) const {
  return implementation_->covariance_offset.at(v);
}

std::size_t CompiledGaussian::observed_count() const noexcept {
  return implementation_->observed_count;
}

void CompiledGaussian::run(std::span<const double> observed, GaussianAnswer& answer,
                           bool covariances) {
  implementation_->run(observed, answer, covariances);
}

GaussianAnswer CompiledGaussian::run(const Evidence& evidence) {
  evidence.validate(*implementation_->graph);
  std::vector<double> values;
  std::vector<VariableId> observed;
  for (const auto& [v, finding] : evidence.findings()) {
    if (finding.kind != FindingKind::value) continue;
    observed.push_back(v);
    values.insert(values.end(), finding.value.begin(), finding.value.end());
  }
  if (observed != implementation_->observed) {
    throw EvidenceError(
        fmt::format("compiled Gaussian: expected values of the {} continuous variables that were "
                    "compiled, got {}",
                    implementation_->observed.size(), observed.size()));
  }
  GaussianAnswer answer;
  run(values, answer);
  return answer;
}

std::vector<double> CompiledGaussian::cross_covariance(VariableId a, VariableId b) const {
  const gaussian::Engine& engine = *implementation_->engine;
  if (!implementation_->spread) return {};
  return gaussian::cross_covariance(engine, a, b);
}

}  // namespace credo
