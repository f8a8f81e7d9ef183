#include <credo/core/error.hpp>
#include <credo/inference/variational/slice.hpp>
#include <credo/inference/variational/slice_data.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

// The compiled slice. A description's rows are rearranged into groups of eight contexts (see
// slice_kernel.hpp); scores that an expectation does not need entry by entry are added up once.
// When all rows have as many entries, the arrays are permuted where they stand, so that a slice of
// a million contexts needs no second copy. Backups of this kind: Puterman 1994, chapter 6; the
// log-sum-exp: Ziebart 2010, chapter 9.

namespace credo {

std::string_view next_kind_name(NextKind kind) noexcept {
  switch (kind) {
    case NextKind::clamped:
      return "clamped";
    case NextKind::charged:
      return "charged";
    case NextKind::best_case:
      return "best-case";
    case NextKind::viterbi:
      return "viterbi";
  }
  return "";
}

std::string_view choice_kind_name(ChoiceKind kind) noexcept {
  switch (kind) {
    case ChoiceKind::free:
      return "free";
    case ChoiceKind::arg_max:
      return "arg-max";
    case ChoiceKind::clamped:
      return "clamped";
  }
  return "";
}

Slice::Slice(SliceDescription description) {
  description.validate();
  data_ = std::make_shared<const Data>(std::move(description));
}

std::size_t Slice::contexts() const noexcept { return data_->contexts; }
std::size_t Slice::choices() const noexcept { return data_->choices; }
std::size_t Slice::rows() const noexcept { return data_->contexts * data_->choices; }
std::uint64_t Slice::entries() const noexcept { return data_->entries; }
NextKind Slice::next_kind() const noexcept { return data_->next_kind; }
ChoiceKind Slice::choice_kind() const noexcept { return data_->choice_kind; }
double Slice::rho() const noexcept { return data_->rho; }
double Slice::weight() const noexcept { return data_->weight; }
double Slice::largest_mass() const noexcept { return data_->largest_mass; }
double Slice::smallest_mass() const noexcept { return data_->smallest_mass; }
double Slice::bytes() const noexcept { return data_->bytes(); }

namespace {

constexpr auto kLanes = static_cast<std::size_t>(slice_kernel::kGroup);

void check_length(std::string_view what, std::size_t expected, std::size_t got) {
  if (got != expected) {
    throw QueryError(fmt::format("slice: expected {} {} entries, got {}", expected, what, got));
  }
}

void check_setting(std::string_view what, const std::vector<double>& values, std::size_t count,
                   double least, bool zero_allowed) {
  if (values.empty()) return;
  check_length(what, count, values.size());
  for (std::size_t lane = 0; lane < count; ++lane) {
    const double v = values[lane];
    if (std::isfinite(v) && v >= least && (zero_allowed || v != 0.0)) continue;
    throw ModelError(fmt::format("slice: {} of lane {} is {}; expected a finite number {}", what,
                                 lane, v, least == 0.0 ? "> 0" : "other than 0"));
  }
}

}  // namespace

void Slice::apply(std::span<const double> next_message, std::span<double> message) const {
  check_length("next messages: one per context,", contexts(), next_message.size());
  check_length("messages: one per context,", contexts(), message.size());
  std::vector<double> scratch(choices() * slice_kernel::kGroup);
  slice_kernel::SliceCall call = data_->call(next_message, message.data());
  call.scratch = scratch.data();
  slice_kernel::kernels().sweep(call);
}

void Slice::apply(const SliceLanes& lanes, std::span<const double> next_message,
                  std::span<double> message) const {
  check_length("next messages, contexts x lanes,", contexts() * lanes.count, next_message.size());
  check_length("messages, contexts x lanes,", contexts() * lanes.count, message.size());
  check_setting("weight", lanes.weight, lanes.count, 0.0, choice_kind() == ChoiceKind::clamped);
  check_setting("rho", lanes.rho, lanes.count, -kInfinity, false);
  if (!lanes.row_score.empty()) {
    check_length("row scores, rows x lanes,", rows() * lanes.count, lanes.row_score.size());
  }
  for (std::size_t first = 0; first < lanes.count; first += kLanes) {
    data_->apply_eight(lanes, first, next_message, message);
  }
}

std::vector<double> Slice::score(std::span<const double> next_message) const {
  check_length("next messages: one per context,", contexts(), next_message.size());
  std::vector<double> scratch(choices() * slice_kernel::kGroup);
  std::vector<double> message(contexts());
  std::vector<double> result(rows());
  slice_kernel::SliceCall call = data_->call(next_message, message.data());
  call.scratch = scratch.data();
  call.score = result.data();
  slice_kernel::kernels().sweep(call);
  return result;
}

std::vector<double> Slice::conditional(std::span<const double> next_message) const {
  std::vector<double> q = score(next_message);
  for (std::size_t x = 0; x < contexts(); ++x) {
    data_->choose(x, std::span(q).subspan(x * choices(), choices()));
  }
  return q;
}

void Slice::read_row(std::size_t row, Row& into) const { data_->read_row(row, into); }

}  // namespace credo
