#pragma once
// Ising grids, and their mean field by the textbook's equation.

#include "random_models.hpp"

#include <credo/core/factor_graph.hpp>

#include <fmt/format.h>

#include <cmath>
#include <cstddef>
#include <vector>

namespace credo::testing {

/// An Ising grid of +-1 spins with couplings and fields.
struct Ising {
  std::size_t rows;
  std::size_t columns;
  std::vector<double> right;  ///< coupling to the right neighbour, 0 at the edge
  std::vector<double> down;
  std::vector<double> field;

  [[nodiscard]] FactorGraph graph() const {
    FactorGraph result;
    for (std::size_t i = 0; i < rows * columns; ++i) {
      result.add_variable(fmt::format("s{}", i), 2);
      result.add_factor({static_cast<VariableId>(i)},
                        Table::dense({2}, {-field[i], field[i]}, Domain::log));
    }
    const auto couple = [&](std::size_t a, std::size_t b, double j) {
      result.add_factor({static_cast<VariableId>(a), static_cast<VariableId>(b)},
                        Table::dense({2, 2}, {j, -j, -j, j}, Domain::log));
    };
    for (std::size_t i = 0; i < rows * columns; ++i) {
      if (i % columns + 1 < columns) couple(i, i + 1, right[i]);
      if (i / columns + 1 < rows) couple(i, i + columns, down[i]);
    }
    return result;
  }
};

inline Ising random_ising(Random& random, std::size_t rows, std::size_t columns, double coupling,
                          double field) {
  Ising ising{rows, columns, {}, {}, {}};
  for (std::size_t i = 0; i < rows * columns; ++i) {
    ising.right.push_back(random.uniform(-coupling, coupling));
    ising.down.push_back(random.uniform(-coupling, coupling));
    ising.field.push_back(random.uniform(-field, field));
  }
  return ising;
}

/// m_i = tanh(h_i + sum_j J_ij m_j), iterated; and the mean-field bound at the fixed point.
inline double fixed_point(const Ising& ising, std::vector<double>& m) {
  const std::size_t n = ising.rows * ising.columns;
  m.assign(n, 0.0);
  const auto input = [&](std::size_t i) {
    double total = ising.field[i];
    if (i % ising.columns + 1 < ising.columns) total += ising.right[i] * m[i + 1];
    if (i % ising.columns > 0) total += ising.right[i - 1] * m[i - 1];
    if (i / ising.columns + 1 < ising.rows) total += ising.down[i] * m[i + ising.columns];
    if (i >= ising.columns) total += ising.down[i - ising.columns] * m[i - ising.columns];
    return total;
  };
  for (int sweep = 0; sweep < 5000; ++sweep) {
    for (std::size_t i = n; i-- > 0;) m[i] = std::tanh(input(i));
  }
  double value = 0.0;
  for (std::size_t i = 0; i < n; ++i) {
    const double p = 0.5 * (1.0 + m[i]);
    value += ising.field[i] * m[i] - p * std::log(p) - (1.0 - p) * std::log(1.0 - p);
    value += 0.5 * m[i] * (input(i) - ising.field[i]);
  }
  return value;
}

}  // namespace credo::testing
