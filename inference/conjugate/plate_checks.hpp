#pragma once
// What every complaint about a plate needs.

#include <credo/inference/conjugate/conjugate_model.hpp>

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace credo::conjugate {

/// Throws ModelError naming kind and plate.
[[noreturn]] void refuse(const ConjugatePlate& plate, const std::string& what);
/// Throws ModelError unless all are above 0 and finite.
void require_positive(const ConjugatePlate& plate, std::span<const double> values,
                      std::string_view what);
/// Throws ModelError unless [d, d] numbers are a symmetric positive definite matrix.
void require_positive_definite(const ConjugatePlate& plate, std::span<const double> matrix,
                               std::string_view what);
/// Throws ModelError unless the plate's values are distributions.
void require_rows(const ConjugatePlate& plate);

/// Every parent of a plate, in whatever role.
[[nodiscard]] std::vector<ConjugateParent> links_of(const ConjugatePlate& child);

}  // namespace credo::conjugate
