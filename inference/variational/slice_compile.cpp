#include <credo/core/error.hpp>
#include <credo/inference/variational/problem.hpp>
#include <credo/inference/variational/slice.hpp>
#include <credo/inference/variational/slice_tables.hpp>
#include <credo/inference/variational/table_arrangement.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

// From a two-slice graph and a family to a repeating slice: what one step of the reverse sweep
// (Lauritzen and Nilsson 2001) does for x' and d, with its tables laid out as rows. Cost: the
// stored entries of the kernel, times the scores that mention x'.

namespace credo {

namespace {

using variational::Node;
using variational::Problem;
using variational::Score;

using slice_tables::Reader;
using slice_tables::Rows;

class Compiler {
 public:
  Compiler(const FactorGraph& graph, const Evidence& evidence, const Family& family,
           VariableId from, VariableId to, std::span<const std::size_t> ended)
      : graph_(graph), from_(from), to_(to) {
    if (from >= graph.variable_count() || to >= graph.variable_count() || from == to) {
      throw ModelError(fmt::format(
          "compile_slice: expected two different variables of the graph, got {} and {}", from, to));
    }
    evidence.validate(graph);
    Family complete = family;
    if (complete.find(from) == nullptr) complete.free(from, {});
    complete.validate(graph, evidence);
    problem_ = variational::make_problem(graph, evidence, complete);
    find_choice();
    check_parents();
    check_sight();
    mark_ended(ended);
    sort_scores();
  }

  SliceDescription compile() {
    d_.contexts = graph_.cardinality(from_);
    d_.choices = choice_ ? graph_.cardinality(choice_->variable) : 1;
    set_kinds();
    const Rows rows = support();
    d_.begin.push_back(0);
    d_.next.reserve(rows.stored());
    d_.probability.reserve(rows.stored());
    for (std::size_t x = 0; x < d_.contexts; ++x) {
      for (std::size_t c = 0; c < d_.choices; ++c) {
        if (is_ended_[x] != 0) {
          add_ended_row(c);
        } else {
          add_row(rows, x, c);
        }
        d_.begin.push_back(d_.next.size());
      }
    }
    const auto is_zero = [](double v) { return v == 0.0; };
    if (std::all_of(d_.end_score.begin(), d_.end_score.end(), is_zero)) d_.end_score.clear();
    return std::move(d_);
  }

 private:
  [[noreturn]] static void fail(const std::string& what) {
    throw ModelError("compile_slice: " + what);
  }
  [[nodiscard]] const std::string& name(VariableId v) const { return graph_.variable(v).name; }

  void find_choice() {
    if (graph_.cardinality(from_) != graph_.cardinality(to_)) {
      fail(
          fmt::format("'{}' has {} states and '{}' has {}; a slice that repeats itself leads from "
                      "a variable to "
                      "another of the same kind",
                      name(from_), graph_.cardinality(from_), name(to_), graph_.cardinality(to_)));
    }
    for (const VariableId v : {from_, to_}) {
      if (problem_.node_of[v] == variational::kNoNode)
        fail(fmt::format("'{}' is observed", name(v)));
    }
    for (const Node& node : problem_.nodes) {
      if (node.variable == from_ || node.variable == to_) continue;
      if (choice_ != nullptr) {
        fail(fmt::format(
            "'{}' and '{}' are both unobserved besides '{}' and '{}'; expected one choice at most",
            name(choice_->variable), name(node.variable), name(from_), name(to_)));
      }
      choice_ = &node;
    }
  }

  void check_parents() const {
    const auto check = [this](const Node& node, auto allowed) {
      for (const VariableId parent : node.parents) {
        if (allowed(parent)) continue;
        fail(fmt::format("the conditional of '{}' depends on '{}'; expected the order {}, {}{}",
                         name(node.variable), name(parent), name(from_),
                         choice_ ? name(choice_->variable) + ", " : "", name(to_)));
      }
    };
    check(problem_.node(from_), [](VariableId) { return false; });
    check(problem_.node(to_), [](VariableId) { return true; });
    if (choice_) check(*choice_, [this](VariableId v) { return v == from_; });
  }

