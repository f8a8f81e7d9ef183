// Running a program.
//
// Linear arithmetic keeps every table as entries times one power of two (per
// lane), exact to multiply and to undo. A product of entries could still leave
// the range of a double; two tests decide, from the exponents that bound every
// table, that no digit was lost:
//   before: the smallest product any part of a term can have is a normal number; else
//   after:  no output is zero and the smallest is so large that the terms that
//           may have vanished (each below 2^-1022) are below its last bit.
// When neither holds the run stops and is repeated with logarithms, so a true
// zero and a small number are never confused. Overflow is excluded the same way:
// in products before (infinity times zero would be no number), in sums after.

#include <credo/core/numerics.hpp>
#include <credo/inference/contraction/execution.hpp>
#include <credo/inference/contraction/work_sharing.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numbers>

namespace credo::contraction {

namespace {

constexpr int kSmallestSafeProduct = -1000;
constexpr int kLargestSafeProduct = 960;
constexpr int kSmallestSafeOutput = -900;
// Tables whose largest entry stays within these exponents keep their scale.
constexpr int kLazyExponent = 64;
// Multiplications in a piece of work for one thread.
constexpr double kPieceOperations = 4e6;
// Entries of a table that are looked through between two looks at the clock.
constexpr std::int64_t kPieceEntries = std::int64_t{1} << 19U;
// Below this many multiplications threads cost more than they bring.
constexpr double kThreadOperations = 2e7;

int exponent_of(double x) {
  int exponent = 0;
  std::frexp(x, &exponent);
  return exponent;
}

}  // namespace

Execution::Execution(const Program& program, const ReducedModel& model,
                     std::span<const Evidence* const> evidences,
                     std::span<const LeafValues> static_leaves, std::size_t threads,
                     Monitor& monitor)
    : program_(program),
      model_(model),
      lanes_(program.options.lanes),
      threads_(threads),
      arena_(program.arena_entries),
      data_(program.slots.size(), nullptr),
      entries_(program.slots.size(), 1),
      scale_(program.slots.size() * lanes_, 0.0),
      range_(program.slots.size() * lanes_),
      monitor_(monitor) {
  for (std::size_t s = 0; s < program.slots.size(); ++s) {
    entries_[s] = program.slots[s].entries;
    if (!program.slots[s].is_leaf) data_[s] = arena_.data() + program.slots[s].offset;
  }
  bind_leaves(evidences, static_leaves);
}

void Execution::bind_leaves(std::span<const Evidence* const> evidences,
                            std::span<const LeafValues> static_leaves) {
  LeafCache cache;
  cache.monitor = &monitor_;
  leaves_.resize(program_.leaves.size());
  leaf_of_slot_.assign(program_.slots.size(), 0);
  for (std::size_t l = 0; l < leaves_.size(); ++l) {
    const LeafPlan& plan = program_.leaves[l];
    leaf_of_slot_[plan.slot] = l;
    leaves_[l] = !plan.varies && !static_leaves.empty()
                     ? static_leaves[l]
                     : bind_leaf(program_, model_, l, evidences, cache);
    // Leaves are only read; the kernels' interface takes one kind of pointer.
    data_[plan.slot] = const_cast<double*>(leaves_[l].data);
    for (std::size_t lane = 0; lane < lanes_; ++lane) {
      scale_[plan.slot * lanes_ + lane] = leaves_[l].scale;
      range_[plan.slot * lanes_ + lane] = leaves_[l].range;
    }
  }
}

Outcome Execution::run(bool upward_only) {
  constexpr double kOperationsOfCall = 100.0;
  const std::size_t end = upward_only ? program_.upward_count : program_.instructions.size();
  const double total = std::max(1.0, program_.operations);
  double done = 0.0;
  monitor_.check("contract", 0.0);
  for (std::size_t i = 0; i < end; ++i) {
    const Instruction& instruction = program_.instructions[i];
    fraction_ = done / total;
    spend(kOperationsOfCall + std::min(instruction.operations, kPieceOperations));
    const ExponentRange product = product_range(instruction);
    if (product.largest > kLargestSafeProduct) return Outcome::range_exceeded;
    const bool safe = product.smallest >= kSmallestSafeProduct;
    if (instruction.sparse) {
      run_sparse(instruction);
    } else {
      run_dense(instruction);
    }
    done += instruction.operations;
    inherit_scale(instruction);
    if (!instruction.copy && rescale(instruction, safe) == Outcome::range_exceeded) {
      return Outcome::range_exceeded;
    }
  }
  return Outcome::done;
}

/// Exponents that bound the product of any of the operands' entries: a large factor does not
/// make up for an underflow on the way.
ExponentRange Execution::product_range(const Instruction& instruction) const {
  ExponentRange product;
  if (instruction.copy || program_.options.arithmetic == Arithmetic::log) return product;
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    ExponentRange of_lane;
    for (const std::uint32_t s : instruction.operands) {
      of_lane.smallest += std::min(0, range_[s * lanes_ + lane].smallest);
      of_lane.largest += std::max(0, range_[s * lanes_ + lane].largest);
    }
    product.smallest = std::min(product.smallest, of_lane.smallest);
    product.largest = std::max(product.largest, of_lane.largest);
  }
  return product;
}

