#pragma once
// Variational families: a directed acyclic graph of conditionals over the unobserved variables
// of a factor graph, q(x) = prod_v q_v(x_v | x_pa(v)).

#include <credo/core/evidence.hpp>
#include <credo/core/factor_graph.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace credo {

/// What an engine may do with one conditional.
enum class ConditionalKind : std::uint8_t {
  free,     ///< optimised; its entropy counts w H(q_v), relative to a base measure m
  clamped,  ///< held equal to a kernel k
  charged,  ///< optimised; charged rho KL(q_v, k)
  arg_max,  ///< optimised without entropy: w to 0
};
/// "free", "clamped", "charged", "arg-max".
[[nodiscard]] std::string_view conditional_kind_name(ConditionalKind kind) noexcept;

/// q_v(x_v | x_pa(v)) and its place in the objective
///   L(q) = E_q[ sum_f log f ] + sum_v (what v adds), where v adds
///   free      w E_q[ -log(q_v / m) ]    w > 0, m >= 0 (counting measure m = 1 by default)
///   clamped   E_q[ -log k ]             cancels the factor k of the model, if it is one
///   charged   -rho KL(q_v, k)           after taking the factor k, if it is one, out of the sum
///   arg-max   0
/// A charge of 1 is the free conditional with its factor left in; as rho grows q_v tends to k and
/// what it adds to 0 (a clamped factor adds 0 too; a clamped kernel that is no factor its entropy).
/// rho < 0 minimises instead: the worst kernel at the price |rho| KL.
struct Conditional {
  VariableId child = 0;
  /// In the order of the tables: every table of this conditional is over (parents..., child).
  Scope parents;
  ConditionalKind kind = ConditionalKind::free;
  /// w of a free conditional; rho of a charged one (not 0). An infinite charge is
  /// held like a clamped conditional, and marked by this.
  double weight = 1.0;
  /// clamped, charged: the kernel k(x_v | x_pa); free: the base measure m, or nothing.
  std::optional<Table> table;
  /// clamped, charged: the factor of the model that the kernel is, if it is one.
  std::optional<FactorId> factor;
  /// The same two of a continuous child: a linear-Gaussian kernel, its extents the discrete parents
  /// and its blocks (continuous parents..., child), each in the order of `parents`.
  std::optional<GaussianTable> gaussian = {};
  std::optional<GaussianFactorId> gaussian_factor = {};
};

/// At most one conditional per variable. Nothing is checked against evidence before validate(),
/// which everything that answers calls. Keeps handles of tables. A table used by many conditionals
/// is checked, and its child moved to the last place, once.
class Family {
 public:
  /// The variables and factors are those of graph, which is borrowed while conditionals are added.
  explicit Family(const FactorGraph& graph);

  /// A conditional that is optimised. Throws ModelError on an unknown or repeated variable, a
  /// second conditional for one child, w <= 0 or not finite, and a base measure of the wrong shape.
  void free(VariableId child, Scope parents, double weight = 1.0, std::optional<Table> base = {});
  /// Held equal to the factor, which must be marked as a conditional. Throws ModelError.
  void clamp(FactorId factor);
  /// Held equal to any kernel over (parents..., child). Throws ModelError when a row does not sum
  /// to 1 (or to 0: a parent state that is never reached) within 1e-6.
  void clamp(VariableId child, Scope parents, Table kernel);
  /// Charged rho KL; infinite: held equal to the kernel. Throws as clamp(), and when rho is 0 or
  /// NaN.
  void charge(FactorId factor, double rho);
  void charge(VariableId child, Scope parents, Table kernel, double rho);
  /// A deterministic choice.
  void arg_max(VariableId child, Scope parents);

  /// \name Continuous children
  /// free() (counting is Lebesgue measure then; no other base) and arg_max() take them as they are;
  /// their parents may be discrete and continuous, those of a discrete child only discrete. The
  /// Gaussian factor must be a conditional. Throw ModelError like the functions above.
  ///@{
  void clamp_gaussian(GaussianFactorId factor);
  void clamp(VariableId child, Scope parents, GaussianTable kernel);
  void charge_gaussian(GaussianFactorId factor, double rho);
  void charge(VariableId child, Scope parents, GaussianTable kernel, double rho);
  ///@}

  /// In order of addition.
  [[nodiscard]] std::span<const Conditional> conditionals() const noexcept { return conditionals_; }
  /// The conditional of v, or nullptr.
  [[nodiscard]] const Conditional* find(VariableId v) const;

  /// Throws ModelError, naming variables, when the graph is not of the shape the family was built
  /// for, when an unobserved variable (one without a hard finding or a value) has no conditional,
  /// or when the directed graph on the unobserved variables has a cycle. Conditionals of observed
  /// variables are ignored; observed parents are sliced. A kernel that insists on what evidence
  /// excludes is not wrong input: L is then -infinity.
  void validate(const FactorGraph& graph, const Evidence& evidence) const;

 private:
  void add(Conditional conditional);
  [[nodiscard]] Conditional kernel_of(FactorId factor);
  [[nodiscard]] Conditional gaussian_kernel_of(GaussianFactorId factor) const;
  void check_kernel(VariableId child, const Table& kernel);

  /// A table that was seen before, and what became of it.
  struct Prepared {
    Table table;
    std::size_t child_position;
    Table arranged;
  };

  const FactorGraph* graph_ = nullptr;
  std::vector<Conditional> conditionals_;
  std::vector<std::size_t> place_of_;
  std::map<const void*, Prepared> arranged_;
  std::map<const void*, Table> checked_;
};

/// Every unobserved variable free, without parents: q = prod_v q_v(x_v).
[[nodiscard]] Family mean_field(const FactorGraph& graph, const Evidence& evidence);

/// Every unobserved variable free, with the parents that make the family contain the posterior:
/// eliminating in `order` (all unobserved variables, the first eliminated is the last in the
/// directed graph; empty: min-fill), the parents of v are its neighbours when it is eliminated.
[[nodiscard]] Family fully_structured(const FactorGraph& graph, const Evidence& evidence,
                                      std::vector<VariableId> order = {});

/// The model's own direction: every unobserved variable with the parents of the factor that is
/// marked as its conditional; clamped to it, but for the variables listed in `free_variables`,
/// which are free. Throws ModelError when an unobserved variable is the child of no factor or
/// of several.
[[nodiscard]] Family model_direction(const FactorGraph& graph, const Evidence& evidence,
                                     std::span<const VariableId> free_variables);

}  // namespace credo
