#include <credo/core/error.hpp>
#include <credo/models/control/linear_quadratic_json.hpp>
#include <credo/models/json_input.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <system_error>

namespace credo::control {
namespace {

using namespace json_input;

constexpr std::array<std::string_view, 8> kStepKeys = {"A", "B", "offset", "W",
                                                       "Q", "R", "S",      "goal"};
constexpr std::array<std::string_view, 13> kKeys = {"A",
                                                    "B",
                                                    "offset",
                                                    "W",
                                                    "Q",
                                                    "R",
                                                    "S",
                                                    "goal",
                                                    "Q_final",
                                                    "goal_final",
                                                    "initial_mean",
                                                    "initial_covariance",
                                                    "horizon"};
constexpr std::array<std::string_view, 6> kKeysWithSteps = {
    "steps", "Q_final", "goal_final", "initial_mean", "initial_covariance", "horizon"};

std::vector<double> row(const json& value, const Place& place) {
  return list(value, place, number);
}

/// Rows of equal length.
std::vector<double> matrix(const json& value, const Place& place) {
  std::vector<double> entries;
  std::size_t columns = 0;
  const auto rows = list(value, place, row);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (i == 0) columns = rows[i].size();
    if (rows[i].size() != columns) {
      place.at(i).fail(fmt::format("{} numbers, as in the first row", columns), value[i]);
    }
    entries.insert(entries.end(), rows[i].begin(), rows[i].end());
  }
  return entries;
}

/// Reads what is there.
class Reader {
 public:
  Reader(const json& object, const Place& place) : object_(object), place_(place) {}
  void matrix(std::string_view key, std::vector<double>& target) const {
    read(key, target, control::matrix);
  }
  void vector(std::string_view key, std::vector<double>& target) const { read(key, target, row); }

 private:
  template <typename Read>
  void read(std::string_view key, std::vector<double>& target, const Read& reader) const {
    if (object_.contains(key)) target = reader(object_[std::string(key)], place_.at(key));
  }

  const json& object_;
  const Place& place_;
};

LinearQuadraticStep step(const json& object, const Place& place) {
  LinearQuadraticStep result;
  const Reader read(object, place);
  read.matrix("A", result.transition);
  read.matrix("B", result.control);
  read.vector("offset", result.offset);
  read.matrix("W", result.noise);
  read.matrix("Q", result.state_cost);
  read.matrix("R", result.control_cost);
  read.matrix("S", result.cross_cost);
  read.vector("goal", result.goal);
  return result;
}

std::size_t row_count(const json& value, const Place& place) {
  if (!value.is_array() || value.empty()) place.fail("a list of rows", value);
  return value.size();
}

std::size_t column_count(const json& value, const Place& place) {
  if (!value.is_array() || value.empty() || !value[0].is_array() || value[0].empty()) {
    place.fail("a list of rows", value);
  }
  return value[0].size();
}

LinearQuadratic describe(const json& object, const Place& file) {
  LinearQuadratic problem;
  const bool several = object.contains("steps");
  several ? check_keys(object, file, kKeysWithSteps, 1) : check_keys(object, file, kKeys, 2);
  if (several) {
    problem.steps = list(object["steps"], file.at("steps"), [](const json& v, const Place& p) {
      check_keys(v, p, kStepKeys, 2);
      return step(v, p);
    });
    if (problem.steps.empty()) file.at("steps").fail("at least one step", object["steps"]);
  } else {
    problem.steps = {step(object, file)};
  }
  const json& first = several ? object["steps"][0] : object;
  problem.states = row_count(first["A"], file.at("A"));
  problem.controls = column_count(first["B"], file.at("B"));
  const Reader read(object, file);
  read.matrix("Q_final", problem.final_cost);
  read.vector("goal_final", problem.final_goal);
  read.vector("initial_mean", problem.initial_mean);
  read.matrix("initial_covariance", problem.initial_covariance);
  if (object.contains("horizon")) problem.horizon = count(object["horizon"], file.at("horizon"));
  return problem;
}

}  // namespace

LinearQuadratic parse_linear_quadratic_json(std::string_view text_of_file,
                                            const std::string& source) {
  const Source where{source, text_of_file};
  const json object = parse_strict(where);
  LinearQuadratic problem = describe(object, Place{where, ""});
  try {
    problem.validate();
  } catch (const ModelError& e) {
    throw ModelError(source + ": " + e.what());
  }
  return problem;
}

LinearQuadratic read_linear_quadratic_json(const std::string& path) {
  return parse_linear_quadratic_json(read_text(path), path);
}

bool is_linear_quadratic_json(const std::string& path) {
  std::error_code failure;
  if (!std::filesystem::is_regular_file(path, failure)) return false;  // a pipe is read only once
  try {
    const std::string text_of_file = read_text(path);
    // Little else is parsed twice. One key will do: that the other is missing is said later.
    constexpr std::array<std::string_view, 3> kEvidence = {"A", "B", "steps"};
    if (std::ranges::none_of(kEvidence, [&](std::string_view key) {
          return text_of_file.find(fmt::format("\"{}\"", key)) != std::string::npos;
        })) {
      return false;
    }
    const json object = json::parse(text_of_file, nullptr, false);
    return object.is_object() && std::ranges::any_of(kEvidence, [&](std::string_view key) {
             return object.contains(key);
           });
  } catch (const FileError&) {
    return false;
  }
}

}  // namespace credo::control
