#include <credo/core/error.hpp>
#include <credo/inference/gaussian/compiled_gaussian.hpp>
#include <credo/inference/gaussian/engine.hpp>
#include <credo/inference/gaussian/fixed_factors.hpp>

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

/// Scopes are short: shorter to compare here than to call for.
bool same_scope(const Scope& a, const Scope& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] != b[i]) return false;
  }
  return true;
}

/// Where a front's covariance goes.
struct CovarianceBlock {
  std::uint32_t size;
  std::uint32_t order;
  std::uint64_t to;
};

}  // namespace

struct CompiledGaussian::Implementation {
  InferOptions options;
  const FactorGraph* graph = nullptr;
  std::vector<GaussianTable> tables;  ///< of every Gaussian factor, as the last graph had them
  std::vector<std::size_t> states;
  std::vector<VariableId> observed;            ///< increasing
  std::vector<std::uint32_t> observed_scalar;  ///< into the point
  std::vector<std::size_t> covariance_offset;
  std::size_t covariance_size = 0;
  std::vector<GaussianFactorId> fixed;  ///< all variables observed
  std::vector<GaussianTable> fixed_tables;
  std::optional<gaussian::Engine> engine;
  std::vector<CovarianceBlock> blocks;  ///< by front
  std::vector<double> covariances;      ///< those of the loaded numbers, when spread
  std::string refusal;
  bool spread = false;

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
    spread = false;
    if (engine) engine->load(other, states);
  }

  void load(std::span<const GaussianTable> given) {
    if (given.size() != tables.size()) refuse_shape();
    // Few tables serve most factors: pairs that were compared need not be again.
    std::array<std::pair<const void*, const void*>, 4> recent{};
    std::size_t next_recent = 0;
    for (std::size_t g = 0; g < given.size(); ++g) {
      const std::pair pair(given[g].identity(), tables[g].identity());
      if (pair.first == pair.second || std::ranges::find(recent, pair) != recent.end()) continue;
      if (!given[g].shape().empty() || !tables[g].shape().empty() ||
          !std::ranges::equal(given[g].dimensions(), tables[g].dimensions())) {
        refuse_shape();
      }
      recent[next_recent++ % recent.size()] = pair;
    }
    for (std::size_t i = 0; i < fixed.size(); ++i) fixed_tables[i] = given[fixed[i]];
    spread = false;
    engine->load(given);
  }

  void lay_out_covariances() {
    for (const gaussian::Front& front : engine->structure().fronts) {
      blocks.push_back({front.size, front.order(), covariance_offset[front.variable]});
    }
  }

  void collect_covariances() {
    engine->spread();
    spread = true;
    covariances.resize(covariance_size, 0.0);
    for (std::uint32_t f = 0; f < blocks.size(); ++f) {
      const CovarianceBlock& block = blocks[f];
      const double* from = engine->square(f);
      double* to = &covariances[block.to];
      for (std::uint32_t i = 0; i < block.size; ++i, from += block.order) {
        for (std::uint32_t j = 0; j < block.size; ++j) *to++ = from[j];
      }
    }
  }

  void run(std::span<const double> values, GaussianAnswer& answer, bool with_covariances) {
    if (values.size() != observed_scalar.size()) {
      throw EvidenceError(fmt::format("compiled Gaussian: expected {} observed numbers, got {}",
                                      observed_scalar.size(), values.size()));
    }
    answer.log_z = kNaN;
    if (!refusal.empty()) {
      answer.status = Status::refused;
      answer.message = refusal;
      return;
    }
    const std::span<double> point = engine->point();
    for (std::size_t i = 0; i < values.size(); ++i) point[observed_scalar[i]] = values[i];
    gaussian::Solution solution = engine->solve();
    for (std::size_t f = 0; f < fixed.size() && solution.status == Status::ok; ++f) {
      solution.log_z += gaussian::log_of_fixed(*graph, fixed[f], fixed_tables[f], states,
                                               engine->structure().scalar_of, point);
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
    if (!with_covariances) return;
    if (!spread) collect_covariances();
    answer.covariances = covariances;
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
  for (const VariableId v : i.observed) {
    for (std::size_t k = 0; k < graph.variable(v).dimension; ++k) {
      i.observed_scalar.push_back(structure.scalar_of[v] + static_cast<std::uint32_t>(k));
    }
  }
  i.engine.emplace(std::move(structure));
  i.lay_out_covariances();
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
    same = graph.variables()[v].dimension == old.variables()[v].dimension;
  }
  for (GaussianFactorId g = 0; same && g < graph.gaussian_factors().size(); ++g) {
    same = same_scope(graph.gaussian_factors()[g].continuous, old.gaussian_factors()[g].continuous);
  }
  if (!same) refuse_shape();
  implementation_->load(graph, states);
}

void CompiledGaussian::load(std::span<const GaussianTable> tables) {
  implementation_->load(tables);
}

std::size_t CompiledGaussian::mean_offset(VariableId v) const {
  return implementation_->mean_offset(v);
}

std::size_t CompiledGaussian::covariance_offset(VariableId v) const {
  return implementation_->covariance_offset.at(v);
}

std::size_t CompiledGaussian::observed_count() const noexcept {
  return implementation_->observed_scalar.size();
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
