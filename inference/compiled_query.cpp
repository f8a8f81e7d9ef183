#include <credo/core/error.hpp>
#include <credo/inference/contraction/leaf_plan.hpp>
#include <credo/inference/contraction/prepared.hpp>
#include <credo/inference/driver.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <optional>
#include <utility>

namespace credo {

namespace {

// Evidences contracted together: two vectors of eight doubles.
constexpr std::size_t kLanes = 16;

bool same_pattern(const Evidence& a, const Evidence& b) {
  return std::ranges::equal(a.findings(), b.findings(), [](const auto& x, const auto& y) {
    return x.first == y.first && x.second.kind == y.second.kind;
  });
}

bool same_entries(const Table& a, const Table& b) {
  const Table::Rows x = a.rows();
  const Table::Rows y = b.rows();
  return std::ranges::equal(x.index, y.index) && std::ranges::equal(x.begin, y.begin) &&
         std::ranges::equal(x.column, y.column);
}

/// Throws ModelError when graphs differ in more than the numbers of their tables.
void require_same_structure(const FactorGraph& old, const FactorGraph& graph) {
  graph.require_discrete("compiled query");
  if (graph.factor_count() != old.factor_count() ||
      !std::ranges::equal(graph.variables(), old.variables())) {
    throw ModelError(fmt::format(
        "compiled query, new tables: expected the {} variables and {} factors that it "
        "was planned for, got {} and {}{}",
        old.variable_count(), old.factor_count(), graph.variable_count(), graph.factor_count(),
        graph.variable_count() == old.variable_count() ? ", or others" : ""));
  }
  std::pair<const void*, const void*> known;
  for (FactorId f = 0; f < old.factor_count(); ++f) {
    const Factor& was = old.factor(f);
    const Factor& is = graph.factor(f);
    const std::pair both(was.table.identity(), is.table.identity());
    const bool same_table =
        both == known || both.first == both.second ||
        (std::ranges::equal(was.table.shape(), is.table.shape()) &&
         was.table.storage() == is.table.storage() && same_entries(was.table, is.table));
    known = both;
    if (same_table && was.scope == is.scope && was.child == is.child) continue;
    throw ModelError(
        fmt::format("compiled query, new tables: expected scope, mark, shape and stored entries of "
                    "{} as planned, got {} with others",
                    old.describe(f), graph.describe(f)));
  }
}

}  // namespace

struct CompiledQuery::Implementation {
  const FactorGraph* graph;
  Evidence pattern;
  Query query;
  InferOptions options;
  contraction::Prepared prepared;
  /// Values of leaves that no evidence changes, for prepared.program and batch.
  std::vector<contraction::LeafValues> static_leaves;
  contraction::Program batch;
  std::vector<contraction::LeafValues> batch_leaves;
  bool has_batch = false;

  void bind_static(const contraction::Program& program,
                   std::vector<contraction::LeafValues>& leaves) const {
    const std::vector<const Evidence*> lanes(program.options.lanes, &pattern);
    contraction::LeafCache cache;
    leaves.resize(program.leaves.size());
    for (std::size_t l = 0; l < leaves.size(); ++l) {
      if (program.leaves[l].varies) continue;
      leaves[l] = contraction::bind_leaf(program, prepared.model, l, lanes, cache);
    }
  }

  [[nodiscard]] bool may_batch() const {
    const bool batches =
        (query.task == Task::log_partition || query.task == Task::marginals) && !query.messages;
    const bool sparse = std::ranges::any_of(
        prepared.program.tree.leaves, [](const contraction::Leaf& leaf) { return leaf.sparse; });
    return batches && !sparse && !prepared.needs_log;
  }

  void bind_batch() {
    const bool compiled = has_batch && contraction::reads_fit(prepared.model, batch);
    has_batch = false;
    if (!may_batch()) return;
    if (!compiled) {
      Pace unlimited;
      batch =
          contraction::compile_for(prepared, contraction::Arithmetic::linear, kLanes, unlimited);
    }
    if (batch.peak_bytes > options.memory_limit_bytes) return;
    bind_static(batch, batch_leaves);
    has_batch = true;
  }

  /// Reads the numbers that no evidence changes.
  void bind() {
    if (!prepared.refusal.empty()) return;
    bind_static(prepared.program, static_leaves);
    bind_batch();
  }

  void make_plan() {
    contraction::Monitor monitor(options);
    try {
      prepared = contraction::prepare(*graph, pattern, query, options, /*one_shot=*/false, monitor);
    } catch (const contraction::Stopped& stopped) {
      prepared.refusal = fmt::format("planning did not finish: {}", status_name(stopped.status));
    }
    has_batch = false;
  }

