#include "answer.hpp"

#include <credo/core/escaping.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cassert>

namespace credo::cli {
namespace {

/// A continuous variable has a column per dimension: x[0], x[1].
std::string csv_header(const Variable& variable) {
  if (variable.dimension < 2) {
    return csv_field(variable.name);
  }
  std::string out;
  for (std::size_t i = 0; i < variable.dimension; ++i) {
    out += i == 0 ? "" : ",";
    out += csv_field(fmt::format("{}[{}]", variable.name, i));
  }
  return out;
}

std::string list_conflict(const Answer& answer) {
  std::string text;
  for (const Finding& finding : answer.result.conflict) {
    text += fmt::format("{}{}", text.empty() ? "" : ", ", describe(answer.graph, finding));
  }
  return text;
}

}  // namespace

bool has_answer(const Answer& answer) { return answer.result.has_answer(answer.query); }

ExitCode exit_code(const Answer& answer) {
  if (has_answer(answer)) {
    return ExitCode::answered;
  }
  const ExitCode code = exit_code_of(answer.result.status);
  return code == ExitCode::answered ? ExitCode::refused : code;
}

std::string explain(const Answer& answer) {
  std::string text = answer.result.message;
  const bool named = std::all_of(
      answer.result.conflict.begin(), answer.result.conflict.end(), [&](const Finding& finding) {
        return text.find(describe(answer.graph, finding)) != std::string::npos;
      });
  if (!named) {
    text += "\nminimal conflicting findings: " + list_conflict(answer);
  }
  return text;
}

std::string render(const Answer& answer, std::string_view format) {
  if (format == "json") {
    return render_json(answer);
  }
  assert(has_answer(answer));
  if (format == "csv") {
    return render_csv(answer);
  }
  return format == "uai" ? render_uai(answer) : render_text(answer);
}

std::string render_csv(const Answer& answer) {
  std::string out;
  const auto variables = answer.graph.variables();
  std::vector<std::vector<std::string>> fields;
  for (std::size_t v = 0; v < variables.size(); ++v) {
    out += v == 0 ? "" : ",";
    out += csv_header(variables[v]);
    fields.emplace_back();
    for (std::size_t s = 0; s < variables[v].cardinality; ++s) {
      fields.back().push_back(csv_field(variables[v].state_name(s)));
    }
  }
  out += '\n';
  // Growing by doubling would take three times the memory.
  std::size_t widest = 0;
  for (const std::vector<std::string>& of_variable : fields) {
    std::size_t width = 0;
    for (const std::string& field : of_variable) width = std::max(width, field.size());
    widest += width + 1;
  }
  out.reserve(out.size() + widest * answer.result.samples.size());
  for (std::size_t i = 0; i < answer.result.samples.size(); ++i) {
    for (std::size_t v = 0; v < variables.size(); ++v) {
      out += v == 0 ? "" : ",";
      out += variables[v].is_continuous()
                 ? fmt::format("{}", fmt::join(answer.result.sample_values[i][v], ","))
                 : fields[v][answer.result.samples.state(i, v)];
    }
    out += '\n';
  }
  return out;
}

}  // namespace credo::cli
