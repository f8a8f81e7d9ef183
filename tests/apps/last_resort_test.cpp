// What holds where no loop looks at its limits: reading, and memory that nobody predicted.

#include "program.hpp"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/stat.h>
#include <zlib.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <thread>

using namespace credo::test;

namespace {

/// A pipe that nobody writes to: reading it never ends.
std::string silent_pipe(const TemporaryFolder& folder) {
  const std::string path = folder.path("silent.bif");
  REQUIRE(mkfifo(path.c_str(), 0600) == 0);
  return path;
}

/// Writes count copies of a text to a compressed file and returns its path.
std::string write_repeated(const TemporaryFolder& folder, const std::string& name,
                           std::string_view text, std::size_t count) {
  const std::string path = folder.path(name);
  std::string block;
  while (block.size() < (std::size_t{1} << 20)) block += text;
  const gzFile file = gzopen(path.c_str(), "wb1");
  for (std::size_t done = 0; done < count * text.size(); done += block.size()) {
    gzwrite(file, block.data(), static_cast<unsigned>(block.size()));
  }
  gzclose(file);
  return path;
}

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kSanitized = true;
#elif defined(__has_feature)
constexpr bool kSanitized = __has_feature(address_sanitizer);
#else
constexpr bool kSanitized = false;
#endif

}  // namespace

TEST_CASE("last resort: a time limit ends a read that never ends") {
  const TemporaryFolder folder;
  const Run run = run_credo({"pr", silent_pipe(folder), "--time-limit", "0.3"});
  CHECK(run.code == 4);
  CHECK(run.out.empty());
  CHECK(contains(run.err, "stopped at the time limit of 0.3 s while reading the model"));
  CHECK(run.seconds > 0.3);
}

TEST_CASE("last resort: an interrupt ends a read that never ends") {
  const TemporaryFolder folder;
  for (const int signal : {SIGINT, SIGTERM}) {
    Running program({"pr", silent_pipe(folder)});
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    program.send(signal);
    const Run run = program.wait();
    CHECK(run.code == 4);
    CHECK(contains(run.err, "interrupted while reading the model"));
    std::filesystem::remove(folder.path("silent.bif"));
  }
}

TEST_CASE("an interrupt of exact inference prints the approximate answer that was held") {
  for (const int signal : {SIGINT, SIGTERM}) {
    Running program({"pr", data("uai/linkage_11.uai")});
    std::this_thread::sleep_for(std::chrono::milliseconds(2500));
    program.send(signal);
    const Run run = program.wait();
    CHECK(run.code == 0);
    CHECK(contains(run.out, "belief_propagation"));
    CHECK(contains(run.out, "interrupted"));
  }
}

TEST_CASE("last resort: limits that are none are refused before anything is read") {
  const TemporaryFolder folder;
  const std::string pipe = silent_pipe(folder);
  CHECK(run_credo({"pr", pipe, "--time-limit", "-1"}).code == 1);
  CHECK(run_credo({"pr", pipe, "--time-limit", "0"}).code == 1);
  CHECK(run_credo({"pr", pipe, "--memory-limit", "plenty"}).code == 1);
}

TEST_CASE("last resort: memory is bounded while evidence, maps and data are read" *
          doctest::skip(kSanitized)) {
  const TemporaryFolder folder;
  const std::string model = folder.write("rain.bif", kRain);
  const std::string evidence = write_repeated(folder, "ev.gz", "1 0\n", 20'000'000);
  const Run run = run_credo({"pr", model, "--evid", evidence, "--memory-limit", "100MB"});
  CHECK(run.code == 2);
  CHECK(contains(run.err, "out of memory while reading the evidence"));
  CHECK(run.peak_bytes < 120e6);
  const Run map =
      run_credo({"control", "frozen_lake", "--map", "/dev/zero", "--memory-limit", "100MB"});
  CHECK(map.code == 2);
  CHECK(map.peak_bytes < 120e6);
  CHECK(run_credo({"fit", model, "--data", "/dev/zero", "-o", folder.path("out.bif"),
                   "--memory-limit", "100MB"})
            .code != 0);
}
