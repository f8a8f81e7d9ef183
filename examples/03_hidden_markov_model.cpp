// Lesson 3: a hidden Markov model, the guard and the umbrella (Russell and Norvig).
//
// A guard under ground never sees the weather, only whether the director
// carries an umbrella. Four questions about the same five days: what is the weather
// today (filtering), what was it then (smoothing), which weather explains all days best
// (Viterbi), and what will it be (prediction).

#include <credo/models/hidden_markov_model.hpp>

#include <cmath>
#include <cstdio>

namespace {

constexpr std::size_t kRain = 0;
constexpr std::size_t kUmbrella = 0;
constexpr std::size_t kNoUmbrella = 1;

}  // namespace

int main() {
  // Tables are rows: rain stays with probability 0.7; umbrellas come out on 9 of
  // 10 rainy days and 2 of 10 dry ones.
  const credo::HiddenMarkovModel weather({0.5, 0.5}, {{0.7, 0.3}, {0.3, 0.7}},
                                         {{0.9, 0.1}, {0.2, 0.8}});
  const credo::Observations days{kUmbrella, kUmbrella, kNoUmbrella, kUmbrella, kUmbrella};

  const credo::Filtered filtered = weather.filter(days);
  const credo::Smoothed smoothed = weather.smooth(days);
  const credo::Decoded decoded = weather.viterbi(days);

  std::printf("day  umbrella  p(rain so far)  p(rain all days)  best path\n");
  for (std::size_t t = 0; t < days.size(); ++t) {
    std::printf("%3zu  %-8s  %14.4f  %16.4f  %s\n", t + 1, days[t] == kUmbrella ? "yes" : "no",
                filtered.states[t][kRain], smoothed.states[t][kRain],
                decoded.path[t] == kRain ? "rain" : "dry");
  }
  std::printf("\np(these five days)         %.6f\n", std::exp(filtered.log_likelihood));
  std::printf("p(best path, these days)   %.6f\n", std::exp(decoded.log_joint));

  // The future forgets: p(rain) tends to 1/2 by a factor 0.4 a day.
  const credo::Predicted predicted = weather.predict(days, 3);
  std::printf("p(rain) on days 6, 7, 8    %.4f %.4f %.4f\n", predicted.states[0][kRain],
              predicted.states[1][kRain], predicted.states[2][kRain]);
  std::printf("p(umbrella) on day 6       %.4f\n", predicted.observations[0][kUmbrella]);

  // A day off costs nothing: std::nullopt says that nobody looked.
  const credo::Smoothed gap =
      weather.smooth(credo::Observations{kUmbrella, kUmbrella, std::nullopt, kUmbrella, kUmbrella});
  std::printf("day 3 not seen: p(rain)    %.4f\n", gap.states[2][kRain]);
}
