// Lesson 8: one flag apart - a free conditional and a clamped one.
//
// A variational engine maximises L(q) = E_q[sum of log factors] + entropy over a family of
// conditionals, eliminating one after the other. What eliminating x hands up is
//
//   free      U = log sum_x exp(J)         J: the sum of the scores that mention x
//   clamped   U = sum_x k(x | parents) J   k: what x is held to
//
// Two arms: a safe one that gives nothing, a risky one that gives +5 with probability 0.1 and
// -5 otherwise. Free the outcome, and the risky arm is worth log E exp(r): conditioning, which may
// choose its luck. Clamp it, and it is worth E r. Nothing else changes. No word of this is known to
// the engine: it sees two variables and two tables.

#include <credo/inference/variational/variational.hpp>

#include <cstdio>

int main() {
  credo::FactorGraph model;
  const credo::VariableId arm = model.add_variable("arm", 2, {"safe", "risky"});
  const credo::VariableId outcome = model.add_variable("outcome", 3, {"nothing", "win", "loss"});
  const credo::FactorId chance = model.add_conditional(
      {arm, outcome}, outcome, credo::Table::dense({2, 3}, {1.0, 0.0, 0.0, 0.0, 0.1, 0.9}));
  model.add_factor({outcome}, credo::Table::dense({3}, {0.0, 5.0, -5.0}, credo::Domain::log));

  credo::Family lucky(model);
  lucky.free(arm, {});
  lucky.free(outcome, {arm});  // the flag ...

  credo::Family fair(model);
  fair.free(arm, {});
  fair.clamp(chance);  // ... and the other position of it

  credo::VariationalOptions options;
  options.gap = true;
  for (const bool clamped : {false, true}) {
    const credo::VariationalResult best =
        credo::maximize(model, {}, clamped ? fair : lucky, options);
    if (!best.ok()) {
      std::printf("no answer: %s\n", best.message.c_str());
      return 1;
    }
    std::printf("%s\n", clamped ? "Clamped: U(arm) = sum_x p(x | arm) r(x)"
                                : "Free: U(arm) = log sum_x p(x | arm) exp r(x)");
    for (const credo::ScoreMessage& m : best.messages) {
      if (m.eliminated != outcome) continue;
      std::printf("  U(safe) = %.4f, U(risky) = %.4f\n", m.message.log_at(0), m.message.log_at(1));
    }
    std::printf("  max L = %.6f, log Z = %.6f, q(risky) = %.6f\n", best.value, best.log_z,
                best.conditionals[0].at(1));
    for (const credo::GapTerm& term : best.gap) {
      if (!clamped) continue;  // it is the posterior: nothing
      std::printf("  given away at %-7s %.6f\n", model.variable(term.variable).name.c_str(),
                  term.nats);
    }
  }

  // Between the two positions there is a dial: deviating from chance is charged rho KL.
  std::printf("Charged: U(risky) = rho log sum_x p(x | risky) exp(r(x) / rho)\n");
  for (const double rho : {0.1, 1.0, 10.0, 1000.0, credo::kInfinity, -10.0, -1.0}) {
    credo::Family dial(model);
    dial.free(arm, {});
    dial.charge(chance, rho);
    const credo::VariationalResult best = credo::maximize(model, {}, dial);
    for (const credo::ScoreMessage& m : best.messages) {
      if (m.eliminated == outcome) {
        std::printf("  rho = %6g   U(risky) = %8.4f\n", rho, m.message.log_at(1));
      }
    }
  }
}
