// Conjugate models: what may be joined to what. Everything is checked where it is added, so that
// the engine meets only conjugate pairs of matching shapes.

#include <credo/core/error.hpp>
#include <credo/core/names.hpp>
#include <credo/inference/conjugate/conjugate_model.hpp>
#include <credo/inference/conjugate/small_matrix.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace credo {

namespace {

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
  if (std::isnan(conjugate::SmallInverse(d).invert(matrix, inverse))) {
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

/// Elements of a parent that a child meets under one state of the selector.
std::size_t block_of(const ConjugatePlate& parent, const ConjugateParent& link,
                     std::size_t selected_states) {
  return link.selected && selected_states > 0 ? parent.count / selected_states : parent.count;
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

[[noreturn]] void refuse_missing(const ConjugatePlate& parent, const ConjugatePlate& child) {
  refuse(parent, fmt::format("missing values in a plate that is a parent of \"{}\"; split the "
                             "plate into what is known and what is not",
                             child.name));
}

}  // namespace

std::string_view conjugate_kind_name(ConjugateKind kind) noexcept {
  switch (kind) {
    case ConjugateKind::gaussian:
      return "gaussian";
    case ConjugateKind::gamma:
      return "gamma";
    case ConjugateKind::wishart:
      return "wishart";
    case ConjugateKind::dirichlet:
      return "dirichlet";
    case ConjugateKind::categorical:
      return "categorical";
    case ConjugateKind::chain:
      return "chain";
  }
  return "unknown";
}

const ConjugatePlate& ConjugateModel::plate(ConjugateNode node) const {
  if (node.index >= plates_.size()) {
    throw ModelError(fmt::format("conjugate model: expected a node below {}, got {}",
                                 plates_.size(), node.index));
  }
  return plates_[node.index];
}

ConjugateNode ConjugateModel::find(std::string_view name) const {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < plates_.size(); ++i) {
    if (plates_[i].name == name) return {static_cast<std::uint32_t>(i)};
    if (!plates_[i].constant) names.push_back(plates_[i].name);
  }
  throw ModelError(
      fmt::format("conjugate model: no node \"{}\"{}", name, did_you_mean(name, names)));
}

ConjugateNode ConjugateModel::add(ConjugatePlate plate) {
  if (plate.name.empty()) refuse(plate, "expected a name, got none");
  if (plate.count == 0) refuse(plate, "expected a count of at least 1, got 0");
  if (plate.dimension == 0) refuse(plate, "expected a dimension of at least 1, got 0");
  const auto taken = [&plate](const ConjugatePlate& other) { return other.name == plate.name; };
  if (std::ranges::any_of(plates_, taken)) refuse(plate, "the name is taken");
  require_selector(plate);
  for (const ConjugateParent& link : links_of(plate)) {
    if (plates_[link.node.index].missing) refuse_missing(plates_[link.node.index], plate);
  }
  plates_.push_back(std::move(plate));
  return {static_cast<std::uint32_t>(plates_.size() - 1)};
}

ConjugateNode ConjugateModel::add_constant(ConjugatePlate plate, std::string_view what) {
  plate.constant = true;
  plate.name = fmt::format("constant {}", plates_.size());
  if (plate.dimension == 0) refuse(plate, "expected a dimension of at least 1, got 0");
  if (plate.values.empty() || plate.values.size() % plate.size() != 0) {
    refuse(plate, fmt::format("expected {} in groups of {} numbers, got {} numbers", what,
                              plate.size(), plate.values.size()));
  }
  plate.count = plate.values.size() / plate.size();
  return add(std::move(plate));
}

ConjugateNode ConjugateModel::fixed_values(std::vector<double> values, std::size_t dimension) {
  ConjugatePlate plate;
  plate.dimension = dimension;
  plate.values = std::move(values);
  for (const double x : plate.values) {
    if (!std::isfinite(x)) refuse(plate, fmt::format("expected finite values, got {}", x));
  }
  return add_constant(std::move(plate), "values");
}

ConjugateNode ConjugateModel::fixed_positive(std::vector<double> values, std::size_t dimension) {
  ConjugatePlate plate;
  plate.kind = ConjugateKind::gamma;
  plate.dimension = dimension;
  plate.values = std::move(values);
  require_positive(plate, plate.values, "numbers");
  return add_constant(std::move(plate), "numbers");
}

ConjugateNode ConjugateModel::fixed_matrices(std::vector<double> values, std::size_t dimension) {
  ConjugatePlate plate;
  plate.kind = ConjugateKind::wishart;
  plate.dimension = dimension;
  plate.values = std::move(values);
  const ConjugateNode node = add_constant(std::move(plate), "matrices");
  const ConjugatePlate& added = plates_[node.index];
  for (std::size_t i = 0; i < added.count; ++i) {
    require_positive_definite(
        added, std::span(added.values).subspan(i * added.size(), added.size()), "a matrix");
  }
  return node;
}

ConjugateNode ConjugateModel::fixed_probabilities(std::vector<double> values, std::size_t states) {
  ConjugatePlate plate;
  plate.kind = ConjugateKind::dirichlet;
  plate.dimension = states;
  plate.values = std::move(values);
  const ConjugateNode node = add_constant(std::move(plate), "probabilities");
  require_rows(plates_[node.index]);
  return node;
}

ConjugateNode ConjugateModel::add_gaussian(std::string name, GaussianPlate plate) {
  ConjugatePlate added;
  added.name = std::move(name);
  added.count = plate.count;
  added.dimension = plate.dimension;
  added.terms = std::move(plate.mean);
  added.parents = {plate.precision};
  added.selector = plate.selector;
  for (const ConjugateTerm& term : added.terms) require_term(added, term);
  require_distinct_terms(added);
  require_parent(added, plate.precision, "precision");
  const ConjugatePlate& precision = this->plate(plate.precision.node);
  const bool wishart = precision.kind == ConjugateKind::wishart;
  if (!wishart && precision.kind != ConjugateKind::gamma) {
    refuse(added, fmt::format("expected a gamma or Wishart precision, got the {} \"{}\"",
                              conjugate_kind_name(precision.kind), precision.name));
  }
  if (precision.dimension != added.dimension && (wishart || precision.dimension != 1)) {
    refuse(added,
           fmt::format("expected a precision of dimension {}{}, got {} of \"{}\"", added.dimension,
                       wishart ? "" : " or 1", precision.dimension, precision.name));
  }
  return add(std::move(added));
}

ConjugateNode ConjugateModel::add_gamma(std::string name, GammaPlate plate) {
  ConjugatePlate added;
  added.name = std::move(name);
  added.kind = ConjugateKind::gamma;
  added.count = plate.count;
  added.dimension = plate.dimension;
  added.prior = {plate.shape};
  added.parents = {plate.rate};
  added.selector = plate.selector;
  require_positive(added, added.prior, "a shape");
  require_parent(added, plate.rate, "rate");
  const ConjugatePlate& rate = this->plate(plate.rate.node);
  if (rate.kind != ConjugateKind::gamma || rate.dimension != added.dimension) {
    refuse(added,
           fmt::format("expected a gamma rate of dimension {}, got the {} \"{}\" of {}",
                       added.dimension, conjugate_kind_name(rate.kind), rate.name, rate.dimension));
  }
  return add(std::move(added));
}

ConjugateNode ConjugateModel::add_wishart(std::string name, WishartPlate plate) {
  ConjugatePlate added;
  added.name = std::move(name);
  added.kind = ConjugateKind::wishart;
  added.count = plate.count;
  added.dimension = plate.dimension;
  if (!(plate.degrees > static_cast<double>(plate.dimension) - 1.0) ||
      !std::isfinite(plate.degrees)) {
    refuse(added, fmt::format("expected finite degrees above dimension - 1 = {}, got {}",
                              static_cast<double>(plate.dimension) - 1.0, plate.degrees));
  }
  require_positive_definite(added, plate.inverse_scale, "an inverse scale");
  added.prior = {plate.degrees};
  added.prior.insert(added.prior.end(), plate.inverse_scale.begin(), plate.inverse_scale.end());
  return add(std::move(added));
}

ConjugateNode ConjugateModel::add_dirichlet(std::string name, DirichletPlate plate) {
  ConjugatePlate added;
  added.name = std::move(name);
  added.kind = ConjugateKind::dirichlet;
  added.count = plate.count;
  added.dimension = plate.states == 0 ? plate.concentration.size() : plate.states;
  const std::size_t given = plate.concentration.size();
  if (given == 0 || (given != added.dimension && given != added.count * added.dimension)) {
    refuse(added, fmt::format("expected {} concentrations, or {} for each of {} elements, got {}",
                              added.dimension, added.dimension, added.count, given));
  }
  require_positive(added, plate.concentration, "concentrations");
  for (std::size_t i = 0; i < added.count * added.dimension; ++i) {
    added.prior.push_back(plate.concentration[i % given]);
  }
  return add(std::move(added));
}

ConjugateNode ConjugateModel::add_beta(std::string name, double a, double b, std::size_t count) {
  return add_dirichlet(std::move(name), {.count = count, .concentration = {b, a}, .states = 2});
}

ConjugateNode ConjugateModel::add_categorical(std::string name, CategoricalPlate plate) {
  ConjugatePlate added;
  added.name = std::move(name);
  added.kind = ConjugateKind::categorical;
  added.count = plate.count;
  added.parents = {plate.probabilities};
  added.selector = plate.selector;
  const ConjugatePlate& probabilities = this->plate(plate.probabilities.node);
  added.dimension = probabilities.dimension;
  if (probabilities.kind != ConjugateKind::dirichlet) {
    refuse(added, fmt::format("expected Dirichlet or fixed probabilities, got the {} \"{}\"",
                              conjugate_kind_name(probabilities.kind), probabilities.name));
  }
  require_parent(added, plate.probabilities, "probabilities");
  return add(std::move(added));
}

ConjugateNode ConjugateModel::add_chain(std::string name, ChainPlate plate) {
  ConjugatePlate added;
  added.name = std::move(name);
  added.kind = ConjugateKind::chain;
  added.parents = {ConjugateParent(plate.initial, 1, false),
                   ConjugateParent(plate.transition, 1, false)};
  added.count = 0;
  for (const std::size_t length : plate.lengths) {
    if (length == 0) refuse(added, "expected lengths of at least 1, got 0");
    added.count += length;
  }
  added.lengths = std::move(plate.lengths);
  const ConjugatePlate& initial = this->plate(plate.initial);
  const ConjugatePlate& transition = this->plate(plate.transition);
  added.dimension = initial.dimension;
  const std::size_t states = added.dimension;
  for (const ConjugatePlate* const parent : {&initial, &transition}) {
    const std::size_t rows = parent == &initial ? 1 : states;
    if (parent->kind == ConjugateKind::dirichlet && parent->dimension == states &&
        parent->count == rows) {
      continue;
    }
    refuse(added,
           fmt::format("expected {} Dirichlet rows of {} states, got the {} \"{}\": {} of {}", rows,
                       states, conjugate_kind_name(parent->kind), parent->name, parent->count,
                       parent->dimension));
  }
  return add(std::move(added));
}

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
    for (const ConjugateParent& link : links_of(child)) {
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

}  // namespace credo
