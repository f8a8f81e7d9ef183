// Names from files reach terminals, tables and pictures as text and as nothing else.

#include "program.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>
#include <pugixml.hpp>

#include <csignal>
#include <cstdlib>
#include <fstream>

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace credo::test {
namespace {

/// Names that a terminal, Graphviz or a browser would obey: ESC, BEL, a C1 control, a mark of
/// direction, a line separator, a code that XML does not have, entities, Graphviz's own escapes.
constexpr std::string_view kEvil = R"({"format": "credo factor graph", "version": 1,
  "name": "</title>\u001b",
  "variables": [
    {"name": "\u001b]0;pwned\u0007\u009b\u202e\u2028\uffff", "states": ["&lt;\u0000", "a,\"b\n\u007f"]},
    {"name": "&#27;\\N<script>", "states": ["\u0001", "\u000b"]}],
  "factors": [
    {"scope": ["\u001b]0;pwned\u0007\u009b\u202e\u2028\uffff", "&#27;\\N<script>"], "table": {"values": [1, 2, 3, 4]}}]})";

/// Whether a terminal would take all of it for text: lines of UTF-8 without controls.
bool is_tame(const std::string& text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\n') || byte == 0x7f) return false;
  }
  for (const char* hidden : {"\xc2\x9b", "\xe2\x80\xae", "\xe2\x80\xa8", "\xef\xbf\xbf"}) {
    if (contains(text, hidden)) return false;
  }
  return true;
}

TEST_CASE("names: nothing that a terminal obeys is printed by any command") {
  const TemporaryFolder folder;
  const std::string evil = folder.write("evil.json", kEvil);
  const std::vector<std::vector<std::string>> commands = {
      {"mar", evil},
      {"mar", evil, "--format", "json"},
      {"map", evil, "--k-best", "3"},
      {"sample", evil, "-n", "5"},
      {"sample", evil, "-n", "5", "--format", "json"},
      {"info", evil},
      {"info", evil, "--format", "json"},
      {"draw", evil},
      {"draw", evil, "--plan"},
      {"convert", evil, "--to", "json", "-o", "-"},
      {"mar", evil, "--trace", "/dev/stdout"},
      {"mar", evil, "--set", "&#27;\\N<script>=\x1b"}};
  for (const auto& words : commands) {
    const Run run = run_credo(words);
    CAPTURE(words.front());
    CAPTURE(run.out);
    CHECK(run.out.size() + run.err.size() > 10);
    CHECK(is_tame(run.out));
    CHECK(is_tame(run.err));
  }
}

TEST_CASE("names: JSON that is written keeps every name") {
  const TemporaryFolder folder;
  const std::string evil = folder.write("evil.json", kEvil);
  const Run run = run_credo({"convert", evil, "--to", "json", "-o", "-"});
  REQUIRE(run.code == 0);
  CHECK(nlohmann::json::parse(run.out)["variables"] == nlohmann::json::parse(kEvil)["variables"]);
}

TEST_CASE("names: pictures are well-formed and show names as they are") {
  const TemporaryFolder folder;
  const std::string evil = folder.write("evil.json", kEvil);
  for (const bool plan : {false, true}) {
    const std::string picture = folder.path("evil.svg");
    std::vector<std::string> words{"draw", evil, "-o", picture};
    if (plan) words.emplace_back("--plan");
    const Run run = run_credo(words);
    if (run.code == 2) return;  // no Graphviz here
    INFO(run.err);
    REQUIRE(run.code == 0);
    const std::string text = read_text(picture);
    CHECK(is_tame(text));
    CHECK_FALSE(contains(text, "<script"));
    pugi::xml_document document;
    REQUIRE(document.load_string(text.c_str()));
    bool shown = false;
    for (const auto& found : document.select_nodes("//text")) {
      shown = shown || contains(found.node().child_value(), "&#27;\\N<script>");
    }
    CHECK(shown);
  }
}

TEST_CASE("names: states with names are not named by numbers") {
  const TemporaryFolder folder;
  const std::string asia = data("bif/asia.bif");
  const Run run = run_credo({"mar", asia, "--set", "dysp=1"});
  CHECK(run.code == 1);
  CHECK(contains(run.err, "expected one of the states yes, no"));
  const std::string three = folder.write("three.uai", kThree);
  CHECK(run_credo({"mar", three, "--set", "x0=1"}).code == 0);
}

TEST_CASE("options: an empty value is refused with what is expected") {
  const TemporaryFolder folder;
  const std::string three = folder.write("three.uai", kThree);
  for (const char* option : {"--memory-limit", "-o", "--trace", "--from", "--algorithm",
                             "--time-limit", "--set", "--evid", "--format"}) {
    CAPTURE(option);
    const Run run = run_credo({"mar", three, option, ""});
    CHECK(run.code == 1);
    CHECK(contains(run.err, "expected"));
  }
  CHECK(run_credo({"mar", ""}).code == 1);
}

TEST_CASE("draw: a program that is ended takes dot with it") {
  const TemporaryFolder folder;
  // A dot that says its number and would run for long.
  const std::string dot =
      folder.write("dot", "#!/bin/sh\necho $$ > \"$CREDO_TEST_PID\"\nexec sleep 60\n");
  REQUIRE(std::system(("chmod +x '" + dot + "'").c_str()) == 0);
  const std::string pid_file = folder.path("pid");
  const std::string path = "PATH=" + folder.path("") + ":/usr/bin:/bin";
  const std::string place = "CREDO_TEST_PID=" + pid_file;
  std::vector<std::string> words{CREDO_PROGRAM, "draw", data("bif/asia.bif"), "--format",
                                 "svg",         "-o",   folder.path("x.svg")};
  std::vector<char*> values;
  for (std::string& word : words) values.push_back(word.data());
  values.push_back(nullptr);
  std::string path_copy = path;
  std::string place_copy = place;
  std::vector<char*> environment{path_copy.data(), place_copy.data(), nullptr};
  pid_t child = 0;
  REQUIRE(::posix_spawn(&child, values[0], nullptr, nullptr, values.data(), environment.data()) ==
          0);
  std::string number;
  for (int i = 0; i < 2000 && !number.ends_with('\n'); ++i) {
    ::usleep(5000);
    number = read_text(pid_file);
  }
  REQUIRE(number.ends_with('\n'));
  const pid_t running = std::stoi(number);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  // An orphan that ended may stay as a zombie where nobody collects it.
  const auto gone = [&] {
    const std::string stat = read_text("/proc/" + std::to_string(running) + "/stat");
    return stat.empty() || contains(stat, ") Z ");
  };
  for (int i = 0; i < 2000 && !gone(); ++i) ::usleep(5000);
  CHECK(gone());
}

}  // namespace
}  // namespace credo::test
