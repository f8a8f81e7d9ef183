// Prints the README's table of algorithms from the engines' own table.
#include <credo/inference/algorithms.hpp>

#include <iostream>

int main() {
  std::cout << "| algorithm | guarantee | what it does |\n|---|---|---|\n";
  for (const credo::Algorithm& algorithm : credo::algorithms()) {
    std::cout << "| `" << algorithm.name << "` | " << credo::guarantee_name(algorithm.guarantee)
              << " | " << algorithm.summary << " |\n";
  }
}
