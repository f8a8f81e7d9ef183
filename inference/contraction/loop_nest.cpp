// Choosing loops.
//
// The run is the innermost loop, done eight lanes at a time, so it should be
// long, contiguous or broadcast in every operand, and kept (vertical: no
// horizontal sums) rather than reduced. Candidates are the contiguous tails of
// the operands as they lie; when none is long enough and the contraction is
// big, the largest class of indices that belong to exactly the same operands
// becomes the run and those operands are copied once to suit it.
//
// Outputs are laid out by rank (indices that leave the tree soonest are
// outermost), so that the consumer's run tends to be contiguous already.
// Cost: a few microseconds per contraction; programs are compiled once.

#include <credo/core/numerics.hpp>
#include <credo/inference/contraction/loop_nest.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

namespace credo::contraction {

namespace {

constexpr std::int64_t kVectorWidth = 8;
// A run this long keeps every lane busy; longer ones gain nothing.
constexpr std::int64_t kLongRun = 64;
constexpr std::int64_t kLongestRun = 2048;
constexpr std::int64_t kTableLimit = 1024;
// Below this many joint states copying cannot pay for its overhead.
constexpr double kRepackWorth = 512.0;

struct Candidate {
  std::vector<IndexExtent> run;  // outermost first
  std::int64_t extent = 1;
  bool horizontal = false;
  bool repack = false;
  double cost = 0.0;
};

/// Time per joint state relative to one scalar step.
double lane_cost(std::int64_t extent, bool horizontal) {
  const std::int64_t blocks = extent / kVectorWidth;
  const std::int64_t tail = extent % kVectorWidth;
  const double steps =
      static_cast<double>(blocks) * 1.3 + static_cast<double>(tail) + (horizontal ? 4.0 : 0.0);
  return steps / static_cast<double>(extent);
}

double total_states(std::span<const IndexExtent> kept, std::span<const IndexExtent> reduced) {
  double states = 1.0;
  for (const IndexExtent& i : kept) states *= static_cast<double>(i.extent);
  for (const IndexExtent& i : reduced) states *= static_cast<double>(i.extent);
  return states;
}

class RunChooser {
 public:
  RunChooser(std::span<const Layout> operands, std::span<const IndexExtent> kept,
             std::span<const IndexExtent> reduced)
      : operands_(operands), kept_(kept), reduced_(reduced), states_(total_states(kept, reduced)) {}

  Candidate choose() {
    const bool batched = find(kept_, kLane) != nullptr;
    best_.cost = batched ? kInfinity : states_ * 1.5;
    for (const Layout& operand : operands_) {
      // Lanes lie innermost in every table that has them, and so they must in the output.
      if (batched && operand.stride_of(kLane) == 0) continue;
      consider_tail(operand, kept_, false);
      if (!batched) consider_tail(operand, reduced_, true);
    }
    if (batched) return best_;
    if (states_ >= kRepackWorth && best_.extent < kLongRun / 2) {
      consider_classes(kept_, false);
      consider_classes(reduced_, true);
    }
    if (best_.run.empty()) take_any();
    return best_;
  }

 private:
  [[nodiscard]] double cost_of(std::int64_t extent, bool horizontal) const {
    return states_ * lane_cost(extent, horizontal);
  }

  void offer(Candidate candidate) {
    if (candidate.cost < best_.cost) best_ = std::move(candidate);
  }

  static const IndexExtent* find(std::span<const IndexExtent> among, IndexId index) {
    const auto at = std::ranges::find(among, index, &IndexExtent::index);
    return at == among.end() ? nullptr : &*at;
  }

  /// Grows a run from the contiguous tail of one operand while every other
  /// operand agrees, and offers each length.
  void consider_tail(const Layout& operand, std::span<const IndexExtent> among, bool horizontal) {
    Candidate candidate;
    candidate.horizontal = horizontal;
    while (candidate.extent < kLongestRun) {
      const IndexExtent* next = nullptr;
      for (std::size_t i = 0; i < operand.indices.size(); ++i) {
        if (operand.strides[i] == candidate.extent) next = find(among, operand.indices[i]);
        if (next != nullptr) break;
      }
      if (next == nullptr || !agrees(*next, candidate)) return;
      candidate.run.insert(candidate.run.begin(), *next);
      candidate.extent *= next->extent;
      candidate.cost = cost_of(candidate.extent, horizontal);
      offer(candidate);
    }
  }

  /// Whether adding the index keeps every operand contiguous or broadcast along the run.
  [[nodiscard]] bool agrees(const IndexExtent& next, const Candidate& candidate) const {
    return std::ranges::all_of(operands_, [&](const Layout& operand) {
      const std::int64_t stride = operand.stride_of(next.index);
      if (candidate.run.empty()) return stride == 0 || stride == 1;
      const bool vector = operand.stride_of(candidate.run.back().index) != 0;
      return vector ? stride == candidate.extent : stride == 0;
    });
  }

  [[nodiscard]] std::uint32_t members(IndexId index) const {
    std::uint32_t mask = 0;
    for (std::size_t i = 0; i < operands_.size(); ++i) {
      if (operands_[i].stride_of(index) != 0) mask |= 1U << i;
    }
    return mask;
  }

