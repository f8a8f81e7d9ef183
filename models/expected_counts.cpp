// The step of expectation that maximum likelihood with missing values repeats: Dempster, Laird and
// Rubin 1977; on networks Lauritzen 1995. A row's evidence makes the factor marginals
// p(x_f given row), which are d log Z / d log f(x_f) and come from one downward pass.

#include <credo/core/error.hpp>
#include <credo/inference/contraction/monitor.hpp>
#include <credo/models/expected_counts.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace credo {

namespace {

/// Rows asked together: bounds the memory of their answers.
constexpr std::size_t kBatch = 128;

/// Patterns whose plans are kept from one count to the next: bounds their memory. Others are
/// planned each time.
constexpr std::size_t kPlansKept = 4096;

bool same_pattern(const DataTable& data, std::size_t a, std::size_t b) {
  return std::ranges::equal(data.row(a), data.row(b), [](std::uint32_t x, std::uint32_t y) {
    return (x == DataTable::kMissing) == (y == DataTable::kMissing);
  });
}

}  // namespace

/// One count.
class ExpectedCounter::Pass {
 public:
  /// Borrows both.
  Pass(ExpectedCounter& counter, const FactorGraph& graph)
      : graph_(graph),
        data_(counter.data_),
        options_(counter.options_),
        patterns_(counter.patterns_),
        monitor_(counter.options_) {
    for (const Factor& factor : graph.factors()) result_.counts.emplace_back(factor.table.size());
  }

  ExpectedCounts run() {
    result_.status = Status::ok;
    result_.message = "counted";
    std::size_t plans = 0;
    for (std::size_t p = 0; p < patterns_.size() && result_.ok(); ++p) {
      Pattern& pattern = patterns_[p];
      if (!may_continue(pattern.begin)) break;
      if (pattern.complete) {
        for (std::size_t r = pattern.begin; r < pattern.end && result_.ok(); ++r) {
          if (r % kBatch == 0 && !may_continue(r)) break;
          count(r);
        }
        continue;
      }
      ask(pattern);
      if (++plans > kPlansKept) pattern.query.reset();
    }
    if (result_.ok()) result_.log_weight = log_weight_.value();
    return std::move(result_);
  }

 private:
  /// Notes a stop; r: the next row.
  bool may_continue(std::size_t r) {
    if (monitor_.may_continue("expected counts",
                              static_cast<double>(r) / static_cast<double>(data_.rows()))) {
      return true;
    }
    result_.status = monitor_.stopped();
    result_.message = contraction::stop_message(monitor_.stopped(), options_.time_limit_seconds);
    return false;
  }

  void count(std::size_t r) {
    const double weight = data_.weight(r);
    if (weight == 0.0) return;
    const auto states = data_.row(r);
    double log_weight = 0.0;
    for (FactorId f = 0; f < graph_.factor_count(); ++f) {
      const Factor& factor = graph_.factor(f);
      std::size_t index = 0;
      for (const VariableId v : factor.scope) index = index * graph_.cardinality(v) + states[v];
      result_.counts[f][index] += weight;
      log_weight += factor.table.log_at(index);
    }
    add(r, log_weight);
  }

  void ask(Pattern& pattern) {
    Query query = Query::marginals();
    query.factor_marginals = true;
    if (pattern.query) {
      static_cast<void>(pattern.query->rebind(graph_));
    } else {
      pattern.query.emplace(graph_, data_.evidence(pattern.begin), query, options_);
    }
    for (std::size_t first = pattern.begin; first < pattern.end && result_.ok(); first += kBatch) {
      if (!may_continue(first)) return;
      std::vector<Evidence> rows;
      for (std::size_t r = first; r < std::min(pattern.end, first + kBatch); ++r) {
        rows.push_back(data_.evidence(r));
      }
      const std::vector<Result> answers = pattern.query->run_batch(rows);
      for (std::size_t i = 0; i < answers.size() && result_.ok(); ++i) {
        take(first + i, answers[i]);
      }
    }
  }

  void take(std::size_t r, const Result& answer) {
    if (data_.weight(r) == 0.0) return;
    if (!answer.ok() && answer.status != Status::impossible_evidence) {
      result_.status = answer.status;
      result_.message = answer.message;
      return;
    }
    add(r, answer.log_z);
    for (FactorId f = 0; f < graph_.factor_count() && result_.ok(); ++f) {
      const Table& belief = answer.factor_marginals.at(f).table;
      for (std::size_t i = 0; i < result_.counts[f].size(); ++i) {
        result_.counts[f][i] += data_.weight(r) * belief.at(i);
      }
    }
  }

  void add(std::size_t r, double log_weight) {
    if (log_weight != -kInfinity) return log_weight_.add(data_.weight(r) * log_weight);
    result_.status = Status::impossible_evidence;
    std::string states;
    for (VariableId v = 0; v < data_.columns(); ++v) {
      const std::uint32_t state = data_.row(r)[v];
      if (state == DataTable::kMissing) continue;
      const Variable& variable = graph_.variable(v);
      states += fmt::format("{}{} = {}", states.empty() ? "" : ", ", variable.name,
                            variable.state_name(state));
    }
    result_.message = fmt::format("the model gives probability 0 to the row {}", states);
  }

  const FactorGraph& graph_;
  const DataTable& data_;
  const InferOptions& options_;
  std::vector<Pattern>& patterns_;
  contraction::Monitor monitor_;
  ExpectedCounts result_;
  CompensatedSum log_weight_;
};

ExpectedCounter::ExpectedCounter(const DataTable& data, InferOptions options)
    : data_(data.distinct()), options_(std::move(options)) {
  options_.validate();
  for (std::size_t begin = 0; begin < data_.rows();) {
    Pattern& pattern = patterns_.emplace_back();
    pattern.begin = begin;
    pattern.end = begin + 1;
    while (pattern.end < data_.rows() && same_pattern(data_, begin, pattern.end)) ++pattern.end;
    pattern.complete = std::ranges::count(data_.row(begin), DataTable::kMissing) == 0;
    begin = pattern.end;
  }
}

ExpectedCounts ExpectedCounter::count(FactorGraph graph) {
  data_.require_fits(graph);
  auto next = std::make_unique<const FactorGraph>(std::move(graph));
  // Until every query has the new tables, some borrow the graph so far.
  const auto forget = [this] {
    for (Pattern& pattern : patterns_) pattern.query.reset();
  };
  try {
    ExpectedCounts counts = Pass(*this, *next).run();
    if (!counts.ok()) forget();
    graph_ = std::move(next);
    return counts;
  } catch (...) {
    forget();
    throw;
  }
}

ExpectedCounts expected_counts(const FactorGraph& graph, const DataTable& data,
                               const InferOptions& options) {
  return ExpectedCounter(data, options).count(graph);
}

}  // namespace credo
