// Lesson 1: a Bayesian network, built and asked by names.
//
// Clouds make rain likely and the sprinkler unlikely; either wets the grass. We
// see wet grass and ask why. Then we learn that it rained: the sprinkler becomes
// less likely, though rain does not switch it off. That is explaining away.

#include <credo/models/bayesian_network.hpp>

#include <cstdio>

int main() {
  credo::BayesianNetwork network;
  // A row per joint state of the parents, the last parent changing fastest.
  network.add("cloudy", {"no", "yes"}, {}, {{0.5, 0.5}});
  network.add("sprinkler", {"no", "yes"}, {"cloudy"}, {{0.5, 0.5}, {0.9, 0.1}});
  network.add("rain", {"no", "yes"}, {"cloudy"}, {{0.8, 0.2}, {0.2, 0.8}});
  network.add("wet", {"no", "yes"}, {"sprinkler", "rain"},
              {{1.0, 0.0}, {0.1, 0.9}, {0.1, 0.9}, {0.01, 0.99}});

  const auto yes = [&](const char* variable, const credo::NamedStates& findings) {
    return network.posterior(variable, findings).probability("yes");
  };
  std::printf("Before looking:       p(wet) = %.4f\n", yes("wet", {}));
  const credo::NamedStates wet{{"wet", "yes"}};
  std::printf("The grass is wet:     p(rain) = %.4f, p(sprinkler) = %.4f\n", yes("rain", wet),
              yes("sprinkler", wet));
  const credo::NamedStates wet_and_rain{{"wet", "yes"}, {"rain", "yes"}};
  std::printf("... and it rained:    p(sprinkler) = %.4f\n", yes("sprinkler", wet_and_rain));

  const auto both = network.joint({"rain", "sprinkler"}, wet);
  std::printf("Given wet grass:      p(rain and sprinkler) = %.4f\n",
              both.probability({"yes", "yes"}));

  // Dependence travels along active trails of the graph. Given the clouds, rain
  // tells nothing about the sprinkler - until the grass, their common effect, is seen.
  const auto trail = [&](const std::vector<std::string>& given) {
    const auto found =
        network.active_trail({network.id("rain")}, {network.id("sprinkler")}, network.ids(given));
    return found.text.empty() ? std::string("none: independent") : found.text;
  };
  std::printf("\nTrails from rain to sprinkler\n");
  std::printf("  given nothing:        %s\n", trail({}).c_str());
  std::printf("  given cloudy:         %s\n", trail({"cloudy"}).c_str());
  std::printf("  given cloudy and wet: %s\n", trail({"cloudy", "wet"}).c_str());

  // Seeing is not doing: a sprinkler seen running hints at a clear sky, one
  // that we switch on says nothing about the weather.
  std::printf("\nSprinkler seen on:    p(rain) = %.4f\n", yes("rain", {{"sprinkler", "yes"}}));
  const auto switched_on = network.intervene({{"sprinkler", "yes"}});
  std::printf("Sprinkler turned on:  p(rain) = %.4f\n",
              switched_on.posterior("rain").probability("yes"));
}
