// The loops of a repeating slice for one instruction set; see slice_kernel.hpp for what is computed
// and for the layout. Compiled once per instruction set with CREDO_KERNEL_VARIANT naming the
// namespace.

#include <credo/inference/variational/slice_kernel_arithmetic.hpp>

#ifndef CREDO_KERNEL_VARIANT
#error "compile through CMake: CREDO_KERNEL_VARIANT names the instruction set"
#endif

namespace credo::slice_kernel::CREDO_KERNEL_VARIANT {

namespace {

/// V at eight places: loads that do not wait for each other.
inline Vector gather(const double* message, const std::uint32_t* at) {
  return Vector{message[at[0]], message[at[1]], message[at[2]], message[at[3]],
                message[at[4]], message[at[5]], message[at[6]], message[at[7]]};
}

/// The eight rows of a group and choice.
struct Rows {
  const SliceCall* call;
  Index begin;  ///< in entries
  Index length;
  Index row;  ///< place in row arrays

  [[nodiscard]] Vector probability(Index j) const {
    return load(call->probability + begin + j * kGroup);
  }
  /// g + V.
  [[nodiscard]] Vector reached(Index j) const {
    const Vector v = gather(call->next_message, call->next + begin + j * kGroup);
    if (call->entry_score == nullptr) return v;
    return v + load(call->entry_score + begin + j * kGroup);
  }
  [[nodiscard]] Vector end_probability() const {
    return call->end_probability == nullptr ? splat(0.0) : load(call->end_probability + row);
  }
  [[nodiscard]] Vector end_score() const {
    return call->end_score == nullptr ? splat(0.0) : load(call->end_score + row);
  }
};

/// sum k V, all rows of Length entries.
template <int Length>
Vector expectation(const Rows& rows) {
  const double* message = rows.call->next_message;
  const std::uint32_t* next = rows.call->next + rows.begin;
  const double* probability = rows.call->probability + rows.begin;
  Vector sum = load(probability) * gather(message, next);
  for (int j = 1; j < Length; ++j) {
    sum += load(probability + j * kGroup) * gather(message, next + j * kGroup);
  }
  return sum;
}

/// sum k V over rows with padding, where V may be -infinity and counts 0.
Vector padded_expectation(const Rows& rows) {
  const SliceCall& call = *rows.call;
  Vector sum = splat(0.0);
  for (Index j = 0; j < rows.length; ++j) {
    const Vector k = rows.probability(j);
    const Vector v = gather(call.next_message, call.next + rows.begin + j * kGroup);
    sum += k > splat(0.0) ? k * v : splat(0.0);
  }
  return sum;
}

/// rho log sum k exp((g + V) / rho). Each t is computed twice: exp() costs more.
Vector power_mean(const Rows& rows) {
  const Vector inverse = splat(1.0 / rows.call->rho);
  const auto term = [&](Vector mass, Vector t) {
    return mass > splat(0.0) ? t * inverse : splat(kMinusInfinity);
  };
  LogSum sum;
  for (Index j = 0; j < rows.length; ++j) sum.note(term(rows.probability(j), rows.reached(j)));
  sum.note(term(rows.end_probability(), rows.end_score()));
  sum.fix();
  for (Index j = 0; j < rows.length; ++j)
    sum.add(rows.probability(j), term(rows.probability(j), rows.reached(j)));
  sum.add(rows.end_probability(), term(rows.end_probability(), rows.end_score()));
  return rows.call->rho * sum.value();
}

Vector best_case(const Rows& rows) {
  const auto term = [](Vector mass, Vector t) {
    return mass > splat(0.0) ? t : splat(kMinusInfinity);
  };
  Vector best = term(rows.end_probability(), rows.end_score());
  for (Index j = 0; j < rows.length; ++j)
    best = larger(term(rows.probability(j), rows.reached(j)), best);
  return best;
}

Vector viterbi(const Rows& rows) {
  const Vector end = rows.end_probability();
  const IntVector has_end = end > splat(0.0);
  const Vector end_term = log_positive(has_end ? end : splat(1.0)) + rows.end_score();
  Vector best = has_end ? end_term : splat(kMinusInfinity);
  for (Index j = 0; j < rows.length; ++j) {
    best =
        larger(load(rows.call->log_probability + rows.begin + j * kGroup) + rows.reached(j), best);
  }
  return best;
}

struct Expectation {
  static Vector next(const Rows& rows) { return padded_expectation(rows); }
};
template <int Length>
struct EvenExpectation {
  static Vector next(const Rows& rows) { return expectation<Length>(rows); }
};
struct PowerMean {
  static Vector next(const Rows& rows) { return power_mean(rows); }
};
struct BestCase {
  static Vector next(const Rows& rows) { return best_case(rows); }
};
struct Viterbi {
  static Vector next(const Rows& rows) { return viterbi(rows); }
};

/// Scores of a group in the caller's order.
void hand_out(const SliceCall& call, Index group, Index count) {
  double* score = call.score + group * kGroup * call.choices;
  for (Index lane = 0; lane < count; ++lane) {
    for (Index d = 0; d < call.choices; ++d)
      score[lane * call.choices + d] = call.scratch[d * kGroup + lane];
  }
}

template <typename NextStep>
void sweep_with(const SliceCall& call) {
  const Vector weight = splat(call.weight);
  const Index groups = (call.contexts + kGroup - 1) / kGroup;
  for (Index group = 0; group < groups; ++group) {
    for (Index d = 0; d < call.choices; ++d) {
      const Index at = group * call.choices + d;
      Rows rows{&call, at * call.row_length * kGroup, call.row_length, at * kGroup};
      if (call.row_length == 0) {
        rows.begin = static_cast<Index>(call.offset[at]) * kGroup;
        rows.length = static_cast<Index>(call.offset[at + 1] - call.offset[at]);
      }
      const Vector constant = load(call.constant + rows.row);
      const Vector next = NextStep::next(rows);
      store(call.scratch + d * kGroup,
            constant == splat(kMinusInfinity) ? constant : constant + next);
    }
    const Index first = group * call.choices * kGroup;
    const ChoiceColumn column = {
        call.scratch,
        kGroup,
        call.log_base == nullptr ? nullptr : call.log_base + first,
        kGroup,
        false,
        call.choice_probability == nullptr ? nullptr : call.choice_probability + first};
    const Vector value = choose(call.choice_kind, column, call.choices, weight);
    const Index count =
        call.contexts - group * kGroup < kGroup ? call.contexts - group * kGroup : kGroup;
    if (count == kGroup) {
      store(call.message + group * kGroup, value);
    } else {
      for (Index lane = 0; lane < count; ++lane) call.message[group * kGroup + lane] = value[lane];
    }
    if (call.score != nullptr) hand_out(call, group, count);
  }
}

void sweep(const SliceCall& call) {
  if (call.next_kind == Next::charged) return sweep_with<PowerMean>(call);
  if (call.next_kind == Next::best_case) return sweep_with<BestCase>(call);
  if (call.next_kind == Next::viterbi) return sweep_with<Viterbi>(call);
  switch (call.row_length) {
    case 1:
      return sweep_with<EvenExpectation<1>>(call);
    case 2:
      return sweep_with<EvenExpectation<2>>(call);
    case 3:
      return sweep_with<EvenExpectation<3>>(call);
    case 4:
      return sweep_with<EvenExpectation<4>>(call);
    case 5:
      return sweep_with<EvenExpectation<5>>(call);
    case 6:
      return sweep_with<EvenExpectation<6>>(call);
    default:
      return sweep_with<Expectation>(call);
  }
}

/// One row, eight of the batch's lanes at a time.
struct LaneRow {
  const SliceCall* call;
  Index begin;  ///< first entry; the next is kGroup further
  Index length;
  Index row;   ///< place in row arrays
  Index lane;  ///< first of the eight
  Index width;

