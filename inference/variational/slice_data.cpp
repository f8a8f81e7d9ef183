#include <credo/inference/variational/slice_data.hpp>

#include <algorithm>
#include <cmath>

// The rearrangement of rows into groups of eight contexts; see slice_kernel.hpp. In place when all
// rows are equally long: eight contexts fill the same stretch of the arrays before and after.

namespace credo {

namespace {

using slice_kernel::kGroup;

constexpr auto kLanes = static_cast<std::size_t>(kGroup);
/// Masses of an end that are the rounding of 1 - sum.
constexpr double kNoEnd = 1e-9;
/// A mass below may count less than what lies exp(708) lower.
constexpr double kTinyMass = 1e-280;
/// Terms within this of each other are summed as 1 + what they differ by.
constexpr double kNarrow = 0.25;

/// The common length of all rows, if every entry counts; else 0.
std::size_t even_length(const SliceDescription& d) {
  const std::uint64_t length = d.begin[1];
  for (std::size_t row = 0; row + 1 < d.begin.size(); ++row) {
    if (d.begin[row + 1] - d.begin[row] != length) return 0;
  }
  const auto counts = [](double p) { return p > 0.0; };
  if (!std::all_of(d.probability.begin(), d.probability.end(), counts)) return 0;
  return static_cast<std::size_t>(length);
}

/// Permutes [lane][entry] to [entry][lane] group by group, after padding with `padding`.
template <typename T>
void permute_groups(std::vector<T>& values, std::size_t groups, std::size_t width, T padding) {
  if (values.empty()) return;
  values.resize(groups * width * kLanes, padding);
  std::vector<T> group(width * kLanes);
  for (std::size_t g = 0; g < groups; ++g) {
    T* at = values.data() + g * width * kLanes;
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      for (std::size_t i = 0; i < width; ++i) group[i * kLanes + lane] = at[lane * width + i];
    }
    std::copy(group.begin(), group.end(), at);
  }
}

double mass_of(const SliceDescription& d, std::size_t row) {
  CompensatedSum sum;
  for (std::uint64_t e = d.begin[row]; e < d.begin[row + 1]; ++e) sum.add(d.probability[e]);
  return sum.value();
}

}  // namespace

Slice::Data::Data(SliceDescription d)
    : contexts(d.contexts),
      choices(d.choices),
      groups((d.contexts + kLanes - 1) / kLanes),
      next_kind(d.next_kind),
      choice_kind(d.choice_kind),
      rho(d.rho),
      weight(d.weight) {
  note_masses(d);
  note_terms(d);
  if (d.end_probability.empty()) {
    d.end_probability.resize(contexts * choices);
    for (std::size_t row = 0; row < contexts * choices; ++row) {
      const double rest = 1.0 - mass_of(d, row);
      d.end_probability[row] = rest < kNoEnd ? 0.0 : rest;
    }
  }
  if (next_kind == NextKind::clamped) add_up_expected_scores(d);
  row_length = even_length(d);
  if (row_length > 0) {
    permute_even(d);
  } else {
    copy_padded(d);
  }
  fill_log_probability(d);
  row_score = grouped_rows(std::move(d.row_score), -kInfinity);
  if (!row_extra.empty()) {
    row_extra = grouped_rows(std::move(row_extra), 0.0);
    constant.resize(row_score.size());
    std::transform(row_score.begin(), row_score.end(), row_extra.begin(), constant.begin(),
                   std::plus<>());
  }
  note_ranges();
  const auto is_zero = [](double x) { return x == 0.0; };
  if (!std::all_of(d.end_probability.begin(), d.end_probability.end(), is_zero)) {
    end_probability = grouped_rows(std::move(d.end_probability), 0.0);
    end_score = grouped_rows(std::move(d.end_score), 0.0);
  }
  log_base = grouped_rows(std::move(d.log_base), 0.0);
  // Bounds rely on rows that sum to 1, not nearly.
  for (std::size_t at = 0; at < d.choice_probability.size(); at += choices) {
    normalize(std::span(d.choice_probability).subspan(at, choices));
  }
  choice_probability = grouped_rows(std::move(d.choice_probability), 0.0);
}

