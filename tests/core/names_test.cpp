#include <credo/core/names.hpp>

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace credo;

TEST_CASE("names: nearest first, case ignored, nothing that is far") {
  const std::vector<std::string> names{"rain", "train", "brain", "Sprinkler", "wet"};
  CHECK(nearest_names("RAIN", names) == std::vector<std::string>{"rain", "train", "brain"});
  CHECK(nearest_names("rain", names, 1) == std::vector<std::string>{"rain"});
  CHECK(nearest_names("sprinkle", names) == std::vector<std::string>{"Sprinkler"});
  CHECK(nearest_names("temperature", names).empty());
  CHECK(nearest_names("", {}).empty());
}

TEST_CASE("names: as a terminal may show them") {
  CHECK(printable("a\x1b[31mb\n\x7f") == "a?[31mb??");
  CHECK(printable("é") == "é");
}

TEST_CASE("names: the sentence") {
  const std::vector<std::string> names{"rain", "train", "brain"};
  CHECK(did_you_mean("rain", names) == "; did you mean rain, train or brain?");
  CHECK(did_you_mean("xyzzyx", names).empty());
}
