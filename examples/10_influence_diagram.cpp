// Lesson 10: an influence diagram - the same engine, asked by an oil wildcatter.
//
// A wildcatter may pay 10 for a seismic test before deciding whether to drill; dry wells cost 70,
// wet ones bring 50, soaking ones 200 (Raiffa 1968). Chance nodes are conditionals that a
// variational family holds fixed, decisions are conditionals that it may choose, utilities are
// factors exp(u / temperature). The family is soluble, so one reverse sweep is the optimum, and
// says so. Nothing in the engine knows about money - or about control, where lesson 8 uses it.

#include <credo/models/decision/solve.hpp>

#include <cstdio>
#include <string>

namespace decision = credo::decision;

namespace {

decision::InfluenceDiagram wildcatter() {
  decision::InfluenceDiagram d;
  d.add_chance("oil", {"dry", "wet", "soaking"}, {}, {{0.5, 0.3, 0.2}});
  d.add_decision("test", {"yes", "no"}, {});
  d.add_chance("result", {"diffuse", "open", "closed", "none"}, {"oil", "test"},
               {{0.6, 0.3, 0.1, 0.0},
                {0.0, 0.0, 0.0, 1.0},
                {0.3, 0.4, 0.3, 0.0},
                {0.0, 0.0, 0.0, 1.0},
                {0.1, 0.4, 0.5, 0.0},
                {0.0, 0.0, 0.0, 1.0}});
  d.add_decision("drill", {"yes", "no"}, {"test", "result"});
  d.add_utility("cost", {"test"}, {-10.0, 0.0});
  d.add_utility("profit", {"oil", "drill"}, {-70.0, 0.0, 50.0, 0.0, 200.0, 0.0});
  return d;
}

}  // namespace

int main() {
  const decision::InfluenceDiagram oil = wildcatter();
  const decision::Solution best = decision::solve(oil);
  if (!best.ok()) {
    std::printf("no answer: %s\n", best.message.c_str());
    return 1;
  }
  std::printf("Maximum expected utility %.4f, %s.\n", best.expected_utility,
              best.certified() ? "certified" : "not certified");
  for (std::size_t i = 0; i < oil.utilities().size(); ++i) {
    std::printf("  %-7s %8.4f\n", oil.utilities()[i].name.c_str(), best.evaluation.utilities[i]);
  }
  std::printf("%s", describe_strategy(oil, best.strategy, best.evaluation).c_str());

  // What would it be worth to see the oil itself?
  const decision::InformationValue clairvoyance =
      decision::value_of_information(oil, "drill", "oil");
  std::printf("\nTo see the oil before drilling is worth %.4f more.\n", clairvoyance.gain);

  // Above temperature 0 the wildcatter hesitates, and is paid for the entropy of choices.
  std::printf("\ntemperature     soft value   expected utility   p(test)\n");
  for (const double temperature : {1.0, 10.0, 100.0}) {
    decision::SolveOptions options;
    options.temperature = temperature;
    const decision::Solution soft = decision::solve(oil, options);
    std::printf("%11.0f   %12.8f   %16.6f   %7.4f\n", temperature, soft.value,
                soft.expected_utility, soft.strategy[0].table.at(0));
  }

  // Conditioning on wealth instead of choosing: it believes that there is oil.
  const decision::NaivePosterior naive = decision::naive_posterior(oil, 1.0);
  std::printf("\nConditioned on high utility: log Z = %.2f, believes in %.2f, earns %.2f.\n",
              naive.value, naive.believed_utility, naive.evaluation.total);
}
