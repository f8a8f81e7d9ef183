// Variational message passing (Winn and Bishop 2005): coordinate ascent of
//   L(q) = sum_nodes E_q[log p(x | parents)] + H(q_node)
// over q = prod_nodes q_node. A node's best q given the others is of its prior's own family, with
// the prior's natural parameters plus the messages of its children. All elements of a plate move
// together: no factor has two of them, so that none sees the others move. Invariant: L never falls;
// rounding aside a fall is an error of this program, and is reported (an assertion in debug
// builds). Cost per sweep: each factor once per parent and once for L. L is not concave in
// all nodes together, hence the restarts.

#include <credo/core/numerics.hpp>
#include <credo/inference/conjugate/ascent.hpp>
#include <credo/inference/conjugate/plate_checks.hpp>
#include <credo/inference/contraction/monitor.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numeric>
#include <utility>

namespace credo::conjugate {

namespace {

/// A fall of L within this of the size of its terms is rounding.
constexpr double kRounding = 1e-10;
/// A gain within this of it is none.
constexpr double kNoGain = 1e-14;

std::unique_ptr<Node> make_node(const ConjugatePlate& plate, const Nodes& nodes) {
  switch (plate.kind) {
    case ConjugateKind::gaussian:
      return conjugate::make_gaussian(plate, nodes);
    case ConjugateKind::gamma:
      return conjugate::make_gamma(plate, nodes);
    case ConjugateKind::wishart:
      return conjugate::make_wishart(plate);
    case ConjugateKind::dirichlet:
      return conjugate::make_dirichlet(plate);
    case ConjugateKind::categorical:
      return conjugate::make_categorical(plate, nodes);
    case ConjugateKind::chain:
      return conjugate::make_chain(plate, nodes);
  }
  return nullptr;
}

ConjugatePosterior posterior_of(const Node& node) {
  const ConjugatePlate& plate = node.plate();
  ConjugatePosterior answer;
  answer.name = plate.name;
  answer.kind = plate.kind;
  answer.count = plate.count;
  answer.dimension = plate.dimension;
  if (node.known()) return answer;
  const std::span<const double> natural = node.natural();
  const auto part = [&natural](std::size_t begin, std::size_t end) {
    const auto piece = natural.subspan(begin, end - begin);
    return std::vector<double>(piece.begin(), piece.end());
  };
  answer.mean = node.moments().mean;
  answer.covariance = node.moments().covariance;
  if (plate.kind == ConjugateKind::gamma) {
    answer.shape = part(0, natural.size() / 2);
    answer.rate = part(natural.size() / 2, natural.size());
  } else if (plate.kind == ConjugateKind::wishart) {
    answer.degrees = part(0, plate.count);
    answer.inverse_scale = part(plate.count, natural.size());
  } else if (plate.kind == ConjugateKind::dirichlet) {
    answer.concentration = answer.mean = part(0, natural.size());
    for (std::size_t i = 0; i < plate.count; ++i) {
      normalize(std::span(answer.mean).subspan(i * plate.dimension, plate.dimension));
    }
  }
  return answer;
}

}  // namespace

std::vector<std::size_t> factor_of(const ConjugateModel& model, std::size_t index) {
  std::vector<std::size_t> nodes{index};
  for (const ConjugateParent& link : links_of(model.plates()[index])) {
    nodes.push_back(link.node.index);
  }
  std::ranges::sort(nodes);
  nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
  return nodes;
}

Ascent::Ascent(const ConjugateModel& model, const ConjugateOptions& options)
    : options_(options), children_(model.plates().size()) {
  for (std::size_t i = 0; i < model.plates().size(); ++i) {
    nodes_.push_back(make_node(model.plates()[i], nodes_));
    for (const std::size_t n : factor_of(model, i)) {
      if (n != i && !nodes_[n]->known()) children_[n].push_back(i);
    }
    if (!nodes_[i]->known()) order_.push_back(i);
  }
  if (options.schedule == AscentSchedule::backward) std::ranges::reverse(order_);
}

void Ascent::begin(std::span<const ConjugateStart> starts, Draws& draws) {
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (nodes_[i]->known()) continue;
    const ConjugateStart* given = nullptr;
    for (const ConjugateStart& start : starts) {
      if (start.node.index == i) given = &start;
    }
    nodes_[i]->begin(given, draws);
  }
}

bool Ascent::climb(Draws& draws, contraction::Monitor& monitor, double fraction) {
  while (sweeps_ < options_.maximum_sweeps) {
    if (!sweep(draws, monitor, fraction)) {
      stopped_ = true;
      bound_ = evaluate();
      return false;
    }
    ++sweeps_;
    if (settle()) return true;
  }
  return false;
}

/// False when told to stop.
bool Ascent::sweep(Draws& draws, contraction::Monitor& monitor, double fraction) {
  if (options_.schedule == AscentSchedule::random) shuffle(draws);
  for (const std::size_t n : order_) {
    if (!monitor.may_continue("sweep", fraction)) return false;
    update(n);
  }
  return true;
}

void Ascent::update(std::size_t n) {
  Node& node = *nodes_[n];
  node.take_prior();
  for (const std::size_t child : children_[n]) nodes_[child]->send(node);
  node.absorb();
}

/// L after a sweep; whether it was the last that is needed.
bool Ascent::settle() {
  const Bound before = std::exchange(bound_, evaluate());
  trace_.push_back(bound_.value);
  residual_ = sweeps_ == 1 ? kInfinity : bound_.value - before.value;
  if (residual_ < -kRounding * bound_.scale) {
    monotone_ = false;
    assert(false && "a sweep lowered L");
  }
  return residual_ < options_.tolerance || residual_ <= kNoGain * bound_.scale;
}

Bound Ascent::evaluate() const {
  Bound bound;
  CompensatedSum sum;
  for (const auto& node : nodes_) {
    const double density = node->log_density();
    const double entropy = node->entropy();
    bound.terms.push_back(density + entropy);
    bound.scale += std::fabs(density) + std::fabs(entropy);
    if (!std::isfinite(density) || !std::isfinite(entropy)) {
      throw Failure{fmt::format("{} \"{}\": E[log p] = {}, entropy {}",
                                conjugate_kind_name(node->plate().kind), node->plate().name,
                                density, entropy),
                    density == -kInfinity};
    }
    sum.add(density);
    sum.add(entropy);
  }
  bound.value = sum.value();
  return bound;
}

void Ascent::shuffle(Draws& draws) {
  for (std::size_t i = order_.size(); i > 1; --i) {
    const auto j = static_cast<std::size_t>(draws.uniform() * static_cast<double>(i));
    std::swap(order_[i - 1], order_[std::min(j, i - 1)]);
  }
}

void Ascent::report(ConjugateResult& result) const {
  result.value = result.log_z_lower = bound_.value;
  result.terms = bound_.terms;
  result.trace = trace_;
  result.sweeps = sweeps_;
  result.residual = residual_;
  result.posteriors.clear();
  for (const auto& node : nodes_) result.posteriors.push_back(posterior_of(*node));
}

}  // namespace credo::conjugate