void Execution::run_dense(const Instruction& instruction) {
  const LoopNest& nest = instruction.nest;
  DenseCall call;
  call.operand_count = static_cast<int>(instruction.operands.size());
  for (std::size_t i = 0; i < instruction.operands.size(); ++i) {
    call.operand[i] = data_[instruction.operands[i]];
    call.table[i] = nest.table[i].data();
  }
  call.out = data_[instruction.out];
  call.maximise = instruction.maximise;
  call.arithmetic = program_.options.arithmetic;
  call.outer_count = static_cast<int>(nest.outer.size());
  call.outer = nest.outer.data();
  call.reduce_count = static_cast<int>(nest.reduce.size());
  call.reduce = nest.reduce.data();
  call.table_size = nest.table_size;
  call.run = nest.run;
  call.horizontal = nest.horizontal;
  call.gather = nest.gather;
  if (threads_ > 1 && instruction.operations >= kThreadOperations) {
    if (!run_shared(call, instruction)) throw Stopped{monitor_.stopped()};
    return;
  }
  call.outer_end = nest.outer_total;
  call.pulse = {[](void* self) { return static_cast<Execution*>(self)->may_continue(); }, this};
  kernels().dense(call);
  if (monitor_.stopped() != Status::ok) throw Stopped{monitor_.stopped()};
}

/// False when the monitor said no.
bool Execution::run_shared(const DenseCall& call, const Instruction& instruction) {
  const std::int64_t total = instruction.nest.outer_total;
  const auto piece = static_cast<std::int64_t>(
      std::max(1.0, kPieceOperations / instruction.operations * static_cast<double>(total)));
  const auto run_piece = [&](std::int64_t index, const Pulse& pulse) {
    DenseCall part = call;
    part.outer_begin = index * piece;
    part.outer_end = std::min(total, part.outer_begin + piece);
    part.pulse = pulse;
    kernels().dense(part);
  };
  return share_out((total + piece - 1) / piece, threads_, [this] { return may_continue(); },
                   run_piece);
}

const std::vector<std::int64_t>& Execution::row_offsets(const SparseValues& pattern,
                                                        const Scope& scope, const Layout& layout) {
  std::string key = fmt::format("{}", fmt::ptr(&pattern));
  for (const VariableId v : scope) {
    fmt::format_to(std::back_inserter(key), ",{}", layout.stride_of(v));
  }
  const auto found = row_offsets_.find(key);
  if (found != row_offsets_.end()) return found->second;
  std::vector<std::int64_t> offsets;
  offsets.reserve(pattern.row_index.size());
  for (const std::uint64_t row : pattern.row_index) {
    spend(static_cast<double>(scope.size()));
    std::uint64_t rest = row;
    std::int64_t offset = 0;
    for (std::size_t d = scope.size(); d-- > 1;) {
      offset +=
          layout.stride_of(scope[d - 1]) * static_cast<std::int64_t>(rest % pattern.shape[d - 1]);
      rest /= pattern.shape[d - 1];
    }
    offsets.push_back(offset);
  }
  return row_offsets_.emplace(std::move(key), std::move(offsets)).first->second;
}