  /// An optimised conditional that does not see what its scores depend on is another problem.
  void check_sight() const {
    const Node& next = problem_.node(to_);
    for (const Score& score : problem_.scores) {
      if (std::find(score.scope.begin(), score.scope.end(), to_) == score.scope.end()) continue;
      if (!next.optimised()) break;
      for (const VariableId v : score.scope) {
        if (v != to_ &&
            std::find(next.parents.begin(), next.parents.end(), v) == next.parents.end()) {
          fail(fmt::format("the conditional of '{}' does not see '{}', on which its score depends",
                           name(to_), name(v)));
        }
      }
    }
    if (choice_ != nullptr && choice_->optimised() && choice_->parents.empty()) {
      fail(fmt::format("the choice '{}' does not see '{}'", name(choice_->variable), name(from_)));
    }
  }

  void mark_ended(std::span<const std::size_t> ended) {
    is_ended_.assign(graph_.cardinality(from_), 0);
    for (const std::size_t x : ended) {
      if (x >= is_ended_.size()) {
        fail(fmt::format("ended context {}; '{}' has {} states", x, name(from_), is_ended_.size()));
      }
      is_ended_[x] = 1;
    }
  }

  [[nodiscard]] Reader reader(const Scope& scope, const Table& table) const {
    const std::vector<std::uint64_t> strides = variational::strides_of(table.shape());
    Reader result{&table};
    for (std::size_t i = 0; i < scope.size(); ++i) {
      (scope[i] == from_ ? result.x : scope[i] == to_ ? result.next : result.d) = strides[i];
    }
    return result;
  }

  /// Scores by whether they mention x'; what the conditional of x alone brings is left out.
  void sort_scores() {
    for (const Score& score : problem_.scores) {
      if (!score.factor && !score.found && score.scope == Scope{from_}) continue;
      const bool later =
          std::find(score.scope.begin(), score.scope.end(), to_) != score.scope.end();
      (later ? entry_scores_ : row_scores_).push_back(reader(score.scope, score.table));
    }
  }

  void set_kinds() {
    const Node& next = problem_.node(to_);
    if (next.kind == ConditionalKind::clamped ||
        (next.kind == ConditionalKind::charged && std::isinf(next.weight))) {
      d_.next_kind = NextKind::clamped;
    } else if (next.kind == ConditionalKind::arg_max) {
      d_.next_kind = NextKind::best_case;
    } else {
      d_.next_kind = NextKind::charged;
      d_.rho = next.weight;
    }
    d_.choice_kind = ChoiceKind::arg_max;
    if (!choice_ || choice_->kind == ConditionalKind::arg_max) return;
    d_.choice_kind = ChoiceKind::free;
    d_.weight = choice_->weight;
    if (choice_->kind == ConditionalKind::clamped) {
      d_.choice_kind = ChoiceKind::clamped;
      d_.weight = 0.0;  // its -log q is one of the scores
    } else if (!(d_.weight > 0.0) || std::isinf(d_.weight)) {
      fail(fmt::format("the choice '{}' has weight {}; expected a finite one > 0",
                       name(choice_->variable), d_.weight));
    }
    if (choice_->table) base_ = reader(Problem::scope_of(*choice_), *choice_->table);
  }

  /// The kernel of x'; of a free or arg-max x' without base measure the smallest score that
  /// mentions it, whose zeros are zeros of everything.
  [[nodiscard]] Rows support() {
    const Node& next = problem_.node(to_);
    if (next.table) return rows_of(Problem::scope_of(next), *next.table);
    const Score* smallest = nullptr;
    for (const Score& score : problem_.scores) {
      const bool later =
          std::find(score.scope.begin(), score.scope.end(), to_) != score.scope.end();
      if (later && (smallest == nullptr || score.table.stored() < smallest->table.stored() ||
                    (score.table.is_sparse() && !smallest->table.is_sparse()))) {
        smallest = &score;
      }
    }
    counting_ = true;
    if (smallest != nullptr) return rows_of(smallest->scope, smallest->table);
    return rows_of({to_}, Table::dense({d_.contexts}, std::vector<double>(d_.contexts, 1.0)));
  }

