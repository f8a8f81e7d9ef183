#pragma once
// Conjugate-exponential models: directed graphs of Gaussian, gamma, Wishart, beta, Dirichlet and
// categorical variables in which every parent's prior is conjugate to its children, so that
// variational messages are sums of natural parameters (Winn and Bishop 2005). A node is a plate:
// `count` variables of one distribution that differ in nothing but their index, held in one array.
//
//   ConjugateModel model;
//   const auto mean = model.add_gaussian("mean", {.mean = {{model.fixed_values({0.0})}},
//                                                  .precision = model.fixed_positive({1e-3})});
//   const auto precision = model.add_gamma("precision", {.shape = 1.0,
//                                                  .rate = model.fixed_positive({1.0})});
//   const auto x = model.add_gaussian("x", {.count = 3, .mean = {{mean}}, .precision = precision});
//   model.observe(x, {1.1, 0.9, 1.3});
//   const ConjugateResult result = maximize(model);

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace credo {

/// A plate of a ConjugateModel, in order of addition.
struct ConjugateNode {
  std::uint32_t index = 0;
  friend bool operator==(ConjugateNode, ConjugateNode) = default;
};

enum class ConjugateKind : std::uint8_t {
  gaussian,     ///< x in R^d
  gamma,        ///< d independent positive numbers
  wishart,      ///< a positive definite d x d matrix
  dirichlet,    ///< a distribution over d states (beta: d = 2)
  categorical,  ///< one of d states
  chain,        ///< Markov chains over d states; count is the sum of their lengths
};
/// The enumerator: "gaussian", "gamma", ...
[[nodiscard]] std::string_view conjugate_kind_name(ConjugateKind kind) noexcept;

/// Which element of a parent's plate element i of a child's plate depends on. A parent of P
/// elements is read at (i / stride) mod P: one element is shared by all, P = count is one each, and
/// for an N x D table stored row by row stride = D reads a plate of N by rows, stride = 1 one of D
/// by columns. With a selector of K states the parent's plate has K blocks of P elements, and the
/// selected state says which block; selected = false: the same for all states.
struct ConjugateParent {
  ConjugateParent() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): a node is the simplest parent.
  ConjugateParent(ConjugateNode of, std::size_t every = 1, bool by_selector = true)
      : node(of), stride(every), selected(by_selector) {}

  ConjugateNode node;
  std::size_t stride = 1;
  bool selected = true;
};

/// A part of a Gaussian's mean: the parent itself, or its dot product with another.
struct ConjugateTerm {
  ConjugateParent parent;
  std::optional<ConjugateParent> times = {};
};

/// x_i ~ N(sum of terms, precision^-1). Terms without `times` have the dimension of x; dot products
/// need dimension 1. precision: gamma of dimension 1 (precision times the identity) or d
/// (diagonal), or Wishart.
struct GaussianPlate {
  std::size_t count = 1;
  std::size_t dimension = 1;
  std::vector<ConjugateTerm> mean = {};
  ConjugateParent precision = {};
  std::optional<ConjugateParent> selector = {};
};

/// tau_i ~ Gamma(shape, rate), density proportional to tau^(shape - 1) exp(-rate tau), d times
/// independently; rate: positive numbers of dimension d.
struct GammaPlate {
  std::size_t count = 1;
  std::size_t dimension = 1;
  double shape = 1.0;
  ConjugateParent rate = {};
  std::optional<ConjugateParent> selector = {};
};

/// Lambda_i ~ W(degrees, V), density proportional to |Lambda|^((degrees - d - 1) / 2)
/// exp(-tr(V^-1 Lambda) / 2); the mean is degrees V.
struct WishartPlate {
  std::size_t count = 1;
  std::size_t dimension = 1;
  double degrees = 1.0;                    ///< above d - 1
  std::vector<double> inverse_scale = {};  ///< V^-1 [d, d], positive definite
};

/// pi_i ~ Dirichlet(concentration): d numbers above 0 for all elements, or d per element.
struct DirichletPlate {
  std::size_t count = 1;
  std::vector<double> concentration = {};
  std::size_t states = 0;
};

/// z_i ~ Categorical(probabilities): a Dirichlet or fixed probabilities.
struct CategoricalPlate {
  std::size_t count = 1;
  ConjugateParent probabilities = {};
  std::optional<ConjugateParent> selector = {};
};

/// Independent Markov chains of the given lengths, one after another in the plate: the first state
/// from `initial` (one element), the next from row x_t of `transition` (as many elements as
/// states). q is exact over each chain: its own engine is sum-product.
struct ChainPlate {
  std::vector<std::size_t> lengths = {};
  ConjugateNode initial;
  ConjugateNode transition;
};

