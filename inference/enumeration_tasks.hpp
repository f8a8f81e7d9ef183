#pragma once
// Answers of enumeration, one function per task.

#include <credo/inference/joint_weights.hpp>

namespace credo {

/// Each fills its part of the result from a weighed list with log Z > -infinity. False when time
/// or the observer stopped it; the result is then not to be used. Samples that were drawn before a
/// stop are an answer, though: true then.
bool marginals_by_listing(JointWeights& list, const Query& query, Result& result);
bool map_by_listing(JointWeights& list, const Query& query, Result& result);
bool marginal_map_by_listing(JointWeights& list, const Query& query, Result& result);
bool samples_by_listing(JointWeights& list, const Query& query, Result& result);
bool sensitivity_by_listing(JointWeights& list, Result& result);

}  // namespace credo
