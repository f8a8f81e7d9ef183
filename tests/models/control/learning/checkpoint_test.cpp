#include <credo/core/error.hpp>
#include <credo/models/control/learning/checkpoint.hpp>
#include <credo/models/control/learning/tabular_environment.hpp>

#include <credo/models/control/environments.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

namespace credo::control::learning {
namespace {

std::string small_checkpoint() {
  CheckpointWriter out("some-method");
  out.text("words", "two\nlines");
  out.count("steps", UINT64_MAX);
  out.numbers("weights", std::vector<double>{0.1, -0.0, -kInfinity, kNaN, 5e-324});
  out.numbers("none", {});
  return out.take();
}

std::string why(std::string_view bytes, std::string_view kind = "some-method") {
  try {
    const CheckpointReader in(bytes, kind, "run.ckpt");
    (void)in.text("words");
    (void)in.numbers("weights", 5);
  } catch (const FileError& error) {
    return error.what();
  }
  return "";
}

TEST_CASE("checkpoint: bits come back") {
  const CheckpointReader in(small_checkpoint(), "some-method");
  CHECK(in.text("words") == "two\nlines");
  CHECK(in.count("steps") == UINT64_MAX);
  const std::vector<double> weights = in.numbers("weights", 5);
  CHECK(weights[0] == 0.1);
  CHECK(std::signbit(weights[1]));
  CHECK(weights[2] == -kInfinity);
  CHECK(std::isnan(weights[3]));
  CHECK(weights[4] == std::numeric_limits<double>::denorm_min());
  CHECK(in.numbers("none").empty());
}

TEST_CASE("checkpoint: generators and environments come back") {
  TabularEnvironment lake(frozen_lake());
  lake.reset(4);
  (void)lake.step(std::size_t{1});
  CheckpointWriter out("x");
  out.environment("lake", lake.state());
  const std::string bytes = out.take();
  TabularEnvironment other(frozen_lake());
  other.restore(CheckpointReader(bytes, "x").environment("lake"));
  for (int k = 0; k < 200; ++k) {
    const Step a = lake.step(std::size_t{2});
    CHECK(a.observation == other.step(std::size_t{2}).observation);
    if (a.ended()) CHECK(lake.reset() == other.reset());
  }
}

TEST_CASE("checkpoint: what is none, is damaged or another's is refused with the reason") {
  const std::string good = small_checkpoint();
  CHECK(why(good).empty());
  CHECK(why("").starts_with("run.ckpt: not a checkpoint"));
  CHECK(why("{\"a\": 1}").starts_with("run.ckpt: not a checkpoint"));
  CHECK(why(good, "other").find("of method some-method, expected one of method other") !=
        std::string::npos);
  std::string newer = good;
  newer[std::string_view("credo checkpoint ").size()] = '2';
  CHECK(why(newer).find("another version") != std::string::npos);
  for (std::size_t length = 0; length < good.size(); ++length) {
    CHECK_FALSE(why(good.substr(0, length)).empty());
  }
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x10);
    CHECK_FALSE(why(bad).empty());
  }
  const CheckpointReader in(good, "some-method", "run.ckpt");
  CHECK_THROWS_AS((void)in.count("weights"), FileError);
  CHECK_THROWS_AS((void)in.numbers("weights", 4), FileError);
  CHECK_THROWS_AS((void)in.number("missing"), FileError);
  CHECK_THROWS_AS(in.require_text("words", "one line"), FileError);
}

}  // namespace
}  // namespace credo::control::learning
