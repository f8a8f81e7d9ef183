#pragma once
// The value of one factor at a point, and its slope.

#include <cstddef>
#include <cstdint>

namespace credo::gaussian {

struct LocalForm;

/// Returns log f at the point, and adds its gradient; scalars: of the factor's variables, in order.
/// A kernel with certain directions counts with its density on the support. scratch: twice the
/// factor's dimension.
using AddTerms = double (*)(const LocalForm& local, const std::uint32_t* scalars,
                            const double* point, double* gradient, double* scratch);

/// The fastest for a kernel of these dimensions.
[[nodiscard]] AddTerms kernel_terms(std::size_t parents, std::size_t child) noexcept;
[[nodiscard]] AddTerms quadratic_terms() noexcept;

}  // namespace credo::gaussian
