// credo learn: answers beside the exact ones, curves, checkpoints, errors.

#include "program.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <utility>

namespace credo::test {
namespace {

using Json = nlohmann::json;

Json learn_json(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "learn");
  arguments.insert(arguments.end(), {"--format", "json", "--quiet"});
  const Run run = run_credo(arguments);
  INFO(run.err);
  REQUIRE(run.code == 0);
  return Json::parse(run.out);
}

TEST_CASE("learn: soft Q-learning beside the exact answer") {
  const Json json =
      learn_json({"frozen_lake", "--no-slippery", "--temperature", "0.1", "--discount", "0.9",
                  "--steps", "40000", "--exploring-starts", "--exploration", "1"});
  CHECK(json["method"] == "soft-q");
  CHECK(json["status"] == "ok");
  CHECK(json["curve"].size() == 40);
  CHECK(json["curve"][0]["steps"] == 1000);
  CHECK(json["action_value"].size() == 16);
  CHECK(json["reference"]["action_value_error"].get<double>() < 1e-3);
  CHECK(json["reference"]["policy_error"].get<double>() < 1e-2);
  CHECK(json["curve"][39]["error"] == json["reference"]["action_value_error"]);
  // The exact value is what credo control says.
  const Run control = run_credo({"control", "frozen_lake", "--no-slippery", "--method", "clamped",
                                 "--temperature", "0.1", "--discount", "0.9", "--format", "json"});
  REQUIRE(control.code == 0);
  CHECK(json["reference"]["value"].get<double>() ==
        doctest::Approx(Json::parse(control.out)["initial_value"].get<double>()).epsilon(1e-10));
  CHECK(json["reference"]["learned_value"].get<double>() ==
        doctest::Approx(json["reference"]["value"].get<double>()).epsilon(1e-3));
}

TEST_CASE("learn: every method on a file's process, as text") {
  const TemporaryFolder folder;
  const std::string bandit =
      folder.write("bandit.json", R"({"states": 2, "actions": 2, "initial": 0,
      "transitions": [[0, 0, 1, 1.0, 1.0], [0, 1, 1, 1.0, 0.0]], "terminal": [1]})");
  for (const char* method : {"soft-q", "policy-gradient", "entropy-bonus", "path-consistency"}) {
    const Run run = run_credo({"learn", bandit, "--method", method, "--steps", "2000"});
    INFO(run.err);
    CHECK(run.code == 0);
    // log((e + 1) / 2)
    CHECK(contains(run.out, "0.620115"));
    CHECK(contains(run.out, method));
    CHECK(run.err.empty());
  }
}

TEST_CASE("learn: curves as CSV and SVG") {
  const TemporaryFolder folder;
  const std::string csv = folder.path("curve.csv");
  const Json json =
      learn_json({"cart_pole", "--steps", "3000", "--curve", csv, "--curve-interval", "500"});
  const std::string text = read_text(csv);
  CHECK(text.starts_with("steps,episodes,mean_return,mean_length,loss,error\n500,"));
  CHECK(std::count(text.begin(), text.end(), '\n') == 7);
  CHECK(json["reference"].is_null());
  CHECK(json["policy"].is_null());
  const std::string svg = folder.path("curve.svg");
  (void)learn_json({"cart_pole", "--steps", "3000", "--curve", svg});
  CHECK(read_text(svg).starts_with("<svg"));
  CHECK(contains(read_text(svg), "cart_pole, soft-q"));
  const Run run = run_credo({"learn", "cart_pole", "--curve", folder.path("curve.png")});
  CHECK(run.code == 1);
  CHECK(contains(run.err, ".csv or .svg"));
}

TEST_CASE("learn: resumed runs print what an uninterrupted run prints") {
  for (const char* method : {"soft-q", "policy-gradient", "entropy-bonus", "path-consistency"}) {
    const TemporaryFolder folder;
    const std::vector<std::string> question = {"frozen_lake", "--method", method, "--seed", "7"};
    const auto asked = [&](std::vector<std::string> more) {
      more.insert(more.begin(), question.begin(), question.end());
      Json json = learn_json(std::move(more));
      json.erase("elapsed_seconds");
      return json;
    };
    const std::string first = folder.path("first.ckpt");
    const std::string whole = folder.path("whole.ckpt");
    const std::string resumed = folder.path("resumed.ckpt");
    const Json expected = asked({"--steps", "6000", "--checkpoint", whole});
    (void)asked({"--steps", "2345", "--checkpoint", first, "--checkpoint-interval", "100"});
    CHECK(asked({"--steps", "6000", "--resume", first, "--checkpoint", resumed}) == expected);
    CHECK(read_text(whole) == read_text(resumed));
    CHECK(folder.names().size() == 3);
  }
}

