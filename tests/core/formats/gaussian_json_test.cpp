// Continuous variables and Gaussian factors in credo's own JSON.

#include <credo/core/error.hpp>
#include <credo/core/formats/format.hpp>
#include <credo/core/numerics.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <utility>

namespace credo {
namespace {

FactorGraph mixed_graph() {
  FactorGraph graph;
  const VariableId gear = graph.add_variable("gear", 2, {"low", "high"});
  const VariableId speed = graph.add_continuous_variable("speed");
  const VariableId place = graph.add_continuous_variable("place", 2);
  graph.add_factor({gear}, {0.1, 0.9});
  const auto shared =
      GaussianTable::conditional({2}, {1}, {{{}, {0.1}, {1e-12}}, {{}, {5.0}, {0.0}}});
  graph.add_gaussian_factor({gear}, {speed}, shared);
  graph.add_gaussian_factor({gear}, {speed}, shared);
  graph.add_gaussian_factor(
      {speed, place},
      GaussianTable::quadratic({}, {1, 2},
                               {{{1, 0, 0, 0, 2, -1, 0, -1, 2}, {0, 0.3, -7e300}, -kInfinity}}));
  return graph;
}

TEST_CASE("json: a mixed graph comes back as it was, tables shared as they were") {
  const FactorGraph graph = mixed_graph();
  const std::string text = write_model(graph, Format::json);
  const FactorGraph again = read_model(std::string_view(text), Format::json, "text");
  CHECK(again == graph);
  CHECK(write_model(again, Format::json) == text);
  CHECK(again.gaussian_factor(0).table.identity() == again.gaussian_factor(1).table.identity());
}

TEST_CASE("json: other formats refuse continuous variables, naming one") {
  for (const FormatInfo& info : formats()) {
    if (info.format == Format::json) continue;
    CHECK_THROWS_WITH_AS(static_cast<void>(write_model(mixed_graph(), info.format)),
                         doctest::Contains("speed, which is continuous"), ModelError);
  }
}

TEST_CASE("json: malformed Gaussian parts are refused with line and column") {
  const std::string head =
      "{\"format\": \"credo factor graph\", \"variables\": [{\"name\": \"x\", \"dimension\": "
      "1}],\n";
  const std::pair<const char*, const char*> cases[] = {
      {"\"gaussian_factors\": [{\"continuous\": [\"y\"], \"table\": 0}]}",
       "the name of a variable"},
      {"\"gaussian_factors\": [{\"continuous\": [\"x\"], \"table\": 0}]}",
       "Gaussian table below 0"},
      {"\"gaussian_factors\": [{\"continuous\": [\"x\"]}]}", "got one without"},
      {"\"gaussian_factors\": [{\"continuous\": [\"x\"], \"table\": {}}]}",
       "or \"kernels\", got none"},
      {"\"gaussian_factors\": [{\"continuous\": [\"x\"], \"table\": {\"kernels\": [{\"offset\": "
       "[0], "
       "\"covariance\": [-1]}]}}]}",
       "positive semi-definite"},
      {"\"gaussian_factors\": [{\"continuous\": [\"x\"], \"table\": {\"forms\": [{\"precision\": "
       "[\"a\"]}]}}]}",
       "a number"},
      {"\"gaussian_tables\": [{\"dimensions\": [1], \"forms\": [{\"precision\": [1], \"linear\": "
       "[0, 1]}]}]}",
       "expected 1 numbers in the linear part"},
  };
  for (const auto& [tail, expected] : cases) {
    CAPTURE(tail);
    CHECK_THROWS_WITH_AS(static_cast<void>(read_model(head + tail, Format::json, "model.json")),
                         doctest::Contains(expected), ParseError);
    CHECK_THROWS_WITH_AS(static_cast<void>(read_model(head + tail, Format::json, "model.json")),
                         doctest::Contains("model.json:2:"), ParseError);
  }
  CHECK_THROWS_AS(static_cast<void>(
                      read_model("{\"format\": \"credo factor graph\", \"variables\": [{\"name\": "
                                 "\"x\", \"dimension\": 0}]}",
                                 Format::json, "text")),
                  ParseError);
}

}  // namespace
}  // namespace credo
