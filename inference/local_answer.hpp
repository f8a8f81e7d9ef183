#pragma once
// What is known before any two tables are multiplied.

#include <credo/inference/query.hpp>
#include <credo/inference/result.hpp>

namespace credo {

/// With g_v(x_v) the product of the findings on v and of the factors over v alone,
///   log Z <= sum_v log sum_x g_v(x) + sum_f log max f  (f over two variables or more),
/// which answers log_partition (guarantee upper_bound), and b_v proportional to g_v, which answers
/// marginals of single variables (guarantee none). Natural logarithms. Status ok, or not_run:
/// another task, continuous variables, or some g_v is zero everywhere. Cost: one look at every
/// factor.
[[nodiscard]] Result local_answer(const FactorGraph& graph, const Evidence& evidence,
                                  const Query& query);

}  // namespace credo
