// Every benchmark, with Google Benchmark's own command line.

#include <benchmark/benchmark.h>

BENCHMARK_MAIN();
