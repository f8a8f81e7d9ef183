#pragma once
// What the user asked for: the command line as plain values.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace credo::cli {

enum class Command : std::uint8_t {
  pr,
  mar,
  map,
  mmap,
  sample,
  info,
  convert,
  fit,
  draw,
  control,
  learn,
  meu,
  bench
};

/// Where results go and how they look. An empty path is standard output.
struct OutputArguments {
  std::string path;
  std::string format;  ///< empty: the command's default
  std::string trace_path;
  bool quiet = false;
  bool no_progress = false;
};

struct EvidenceArguments {
  std::string file;
  std::vector<std::string> settings;     ///< NAME=STATE
  std::vector<std::string> likelihoods;  ///< NAME=v1,v2,...
};

struct EngineArguments {
  std::string algorithm = "auto";
  std::optional<double> time_limit_seconds;
  std::string memory_limit;  ///< as typed, e.g. "8GiB"; empty: a share of what is free
  std::size_t threads = 1;
  std::uint64_t seed = 1;
  // Of iterative algorithms; the engine's own defaults when absent.
  std::string schedule = "auto";
  std::optional<double> damping;
  std::optional<double> tolerance;
  std::optional<std::size_t> iterations;
};

struct ControlArguments {
  std::string environment;  ///< a built-in name, an MDP file or a linear-quadratic file
  std::string map;
  std::optional<bool> slippery;
  std::string method = "posterior";
  std::optional<double> rho;
  double temperature = 1.0;
  std::string prior = "uniform";
  std::optional<std::size_t> horizon;
  std::optional<double> discount;
  std::optional<double> tolerance;
  bool all_values = false;
  std::optional<std::size_t> episodes;  ///< of --simulate
  std::string picture;                  ///< svg: value, tube, luck or gap; empty: value
};

/// Of methods with networks; the method's defaults when absent.
struct NetworkArguments {
  std::optional<std::string> hidden;  ///< as typed, e.g. "64,64"
  std::optional<double> actor_rate;
  std::optional<double> critic_rate;
  std::optional<double> temperature_rate;
  std::optional<std::size_t> batch;
  std::optional<std::size_t> replay_capacity;
  std::optional<double> target_rate;
  std::optional<double> target_entropy;
  std::optional<double> initial_temperature;
  std::optional<std::size_t> start_steps;
  std::optional<std::size_t> updates_per_step;
};

struct LearnArguments {
  std::string environment;  ///< a built-in name or an MDP file
  std::string map;
  std::optional<bool> slippery;
  bool exploring_starts = false;
  std::optional<std::size_t> episode_limit;
  std::string method = "soft-q";
  std::size_t steps = 100'000;
  std::optional<double> temperature;
  double discount = 0.99;
  std::string prior = "uniform";
  std::optional<double> learning_rate;
  std::optional<double> exploration;
  std::string curve_path;
  std::size_t curve_interval = 1000;
  std::string checkpoint_path;
  std::optional<std::size_t> checkpoint_interval;
  std::string resume_path;
  NetworkArguments network;
};

struct FitArguments {
  std::string data;
  std::string prior = "none";
  double strength = 1.0;
  std::optional<std::size_t> restarts;
};

struct DecisionArguments {
  double temperature = 0.0;
  bool recall = false;
  std::optional<std::size_t> horizon;
  std::string memory = "full";
  std::optional<std::size_t> window;
  std::optional<double> discount;
  std::size_t restarts = 8;
  bool naive = false;
};

struct Arguments {
  Command command = Command::pr;
  std::string model;
  std::string from;
  std::string encoding;
  bool as_markov = false;
  std::string to;
  EvidenceArguments evidence;
  std::string query_file;
  EngineArguments engine;
  OutputArguments output;
  std::size_t k_best = 1;
  std::size_t sample_count = 1;
  bool draw_plan = false;
  ControlArguments control;
  LearnArguments learn;
  DecisionArguments decision;
  FitArguments fit;
  std::vector<std::string> bench_arguments;
};

/// What parsing ends with: arguments to run, or a text (help, version) to print.
struct ParsedArguments {
  std::optional<Arguments> arguments;
  std::string text;
};

/// Throws OptionError, with the nearest names, on anything unknown or ill-formed.
[[nodiscard]] ParsedArguments parse_arguments(int count, const char* const* values);

}  // namespace credo::cli