  /// Indices of the same operands, innermost ranks first; their operands get copied.
  void consider_classes(std::span<const IndexExtent> among, bool horizontal) {
    std::map<std::uint32_t, std::vector<IndexExtent>> classes;
    for (const IndexExtent& index : among) classes[members(index.index)].push_back(index);
    for (auto& [mask, indices] : classes) {
      std::ranges::sort(indices, std::ranges::greater{}, &IndexExtent::rank);
      Candidate candidate;
      candidate.horizontal = horizontal;
      candidate.repack = true;
      for (const IndexExtent& index : indices) {
        if (candidate.extent >= kLongRun || candidate.extent * index.extent > kLongestRun) break;
        candidate.run.insert(candidate.run.begin(), index);
        candidate.extent *= index.extent;
      }
      if (candidate.run.empty()) continue;
      candidate.cost = cost_of(candidate.extent, horizontal);
      for (std::size_t i = 0; i < operands_.size(); ++i) {
        if ((mask >> i & 1U) != 0) candidate.cost += 1.5 * entries(operands_[i]);
      }
      offer(candidate);
    }
  }

  [[nodiscard]] double entries(const Layout& operand) const {
    double count = 1.0;
    for (const IndexId index : operand.indices) {
      const IndexExtent* found = find(kept_, index);
      if (found == nullptr) found = find(reduced_, index);
      if (found != nullptr) count *= static_cast<double>(found->extent);
    }
    return count;
  }

  /// Any innermost index: scalar steps.
  void take_any() {
    const auto& among = kept_.empty() ? reduced_ : kept_;
    best_.horizontal = kept_.empty();
    if (among.empty() || best_.horizontal) return;
    const auto inner = std::ranges::max_element(among, {}, &IndexExtent::rank);
    best_.run = {*inner};
    best_.extent = inner->extent;
  }

  std::span<const Layout> operands_;
  std::span<const IndexExtent> kept_;
  std::span<const IndexExtent> reduced_;
  double states_;
  Candidate best_;
};

void remove_run(std::vector<IndexExtent>& from, const std::vector<IndexExtent>& run) {
  std::erase_if(from, [&run](const IndexExtent& index) {
    return std::ranges::find(run, index.index, &IndexExtent::index) != run.end();
  });
}

Loop loop_over(const IndexExtent& index, std::span<const Layout> operands, const Layout* out) {
  Loop loop;
  loop.extent = index.extent;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    loop.stride[i] = operands[i].stride_of(index.index);
  }
  loop.out_stride = out == nullptr ? 0 : out->stride_of(index.index);
  return loop;
}

/// Joins neighbouring loops that step evenly through every table.
void join_loops(std::vector<Loop>& loops, std::size_t operands) {
  for (std::size_t d = loops.size(); d-- > 1;) {
    Loop& outer = loops[d - 1];
    const Loop& inner = loops[d];
    bool even = outer.out_stride == inner.out_stride * inner.extent;
    for (std::size_t i = 0; i < operands; ++i) {
      even = even && outer.stride[i] == inner.stride[i] * inner.extent;
    }
    if (!even) continue;
    Loop joined = inner;
    joined.extent *= outer.extent;
    outer = joined;
    loops.erase(loops.begin() + static_cast<std::ptrdiff_t>(d));
  }
}

/// The run as one loop: every operand is contiguous, broadcast, or has one index of it.
Loop run_loop(const Candidate& chosen, std::span<const Layout> operands, const Layout& out) {
  Loop run;
  if (chosen.run.empty()) return run;
  run = loop_over(chosen.run.back(), operands, &out);
  run.extent = chosen.extent;
  return run;
}

/// Offsets of one operand at every joint state of the loops, the last one fastest.
std::vector<std::int64_t> offsets(const std::vector<Loop>& loops, std::size_t operand) {
  std::vector<std::int64_t> result(1, 0);
  for (const Loop& loop : loops) {
    std::vector<std::int64_t> grown;
    grown.reserve(result.size() * static_cast<std::size_t>(loop.extent));
    for (const std::int64_t base : result) {
      for (std::int64_t x = 0; x < loop.extent; ++x) {
        grown.push_back(base + x * loop.stride[operand]);
      }
    }
    result = std::move(grown);
  }
  return result;
}

/// Offsets of the innermost reduced indices, up to kTableLimit of them; the rest stay loops.
void fill_reduced(LoopNest& nest, std::span<const Layout> operands,
                  std::vector<IndexExtent> reduced) {
  std::ranges::sort(reduced, {}, &IndexExtent::rank);
  std::vector<Loop> table_loops;
  while (!reduced.empty() && nest.table_size * reduced.back().extent <= kTableLimit) {
    nest.table_size *= reduced.back().extent;
    table_loops.insert(table_loops.begin(), loop_over(reduced.back(), operands, nullptr));
    reduced.pop_back();
  }
  for (const IndexExtent& index : reduced) {
    nest.reduce.push_back(loop_over(index, operands, nullptr));
  }
  join_loops(nest.reduce, operands.size());
  for (std::size_t i = 0; i < operands.size(); ++i) nest.table[i] = offsets(table_loops, i);
}

void fill_outer(LoopNest& nest, std::span<const Layout> operands, std::vector<IndexExtent> kept) {
  std::ranges::sort(kept, [&nest](const IndexExtent& a, const IndexExtent& b) {
    return nest.out.stride_of(a.index) > nest.out.stride_of(b.index);
  });
  for (const IndexExtent& index : kept) {
    nest.outer.push_back(loop_over(index, operands, &nest.out));
    nest.outer_total *= index.extent;
  }
  join_loops(nest.outer, operands.size());
}

/// The operand's indices, those of the run innermost.
Layout repacked(const Layout& operand, const Candidate& chosen, std::span<const IndexExtent> all) {
  std::vector<IndexExtent> order;
  for (const IndexExtent& index : all) {
    const bool in_run =
        std::ranges::find(chosen.run, index.index, &IndexExtent::index) != chosen.run.end();
    if (operand.stride_of(index.index) != 0 && !in_run) order.push_back(index);
  }
  std::ranges::sort(order, {}, &IndexExtent::rank);
  order.insert(order.end(), chosen.run.begin(), chosen.run.end());
  return contiguous(order);
}

bool fits_run(const Layout& operand, const Candidate& chosen) {
  std::int64_t expected = 1;
  for (std::size_t i = chosen.run.size(); i-- > 0;) {
    if (operand.stride_of(chosen.run[i].index) != expected) return false;
    expected *= chosen.run[i].extent;
  }
  return true;
}

}  // namespace