/// What the engine reads of a plate.
struct ConjugatePlate {
  std::string name;
  ConjugateKind kind = ConjugateKind::gaussian;
  std::size_t count = 1;
  std::size_t dimension = 1;
  /// Given once and for all, without a distribution of its own.
  bool constant = false;
  std::vector<ConjugateTerm> terms;
  /// Precision, rate or probabilities; of a chain initial and transition.
  std::vector<ConjugateParent> parents;
  std::optional<ConjugateParent> selector = {};
  /// gamma: shape; Wishart: degrees, V^-1; Dirichlet: concentration per element.
  std::vector<double> prior;
  std::vector<std::size_t> lengths = {};
  /// Constant or observed, count x size; NaN: missing. Empty: a variable.
  std::vector<double> values;
  /// Observed states.
  std::vector<std::size_t> states;
  /// Some element was not observed.
  bool missing = false;

  [[nodiscard]] bool known() const noexcept { return !values.empty() || !states.empty(); }
  /// Numbers per element: d^2 of a Wishart, else d.
  [[nodiscard]] std::size_t size() const noexcept {
    return kind == ConjugateKind::wishart ? dimension * dimension : dimension;
  }
};

/// Built by adding: parents come before children. Everything throws ModelError naming the node,
/// what was given and what was expected.
class ConjugateModel {
 public:
  /// A state that was not observed.
  static constexpr std::size_t kMissing = static_cast<std::size_t>(-1);

  /// \name Constants
  /// count = number of values / numbers per element.
  ///@{
  /// Known vectors: means, inputs of a regression.
  ConjugateNode fixed_values(std::vector<double> values, std::size_t dimension = 1);
  /// Known precisions and rates, above 0.
  ConjugateNode fixed_positive(std::vector<double> values, std::size_t dimension = 1);
  /// Known precision matrices, symmetric positive definite.
  ConjugateNode fixed_matrices(std::vector<double> values, std::size_t dimension);
  /// Known distributions, each summing to 1 within 1e-6.
  ConjugateNode fixed_probabilities(std::vector<double> values, std::size_t states);
  ///@}

  /// \name Variables
  ///@{
  ConjugateNode add_gaussian(std::string name, GaussianPlate plate);
  ConjugateNode add_gamma(std::string name, GammaPlate plate);
  ConjugateNode add_wishart(std::string name, WishartPlate plate);
  ConjugateNode add_dirichlet(std::string name, DirichletPlate plate);
  /// A probability p with density proportional to p^(a - 1) (1 - p)^(b - 1): the Dirichlet of the
  /// states 0 ("not", probability 1 - p) and 1.
  ConjugateNode add_beta(std::string name, double a, double b, std::size_t count = 1);
  ConjugateNode add_categorical(std::string name, CategoricalPlate plate);
  ConjugateNode add_chain(std::string name, ChainPlate plate);
  ///@}

  /// \name Data
  /// Of Gaussian and gamma plates (count x dimension numbers) and categorical ones. A missing
  /// element (a NaN among its numbers, kMissing) is left out of the model, which is exact because a
  /// plate with missing elements must have no children.
  ///@{
  void observe(ConjugateNode node, std::vector<double> values);
  void observe_states(ConjugateNode node, std::vector<std::size_t> states);
  ///@}

  [[nodiscard]] std::span<const ConjugatePlate> plates() const noexcept { return plates_; }
  /// Throws ModelError on a node of another model (an index out of range).
  [[nodiscard]] const ConjugatePlate& plate(ConjugateNode node) const;
  /// The node of that name. Throws ModelError with the nearest names.
  [[nodiscard]] ConjugateNode find(std::string_view name) const;

 private:
  ConjugateNode add_constant(ConjugatePlate plate, std::string_view what);
  ConjugateNode add(ConjugatePlate plate);
  void require_parent(const ConjugatePlate& child, const ConjugateParent& parent,
                      std::string_view role) const;
  void require_term(const ConjugatePlate& child, const ConjugateTerm& term) const;
  void require_distinct_terms(const ConjugatePlate& child) const;
  void require_selector(const ConjugatePlate& child) const;
  [[nodiscard]] ConjugatePlate& observable(ConjugateNode node);
  void require_no_children(const ConjugatePlate& parent) const;
  void require_known_parents(const ConjugatePlate& child) const;

  std::vector<ConjugatePlate> plates_;
};

}  // namespace credo