  [[nodiscard]] static Vector some(const double* p, Index width, double rest) {
    if (width == kGroup) return load(p);
    Vector v = splat(rest);
    for (Index i = 0; i < width; ++i) v[i] = p[i];
    return v;
  }
  [[nodiscard]] double probability(Index j) const { return call->probability[begin + j * kGroup]; }
  [[nodiscard]] Vector reached(Index j) const {
    const Index x = call->next[begin + j * kGroup];
    const Vector v = some(call->next_message + x * call->lanes + lane, width, 0.0);
    return call->entry_score == nullptr ? v : v + call->entry_score[begin + j * kGroup];
  }
  [[nodiscard]] double end_probability() const {
    return call->end_probability == nullptr ? 0.0 : call->end_probability[row];
  }
  [[nodiscard]] double end_score() const {
    return call->end_score == nullptr ? 0.0 : call->end_score[row];
  }
};

Vector lane_expectation(const LaneRow& row) {
  Vector sum = splat(0.0);
  for (Index j = 0; j < row.length; ++j) {
    const double k = row.probability(j);
    if (k > 0.0)
      sum +=
          k * LaneRow::some(row.call->next_message +
                                row.call->next[row.begin + j * kGroup] * row.call->lanes + row.lane,
                            row.width, 0.0);
  }
  return sum;
}

Vector lane_power_mean(const LaneRow& row) {
  const Vector rho = row.call->lane_rho == nullptr
                         ? splat(row.call->rho)
                         : LaneRow::some(row.call->lane_rho + row.lane, row.width, 1.0);
  const Vector inverse = 1.0 / rho;
  const double end = row.end_probability();
  const Vector end_term = splat(row.end_score()) * inverse;
  LogSum sum;
  for (Index j = 0; j < row.length; ++j) {
    if (row.probability(j) > 0.0) sum.note(row.reached(j) * inverse);
  }
  if (end > 0.0) sum.note(end_term);
  sum.fix();
  for (Index j = 0; j < row.length; ++j) {
    if (row.probability(j) > 0.0) sum.add(splat(row.probability(j)), row.reached(j) * inverse);
  }
  if (end > 0.0) sum.add(splat(end), end_term);
  return rho * sum.value();
}

/// max of g + V, or of log k + g + V.
Vector lane_best(const LaneRow& row) {
  const bool weighted = row.call->next_kind == Next::viterbi;
  const double end = row.end_probability();
  Vector best = splat(kMinusInfinity);
  if (end > 0.0) best = splat(row.end_score()) + (weighted ? log_positive(splat(end)) : splat(0.0));
  for (Index j = 0; j < row.length; ++j) {
    if (row.probability(j) == 0.0) continue;
    const Vector v = row.reached(j);
    best = larger(weighted ? v + row.call->log_probability[row.begin + j * kGroup] : v, best);
  }
  return best;
}

Vector lane_score(const LaneRow& row, Index context, Index choice) {
  const SliceCall& call = *row.call;
  Vector constant = splat(call.constant[row.row]);
  if (call.lane_row_score != nullptr) {
    const Index at = (context * call.choices + choice) * call.lanes + row.lane;
    constant = LaneRow::some(call.lane_row_score + at, row.width, 0.0);
    if (call.row_extra != nullptr) constant += call.row_extra[row.row];
  }
  Vector next = splat(0.0);
  if (call.next_kind == Next::clamped) next = lane_expectation(row);
  if (call.next_kind == Next::charged) next = lane_power_mean(row);
  if (call.next_kind == Next::best_case || call.next_kind == Next::viterbi) next = lane_best(row);
  return constant == splat(kMinusInfinity) ? constant : constant + next;
}

/// All choices of one context, eight lanes.
void sweep_lane_block(const SliceCall& call, Index context, Index lane) {
  const Index group = context / kGroup;
  const Index place = context % kGroup;
  const Index width = call.lanes - lane < kGroup ? call.lanes - lane : kGroup;
  for (Index d = 0; d < call.choices; ++d) {
    const Index at = group * call.choices + d;
    const bool even = call.row_length != 0;
    const Index begin = even ? at * call.row_length : static_cast<Index>(call.offset[at]);
    const Index end = even ? begin + call.row_length : static_cast<Index>(call.offset[at + 1]);
    const LaneRow row = {&call, begin * kGroup + place, end - begin, at * kGroup + place, lane,
                         width};
    store(call.scratch + d * kGroup, lane_score(row, context, d));
  }
  const Index first = group * call.choices * kGroup + place;
  const ChoiceColumn column = {
      call.scratch,
      kGroup,
      call.log_base == nullptr ? nullptr : call.log_base + first,
      kGroup,
      true,
      call.choice_probability == nullptr ? nullptr : call.choice_probability + first};
  const Vector weight = call.lane_weight == nullptr
                            ? splat(call.weight)
                            : LaneRow::some(call.lane_weight + lane, width, 1.0);
  const Vector value = choose(call.choice_kind, column, call.choices, weight);
  double* message = call.message + context * call.lanes + lane;
  for (Index i = 0; i < width; ++i) message[i] = value[i];
}

/// Lanes outermost: eight lanes of all messages stay in a nearer cache than all lanes do.
void sweep_lanes(const SliceCall& call) {
  for (Index lane = 0; lane < call.lanes; lane += kGroup) {
    for (Index context = 0; context < call.contexts; ++context) {
      sweep_lane_block(call, context, lane);
    }
  }
}

}  // namespace

extern const SliceKernels kKernels;
const SliceKernels kKernels = {&sweep, &sweep_lanes};

}  // namespace credo::slice_kernel::CREDO_KERNEL_VARIANT
