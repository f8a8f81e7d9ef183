// Lesson 21: approximating a posterior by a family - mean field, and mean field with structure.
//
// A family says which conditionals q may have; maximize() finds the best member. Its value L is a
// lower bound of log Z, and the gap is the divergence of q from the posterior: each edge that the
// family is given narrows it, until a family that covers the model closes it.

#include <credo/inference/variational/variational.hpp>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

namespace {

void report(const char* what, const credo::FactorGraph& graph, const credo::Evidence& evidence,
            const credo::Family& family, credo::VariableId shown) {
  credo::VariationalOptions options;
  options.gap = true;
  const credo::VariationalResult best = credo::maximize(graph, evidence, family, options);
  std::printf("  %-22s L = %.6f, gap = %.6f, q(%s = 1) = %.4f, by %s: %s\n", what, best.value,
              std::max(0.0, best.log_z - best.value), graph.variable(shown).name.c_str(),
              best.marginals[shown][1], best.algorithm_used.c_str(),
              std::string(credo::guarantee_name(best.guarantee)).c_str());
}

}  // namespace

int main() {
  using credo::VariableId;

  // A 4 x 4 grid of spins that attract their neighbours, each in a field of its own.
  credo::FactorGraph grid;
  const credo::Table attract =
      credo::Table::dense({2, 2}, {0.4, -0.4, -0.4, 0.4}, credo::Domain::log);
  for (VariableId i = 0; i < 16; ++i) {
    const double field = 0.2 * (static_cast<double>(i * 5 % 7) - 2.0) / 3.0;
    grid.add_variable(std::string("s").append(std::to_string(i)), 2);
    grid.add_factor({i}, credo::Table::dense({2}, {-field, field}, credo::Domain::log));
  }
  credo::Family rows(grid);
  for (VariableId i = 0; i < 16; ++i) {
    if (i % 4 < 3) grid.add_factor({i, i + 1}, attract);
    if (i < 12) grid.add_factor({i, i + 4}, attract);
    rows.free(i, i % 4 > 0 ? credo::Scope{i - 1} : credo::Scope{});  // a chain along each row
  }
  std::printf("Ising grid: log Z = %.6f\n",
              credo::infer(grid, credo::Query::log_partition()).log_z);
  report("mean field:", grid, {}, credo::mean_field(grid, {}), 5);
  report("a chain per row:", grid, {}, rows, 5);
  report("everything it needs:", grid, {}, credo::fully_structured(grid, {}), 5);

  // Two hidden chains that are heard together: y_t = p(y | a_t, b_t).
  credo::FactorGraph heard;
  credo::Evidence evidence;
  credo::Family chains(heard);
  const credo::Table lazy = credo::Table::dense({2, 2}, {0.9, 0.1, 0.2, 0.8});
  const credo::Table restless = credo::Table::dense({2, 2}, {0.6, 0.4, 0.5, 0.5});
  const credo::Table sum =  // mostly y = a + b
      credo::Table::dense({2, 2, 3}, {0.8, 0.1, 0.1, 0.1, 0.8, 0.1, 0.1, 0.8, 0.1, 0.1, 0.1, 0.8});
  const std::vector<std::size_t> sound{1, 1, 2, 0, 1, 0};
  for (VariableId t = 0; t < sound.size(); ++t) {
    const VariableId a = heard.add_variable(std::string("a").append(std::to_string(t)), 2);
    const VariableId b = heard.add_variable(std::string("b").append(std::to_string(t)), 2);
    const VariableId y = heard.add_variable(std::string("y").append(std::to_string(t)), 3);
    if (t > 0) heard.add_conditional({a - 3, a}, a, lazy);
    if (t > 0) heard.add_conditional({b - 3, b}, b, restless);
    heard.add_conditional({a, b, y}, y, sum);
    evidence.observe(y, sound[t]);
    chains.free(a, t > 0 ? credo::Scope{a - 3} : credo::Scope{});
    chains.free(b, t > 0 ? credo::Scope{b - 3} : credo::Scope{});
  }
  std::printf("Two chains heard together: log Z = %.6f\n",
              credo::infer(heard, evidence, credo::Query::log_partition()).log_z);
  report("mean field:", heard, evidence, credo::mean_field(heard, evidence), 6);
  report("the two chains:", heard, evidence, chains, 6);
  report("everything they need:", heard, evidence, credo::fully_structured(heard, evidence), 6);
}