  void check_pattern(const Evidence& evidence) const {
    evidence.validate(*graph);
    if (!same_pattern(evidence, pattern)) {
      throw EvidenceError(
          fmt::format("compiled query: expected findings of the compiled pattern ({} of them, on "
                      "the same variables and of the same kinds), got {}",
                      pattern.size(), evidence.size()));
    }
  }

  [[nodiscard]] Result run(const Evidence& evidence) const {
    contraction::Monitor monitor(options);
    Result result = contraction::run_prepared(prepared, evidence, static_leaves, monitor);
    complete_result(*graph, evidence, options, "contraction", monitor.elapsed_seconds(), result);
    return result;
  }

  /// Answers up to kLanes evidences; missing lanes repeat the last one.
  void run_lanes(std::span<const Evidence> evidences, std::vector<Result>& results) const {
    contraction::Monitor monitor(options);
    std::vector<const Evidence*> lanes;
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      lanes.push_back(&evidences[std::min(lane, evidences.size() - 1)]);
    }
    std::optional<contraction::Execution> execution;
    contraction::Outcome outcome = contraction::Outcome::range_exceeded;
    try {
      execution.emplace(batch, prepared.model, lanes, batch_leaves, options.threads, monitor);
      outcome = execution->run(false);
    } catch (const contraction::Stopped&) {
      // Each evidence is asked again below and reports why it stopped.
      outcome = contraction::Outcome::range_exceeded;
    } catch (const std::bad_alloc&) {
      // One evidence at a time needs less.
      outcome = contraction::Outcome::range_exceeded;
    }
    const double seconds = monitor.elapsed_seconds() / static_cast<double>(evidences.size());
    for (std::size_t lane = 0; lane < evidences.size(); ++lane) {
      std::optional<Result> result;
      if (outcome == contraction::Outcome::done) {
        result = read_lane(*execution, lane, evidences[lane], seconds, monitor);
      }
      results.push_back(result ? *std::move(result) : run(evidences[lane]));
    }
  }

  /// Nothing when time or the observer came first.
  [[nodiscard]] std::optional<Result> read_lane(const contraction::Execution& execution,
                                                std::size_t lane, const Evidence& evidence,
                                                double seconds,
                                                contraction::Monitor& monitor) const {
    Result result;
    result.timings.plan_seconds = prepared.plan_seconds;
    result.scalar_used = "scaled-double";
    try {
      contraction::extract(prepared, execution, lane, evidence, monitor, result);
    } catch (const contraction::Stopped&) {
      return std::nullopt;
    }
    result.timings.infer_seconds = seconds;
    complete_result(*graph, evidence, options, "contraction", 0.0, result);
    return result;
  }
};

CompiledQuery::CompiledQuery(const FactorGraph& graph, const Evidence& pattern, Query query,
                             InferOptions options)
    : implementation_(std::make_unique<Implementation>()) {
  graph.require_discrete("compiled query");
  validate_question(graph, pattern, query, options);
  Implementation& i = *implementation_;
  i.graph = &graph;
  i.pattern = pattern;
  i.options = std::move(options);
  i.query = std::move(query);
  i.make_plan();
  i.bind();
}

CompiledQuery::Implementation& CompiledQuery::used() const {
  if (implementation_) return *implementation_;
  throw QueryError("compiled query: expected one that was not moved from; use where it went");
}

bool CompiledQuery::rebind(const FactorGraph& graph) {
  Implementation& i = used();
  require_same_structure(*i.graph, graph);
  const bool kept = contraction::rebind(graph, i.pattern, i.prepared);
  i.graph = &graph;
  if (!kept) i.make_plan();
  i.bind();
  return kept;
}

CompiledQuery::~CompiledQuery() = default;
CompiledQuery::CompiledQuery(CompiledQuery&&) noexcept = default;
CompiledQuery& CompiledQuery::operator=(CompiledQuery&&) noexcept = default;

const Plan& CompiledQuery::plan() const { return used().prepared.plan; }

Result CompiledQuery::run(const Evidence& evidence) const {
  const Implementation& i = used();
  i.check_pattern(evidence);
  return i.run(evidence);
}

std::vector<Result> CompiledQuery::run_batch(std::span<const Evidence> evidences) const {
  const Implementation& i = used();
  std::vector<Result> results;
  results.reserve(evidences.size());
  for (const Evidence& evidence : evidences) i.check_pattern(evidence);
  while (!evidences.empty()) {
    const auto some = evidences.first(std::min(evidences.size(), kLanes));
    if (i.has_batch && some.size() > 1) {
      i.run_lanes(some, results);
    } else {
      for (const Evidence& evidence : some) results.push_back(i.run(evidence));
    }
    evidences = evidences.subspan(some.size());
  }
  return results;
}

}  // namespace credo
