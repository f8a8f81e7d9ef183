// Lesson 2: a model from a file, and evidence that is not certain.
//
// ALARM (Beinlich et al. 1989) monitors patients under anaesthesia: 37 variables,
// 8 diagnoses. Findings come in three kinds: a state that was seen, a set of states
// that remain possible, and a likelihood - how probable the report was in each state.

#include <credo/core/formats/format.hpp>
#include <credo/inference/infer.hpp>

#include <cmath>
#include <cstdio>
#include <exception>

namespace {

void show(const credo::FactorGraph& alarm, const char* what, const credo::Evidence& evidence) {
  // One query returns every posterior, and log Z, which is log p(evidence) here.
  const credo::Result result = credo::infer(alarm, evidence, credo::Query::marginals());
  if (!result.ok()) {
    std::printf("%s: %s\n", what, result.message.c_str());
    return;
  }
  std::printf("%s\n  p(evidence) = %.4f (%s)\n", what, std::exp(result.log_z),
              std::string(credo::guarantee_name(result.guarantee)).c_str());
  for (const char* name : {"HYPOVOLEMIA", "LVFAILURE", "PULMEMBOLUS", "INTUBATION"}) {
    const credo::VariableId v = alarm.require_variable(name);
    std::printf("  %-12s", name);
    for (std::size_t s = 0; s < alarm.cardinality(v); ++s) {
      std::printf("  %s %.4f", alarm.variable(v).state_name(s).c_str(), result.marginal(v)[s]);
    }
    std::printf("\n");
  }
}

}  // namespace

int main(int argc, char** argv) try {
  const credo::FactorGraph alarm =
      credo::read_model(argc > 1 ? argv[1] : "tests/data/bif/alarm.bif.gz");
  std::printf("%zu variables, %zu conditionals\n\n", alarm.variable_count(), alarm.factor_count());

  credo::Evidence evidence;
  show(alarm, "Before any measurement", evidence);

  // Seen: low blood pressure, a fast pulse.
  evidence.observe(alarm, "BP", "LOW");
  evidence.observe(alarm, "HRBP", "HIGH");
  show(alarm, "\nBP = LOW, HRBP = HIGH", evidence);

  // A set: the venous pressure was not high.
  evidence.allow(alarm, "CVP", {"LOW", "NORMAL"});
  show(alarm, "\n... and CVP in {LOW, NORMAL}", evidence);

  // A likelihood: the oximeter often misreads; its report had probability
  // 0.7, 0.2 or 0.1 when the saturation is really LOW, NORMAL or HIGH. Only ratios matter
  // for posteriors; p(evidence) counts the weights as they are.
  evidence.observe_likelihood(alarm, "SAO2", {0.7, 0.2, 0.1});
  show(alarm, "\n... and SAO2 ~ (0.7, 0.2, 0.1)", evidence);
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 2;
}