void Execution::run_sparse(const Instruction& instruction) {
  const Arithmetic arithmetic = program_.options.arithmetic;
  const std::uint32_t sparse_slot = instruction.operands[0];
  const auto leaf = leaf_of_slot_[sparse_slot];
  const SparseValues* pattern = leaves_[leaf].sparse.get();
  assert(pattern != nullptr);
  const Scope& scope = program_.tree.leaves[leaf].scope;
  const VariableId last = scope.back();
  SparseCall call;
  call.operand_count = static_cast<int>(instruction.operands.size());
  call.maximise = instruction.maximise;
  call.arithmetic = arithmetic;
  call.row_count = static_cast<std::int64_t>(pattern->row_index.size());
  call.row_begin = pattern->row_begin.data();
  call.column = pattern->column.data();
  call.operand[0] = pattern->values.data();
  for (std::size_t i = 1; i < instruction.operands.size(); ++i) {
    const std::uint32_t s = instruction.operands[i];
    const Layout& layout = program_.slots[s].layout;
    call.operand[i] = data_[s];
    call.row_offset[i] = row_offsets(*pattern, scope, layout).data();
    call.column_stride[i] = layout.stride_of(last);
  }
  const Layout& out = program_.slots[instruction.out].layout;
  call.out = data_[instruction.out];
  call.out_is_entries = instruction.out_is_entries;
  if (instruction.out_is_entries) {
    entries_[instruction.out] = static_cast<std::int64_t>(pattern->values.size());
  } else {
    call.out_row_offset = row_offsets(*pattern, scope, out).data();
    call.out_column_stride = out.stride_of(last);
  }
  call.out_entries = entries_[instruction.out];
  if (instruction.scratch != kNoSlot) call.scratch = data_[instruction.scratch];
  std::vector<Loop> extra;
  for (const IndexExtent& index : instruction.extra) {
    Loop loop;
    loop.extent = index.extent;
    for (std::size_t i = 1; i < instruction.operands.size(); ++i) {
      loop.stride[i] = program_.slots[instruction.operands[i]].layout.stride_of(index.index);
    }
    loop.out_stride = out.stride_of(index.index);
    extra.push_back(loop);
  }
  call.extra_count = static_cast<int>(extra.size());
  call.extra = extra.data();
  call.pulse = {[](void* self) { return static_cast<Execution*>(self)->may_continue(); }, this};
  kernels().sparse(call);
  if (monitor_.stopped() != Status::ok) throw Stopped{monitor_.stopped()};
}

void Execution::inherit_scale(const Instruction& instruction) {
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    double scale = 0.0;
    // Aligned with the entries of a sparse table: its own values are not in the product.
    const std::size_t first = instruction.out_is_entries ? 1 : 0;
    for (std::size_t i = first; i < instruction.operands.size(); ++i) {
      scale += scale_[instruction.operands[i] * lanes_ + lane];
    }
    scale_[instruction.out * lanes_ + lane] = scale;
    if (instruction.copy) {
      range_[instruction.out * lanes_ + lane] = range_[instruction.operands[0] * lanes_ + lane];
    }
  }
}

Outcome Execution::rescale(const Instruction& instruction, bool safe) {
  const bool lanes = program_.slots[instruction.out].lanes;
  const std::size_t count = lanes ? lanes_ : 1;
  for (std::size_t lane = 0; lane < count; ++lane) {
    if (rescale_lane(instruction.out, lane, count, safe) == Outcome::range_exceeded) {
      return Outcome::range_exceeded;
    }
  }
  for (std::size_t lane = count; lane < lanes_; ++lane) {
    scale_[instruction.out * lanes_ + lane] = scale_[instruction.out * lanes_];
    range_[instruction.out * lanes_ + lane] = range_[instruction.out * lanes_];
  }
  return Outcome::done;
}

