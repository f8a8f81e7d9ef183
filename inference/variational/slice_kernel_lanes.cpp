// The loops of a batch of slices that share a kernel, eight settings at a time: lanes are settings,
// and the kernel's entries are broadcast. Compiled like slice_kernel_variant.cpp.

#include <credo/inference/variational/slice_kernel_charged.hpp>

namespace credo::slice_kernel::CREDO_KERNEL_VARIANT {

namespace {

/// One row of a batch of eight lanes.
struct LaneRow {
  const SliceCall* call;
  const double* message;  ///< contexts x 8
  Index begin;            ///< first entry; the next is kGroup further
  Index length;
  Index row;  ///< place in row arrays

  [[nodiscard]] Vector probability(Index j) const {
    return splat(call->probability[begin + j * kGroup]);
  }
  [[nodiscard]] Vector log_probability(Index j) const {
    return splat(call->log_probability[begin + j * kGroup]);
  }
  [[nodiscard]] bool is_padding(Index j) const {
    return call->probability[begin + j * kGroup] == 0.0;
  }
  [[nodiscard]] Vector there(Index j) const {
    return load(message + static_cast<Index>(call->next[begin + j * kGroup]) * kGroup);
  }
  /// g + V.
  [[nodiscard]] Vector reached(Index j) const {
    return call->entry_score == nullptr ? there(j)
                                        : there(j) + call->entry_score[begin + j * kGroup];
  }
  [[nodiscard]] Vector end_probability() const {
    return splat(call->end_probability == nullptr ? 0.0 : call->end_probability[row]);
  }
  [[nodiscard]] Vector end_score() const {
    return splat(call->end_score == nullptr ? 0.0 : call->end_score[row]);
  }
};

struct LaneExpectation {
  static Vector next(const LaneRow& row) {
    const double* probability = row.call->probability + row.begin;
    const std::uint32_t* next = row.call->next + row.begin;
    Vector sum = splat(0.0);
    for (Index j = 0; j < row.length; ++j) {
      const double k = probability[j * kGroup];
      const Vector v = load(row.message + static_cast<Index>(next[j * kGroup]) * kGroup);
      sum += k > 0.0 ? k * v : splat(0.0);
    }
    return sum;
  }
};

template <typename Sum>
struct LanePowerMean {
  static Vector next(const LaneRow& row) { return power_mean<Sum>(row, load(row.call->lane_rho)); }
};
struct LanePowerMeanOfLogs {
  static Vector next(const LaneRow& row) {
    return power_mean_of_logs(row, load(row.call->lane_rho));
  }
};

/// max of g + V, or of log k + g + V.
template <bool Weighted>
struct LaneBest {
  static Vector next(const LaneRow& row) {
    const Vector end = row.end_probability();
    Vector best = splat(kMinusInfinity);
    if (end[0] > 0.0) best = row.end_score() + (Weighted ? log_any(end) : splat(0.0));
    for (Index j = 0; j < row.length; ++j) {
      if (row.is_padding(j)) continue;
      const Vector v = row.reached(j);
      best = larger(Weighted ? v + row.log_probability(j) : v, best);
    }
    return best;
  }
};

/// What adds to the next of a row, per lane.
Vector lane_constant(const SliceCall& call, Index row, Index place) {
  if (call.lane_row_score == nullptr) return splat(call.constant[place]);
  Vector constant = splat(0.0);
  const double* score = call.lane_row_score + row * call.lane_stride;
  if (call.lanes == kGroup) {
    constant = load(score);
  } else {
    for (Index i = 0; i < call.lanes; ++i) constant[i] = score[i];
  }
  return call.row_extra == nullptr ? constant : constant + call.row_extra[place];
}

template <typename NextStep>
void sweep_lanes_with(const SliceCall& call) {
  const Vector weight = load(call.lane_weight);
  const bool even = call.row_length != 0;
  for (Index context = 0; context < call.contexts; ++context) {
    const Index group = context / kGroup;
    const Index lane = context % kGroup;
    for (Index d = 0; d < call.choices; ++d) {
      const Index at = group * call.choices + d;
      const Index begin = even ? at * call.row_length : static_cast<Index>(call.offset[at]);
      const Index end = even ? begin + call.row_length : static_cast<Index>(call.offset[at + 1]);
      const LaneRow row = {&call, call.next_message, begin * kGroup + lane, end - begin,
                           at * kGroup + lane};
      const Vector constant = lane_constant(call, context * call.choices + d, row.row);
      const Vector next = NextStep::next(row);
      store(call.scratch + d * kGroup,
            constant == splat(kMinusInfinity) ? constant : constant + next);
    }
    const Index first = group * call.choices * kGroup + lane;
    const ChoiceColumn column = {
        call.scratch,
        kGroup,
        call.log_base == nullptr ? nullptr : call.log_base + first,
        kGroup,
        true,
        call.choice_probability == nullptr ? nullptr : call.choice_probability + first};
    store(call.message + context * kGroup, choose(call, column, weight));
  }
}

}  // namespace

void sweep_lanes(const SliceCall& call) {
  if (call.next_kind == Next::charged) {
    if (call.narrow_next) return sweep_lanes_with<LanePowerMean<LogMean>>(call);
    if (call.log_probability != nullptr) return sweep_lanes_with<LanePowerMeanOfLogs>(call);
    return sweep_lanes_with<LanePowerMean<LogSum>>(call);
  }
  if (call.next_kind == Next::best_case) return sweep_lanes_with<LaneBest<false>>(call);
  if (call.next_kind == Next::viterbi) return sweep_lanes_with<LaneBest<true>>(call);
  sweep_lanes_with<LaneExpectation>(call);
}

}  // namespace credo::slice_kernel::CREDO_KERNEL_VARIANT