TEST_CASE("learn: corrupt and foreign checkpoints are refused") {
  const TemporaryFolder folder;
  const std::string good = folder.path("good.ckpt");
  (void)learn_json({"frozen_lake", "--steps", "500", "--checkpoint", good});
  const auto refused = [](const std::string& file, std::vector<std::string> more,
                          const std::string& reason) {
    more.insert(more.begin(), {"learn", "frozen_lake", "--resume", file});
    const Run run = run_credo(more);
    INFO(run.err);
    CHECK(run.code == 1);
    CHECK(run.out.empty());
    CHECK(contains(run.err, file));
    CHECK(contains(run.err, reason));
  };
  std::string damaged = read_text(good);
  damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 1);
  refused(folder.write("damaged.ckpt", damaged), {}, "damaged");
  refused(folder.write("cut.ckpt", read_text(good).substr(0, 300)), {}, "cut off");
  refused(folder.write("model.bif", kRain), {}, "not a checkpoint");
  refused(folder.write("empty.ckpt", ""), {}, "no checkpoint");
  refused(folder.path("missing.ckpt"), {}, "cannot read this file");
  refused(good, {"--method", "entropy-bonus"}, "expected one of method entropy-bonus");
  refused(good, {"--temperature", "2"}, "temperature 1");
  refused(good, {"--seed", "2"}, "seed 1");
  refused(good, {"--map", "8x8"}, "one of 0 .. 15");
}

TEST_CASE("learn: what cannot be learned is refused with the reason") {
  const Run rod = run_credo({"learn", "pendulum"});
  CHECK(rod.code == 2);
  CHECK(contains(rod.err, "chooses among finitely many"));
  const Run method = run_credo({"learn", "taxi", "--method", "soft"});
  CHECK(method.code == 1);
  CHECK(contains(method.err, "did you mean soft-q"));
  const Run environment = run_credo({"learn", "cartpole"});
  CHECK(environment.code == 1);
  CHECK(contains(environment.err, "cart_pole"));
  const Run diverging = run_credo({"learn", "cart_pole", "--learning-rate", "50"});
  CHECK(diverging.code == 2);
  CHECK(contains(diverging.err, "lower the learning rate"));
  for (const auto& [option, value] :
       std::vector<std::pair<std::string, std::string>>{{"--steps", "0"},
                                                        {"--discount", "1.5"},
                                                        {"--temperature", "-1"},
                                                        {"--prior", "given"},
                                                        {"--learning-rate", "-1"},
                                                        {"--exploration", "2"},
                                                        {"--curve-interval", "0"},
                                                        {"--checkpoint-interval", "5"},
                                                        {"--time-limit", "0"},
                                                        {"--episode-limit", "0"}}) {
    CAPTURE(option);
    CHECK(run_credo({"learn", "taxi", option, value}).code == 1);
  }
  CHECK(run_credo({"learn", "cart_pole", "--slippery"}).code == 1);
  const Run network = run_credo({"learn", "taxi", "--hidden", "32"});
  CHECK(network.code == 1);
  CHECK(contains(network.err, "--hidden belongs to --method sac, got --method soft-q"));
}

TEST_CASE("learn: files that cannot be written are named before the first step") {
  const TemporaryFolder folder;
  for (const char* option : {"--curve", "--checkpoint", "--output"}) {
    CAPTURE(option);
    const std::string name = folder.path("missing") + "/curve.csv";
    const Run run =
        run_credo({"learn", "taxi", "--steps", "1000000000", "--time-limit", "2", option, name});
    CHECK(run.code == 1);
    CHECK(run.seconds < 1.0);
    CHECK(contains(run.err, name));
  }
  CHECK(run_credo({"learn", "taxi", "--checkpoint", folder.path(".")}).code == 1);
}

TEST_CASE("learn: a policy gradient without a whole batch says so") {
  const Run run =
      run_credo({"learn", "cliff_walking", "--method", "policy-gradient", "--steps", "500"});
  CHECK(run.code == 0);
  CHECK(contains(run.err, "nothing was learned"));
}

TEST_CASE("learn: a time limit ends with what was learned so far") {
  const Run run = run_credo(
      {"learn", "frozen_lake", "--steps", "1000000000", "--time-limit", "1.5", "--format", "json"});
  CHECK(run.code == 0);
  CHECK(run.seconds < 9.0);
  const Json json = Json::parse(run.out);
  CHECK(json["steps"].get<std::size_t>() < 1'000'000'000U);
  CHECK(contains(run.err, "by the time limit"));
}

TEST_CASE("learn: an interrupt ends with what was learned so far") {
  const TemporaryFolder folder;
  const std::string saved = folder.path("saved.ckpt");
  // In the foreground the signal is sent once; a second one would end the program.
  const std::string command = "timeout --foreground --preserve-status -s INT 1 '" CREDO_PROGRAM
                              "' learn taxi --steps 1000000000 --quiet --checkpoint " +
                              saved + " -o " + folder.path("answer");
  CHECK(std::system(command.c_str()) == 0);  // NOLINT(cert-env33-c)
  CHECK(contains(read_text(folder.path("answer")), "soft-q"));
  CHECK(std::filesystem::exists(saved));
}

}  // namespace
}  // namespace credo::test