void Slice::Data::note_masses(const SliceDescription& d) {
  smallest_mass = kInfinity;
  for (std::size_t row = 0; row < contexts * choices; ++row) {
    if (d.row_score[row] == -kInfinity) continue;
    const double mass = mass_of(d, row);
    largest_mass = std::max(largest_mass, mass);
    smallest_mass = std::min(smallest_mass, mass);
  }
  if (smallest_mass == kInfinity) smallest_mass = 0.0;
}

void Slice::Data::fill_log_probability(const SliceDescription& d) {
  const auto is_tiny = [](double p) { return p > 0.0 && p < kTinyMass; };
  const bool tiny = std::any_of(probability.begin(), probability.end(), is_tiny) ||
                    std::any_of(d.end_probability.begin(), d.end_probability.end(), is_tiny);
  if (next_kind != NextKind::viterbi && !(next_kind == NextKind::charged && tiny)) return;
  log_probability.reserve(probability.size());
  for (const double p : probability) log_probability.push_back(p > 0.0 ? std::log(p) : -kInfinity);
}

namespace {

/// max - min of the finite numbers, and of `least` and `most` when they are finite.
double range_of(std::span<const double> values, double least = kInfinity,
                double most = -kInfinity) {
  for (const double v : values) {
    if (!(v > -kInfinity)) continue;
    least = std::min(least, v);
    most = std::max(most, v);
  }
  return most >= least ? most - least : 0.0;
}

}  // namespace

void Slice::Data::note_ranges() {
  row_score_range = range_of(constant.empty() ? row_score : constant);
  if (next_kind != NextKind::clamped) entry_score_range = range_of(entry_score, 0.0, 0.0);
}

void Slice::Data::choose_sums(std::span<const double> next_message, double largest_weight,
                              double largest_rho, slice_kernel::SliceCall& call) const {
  const double choice = choice_kind == ChoiceKind::free ? kNarrow * largest_weight : -1.0;
  const double charge = next_kind == NextKind::charged ? kNarrow * largest_rho : -1.0;
  const double least = row_score_range + entry_score_range;
  if (least > choice && entry_score_range > charge) return;
  // Messages that already differ by more are the rule: most of them are not read.
  const double limit = std::max(choice - least, charge - entry_score_range);
  double low = 0.0;
  double high = 0.0;
  for (const double v : next_message) {
    if (!(v > -kInfinity)) continue;
    low = std::min(low, v);
    high = std::max(high, v);
    if (high - low > limit) return;
  }
  call.narrow_choice = least + (high - low) <= choice;
  call.narrow_next = entry_score_range + (high - low) <= charge;
}

void Slice::Data::note_terms(const SliceDescription& d) {
  const auto largest = [](const std::vector<double>& values) {
    double most = 0.0;
    for (const double v : values) most = std::max(most, v > -kInfinity ? std::fabs(v) : 0.0);
    return most;
  };
  const auto largest_log = [](const std::vector<double>& values) {
    double least = 1.0;
    for (const double v : values) least = v > 0.0 ? std::min(least, v) : least;
    return -std::log(least);
  };
  for (std::size_t row = 0; row < contexts * choices; ++row)
    longest_row = std::max<std::size_t>(longest_row, d.begin[row + 1] - d.begin[row] + 1);
  largest_terms = largest(d.row_score) + std::max(largest(d.entry_score), largest(d.end_score));
  if (choice_kind != ChoiceKind::arg_max)
    largest_terms += weight * (largest(d.log_base) + largest_log(d.choice_probability));
  const double charge = next_kind == NextKind::charged   ? std::fabs(rho)
                        : next_kind == NextKind::viterbi ? 1.0
                                                         : 0.0;
  if (charge > 0.0) {
    largest_terms += charge * std::max(largest_log(d.probability), largest_log(d.end_probability));
  }
}

void Slice::Data::add_up_expected_scores(const SliceDescription& d) {
  if (d.entry_score.empty() && d.end_score.empty()) return;
  row_extra.assign(contexts * choices, 0.0);
  for (std::size_t row = 0; row < row_extra.size(); ++row) {
    double sum = 0.0;
    if (!d.end_score.empty() && d.end_probability[row] > 0.0) {
      sum += d.end_probability[row] * d.end_score[row];
    }
    for (std::uint64_t e = d.begin[row]; e < d.begin[row + 1] && !d.entry_score.empty(); ++e) {
      if (d.probability[e] > 0.0) sum += d.probability[e] * d.entry_score[e];
    }
    row_extra[row] = sum;
  }
}

