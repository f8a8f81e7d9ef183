// Lesson 19: a mixture learned by the same messages.
//
// Old Faithful erupts for two minutes or for four (the first 20 eruptions of Azzalini and Bowman
// 1990). Nobody labels an eruption, nor knows means, spreads or shares: all are variables. Message
// passing raises the same lower bound L of the log evidence as lesson 21 does for a grid of spins,
// and a label's q is again the softmax of what its neighbours send; only that some neighbours
// now send expectations of means, of precisions and of log shares in place of tables.

#include <credo/inference/conjugate/conjugate.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

namespace {

const std::vector<double> kMinutes{3.600, 1.800, 3.333, 2.283, 4.533, 2.883, 4.700,
                                   3.600, 1.950, 4.350, 1.833, 3.917, 4.200, 1.750,
                                   4.700, 2.167, 1.750, 4.800, 1.600, 4.250};

struct Mixture {
  credo::ConjugateModel model;
  credo::ConjugateNode shares;
  credo::ConjugateNode means;
  credo::ConjugateNode precisions;
  credo::ConjugateNode labels;
};

/// shares ~ Dirichlet(1), mean_k ~ N(3, 1 / 0.1), precision_k ~ Gamma(2, 0.5).
Mixture mixture(std::size_t components) {
  Mixture made;
  credo::ConjugateModel& model = made.model;
  made.shares =
      model.add_dirichlet("shares", {.concentration = std::vector<double>(components, 1.0)});
  made.means = model.add_gaussian("means", {.count = components,
                                            .mean = {{model.fixed_values({3.0})}},
                                            .precision = model.fixed_positive({0.1})});
  made.precisions = model.add_gamma(
      "precisions", {.count = components, .shape = 2.0, .rate = model.fixed_positive({0.5})});
  made.labels =
      model.add_categorical("labels", {.count = kMinutes.size(), .probabilities = made.shares});
  const auto minutes =
      model.add_gaussian("minutes", {.count = kMinutes.size(),
                                     .mean = {{made.means}},
                                     .precision = made.precisions,
                                     .selector = credo::ConjugateParent(made.labels)});
  model.observe(minutes, kMinutes);
  return made;
}

/// Labels to begin with: the eruptions in order of length, cut into equal parts.
std::vector<double> first_labels(std::size_t components) {
  std::vector<double> weights;
  for (const double minutes : kMinutes) {
    const auto shorter = static_cast<std::size_t>(
        std::ranges::count_if(kMinutes, [minutes](double other) { return other < minutes; }));
    for (std::size_t k = 0; k < components; ++k) {
      weights.push_back(shorter * components / kMinutes.size() == k ? 1.0 : 0.0);
    }
  }
  return weights;
}

credo::ConjugateResult learn(const Mixture& mixture, std::size_t components) {
  credo::ConjugateOptions options;
  options.starts = {{{mixture.labels, first_labels(components)}}};
  options.tolerance = 1e-9;
  return credo::maximize(mixture.model, options);
}

}  // namespace

int main() {
  const Mixture two = mixture(2);
  const credo::ConjugateResult result = learn(two, 2);

  std::printf("sweep  L, a lower bound of log p(minutes)\n");
  for (std::size_t i = 0; i < 6; ++i) std::printf("%5zu  %.6f\n", i + 1, result.trace[i]);
  std::printf("  end  %.6f\n\n", result.value);

  std::printf("kind   share  mean  standard deviation\n");
  const auto& shares = result.posterior(two.shares);
  const auto& means = result.posterior(two.means);
  const auto& precisions = result.posterior(two.precisions);
  for (std::size_t k = 0; k < 2; ++k) {
    std::printf("%-5s  %.3f  %.3f  %.3f\n", k == 0 ? "short" : "long", shares.mean[k],
                means.mean[k], 1.0 / std::sqrt(precisions.mean[k]));
  }

  std::printf("\nminutes  q(long)\n");
  const auto& labels = result.posterior(two.labels);
  for (const std::size_t n : std::vector<std::size_t>{1, 3, 5, 2, 0}) {
    std::printf("%.3f    %.4f\n", kMinutes[n], labels.mean[2 * n + 1]);
  }

  // What each node adds to L: what it costs to know more than the prior, and what the data gain.
  std::printf("\nnode        L\n");
  for (std::size_t i = 0; i < result.terms.size(); ++i) {
    if (!two.model.plates()[i].constant) {
      std::printf("%-10s  %8.3f\n", two.model.plates()[i].name.c_str(), result.terms[i]);
    }
  }

  // Priors charge for every component that is not needed.
  std::printf("\nkinds  L\n");
  for (std::size_t components = 1; components <= 4; ++components) {
    std::printf("%5zu  %.3f\n", components, learn(mixture(components), components).value);
  }
}