std::int64_t Layout::stride_of(IndexId index) const {
  for (std::size_t i = 0; i < indices.size(); ++i) {
    if (indices[i] == index) return strides[i];
  }
  return 0;
}

bool Layout::has(IndexId index) const { return std::ranges::find(indices, index) != indices.end(); }

Layout contiguous(std::span<const IndexExtent> indices) {
  Layout layout;
  layout.indices.resize(indices.size());
  layout.strides.resize(indices.size());
  std::int64_t stride = 1;
  for (std::size_t i = indices.size(); i-- > 0;) {
    layout.indices[i] = indices[i].index;
    layout.strides[i] = stride;
    stride *= indices[i].extent;
  }
  return layout;
}

LoopNest plan_loops(std::span<const Layout> operands, std::vector<IndexExtent> kept,
                    std::vector<IndexExtent> reduced) {
  LoopNest nest;
  nest.operations = total_states(kept, reduced) *
                    static_cast<double>(std::max<std::size_t>(1, operands.size() - 1));
  const Candidate chosen = RunChooser(operands, kept, reduced).choose();
  std::vector<IndexExtent> all = kept;
  all.insert(all.end(), reduced.begin(), reduced.end());
  nest.repack.resize(operands.size());
  std::vector<Layout> used(operands.begin(), operands.end());
  for (std::size_t i = 0; chosen.repack && i < operands.size(); ++i) {
    if (operands[i].stride_of(chosen.run.back().index) == 0 || fits_run(operands[i], chosen)) {
      continue;
    }
    nest.repack[i] = repacked(operands[i], chosen, all);
    used[i] = nest.repack[i];
  }
  std::ranges::sort(kept, {}, &IndexExtent::rank);
  std::vector<IndexExtent> out = kept;
  for (const IndexExtent& index : kept) nest.out_entries *= index.extent;
  if (!chosen.horizontal) {
    remove_run(out, chosen.run);
    out.insert(out.end(), chosen.run.begin(), chosen.run.end());
    remove_run(kept, chosen.run);
  } else {
    remove_run(reduced, chosen.run);
  }
  nest.out = contiguous(out);
  nest.horizontal = chosen.horizontal;
  nest.run = run_loop(chosen, used, nest.out);
  fill_outer(nest, used, std::move(kept));
  fill_reduced(nest, used, std::move(reduced));
  return nest;
}

LoopNest plan_copy(const Layout& from, const Layout& to, std::span<const IndexExtent> indices) {
  LoopNest nest;
  nest.out = to;
  const std::span<const Layout> operands(&from, 1);
  std::vector<IndexExtent> kept;
  for (const IndexExtent& index : indices) {
    if (to.has(index.index)) kept.push_back(index);
  }
  for (const IndexExtent& index : kept) nest.out_entries *= index.extent;
  nest.operations = static_cast<double>(nest.out_entries);
  // The innermost indices of the new layout become one run of offsets.
  std::ranges::sort(kept, [&to](const IndexExtent& a, const IndexExtent& b) {
    return to.stride_of(a.index) > to.stride_of(b.index);
  });
  std::vector<Loop> run;
  while (!kept.empty() && (run.empty() || nest.run.extent * kept.back().extent <= kTableLimit)) {
    nest.run.extent *= kept.back().extent;
    run.insert(run.begin(), loop_over(kept.back(), operands, &to));
    kept.pop_back();
  }
  nest.run.out_stride = 1;
  nest.gather = true;
  nest.table[0] = offsets(run, 0);
  fill_outer(nest, operands, std::move(kept));
  return nest;
}

}  // namespace credo::contraction
