#pragma once
// Whether log Z is finite at all, as far as a bound of it has to know. Internal.

#include <credo/inference/contraction/monitor.hpp>
#include <credo/inference/variational/gaussian_rules.hpp>

#include <string>

namespace credo::variational {

struct Properness {
  bool improper = false;  ///< Z is infinite
  std::string message;    ///< why; or why it was not found out
};

/// Integrates the model exactly where the discrete variables are in the most probable states of q,
/// one after another: a product may be the best one of its kind although the whole diverges, since
/// it only ever sees the precisions of its components. q: feasible.
[[nodiscard]] Properness check_proper(const GaussianProblem& problem, const Evidence& evidence,
                                      const GaussianFamily& q, const InferOptions& options,
                                      const contraction::Monitor& monitor);

}  // namespace credo::variational
