#pragma once
// Influence diagrams of the tests.

#include <credo/models/decision/influence_diagram.hpp>

#include <random>
#include <string>
#include <vector>

namespace diagrams {

using credo::decision::InfluenceDiagram;

/// The oil wildcatter (Raiffa 1968): drill or not, after a seismic test or not.
inline InfluenceDiagram oil_wildcatter() {
  InfluenceDiagram d;
  d.add_chance("oil", {"dry", "wet", "soaking"}, {}, {{0.5, 0.3, 0.2}});
  d.add_decision("test", {"yes", "no"}, {});
  const std::vector<double> none = {0.0, 0.0, 0.0, 1.0};
  d.add_chance(
      "result", {"diffuse", "open", "closed", "no test"}, {"oil", "test"},
      {{0.6, 0.3, 0.1, 0.0}, none, {0.3, 0.4, 0.3, 0.0}, none, {0.1, 0.4, 0.5, 0.0}, none});
  d.add_decision("drill", {"yes", "no"}, {"test", "result"});
  d.add_utility("cost", {"test"}, {-10.0, 0.0});
  d.add_utility("profit", {"oil", "drill"}, {-70.0, 0.0, 50.0, 0.0, 200.0, 0.0});
  return d;
}

/// Pigs (Lauritzen and Nilsson 2001): three monthly treatments of a pig, each knowing only that
/// month's test.
inline InfluenceDiagram pigs() {
  InfluenceDiagram d;
  const std::vector<std::string> health = {"ill", "healthy"};
  d.add_chance("h1", health, {}, {{0.1, 0.9}});
  for (int month = 1; month <= 3; ++month) {
    const std::string number = std::to_string(month);
    const std::string h = "h" + number;
    d.add_chance("t" + number, {"positive", "negative"}, {h}, {{0.8, 0.2}, {0.1, 0.9}});
    d.add_decision("d" + number, {"treat", "leave"}, {"t" + number});
    d.add_utility("cost" + number, {"d" + number}, {-100.0, 0.0});
    d.add_chance("h" + std::to_string(month + 1), health, {h, "d" + number},
                 {{0.5, 0.5}, {0.9, 0.1}, {0.1, 0.9}, {0.2, 0.8}});
  }
  d.add_utility("price", {"h4"}, {300.0, 1000.0});
  return d;
}

/// Two choices that do not see each other; they meet at 10 or at 9.
inline InfluenceDiagram team() {
  InfluenceDiagram d;
  d.add_decision("left", {"0", "1"}, {});
  d.add_decision("right", {"0", "1"}, {});
  d.add_utility("payoff", {"left", "right"}, {10.0, 0.0, 0.0, 9.0});
  return d;
}

/// Take an umbrella? The forecast is seen, or not.
inline InfluenceDiagram umbrella(bool forecast_seen) {
  InfluenceDiagram d;
  d.add_chance("weather", {"dry", "rain"}, {}, {{0.7, 0.3}});
  d.add_chance("forecast", {"sunny", "cloudy", "rainy"}, {"weather"},
               {{0.7, 0.2, 0.1}, {0.15, 0.25, 0.6}});
  std::vector<std::string> seen;
  if (forecast_seen) seen.emplace_back("forecast");
  d.add_decision("umbrella", {"take", "leave"}, seen);
  d.add_utility("comfort", {"weather", "umbrella"}, {20.0, 100.0, 70.0, 0.0});
  return d;
}

/// Two before the tiger's doors, each hearing for itself, none knowing what the other heard or did
/// (Nair et al. 2003, "Dec-Tiger").
inline InfluenceDiagram two_tigers(std::size_t horizon) {
  // Listening, opening left, opening right; the tiger is on the left.
  const std::vector<double> tiger_left = {-2, -101, 9, -101, -50, -100, 9, -100, 20};
  const std::vector<double> tiger_right = {-2, 9, -101, 9, 20, -100, -101, -100, -50};
  std::vector<double> payoff = tiger_left;
  payoff.insert(payoff.end(), tiger_right.begin(), tiger_right.end());
  std::vector<std::vector<double>> moves(18, {0.5, 0.5});
  std::vector<std::vector<double>> hears(18, {0.5, 0.5});
  moves[0] = {1.0, 0.0};
  moves[9] = {0.0, 1.0};
  hears[0] = {0.85, 0.15};
  hears[9] = {0.15, 0.85};

  InfluenceDiagram d;
  d.add_chance("s1", {"left", "right"}, {}, {{0.5, 0.5}});
  std::vector<std::string> seen_a;
  std::vector<std::string> seen_b;
  for (std::size_t t = 1; t <= horizon; ++t) {
    const std::string now = std::to_string(t);
    const std::string next = std::to_string(t + 1);
    const std::vector<std::string> choices = {"listen", "open-left", "open-right"};
    d.add_decision("a" + now, choices, seen_a);
    d.add_decision("b" + now, choices, seen_b);
    d.add_utility("r" + now, {"s" + now, "a" + now, "b" + now}, payoff);
    if (t == horizon) break;
    d.add_chance("s" + next, {"left", "right"}, {"s" + now, "a" + now, "b" + now}, moves);
    for (const std::string& who : {std::string("x"), std::string("y")}) {
      d.add_chance(who + next, {"left", "right"}, {"s" + next, "a" + now, "b" + now}, hears);
    }
    seen_a.push_back("x" + next);
    seen_b.push_back("y" + next);
  }
  return d;
}

inline double uniform(std::mt19937_64& engine) {
  return static_cast<double>(engine() >> 11) * 0x1p-53;
}

inline std::vector<double> random_row(std::mt19937_64& engine, std::size_t states) {
  std::vector<double> row(states);
  double sum = 0.0;
  for (double& p : row) sum += p = 0.02 + uniform(engine);
  for (double& p : row) p /= sum;
  return row;
}

/// Some of the names, each with the given probability, at most `most`.
inline std::vector<std::string> random_subset(std::mt19937_64& engine,
                                              const std::vector<std::string>& names,
                                              double probability, std::size_t most) {
  std::vector<std::string> result;
  for (std::size_t i = names.size(); i-- > 0 && result.size() < most;) {
    if (uniform(engine) < probability) result.push_back(names[i]);
  }
  return result;
}

struct RandomSizes {
  std::size_t chances = 3;
  std::size_t decisions = 2;
  /// Information per decision at most.
  std::size_t sees = 2;
  /// Utilities are uniform on [-size, size).
  double utility = 10.0;
};

/// Chance and decision nodes in random order with random arcs, two utilities with overlapping
/// parents; nodes have two states.
inline InfluenceDiagram random_diagram(std::mt19937_64& engine, const RandomSizes& sizes) {
  InfluenceDiagram d;
  std::vector<std::string> names;
  std::size_t chances = sizes.chances;
  std::size_t decisions = sizes.decisions;
  while (chances + decisions > 0) {
    const bool chance =
        uniform(engine) * static_cast<double>(chances + decisions) < static_cast<double>(chances);
    const std::string name = (chance ? "c" : "d") + std::to_string(chance ? chances : decisions);
    if (chance) {
      const auto parents = random_subset(engine, names, 0.6, 2);
      std::vector<std::vector<double>> rows;
      for (std::size_t r = 0; r < (std::size_t{1} << parents.size()); ++r) {
        rows.push_back(random_row(engine, 2));
      }
      d.add_chance(name, {"0", "1"}, parents, rows);
      --chances;
    } else {
      d.add_decision(name, {"0", "1"}, random_subset(engine, names, 0.6, sizes.sees));
      --decisions;
    }
    names.push_back(name);
  }
  for (const char* const utility : {"u1", "u2"}) {
    const auto parents = random_subset(engine, names, 0.7, 3);
    std::vector<double> values(std::size_t{1} << parents.size());
    for (double& u : values) u = sizes.utility * (2.0 * uniform(engine) - 1.0);
    d.add_utility(utility, parents, values);
  }
  return d;
}

}  // namespace diagrams
