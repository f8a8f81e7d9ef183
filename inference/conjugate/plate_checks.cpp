// What may be joined to what, and which data fit: conjugate pairs of matching shapes.

#include <credo/core/error.hpp>
#include <credo/inference/conjugate/plate_checks.hpp>
#include <credo/inference/conjugate/small_matrix.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace credo {

namespace {

using conjugate::refuse;

/// Elements of a parent that a child meets under one state of the selector.
std::size_t block_of(const ConjugatePlate& parent, const ConjugateParent& link,
                     std::size_t selected_states) {
  return link.selected && selected_states > 0 ? parent.count / selected_states : parent.count;
}

[[noreturn]] void refuse_missing(const ConjugatePlate& parent, const ConjugatePlate& child) {
  refuse(parent, fmt::format("missing values in a plate that is a parent of \"{}\"; split the "
                             "plate into what is known and what is not",
                             child.name));
}

}  // namespace

namespace conjugate {

[[noreturn]] void refuse(const ConjugatePlate& plate, const std::string& what) {
  throw ModelError(fmt::format("{} \"{}\": {}", conjugate_kind_name(plate.kind), plate.name, what));
}

void require_positive(const ConjugatePlate& plate, std::span<const double> values,
                      std::string_view what) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] > 0.0 && std::isfinite(values[i])) continue;
    refuse(plate, fmt::format("expected {} above 0 and finite, got {} at {}", what, values[i], i));
  }
}

void require_positive_definite(const ConjugatePlate& plate, std::span<const double> matrix,
                               std::string_view what) {
  const std::size_t d = plate.dimension;
  if (matrix.size() != d * d) {
    refuse(plate, fmt::format("expected {} of {} numbers, got {}", what, d * d, matrix.size()));
  }
  double largest = 0.0;
  for (const double entry : matrix) largest = std::fmax(largest, std::fabs(entry));
  for (std::size_t i = 0; i < d; ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (std::fabs(matrix[i * d + j] - matrix[j * d + i]) <= 1e-9 * largest) continue;
      refuse(plate, fmt::format("expected {} symmetric, got {} at ({}, {}) and {} at ({}, {})",
                                what, matrix[i * d + j], i, j, matrix[j * d + i], j, i));
    }
  }
  std::vector<double> inverse(d * d);
  if (std::isnan(SmallInverse(d).invert(matrix, inverse))) {
    refuse(plate,
           fmt::format("expected {} positive definite; its Cholesky factorisation fails", what));
  }
}

void require_rows(const ConjugatePlate& plate) {
  for (std::size_t row = 0; row < plate.count; ++row) {
    double sum = 0.0;
    for (std::size_t s = 0; s < plate.dimension; ++s) {
      const double p = plate.values[row * plate.dimension + s];
      if (!(p >= 0.0))
        refuse(plate, fmt::format("expected probabilities, got {} in row {}", p, row));
      sum += p;
    }
    if (std::fabs(sum - 1.0) <= 1e-6) continue;
    refuse(plate, fmt::format("expected row {} to sum to 1, got {}", row, sum));
  }
}

std::vector<ConjugateParent> links_of(const ConjugatePlate& child) {
  std::vector<ConjugateParent> links = child.parents;
  for (const ConjugateTerm& term : child.terms) {
    links.push_back(term.parent);
    if (term.times) links.push_back(*term.times);
  }
  if (child.selector) links.push_back(*child.selector);
  return links;
}

}  // namespace conjugate

void ConjugateModel::require_parent(const ConjugatePlate& child, const ConjugateParent& parent,
                                    std::string_view role) const {
  const ConjugatePlate& given = plate(parent.node);
  if (parent.stride == 0) refuse(child, fmt::format("{}: expected a stride above 0, got 0", role));
  std::size_t states = 0;
  if (child.selector) states = plate(child.selector->node).dimension;
  if (parent.selected && states > 0 && given.count % states != 0) {
    refuse(child, fmt::format("{} \"{}\": expected a multiple of the selector's {} states, got a "
                              "plate of {}",
                              role, given.name, states, given.count));
  }
  const std::size_t block = block_of(given, parent, states);
  if (block == 1 || child.count % (block * parent.stride) == 0) return;
  refuse(child, fmt::format("{} \"{}\": expected {} elements times stride {} to divide the plate "
                            "of {}",
                            role, given.name, block, parent.stride, child.count));
}