/// In pieces, between which the clock is looked at.
Extent Execution::extent_of(std::uint32_t slot, std::size_t lane, std::size_t lanes) {
  const Arithmetic arithmetic = program_.options.arithmetic;
  const double zero = arithmetic == Arithmetic::log ? -kInfinity : 0.0;
  const auto step = static_cast<std::int64_t>(lanes);
  const std::int64_t piece = kPieceEntries / step * step;
  Extent whole{zero, zero, false};
  for (std::int64_t begin = 0; begin < entries_[slot]; begin += piece) {
    const std::int64_t length = std::min(piece, entries_[slot] - begin);
    spend(static_cast<double>(length));
    const Extent part = kernels().extent(data_[slot] + begin, length,
                                         static_cast<std::int64_t>(lane), step, arithmetic);
    whole.has_zero = whole.has_zero || part.has_zero;
    if (part.largest == zero) continue;
    const bool first = whole.largest == zero;
    whole.smallest_nonzero =
        first ? part.smallest_nonzero : std::min(whole.smallest_nonzero, part.smallest_nonzero);
    whole.largest = std::max(whole.largest, part.largest);
  }
  return whole;
}

template <typename Change>
void Execution::change_entries(std::uint32_t slot, std::size_t lane, std::size_t lanes,
                               const Change& change) {
  double* x = data_[slot];
  const auto step = static_cast<std::int64_t>(lanes);
  const std::int64_t piece = kPieceEntries / step * step;
  for (std::int64_t begin = 0; begin < entries_[slot]; begin += piece) {
    const std::int64_t end = std::min(entries_[slot], begin + piece);
    spend(static_cast<double>(end - begin));
    for (auto i = begin + static_cast<std::int64_t>(lane); i < end; i += step) x[i] = change(x[i]);
  }
}

Outcome Execution::rescale_lane(std::uint32_t slot, std::size_t lane, std::size_t lanes,
                                bool safe) {
  const Arithmetic arithmetic = program_.options.arithmetic;
  const Extent extent = extent_of(slot, lane, lanes);
  double& scale = scale_[slot * lanes_ + lane];
  if (arithmetic == Arithmetic::log) {
    if (extent.largest == -kInfinity || extent.largest == 0.0) return Outcome::done;
    change_entries(slot, lane, lanes, [&extent](double x) { return x - extent.largest; });
    scale += extent.largest;
    return Outcome::done;
  }
  ExponentRange& range = range_[slot * lanes_ + lane];
  if (!(extent.largest <= std::ldexp(1.0, kLargestSafeProduct))) return Outcome::range_exceeded;
  if (extent.largest == 0.0) {
    range = {};
    return safe ? Outcome::done : Outcome::range_exceeded;
  }
  const int largest = exponent_of(extent.largest);
  const int smallest = exponent_of(extent.smallest_nonzero) - 1;
  if (!safe && (extent.has_zero || smallest < kSmallestSafeOutput)) return Outcome::range_exceeded;
  range = {smallest, largest};
  if (largest > -kLazyExponent && largest < kLazyExponent) return Outcome::done;
  if (smallest - largest < kSmallestSafeProduct) return Outcome::range_exceeded;
  // Two exact factors: one power of two could itself leave the range.
  const double half = std::ldexp(1.0, -(largest / 2));
  const double rest = std::ldexp(1.0, -(largest - largest / 2));
  change_entries(slot, lane, lanes, [half, rest](double x) { return x * half * rest; });
  scale += largest;
  range = {smallest - largest, 0};
  return Outcome::done;
}

double Execution::log_value(std::uint32_t slot, std::int64_t entry, std::size_t lane) const {
  const auto at = entry + static_cast<std::int64_t>(program_.slots[slot].lanes ? lane : 0);
  const double x = data_[slot][at];
  const double exponent = scale(slot, lane);
  return program_.options.arithmetic == Arithmetic::log
             ? x + exponent
             : std::log(x) + exponent * std::numbers::ln2;
}

double Execution::log_z(std::size_t lane) const {
  CompensatedSum sum;
  for (const std::uint32_t root : program_.roots) {
    const double value = log_value(root, 0, lane);
    if (value == -kInfinity) return -kInfinity;
    sum.add(value);
  }
  return sum.value();
}

}  // namespace credo::contraction
