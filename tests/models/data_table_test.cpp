#include <credo/core/error.hpp>
#include <credo/models/data_table.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <vector>

namespace {

using credo::DataTable;

credo::FactorGraph weather() {
  credo::FactorGraph graph;
  graph.add_variable("rain", 2, {"no", "yes"});
  graph.add_variable("level", 3);
  graph.add_variable("say, \"so\"", 2, {"a,b", " c"});
  return graph;
}

std::string complaint(const std::string& text) {
  try {
    static_cast<void>(credo::read_data(text, weather(), "d.csv"));
  } catch (const credo::ParseError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("data table: comma-separated values there and back") {
  const std::string text = "level,rain\n2,yes\r\n ,  no \n?,\n\n0,yes\n";
  const DataTable data = credo::read_data(text, weather(), "d.csv");
  REQUIRE(data.rows() == 4);
  CHECK(data.row(0)[0] == 1);
  CHECK(data.row(0)[1] == 2);
  CHECK(data.row(0)[2] == DataTable::kMissing);
  CHECK(data.row(1)[1] == DataTable::kMissing);
  CHECK(data.row(2)[0] == DataTable::kMissing);
  CHECK(data.row(3)[0] == 1);
  CHECK_FALSE(data.complete());

  DataTable odd(weather());
  odd.add_row(std::vector<std::uint32_t>{0, 1, 0});
  odd.add_row(std::vector<std::uint32_t>{1, DataTable::kMissing, 1}, 2.0);
  const std::string written = credo::write_data(odd, weather());
  CHECK(written == "rain,level,\"say, \"\"so\"\"\"\nno,1,\"a,b\"\nyes,,\" c\"\nyes,,\" c\"\n");
  const DataTable back = credo::read_data(written, weather(), "d.csv");
  REQUIRE(back.rows() == 3);
  CHECK(back.row(2)[2] == 1);
}

TEST_CASE("data table: blanks and words for what is missing") {
  credo::FactorGraph graph;
  graph.add_variable("a", 2, {"\tone", ""});
  graph.add_variable("b", 2, {"?", "two\t"});
  DataTable data(graph);
  data.add_row(std::vector<std::uint32_t>{0, 1});
  data.add_row(std::vector<std::uint32_t>{DataTable::kMissing, 0});
  data.add_row(std::vector<std::uint32_t>{1, DataTable::kMissing});
  const std::string written = credo::write_data(data, graph);
  CHECK(written == "a,b\n\"\tone\",\"two\t\"\n?,?\n,\n");
  const DataTable back = credo::read_data(written, graph, "d.csv");
  REQUIRE(back.rows() == 3);
  for (std::size_t r = 0; r < 3; ++r) {
    CHECK(back.row(r)[0] == data.row(r)[0]);
    CHECK(back.row(r)[1] == data.row(r)[1]);
  }
  credo::FactorGraph mute;
  mute.add_variable("c", 2, {"", "?"});
  DataTable nothing(mute);
  nothing.add_row(std::vector<std::uint32_t>{DataTable::kMissing});
  CHECK_THROWS_AS(static_cast<void>(credo::write_data(nothing, mute)), credo::ModelError);
}

TEST_CASE("data table: equal rows are joined") {
  DataTable data(weather());
  data.add_row(std::vector<std::uint32_t>{1, DataTable::kMissing, 0});
  data.add_row(std::vector<std::uint32_t>{0, 1, 0}, 0.5);
  data.add_row(std::vector<std::uint32_t>{1, DataTable::kMissing, 0}, 3.0);
  const DataTable joined = data.distinct();
  REQUIRE(joined.rows() == 2);
  CHECK(joined.total_weight() == 4.5);
  CHECK(joined.weight(1) == 4.0);
  CHECK(joined.evidence(1).size() == 2);
}

TEST_CASE("data table: complaints have a place") {
  CHECK(complaint("") == "d.csv:1:1: expected a line of variable names, got the end of the text");
  CHECK(complaint("rain,levle\n") ==
        "d.csv:1:6: expected a variable of the model, got \"levle\"; did you mean level?");
  CHECK(complaint("rain,rain\n") == "d.csv:1:6: expected each variable once, got \"rain\" again");
  CHECK(complaint("rain,level\nyes,3\n") ==
        "d.csv:2:5: expected a state of level (3 of them) or nothing, got \"3\"");
  CHECK(complaint("rain,level\nyes\n") ==
        "d.csv:2:1: expected 2 fields, as in the first line, got 1");
  CHECK(complaint("rain\n\"yes\n") ==
        "d.csv:3:1: expected the closing quote of a field, got the end of the text");
  CHECK(complaint("rain\n\"yes\"x\n") ==
        "d.csv:2:6: expected a comma or the end of the line, got \"x\"");
}