void Slice::Data::permute_even(SliceDescription& d) {
  entries = d.next.size();
  next = std::move(d.next);
  probability = std::move(d.probability);
  entry_score = std::move(d.entry_score);
  const std::size_t width = choices * row_length;
  permute_groups(next, groups, width, std::uint32_t{0});
  permute_groups(probability, groups, width, 0.0);
  permute_groups(entry_score, groups, width, 0.0);
}

void Slice::Data::copy_padded(const SliceDescription& d) {
  const auto kept = [&](std::uint64_t e) { return d.probability[e] > 0.0; };
  offset.assign(1, 0);
  for (std::size_t at = 0; at < groups * choices; ++at) {
    const std::size_t first = at / choices * kLanes;
    const std::size_t begin = offset.back() * kLanes;
    for (std::size_t lane = 0; lane < kLanes && first + lane < contexts; ++lane) {
      const std::size_t row = (first + lane) * choices + at % choices;
      std::size_t to = begin + lane;
      for (std::uint64_t e = d.begin[row]; e < d.begin[row + 1]; ++e) {
        if (!kept(e)) continue;
        if (to >= next.size()) {
          next.resize(next.size() + kLanes, 0);
          probability.resize(next.size(), 0.0);
          if (!d.entry_score.empty()) entry_score.resize(next.size(), 0.0);
        }
        next[to] = d.next[e];
        probability[to] = d.probability[e];
        if (!d.entry_score.empty()) entry_score[to] = d.entry_score[e];
        to += kLanes;
        ++entries;
      }
    }
    offset.push_back(next.size() / kLanes);
  }
}

std::size_t Slice::Data::place(std::size_t row) const noexcept {
  const std::size_t context = row / choices;
  return (context / kLanes * choices + row % choices) * kLanes + context % kLanes;
}

std::vector<double> Slice::Data::grouped_rows(std::vector<double> by_row, double padding) const {
  permute_groups(by_row, groups, choices, padding);
  return by_row;
}

double Slice::Data::bytes() const noexcept {
  const std::size_t doubles = probability.size() + log_probability.size() + entry_score.size() +
                              row_score.size() + row_extra.size() + constant.size() +
                              end_probability.size() + end_score.size() + log_base.size() +
                              choice_probability.size();
  return static_cast<double>(doubles * sizeof(double) + next.size() * sizeof(std::uint32_t) +
                             offset.size() * sizeof(std::uint64_t));
}

slice_kernel::SliceCall Slice::Data::call(std::span<const double> next_message,
                                          double* message) const {
  const auto pointer = [](const std::vector<double>& v) { return v.empty() ? nullptr : v.data(); };
  slice_kernel::SliceCall result;
  result.next_kind = static_cast<slice_kernel::Next>(next_kind);
  result.choice_kind = static_cast<slice_kernel::Choice>(choice_kind);
  result.rho = rho;
  result.weight = weight;
  result.contexts = static_cast<std::int64_t>(contexts);
  result.choices = static_cast<std::int64_t>(choices);
  result.row_length = static_cast<std::int64_t>(row_length);
  result.offset = offset.data();
  result.next = next.data();
  result.probability = probability.data();
  result.log_probability = pointer(log_probability);
  result.constant = constant.empty() ? row_score.data() : constant.data();
  result.row_extra = pointer(row_extra);
  if (next_kind != NextKind::clamped) {
    result.entry_score = pointer(entry_score);
    result.end_probability = pointer(end_probability);
    result.end_score = pointer(end_score);
  }
  result.log_base = pointer(log_base);
  result.choice_probability = pointer(choice_probability);
  result.next_message = next_message.data();
  result.message = message;
  choose_sums(next_message, weight, std::fabs(rho), result);
  return result;
}

