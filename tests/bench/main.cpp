// Every benchmark, with Google Benchmark's own command line. Those whose names begin with slow_
// take minutes and run only when a filter asks for them.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <string_view>
#include <vector>

int main(int argc, char** argv) {
  std::vector<char*> arguments(argv, argv + argc);
  const auto is_filter = [](std::string_view argument) {
    return argument.starts_with("--benchmark_filter");
  };
  char quick[] = "--benchmark_filter=-^slow_";
  if (std::none_of(arguments.begin() + 1, arguments.end(), is_filter)) arguments.push_back(quick);
  int count = static_cast<int>(arguments.size());
  arguments.push_back(nullptr);
  benchmark::Initialize(&count, arguments.data());
  if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
