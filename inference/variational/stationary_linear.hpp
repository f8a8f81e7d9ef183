#pragma once
// The derivative of a slice at a message, and linear systems with it.

#include <credo/inference/variational/slice.hpp>
#include <credo/inference/variational/stationary_structure.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace credo::stationary {

/// P = dU / dV, compressed rows over contexts; impossible contexts have empty rows. Rows of members
/// of a loop that costs nothing say that they are worth what its best member is (`follows`).
struct Derivative {
  std::vector<std::uint64_t> begin;
  std::vector<std::uint32_t> next;
  std::vector<double> weight;
  /// Members of a loop other than the one that leaves it.
  std::vector<char> follows;
  /// Expected score of a step under the conditional, entropy included; only of evaluated ones.
  std::vector<double> score;
};

/// dU / dV at V: sum_d q(d | x) k~(x' | x, d), q the conditional and k~ the kernel tilted by V, or
/// the first best successor. scores: J(V). Among ties within `tie` of an arg-max the choice of
/// `previous` (kFar: none) is kept, else the one whose way out is shortest.
[[nodiscard]] Derivative derivative(const Slice& slice, const Structure& structure,
                                    std::span<const double> message, std::span<const double> scores,
                                    double tie, std::vector<std::uint32_t>& previous);

/// The affine map of following the way out: weights and expected scores.
[[nodiscard]] Derivative way_out(const Slice& slice, const Structure& structure);

/// Fills the conditional q (contexts x choices) of members that follow another: rows inside their
/// loop that come closer to the member that leaves.
void lead_to_leavers(const Slice& slice, const Structure& structure, const Derivative& p,
                     std::vector<double>& q);

/// (I - P) x = b. Small systems by a sparse LU factorisation, large ones by BiCGSTAB with an
/// incomplete one (Saad 2003, sections 7.4 and 10.4), to a relative residual; what it returns is
/// never trusted without a sweep.
class LinearSystem {
 public:
  explicit LinearSystem(const Derivative& p);
  ~LinearSystem();
  LinearSystem(LinearSystem&&) noexcept;
  LinearSystem& operator=(LinearSystem&&) noexcept;

  /// Nothing when the matrix is singular or the iteration fails.
  [[nodiscard]] std::optional<std::vector<double>> solve(std::span<const double> right);
  /// Whether systems of this size are factorised.
  [[nodiscard]] static bool direct(std::size_t contexts) noexcept;

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace credo::stationary
