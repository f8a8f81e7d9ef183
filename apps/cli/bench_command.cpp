// credo bench: the project's Google Benchmark program, with its own options.

#include "commands.hpp"

#include <fmt/format.h>

#include <unistd.h>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

namespace credo::cli {
namespace {

constexpr const char* kProgram = "credo_bench";

/// Beside this program, or where the build puts it.
std::filesystem::path find_program() {
  std::error_code none;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", none);
  for (const auto& path :
       {self.parent_path() / kProgram, std::filesystem::path(CREDO_BENCH_FOLDER) / kProgram}) {
    if (std::filesystem::exists(path, none)) {
      return path;
    }
  }
  throw Refusal(
      "the benchmarks are not built: install libbenchmark-dev, configure with "
      "-DCREDO_BENCHMARKS=ON and build again (or type `make bench` in the source folder)");
}

}  // namespace

ExitCode run_bench(const Arguments& arguments) {
  std::string program = find_program().string();
  std::vector<std::string> rest = arguments.bench_arguments;
  std::vector<char*> values{program.data()};
  for (std::string& value : rest) {
    values.push_back(value.data());
  }
  values.push_back(nullptr);
  execv(program.c_str(), values.data());
  throw Refusal(fmt::format("cannot start {}: {}", program, std::strerror(errno)));
}

}  // namespace credo::cli
