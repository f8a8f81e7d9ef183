// What a command may write to is looked at before the work, and nothing given to it is destroyed.

#include "program.hpp"

#include "../../apps/cli/interim_output.hpp"

#include <doctest/doctest.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>

#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace credo::test {
namespace {

namespace fs = std::filesystem;

/// Runs a line of shell in which $C is the program, in the folder. Returns its exit code.
int shell(const TemporaryFolder& folder, const std::string& line) {
  const std::string command =
      "cd '" + folder.path("") + "' && C='" + std::string(CREDO_PROGRAM) + "' && " + line;
  const int status = std::system(command.c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

TEST_CASE("-o /dev/stdout adds to what standard output is, whatever it is") {
  const TemporaryFolder folder;
  const std::string model = folder.write("m.uai", kThree);
  const std::string log = folder.write("log", "precious\n");
  const std::string answer = run_credo({"pr", model, "--format", "uai"}).out;
  REQUIRE(answer.starts_with("PR\n"));
  const std::string pr = "$C pr m.uai --format uai -o /dev/stdout";
  CHECK(shell(folder, "(exec >>log; " + pr + "; " + pr + "; echo end)") == 0);
  CHECK(read_text(log) == "precious\n" + answer + answer + "end\n");
  CHECK(shell(folder, pr + " | cat > piped") == 0);
  CHECK(read_text(folder.path("piped")) == answer);
  CHECK(shell(folder, "(exec >gone; rm gone; " + pr + ")") == 0);
  CHECK(shell(folder, "ln -s /dev/stdout link; $C pr m.uai --format uai -o link > linked") == 0);
  CHECK(read_text(folder.path("linked")) == answer);
  CHECK(shell(folder, "$C pr m.uai --format uai -o /dev/fd/7 7> seven") == 0);
  CHECK(read_text(folder.path("seven")) == answer);
  CHECK(shell(folder, pr + " 2> err >&-") == 1);
  CHECK(fs::is_symlink("/dev/stdout"));
  CHECK(fs::is_symlink(folder.path("link")));
  CHECK_FALSE(fs::exists(folder.path("gone")));
}

TEST_CASE("an output that is an input is refused before anything is read") {
  const TemporaryFolder folder;
  const std::string model = folder.write("m.uai", kThree);
  const std::string evidence = folder.write("e.evid", "1 0 1\n");
  fs::create_symlink("m.uai", folder.path("soft"));
  fs::create_hard_link(model, folder.path("hard"));
  for (const std::string& to : {model, folder.path("./m.uai"), folder.path("soft"),
                                folder.path("hard"), folder.path("x/../m.uai"), evidence}) {
    CAPTURE(to);
    for (const char* option : {"-o", "--trace"}) {
      const Run run = run_credo({"mar", model, "--evid", evidence, option, to});
      CHECK(run.code == 1);
      CHECK(run.out.empty());
    }
  }
  const Run said = run_credo({"convert", model, "-o", model});
  CHECK(said.code == 1);
  CHECK(contains(said.err, "would be written over the model"));
  CHECK(shell(folder, "$C convert - --from uai --to json -o m.uai < m.uai 2> err") == 1);
  CHECK(read_text(model) == kThree);
  CHECK(read_text(evidence) == "1 0 1\n");
  CHECK(fs::is_symlink(folder.path("soft")));
}

TEST_CASE("two outputs in one place are refused, also when nothing is there yet") {
  const TemporaryFolder folder;
  const std::string model = folder.write("m.uai", kThree);
  fs::create_symlink("new", folder.path("dangling"));
  for (const char* second : {"new", "./new", "dangling"}) {
    const Run run =
        run_credo({"mar", model, "-o", folder.path("new"), "--trace", folder.path(second)});
    CHECK(run.code == 1);
    CHECK(contains(run.err, "name the same file"));
  }
  CHECK(run_credo({"learn", "frozen_lake", "--checkpoint", folder.path("c.csv"), "--curve",
                   folder.path("c.csv")})
            .code == 1);
  CHECK(shell(folder, "$C mar m.uai --trace t > t 2> err") == 1);
  CHECK(run_credo({"mar", model, "-o", "/dev/null", "--trace", "/dev/null"}).code == 0);
  CHECK_FALSE(fs::exists(folder.path("new")));
  CHECK_FALSE(fs::exists(folder.path("c.csv")));
}

TEST_CASE("a place that cannot be written is noticed before the model is read") {
  const TemporaryFolder folder;
  for (const char* option : {"-o", "--trace"}) {
    const Run run = run_credo({"mar", "no such model", option, folder.path("none/x")});
    CHECK(run.code == 1);
    CHECK(contains(run.err, "none/x: cannot create"));
    CHECK_FALSE(contains(run.err, "no such model"));
    CHECK(contains(run_credo({"mar", "no such model", option, folder.path("")}).err,
                   "expected the name of a file"));
  }
}

TEST_CASE("learn: --checkpoint may continue the file of --resume") {
  const TemporaryFolder folder;
  const std::string checkpoint = folder.path("c");
  REQUIRE(run_credo({"learn", "frozen_lake", "--steps", "50", "--checkpoint", checkpoint}).code ==
          0);
  const std::string first = read_text(checkpoint);
  const Run run = run_credo({"learn", "frozen_lake", "--steps", "100", "--resume", checkpoint,
                             "--checkpoint", checkpoint});
  INFO(run.err);
  CHECK(run.code == 0);
  CHECK(read_text(checkpoint) != first);
}

TEST_CASE("answers on the way are taken back without a trace") {
  const TemporaryFolder folder;
  const auto write_and_retract = [](const std::string& path) {
    cli::InterimOutput interim(path);
    interim.write("one");
    interim.write("two");
    CHECK(read_text(path) == "two");
    interim.retract();
  };
  const std::string old = folder.write("old", "an earlier answer");
  write_and_retract(old);
  CHECK(read_text(old) == "an earlier answer");
  write_and_retract(folder.path("new"));
  CHECK_FALSE(fs::exists(folder.path("new")));
  fs::create_symlink("old", folder.path("link"));
  write_and_retract(folder.path("link"));
  CHECK(fs::is_symlink(folder.path("link")));
  CHECK(read_text(old) == "an earlier answer");
  const std::string packed = folder.write("old.gz", "not really packed");
  cli::InterimOutput interim(packed);
  interim.write("one");
  interim.retract();
  CHECK(read_text(packed) == "not really packed");
}

TEST_CASE("answers on the way never go to what cannot be taken back") {
  const TemporaryFolder folder;
  const std::string fifo = folder.path("fifo");
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  for (const std::string& path : {fifo, std::string("/dev/null"), std::string("/dev/stdout")}) {
    cli::InterimOutput interim(path);
    interim.write("one");
    interim.retract();
  }
  CHECK(fs::is_fifo(fifo));
  CHECK(fs::is_character_file("/dev/null"));
}

TEST_CASE("a file that someone else wrote meanwhile is not taken back") {
  const TemporaryFolder folder;
  cli::InterimOutput interim(folder.path("new"));
  interim.write("one");
  fs::remove(folder.path("new"));
  const std::string other = folder.write("other", "someone's");
  fs::rename(other, folder.path("new"));
  interim.retract();
  CHECK(read_text(folder.path("new")) == "someone's");
}

TEST_CASE("a signal while files are written leaves none that is temporary or cut") {
  const TemporaryFolder folder;
  const std::string out = folder.write("x.json", "old");
  const std::string model = data("uai/Grids_11.uai");
  for (int delay = 0; delay < 24; ++delay) {
    std::vector<std::string> words{CREDO_PROGRAM, "convert", model, "-o", out};
    std::vector<char*> values;
    for (std::string& word : words) values.push_back(word.data());
    values.push_back(nullptr);
    pid_t child = 0;
    REQUIRE(::posix_spawn(&child, values[0], nullptr, nullptr, values.data(), environ) == 0);
    ::usleep(static_cast<useconds_t>(delay * 700));
    ::kill(child, delay % 2 == 0 ? SIGTERM : SIGINT);
    ::waitpid(child, nullptr, 0);
    CHECK(folder.names() == std::vector<std::string>{"x.json"});
    const std::string text = read_text(out);
    CHECK((text == "old" || text.ends_with("}\n")));
  }
}

}  // namespace
}  // namespace credo::test
