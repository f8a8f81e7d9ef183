// Lesson 4: the most probable explanation of a grid - cleaning a picture.
//
// A picture of black and white pixels was sent over a line that flips each
// with probability 0.12. Neighbours are usually alike: an Ising grid prefers them so. The
// most probable picture given what arrived (MAP) is the joint argmax, not pixel by
// pixel, and the engine finds it exactly: a grid of 12 rows eliminates in tables of 2^13.

#include <credo/inference/infer.hpp>
#include <credo/models/markov_network.hpp>
#include <credo/models/random.hpp>

#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

namespace {

using Picture = std::vector<std::string>;

const Picture kSent{
    "..............................", "..######...........#####......",
    "..######..........#######.....", "..######.........#########....",
    "..######.........#########....", "..######.........#########....",
    "..######..........#######.....", "..######...........#####......",
    "..######......................", "..########################....",
    "..########################....", "..............................",
};

void show(const char* title, const Picture& picture) {
  std::printf("%s\n", title);
  for (const std::string& row : picture) std::printf("  %s\n", row.c_str());
}

int differences(const Picture& a, const Picture& b) {
  int count = 0;
  for (std::size_t r = 0; r < a.size(); ++r) {
    for (std::size_t c = 0; c < a[r].size(); ++c) count += a[r][c] != b[r][c];
  }
  return count;
}

}  // namespace

int main() {
  constexpr double kFlip = 0.12;
  credo::GridOptions grid;
  grid.rows = kSent.size();
  grid.columns = kSent[0].size();
  grid.coupling = {0.7, credo::Spread::constant};  // log odds of two neighbours being alike: 1.4
  const credo::FactorGraph model = credo::ising_grid(grid);

  // What arrived: a likelihood per pixel, p(arrived given sent).
  credo::Random random(2);
  Picture arrived = kSent;
  credo::Evidence evidence;
  for (std::size_t r = 0; r < grid.rows; ++r) {
    for (std::size_t c = 0; c < grid.columns; ++c) {
      char& pixel = arrived[r][c];
      if (random.uniform() < kFlip) pixel = pixel == '#' ? '.' : '#';
      const double if_white = pixel == '.' ? 1 - kFlip : kFlip;
      evidence.observe_likelihood(static_cast<credo::VariableId>(r * grid.columns + c),
                                  {if_white, 1 - if_white});
    }
  }
  const credo::Result result = credo::infer(model, evidence, credo::Query::map());
  Picture cleaned = arrived;
  for (std::size_t i = 0; i < result.assignment().states.size(); ++i) {
    cleaned[i / grid.columns][i % grid.columns] = result.assignment().states[i] == 1 ? '#' : '.';
  }
  show("Arrived", arrived);
  show("Most probable picture", cleaned);
  std::printf("Wrong pixels: %d arrived, %d after MAP\n", differences(arrived, kSent),
              differences(cleaned, kSent));
  std::printf("log p~(MAP) = %.6f (%s)\n", result.assignment().log_value,
              std::string(credo::guarantee_name(result.guarantee)).c_str());
}