void Slice::Data::apply_eight(const SliceLanes& lanes, std::size_t first,
                              std::span<const double> next_message,
                              std::span<double> message) const {
  const std::size_t stride = lanes.count;
  const std::size_t count = std::min(kLanes, stride - first);
  const bool packed = stride == kLanes;
  std::vector<double> from(packed ? 0 : contexts * kLanes, 0.0);
  std::vector<double> to(from.size());
  for (std::size_t x = 0; x < from.size() / kLanes; ++x) {
    for (std::size_t k = 0; k < count; ++k)
      from[x * kLanes + k] = next_message[x * stride + first + k];
  }
  std::vector<double> lane_weight(kLanes, weight);
  std::vector<double> lane_rho(kLanes, rho);
  for (std::size_t k = 0; k < count; ++k) {
    if (!lanes.weight.empty()) lane_weight[k] = lanes.weight[first + k];
    if (!lanes.rho.empty()) lane_rho[k] = lanes.rho[first + k];
  }
  std::vector<double> scratch(choices * kLanes);
  slice_kernel::SliceCall batch =
      call(packed ? next_message : from, packed ? message.data() : to.data());
  const auto smaller_size = [](double a, double b) { return std::fabs(a) < std::fabs(b); };
  const double most_weight = *std::max_element(lane_weight.begin(), lane_weight.end());
  batch.narrow_choice = batch.narrow_next = false;
  const double most_rho =
      std::fabs(*std::max_element(lane_rho.begin(), lane_rho.end(), smaller_size));
  choose_sums(packed ? next_message : from, most_weight, most_rho, batch);
  if (batch.narrow_choice && !lanes.row_score.empty()) {
    batch.narrow_choice = range_of(lanes.row_score) <= kNarrow * most_weight;
  }
  batch.scratch = scratch.data();
  batch.lanes = static_cast<std::int64_t>(count);
  batch.lane_weight = lane_weight.data();
  batch.lane_rho = lane_rho.data();
  batch.lane_row_score = lanes.row_score.empty() ? nullptr : lanes.row_score.data() + first;
  batch.lane_stride = static_cast<std::int64_t>(stride);
  slice_kernel::kernels().sweep_lanes(batch);
  for (std::size_t x = 0; x < to.size() / kLanes; ++x) {
    for (std::size_t k = 0; k < count; ++k) message[x * stride + first + k] = to[x * kLanes + k];
  }
}

void Slice::Data::choose(std::size_t context, std::span<double> scores) const {
  const auto largest = std::max_element(scores.begin(), scores.end());
  if (choice_kind == ChoiceKind::arg_max) {
    const auto best = static_cast<std::size_t>(largest - scores.begin());
    const bool any = *largest > -kInfinity;
    std::fill(scores.begin(), scores.end(), 0.0);
    if (any) scores[best] = 1.0;
    return;
  }
  const double top = *largest;
  for (std::size_t d = 0; d < choices; ++d) {
    const std::size_t at = place(context * choices + d);
    if (choice_kind == ChoiceKind::clamped) {
      scores[d] = choice_probability[at];
    } else {
      scores[d] = top > -kInfinity ? (scores[d] - top) / weight : -kInfinity;
      scores[d] += log_base.empty() ? 0.0 : log_base[at];
    }
  }
  if (choice_kind == ChoiceKind::clamped) return;
  const std::vector<double> q = softmax(scores);
  std::copy(q.begin(), q.end(), scores.begin());
}

void Slice::Data::read_row(std::size_t row, Row& into) const {
  const std::size_t at = place(row);
  const auto or_zero = [at](const std::vector<double>& v) { return v.empty() ? 0.0 : v[at]; };
  const std::size_t block = at / kLanes;
  const std::size_t first = row_length > 0 ? block * row_length : offset[block];
  const std::size_t last = row_length > 0 ? first + row_length : offset[block + 1];
  into.next.clear();
  into.probability.clear();
  into.score.clear();
  for (std::size_t j = first; j < last; ++j) {
    const std::size_t e = j * kLanes + at % kLanes;
    if (probability[e] == 0.0) continue;
    into.next.push_back(next[e]);
    into.probability.push_back(probability[e]);
    into.score.push_back(entry_score.empty() ? 0.0 : entry_score[e]);
  }
  into.end_probability = or_zero(end_probability);
  into.end_score = or_zero(end_score);
  into.row_score = row_score[at];
  into.log_base = or_zero(log_base);
  into.choice_probability = or_zero(choice_probability);
}

}  // namespace credo