void ConjugateModel::require_term(const ConjugatePlate& child, const ConjugateTerm& term) const {
  const ConjugatePlate& first = plate(term.parent.node);
  const ConjugatePlate& second = term.times ? plate(term.times->node) : first;
  for (const ConjugatePlate* const factor : {&first, &second}) {
    if (factor->kind == ConjugateKind::gaussian) continue;
    refuse(child, fmt::format("mean: expected a Gaussian, got the {} \"{}\"",
                              conjugate_kind_name(factor->kind), factor->name));
  }
  require_parent(child, term.parent, "mean");
  if (term.times) require_parent(child, *term.times, "mean");
  if (term.times && child.dimension != 1) {
    refuse(child, fmt::format("mean: a dot product has dimension 1, expected {}", child.dimension));
  }
  const std::size_t wanted = term.times ? second.dimension : child.dimension;
  if (first.dimension == wanted) return;
  refuse(child, fmt::format("mean: expected dimension {}, got {} of \"{}\"", wanted,
                            first.dimension, first.name));
}

void ConjugateModel::require_distinct_terms(const ConjugatePlate& child) const {
  if (child.terms.empty()) refuse(child, "expected a mean of at least one term, got none");
  std::vector<std::uint32_t> seen;
  for (const ConjugateTerm& term : child.terms) {
    seen.push_back(term.parent.node.index);
    if (term.times) seen.push_back(term.times->node.index);
  }
  std::ranges::sort(seen);
  for (std::size_t i = 1; i < seen.size(); ++i) {
    if (seen[i] != seen[i - 1] || plates_[seen[i]].known()) continue;
    refuse(child, fmt::format("mean: \"{}\" appears twice, which is not conjugate",
                              plates_[seen[i]].name));
  }
}

void ConjugateModel::require_selector(const ConjugatePlate& child) const {
  if (!child.selector) return;
  const ConjugatePlate& selector = plate(child.selector->node);
  if (selector.kind != ConjugateKind::categorical && selector.kind != ConjugateKind::chain) {
    refuse(child, fmt::format("selector: expected a categorical or a chain, got the {} \"{}\"",
                              conjugate_kind_name(selector.kind), selector.name));
  }
  const std::size_t step = selector.count * child.selector->stride;
  if (step == 0 || (selector.count > 1 && child.count % step != 0)) {
    refuse(child, fmt::format("selector \"{}\": expected {} elements times stride {} to divide the "
                              "plate of {}",
                              selector.name, selector.count, child.selector->stride, child.count));
  }
}

ConjugatePlate& ConjugateModel::observable(ConjugateNode node) {
  static_cast<void>(plate(node));
  ConjugatePlate& given = plates_[node.index];
  if (given.known()) refuse(given, "has values already");
  return given;
}

void ConjugateModel::require_no_children(const ConjugatePlate& parent) const {
  for (const ConjugatePlate& child : plates_) {
    for (const ConjugateParent& link : conjugate::links_of(child)) {
      if (&plates_[link.node.index] == &parent) refuse_missing(parent, child);
    }
  }
}

void ConjugateModel::observe(ConjugateNode node, std::vector<double> values) {
  ConjugatePlate& given = observable(node);
  if (given.kind != ConjugateKind::gaussian && given.kind != ConjugateKind::gamma) {
    refuse(given, "expected a Gaussian or gamma plate to be observed as numbers");
  }
  if (values.size() != given.count * given.size()) {
    refuse(given, fmt::format("expected {} x {} values, got {}", given.count, given.size(),
                              values.size()));
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    given.missing = given.missing || std::isnan(values[i]);
    const bool in_range = given.kind == ConjugateKind::gaussian || values[i] > 0.0;
    if (std::isnan(values[i]) || (std::isfinite(values[i]) && in_range)) continue;
    refuse(given, fmt::format("expected {} values, got {} at {}",
                              given.kind == ConjugateKind::gamma ? "finite positive" : "finite",
                              values[i], i));
  }
  if (given.missing) require_no_children(given);
  given.values = std::move(values);
}

void ConjugateModel::observe_states(ConjugateNode node, std::vector<std::size_t> states) {
  ConjugatePlate& given = observable(node);
  if (given.kind != ConjugateKind::categorical) {
    refuse(given, "expected a categorical plate to be observed as states");
  }
  if (states.size() != given.count) {
    refuse(given, fmt::format("expected {} states, got {}", given.count, states.size()));
  }
  for (std::size_t i = 0; i < states.size(); ++i) {
    given.missing = given.missing || states[i] == kMissing;
    if (states[i] < given.dimension || states[i] == kMissing) continue;
    refuse(given,
           fmt::format("expected a state below {}, got {} at {}", given.dimension, states[i], i));
  }
  if (given.missing) require_no_children(given);
  given.states = std::move(states);
}

void ConjugateModel::require_known_parents(const ConjugatePlate& child) const {
  for (const ConjugateParent& link : conjugate::links_of(child)) {
    if (plates_[link.node.index].missing) refuse_missing(plates_[link.node.index], child);
  }
}

}  // namespace credo
