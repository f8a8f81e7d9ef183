#pragma once
// The optimum of one row of a conditional.

#include <credo/inference/variational/family.hpp>

#include <span>

namespace credo::variational {

/// U = w log sum m exp(J / w) (arg-max: max J) and q = m exp((J - U) / w) of one row. log_base: log
/// m per entry, or empty (m = 1). j is overwritten. q: as long as j, or empty when not wanted; all
/// 0 when U is -infinity, except that a negative w puts it on the first feasible entry with J =
/// -infinity: the worst case at any finite price.
double solve_row(ConditionalKind kind, double weight, std::span<const double> log_base,
                 std::span<double> j, std::span<double> q);

/// Sets to -infinity what is violated more often than it must be; with a negative weight, what is
/// violated less often than it can be.
/// violations: how many scores of -infinity are expected, per entry, or empty.
void keep_to_feasible(ConditionalKind kind, double weight, std::span<const double> violations,
                      std::span<const double> log_base, std::span<double> j);

}  // namespace credo::variational
