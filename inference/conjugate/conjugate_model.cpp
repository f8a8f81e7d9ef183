// Conjugate models: what may be joined to what. Everything is checked where it is added, so that
// the engine meets only conjugate pairs of matching shapes.

#include <credo/core/error.hpp>
#include <credo/core/expansion_limit.hpp>
#include <credo/core/names.hpp>
#include <credo/inference/conjugate/plate_checks.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace credo {

using conjugate::refuse;
using conjugate::require_positive;
using conjugate::require_positive_definite;

namespace {

/// Of one plate: 8 GiB.
constexpr std::uint64_t kMostNumbers = std::uint64_t{1} << 30;

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
  const double covariances =
      plate.kind == ConjugateKind::gaussian ? static_cast<double>(plate.dimension) : 1.0;
  require_expandable(
      fmt::format("{} \"{}\"", conjugate_kind_name(plate.kind), plate.name),
      static_cast<double>(plate.count) * static_cast<double>(plate.size()) * covariances,
      kMostNumbers, "choose a smaller count or dimension");
  const auto taken = [&plate](const ConjugatePlate& other) { return other.name == plate.name; };
  if (std::ranges::any_of(plates_, taken)) refuse(plate, "the name is taken");
  require_selector(plate);
  require_known_parents(plate);
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
  conjugate::require_rows(plates_[node.index]);
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

}  // namespace credo
