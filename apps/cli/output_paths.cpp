#include "output_paths.hpp"

#include <credo/core/error.hpp>
#include <credo/core/formats/output_target.hpp>

#include <credo/models/control/environments.hpp>
#include <credo/models/control/learning/learners.hpp>

#include <fmt/format.h>

#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <utility>

namespace credo::cli {
namespace {

/// Whether the place that an output leads to is the file that an input names.
bool is_same_file(const OutputTarget& output, const struct stat& input) {
  return output.kind != OutputKind::fresh && !S_ISCHR(input.st_mode) &&
         output.status.st_dev == input.st_dev && output.status.st_ino == input.st_ino;
}

void refuse_input(const NamedPath& output, const OutputTarget& target, const NamedPath& input) {
  struct stat status{};
  const bool there = input.path == "-" ? ::fstat(STDIN_FILENO, &status) == 0
                                       : ::stat(input.path.c_str(), &status) == 0;
  if (!there || !is_same_file(target, status)) return;
  if (output.option == "--checkpoint" && input.option == "--resume") return;
  throw OptionError(fmt::format(
      "{} {} would be written over {}, which is read: give another name", output.option,
      output.path,
      input.path == "-" ? "standard input" : fmt::format("{} {}", input.option, input.path)));
}

void refuse_twin(const NamedPath& output, const OutputTarget& target, const NamedPath& earlier,
                 const OutputTarget& place) {
  if (!target.is_same_place(place) || target.is_character_device()) return;
  throw OptionError(fmt::format("{} {} and {} {} name the same file: give two", earlier.option,
                                earlier.path, output.option, output.path));
}

/// Standard output itself, where a command writes there and a file stands behind it.
bool writes_standard_output(const Arguments& a) {
  return a.output.path.empty() || a.output.path == "-" || a.command == Command::fit;
}

/// The name of a built-in environment reads no file of that name.
bool is_built_in(const std::string& environment) {
  const auto tables = control::environments();
  const bool table = std::any_of(tables.begin(), tables.end(),
                                 [&](const auto& row) { return row.name == environment; });
  const std::vector<std::string> learned = control::learning::learning_environment_names();
  return table || std::find(learned.begin(), learned.end(), environment) != learned.end();
}

}  // namespace

CommandFiles files_of(const Arguments& a) {
  CommandFiles files;
  const auto input = [&](const char* option, const std::string& path) {
    if (!path.empty()) files.inputs.push_back({option, path});
  };
  const auto output = [&](const char* option, const std::string& path) {
    if (!path.empty() && path != "-") files.outputs.push_back({option, path});
  };
  input("the model", a.model);
  for (const std::string& environment : {a.control.environment, a.learn.environment}) {
    if (!is_built_in(environment)) input("the environment", environment);
  }
  for (const std::string& map : {a.control.map, a.learn.map}) {
    if (map != "4x4" && map != "8x8") input("--map", map);
  }
  input("--evid", a.evidence.file);
  input("--query", a.query_file);
  input("--data", a.fit.data);
  input("--resume", a.learn.resume_path);
  output("-o", a.output.path);
  output("--trace", a.output.trace_path);
  output("--curve", a.learn.curve_path);
  output("--checkpoint", a.learn.checkpoint_path);
  if (writes_standard_output(a) && !files.outputs.empty()) {
    files.outputs.push_back({"standard output", ""});
  }
  return files;
}

void check_files(const CommandFiles& files) {
  std::vector<OutputTarget> places;
  for (const NamedPath& output : files.outputs) {
    const bool standard = output.path.empty();
    OutputTarget place;
    if (standard) {
      place.kind = OutputKind::descriptor;
      // What is appended to one descriptor twice is not lost; a file of that name would be.
      if (::fstat(STDOUT_FILENO, &place.status) != 0 || !S_ISREG(place.status.st_mode)) continue;
    } else {
      require_writable(output.path);
      place = resolve_output(output.path);
      for (const NamedPath& input : files.inputs) refuse_input(output, place, input);
    }
    for (std::size_t i = 0; i < places.size(); ++i) {
      if (standard && places[i].kind == OutputKind::descriptor) continue;
      refuse_twin(output, place, files.outputs[i], places[i]);
    }
    places.push_back(std::move(place));
  }
}

}  // namespace credo::cli