  [[nodiscard]] Rows rows_of(const Scope& scope, const Table& table) const {
    std::vector<std::size_t> kept;
    const auto keep = [&](VariableId v) {
      const auto at = std::find(scope.begin(), scope.end(), v);
      if (at != scope.end()) kept.push_back(static_cast<std::size_t>(at - scope.begin()));
      return at != scope.end();
    };
    const bool has_x = keep(from_);
    const bool has_d = choice_ != nullptr && keep(choice_->variable);
    keep(to_);
    return {variational::arranged(table, kept, {}), has_x, has_d, d_.choices};
  }

  void add_ended_row(std::size_t c) {
    d_.row_score.push_back(c == 0 ? 0.0 : -kInfinity);
    d_.end_probability.push_back(1.0);
    d_.end_score.push_back(0.0);
    if (base_ && d_.choice_kind == ChoiceKind::free) d_.log_base.push_back(0.0);
    if (d_.choice_kind == ChoiceKind::clamped) d_.choice_probability.push_back(c == 0 ? 1.0 : 0.0);
  }

  void add_row(const Rows& rows, std::size_t x, std::size_t c) {
    double score = 0.0;
    for (const Reader& r : row_scores_) score += r.log_at(x, c, 0);
    d_.row_score.push_back(score);
    if (base_ && d_.choice_kind == ChoiceKind::free) d_.log_base.push_back(base_->log_at(x, c, 0));
    if (d_.choice_kind == ChoiceKind::clamped)
      d_.choice_probability.push_back(std::exp(base_->log_at(x, c, 0)));
    end_mass_.clear();
    end_scores_.clear();
    rows.visit(x, c, [&](std::size_t to, double value) {
      const double k = counting_ ? 1.0 : rows.is_log() ? std::exp(value) : value;
      double g = 0.0;
      for (const Reader& r : entry_scores_) g += r.log_at(x, c, to);
      if (g == -kInfinity && d_.next_kind != NextKind::clamped && d_.rho > 0.0) return;
      if (is_ended_[to] != 0) {
        end_mass_.push_back(k);
        end_scores_.push_back(g);
        return;
      }
      d_.next.push_back(static_cast<std::uint32_t>(to));
      d_.probability.push_back(k);
      if (!entry_scores_.empty()) d_.entry_score.push_back(g);
    });
    // Parents that are never reached: not a way out.
    const bool empty = d_.probability.size() == d_.begin.back() && end_mass_.empty();
    if (empty) d_.row_score.back() = -kInfinity;
    add_end();
  }

  /// Several ends are one whose score makes up for it.
  void add_end() {
    double mass = 0.0;
    for (const double k : end_mass_) mass += k;
    double score = 0.0;
    if (mass > 0.0 && d_.next_kind == NextKind::clamped) {
      for (std::size_t i = 0; i < end_mass_.size(); ++i)
        score += end_mass_[i] / mass * end_scores_[i];
    } else if (mass > 0.0 && d_.next_kind == NextKind::best_case) {
      score = *std::max_element(end_scores_.begin(), end_scores_.end());
    } else if (mass > 0.0) {
      std::vector<double> terms;
      for (std::size_t i = 0; i < end_mass_.size(); ++i) {
        terms.push_back(std::log(end_mass_[i] / mass) + end_scores_[i] / d_.rho);
      }
      const double sum = log_sum_exp(terms);
      score = sum == kInfinity ? -kInfinity : d_.rho * sum;
    }
    d_.end_probability.push_back(mass);
    d_.end_score.push_back(score);
  }

  const FactorGraph& graph_;
  VariableId from_;
  VariableId to_;
  Problem problem_;
  const Node* choice_ = nullptr;
  std::vector<char> is_ended_;
  std::vector<Reader> row_scores_;
  std::vector<Reader> entry_scores_;
  std::optional<Reader> base_;
  bool counting_ = false;
  SliceDescription d_;
  std::vector<double> end_mass_;
  std::vector<double> end_scores_;
};

}  // namespace

SliceDescription compile_slice(const FactorGraph& graph, const Evidence& evidence,
                               const Family& family, VariableId from, VariableId to,
                               std::span<const std::size_t> ended) {
  return Compiler(graph, evidence, family, from, to, ended).compile();
}

}  // namespace credo
