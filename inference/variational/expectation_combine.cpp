// The one loop of the dual-number eliminator.
//
// Pairs (p, u) with (p1, u1) (p2, u2) = (p1 p2, p1 u2 + p2 u1) and (p1, u1) + (p2, u2) = (p1 + p2,
// u1 + u2): summing products of them gives both a probability and the expectation of a sum of
// scores (Li and Eisner 2009, expectation semiring). Means instead of u keep scores of any size
// exact next to tiny probabilities. The sparsest operand drives: its stored entries are walked, and
// all joint states of the variables it lacks. Cost: those states x operands.

#include <credo/core/numerics.hpp>
#include <credo/inference/variational/expectation.hpp>
#include <credo/inference/variational/table_arrangement.hpp>

#include <algorithm>

namespace credo::variational {

namespace {

/// An operand as the loop reads it.
struct Reader {
  const DualTable* table;
  std::vector<std::uint64_t> strides;  ///< per loop variable: driven ones first
  std::uint64_t offset = 0;

  /// Adds one entry to the running product; false when it is zero.
  bool read(double& p, double& mean, double& violations) const {
    std::uint64_t at = offset;
    if (table->stored) {
      const auto found = std::ranges::lower_bound(*table->stored, offset);
      if (found == table->stored->end() || *found != offset) return false;
      at = static_cast<std::uint64_t>(found - table->stored->begin());
    }
    return read_place(at, p, mean, violations);
  }

  bool read_place(std::uint64_t at, double& p, double& mean, double& violations) const {
    if (!table->p.empty()) p *= table->p[at];
    if (!table->mean.empty()) mean += table->mean[at];
    if (!table->violations.empty()) violations += table->violations[at];
    return p > 0.0;
  }
};

class Combination {
 public:
  Combination(const FactorGraph& graph, const Scope& cluster,
              std::span<const DualTable* const> operands, const Scope& kept)
      : graph_(graph) {
    pick_driver(cluster, operands);
    for (const DualTable* table : operands) {
      if (table != driver_) readers_.push_back({table, strides_of_loop(table->scope), 0});
      if (!table->violations.empty()) counts_violations_ = true;
    }
    out_strides_ = strides_of_loop(kept);
    const std::uint64_t size = saturating_product(graph.shape_of(kept));
    result_.scope = kept;
    result_.p.assign(size, 0.0);
    result_.mean.assign(size, 0.0);
    if (counts_violations_) result_.violations.assign(size, 0.0);
  }

  DualTable run() {
    if (driver_ == nullptr) {
      walk_rest(1.0, 0.0, 0.0);
    } else {
      walk_driver();
    }
    finish();
    return std::move(result_);
  }

 private:
  void pick_driver(const Scope& cluster, std::span<const DualTable* const> operands) {
    double best = 1.0;
    for (const DualTable* table : operands) {
      if (!table->stored) continue;
      const double density = static_cast<double>(table->stored->size()) /
                             static_cast<double>(saturating_product(graph_.shape_of(table->scope)));
      if (driver_ != nullptr && density >= best) continue;
      driver_ = table;
      best = density;
    }
    if (driver_ != nullptr) loop_ = driver_->scope;
    driven_ = loop_.size();
    for (const VariableId v : cluster) {
      if (std::ranges::find(loop_, v) == loop_.end()) loop_.push_back(v);
    }
    extents_ = graph_.shape_of(loop_);
  }

  [[nodiscard]] std::vector<std::uint64_t> strides_of_loop(const Scope& scope) const {
    const std::vector<std::uint64_t> own = strides_of(graph_.shape_of(scope));
    std::vector<std::uint64_t> strides;
    for (const VariableId v : loop_) {
      const auto at = std::ranges::find(scope, v);
      strides.push_back(at == scope.end() ? 0 : own[static_cast<std::size_t>(at - scope.begin())]);
    }
    return strides;
  }

  void walk_driver() {
    const std::vector<std::uint64_t> own = strides_of(graph_.shape_of(driver_->scope));
    const Reader driver{driver_, {}, 0};
    for (std::size_t e = 0; e < driver_->stored->size(); ++e) {
      double p = 1.0;
      double mean = 0.0;
      double violations = 0.0;
      if (!driver.read_place(e, p, mean, violations)) continue;
      for (Reader& reader : readers_) reader.offset = 0;
      out_offset_ = 0;
      for (std::size_t d = 0; d < driven_; ++d) {
        const std::uint64_t state = (*driver_->stored)[e] / own[d] % extents_[d];
        for (Reader& reader : readers_) reader.offset += state * reader.strides[d];
        out_offset_ += state * out_strides_[d];
      }
      walk_rest(p, mean, violations);
    }
  }

  /// All joint states of the variables that are not driven; offsets end where they began.
  void walk_rest(double p0, double mean0, double violations0) {
    states_.assign(loop_.size(), 0);
    while (true) {
      visit(p0, mean0, violations0);
      std::size_t d = loop_.size();
      while (d > driven_) {
        --d;
        if (++states_[d] < extents_[d]) {
          move(d, 1);
          break;
        }
        move(d, 1 - extents_[d]);
        states_[d] = 0;
        if (d == driven_) return;
      }
      if (d == loop_.size()) return;
    }
  }

  /// Unsigned wrap-around is what a step back needs.
  void move(std::size_t d, std::uint64_t by) {
    for (Reader& reader : readers_) reader.offset += by * reader.strides[d];
    out_offset_ += by * out_strides_[d];
  }

  void visit(double p, double mean, double violations) {
    for (const Reader& reader : readers_) {
      if (!reader.read(p, mean, violations)) return;
    }
    result_.p[out_offset_] += p;
    result_.mean[out_offset_] += p * mean;
    if (counts_violations_) result_.violations[out_offset_] += p * violations;
  }

  void finish() {
    const double largest = result_.p.empty() ? 0.0 : *std::ranges::max_element(result_.p);
    for (std::size_t i = 0; i < result_.p.size(); ++i) {
      double& p = result_.p[i];
      if (p == 0.0) continue;
      result_.mean[i] /= p;
      if (counts_violations_) result_.violations[i] /= p;
      p /= largest;
    }
  }

  const FactorGraph& graph_;
  const DualTable* driver_ = nullptr;
  Scope loop_;
  std::size_t driven_ = 0;
  std::vector<std::size_t> extents_;
  std::vector<std::size_t> states_;
  std::vector<Reader> readers_;
  std::vector<std::uint64_t> out_strides_;
  std::uint64_t out_offset_ = 0;
  bool counts_violations_ = false;
  DualTable result_;
};

}  // namespace

DualTable combine(const FactorGraph& graph, const Scope& cluster,
                  std::span<const DualTable* const> operands, const Scope& kept) {
  return Combination(graph, cluster, operands, kept).run();
}

}  // namespace credo::variational
