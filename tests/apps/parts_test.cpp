// The parts that need no program: sizes, and the JSON writer.

#include "../../apps/cli/json_writer.hpp"
#include "../../apps/cli/limits.hpp"

#include <credo/core/error.hpp>
#include <credo/core/numerics.hpp>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <cfloat>

namespace credo::cli {
namespace {

TEST_CASE("sizes: units of 1000 and of 1024") {
  CHECK(parse_size_bytes("8GiB") == 8.0 * 1024 * 1024 * 1024);
  CHECK(parse_size_bytes("512MB") == 512e6);
  CHECK(parse_size_bytes("1000000") == 1e6);
  CHECK(parse_size_bytes("1.5k") == 1536.0);
  CHECK(parse_size_bytes("2 tib") == 2.0 * 1024 * 1024 * 1024 * 1024);
  for (const char* wrong : {"", "GiB", "8QiB", "-1GiB", "0", "nan", "inf", "1e999", "8GiBs"}) {
    CAPTURE(wrong);
    CHECK_THROWS_AS(static_cast<void>(parse_size_bytes(wrong)), OptionError);
  }
  CHECK(default_memory_limit_bytes() > 0.0);
}

TEST_CASE("JSON: doubles read back to the same bits, what JSON lacks is null") {
  JsonWriter json;
  const std::vector<double> numbers{0.1,         1.0 / 3.0, 5e-324, DBL_MAX, -0.0,
                                    123456789.0, 1e22,      0.3,    DBL_MIN, 2.0 / 3.0};
  json.begin_object().field("numbers", numbers);
  json.field("nan", kNaN).field("inf", kInfinity).field("minus", -kInfinity);
  json.end_object();
  const auto read = nlohmann::json::parse(json.take());
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    CHECK(read["numbers"][i].get<double>() == numbers[i]);
  }
  CHECK(read["nan"].is_null());
  CHECK(read["inf"].is_null());
  CHECK(read["minus"].is_null());
}

TEST_CASE("JSON: any bytes make a valid text") {
  JsonWriter json;
  std::string bytes;
  for (int c = 0; c < 256; ++c) {
    bytes += static_cast<char>(c);
  }
  json.begin_array();
  json.value("quote \" backslash \\ line\nfeed");
  json.value("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x8e\xb2");
  json.value(bytes);
  json.value("\xed\xa0\x80 surrogate, \xc0\x80 overlong, cut \xe2\x82");
  json.end_array();
  const auto read = nlohmann::json::parse(json.take());
  CHECK(read[0] == "quote \" backslash \\ line\nfeed");
  CHECK(read[1] == "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x8e\xb2");
  CHECK(read.size() == 4);
}

}  // namespace
}  // namespace credo::cli
