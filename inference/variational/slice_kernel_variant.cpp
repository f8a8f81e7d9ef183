// The loops of a repeating slice for one instruction set; see slice_kernel.hpp for what is computed
// and for the layout. Compiled once per instruction set with CREDO_KERNEL_VARIANT naming the
// namespace.

#include <credo/inference/variational/slice_kernel_charged.hpp>

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
  [[nodiscard]] Vector log_probability(Index j) const {
    return load(call->log_probability + begin + j * kGroup);
  }
  /// Not of all lanes at once.
  [[nodiscard]] static bool is_padding(Index) { return false; }
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
  const Vector end_term = log_any(has_end ? end : splat(1.0)) + rows.end_score();
  Vector best = has_end ? end_term : splat(kMinusInfinity);
  for (Index j = 0; j < rows.length; ++j) {
    best = larger(rows.log_probability(j) + rows.reached(j), best);
  }
  return best;
}

struct Expectation {
  static Vector next(const Rows& rows) { return padded_expectation(rows); }
};
template <typename Sum>
struct PowerMean {
  static Vector next(const Rows& rows) { return power_mean<Sum>(rows, splat(rows.call->rho)); }
};
struct PowerMeanOfLogs {
  static Vector next(const Rows& rows) { return power_mean_of_logs(rows, splat(rows.call->rho)); }
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

/// Messages of a group, and its scores when they are wanted.
inline void finish_group(const SliceCall& call, Index group, Vector value) {
  const Index rest = call.contexts - group * kGroup;
  if (rest >= kGroup) {
    store(call.message + group * kGroup, value);
  } else {
    for (Index lane = 0; lane < rest; ++lane) call.message[group * kGroup + lane] = value[lane];
  }
  if (call.score != nullptr) hand_out(call, group, rest < kGroup ? rest : kGroup);
}

inline ChoiceColumn column_of(const SliceCall& call, Index group) {
  const Index first = group * call.choices * kGroup;
  return {call.scratch,
          kGroup,
          call.log_base == nullptr ? nullptr : call.log_base + first,
          kGroup,
          false,
          call.choice_probability == nullptr ? nullptr : call.choice_probability + first};
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
    finish_group(call, group, choose(call, column_of(call, group), weight));
  }
}

/// The loop that matters most: expectations over rows of Length entries, none of them padding. One
/// stream through the arrays; the largest score is noted on the way.
template <int Length>
void sweep_even(const SliceCall& call) {
  const double* probability = call.probability;
  const std::uint32_t* next = call.next;
  const double* constant = call.constant;
  const double* const message = call.next_message;
  double* const scratch = call.scratch;
  const Index choices = call.choices;
  const Index groups = (call.contexts + kGroup - 1) / kGroup;
  const Vector weight = splat(call.weight);
  const Vector inverse = inverse_of(weight);
  const bool soft =
      call.choice_kind == Choice::free && call.log_base == nullptr && !call.narrow_choice;
  const auto score = [scratch](Index d) { return load(scratch + d * kGroup); };
  for (Index group = 0; group < groups; ++group) {
    Vector largest = splat(kMinusInfinity);
    for (Index d = 0; d < choices; ++d) {
      Vector sum = load(constant);
      for (int j = 0; j < Length; ++j) {
        sum += load(probability + j * kGroup) * gather(message, next + j * kGroup);
      }
      probability += Length * kGroup;
      next += Length * kGroup;
      constant += kGroup;
      largest = larger(sum, largest);
      store(scratch + d * kGroup, sum);
    }
    if (soft) {
      finish_group(call, group, soft_maximum(score, choices, largest, weight, inverse));
    } else if (call.choice_kind == Choice::arg_max) {
      finish_group(call, group, largest);
    } else {
      finish_group(call, group, choose(call, column_of(call, group), weight));
    }
  }
}

void sweep_charged(const SliceCall& call) {
  if (call.narrow_next) return sweep_with<PowerMean<LogMean>>(call);
  if (call.log_probability != nullptr) return sweep_with<PowerMeanOfLogs>(call);
  sweep_with<PowerMean<LogSum>>(call);
}

void sweep(const SliceCall& call) {
  if (call.next_kind == Next::charged) return sweep_charged(call);
  if (call.next_kind == Next::best_case) return sweep_with<BestCase>(call);
  if (call.next_kind == Next::viterbi) return sweep_with<Viterbi>(call);
  switch (call.row_length) {
    case 1:
      return sweep_even<1>(call);
    case 2:
      return sweep_even<2>(call);
    case 3:
      return sweep_even<3>(call);
    case 4:
      return sweep_even<4>(call);
    case 5:
      return sweep_even<5>(call);
    case 6:
      return sweep_even<6>(call);
    default:
      return sweep_with<Expectation>(call);
  }
}

}  // namespace

extern const SliceKernels kKernels;
const SliceKernels kKernels = {&sweep, &sweep_lanes};

}  // namespace credo::slice_kernel::CREDO_KERNEL_VARIANT
