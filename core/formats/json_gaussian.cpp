// Reads and writes Gaussian tables and factors; docs/formats.md is the reference.

#include <credo/core/formats/json_gaussian.hpp>
#include <credo/core/formats/json_text.hpp>

#include <fmt/format.h>

#include <unordered_map>
#include <utility>

namespace credo::json {

bool GaussianParts::read_member(std::string_view key) {
  if (key == "gaussian_tables") {
    pull_.array("Gaussian tables", [this] { tables_.push_back(build_table(read_table())); });
  } else if (key == "gaussian_factors") {
    pull_.array("Gaussian factors", [this] { read_factor(); });
  } else {
    return false;
  }
  return true;
}

std::vector<double> GaussianParts::numbers() {
  std::vector<double> values;
  pull_.array("numbers", [&] { values.push_back(pull_.cursor().number("a number")); });
  return values;
}

std::vector<std::size_t> GaussianParts::extents(std::string_view what) {
  std::vector<std::size_t> values;
  pull_.array(what,
              [&] { values.push_back(static_cast<std::size_t>(pull_.cursor().natural(what))); });
  return values;
}

QuadraticForm GaussianParts::read_form() {
  QuadraticForm form;
  pull_.object("a form with \"precision\", \"linear\" and maybe \"constant\"",
               [&](std::string_view key) {
                 if (key == "precision") {
                   form.precision = numbers();
                 } else if (key == "linear") {
                   form.linear = numbers();
                 } else if (key == "constant") {
                   form.constant = pull_.read_value();
                 } else {
                   return false;
                 }
                 return true;
               });
  return form;
}

LinearGaussian GaussianParts::read_kernel() {
  LinearGaussian kernel;
  pull_.object("a kernel with \"gain\", \"offset\" and \"covariance\"", [&](std::string_view key) {
    if (key == "gain") {
      kernel.gain = numbers();
    } else if (key == "offset") {
      kernel.offset = numbers();
    } else if (key == "covariance") {
      kernel.covariance = numbers();
    } else {
      return false;
    }
    return true;
  });
  return kernel;
}

bool GaussianParts::read_table_member(GaussianTableText& table, std::string_view key) {
  if (key == "shape") {
    table.has_shape = true;
    table.shape = extents("an extent");
  } else if (key == "dimensions") {
    table.has_dimensions = true;
    table.dimensions = extents("a dimension");
  } else if (key == "forms") {
    pull_.array("forms", [&] { table.forms.push_back(read_form()); });
  } else if (key == "kernels") {
    pull_.array("kernels", [&] { table.kernels.push_back(read_kernel()); });
  } else {
    return false;
  }
  return true;
}

GaussianTableText GaussianParts::read_table() {
  GaussianTableText table;
  pull_.cursor().peek();
  table.position = pull_.cursor().position();
  pull_.object("a Gaussian table with \"dimensions\", \"forms\" or \"kernels\", maybe \"shape\"",
               [&](std::string_view key) { return read_table_member(table, key); });
  if (table.forms.empty() == table.kernels.empty()) {
    pull_.cursor().fail_at(table.position, "a Gaussian table with \"forms\" or \"kernels\"",
                           table.forms.empty() ? "none" : "both");
  }
  return table;
}

void GaussianParts::read_factor() {
  GaussianFactorText factor;
  pull_.cursor().peek();
  factor.position = pull_.cursor().position();
  constexpr std::string_view kExpected =
      "a Gaussian factor with \"continuous\", \"table\" and maybe \"scope\"";
  const auto names = [this](std::vector<Named>& scope) {
    pull_.array("names of variables",
                [&] { scope.push_back(pull_.named("the name of a variable")); });
  };
  pull_.object(kExpected, [&](std::string_view key) {
    if (key == "scope") {
      names(factor.scope);
    } else if (key == "continuous") {
      names(factor.continuous);
    } else if (key == "table" && pull_.cursor().peek() == '{') {
      factor.own = read_table();
    } else if (key == "table") {
      factor.shared =
          pull_.cursor().natural("a table, or the number of one in \"gaussian_tables\"");
    } else {
      return false;
    }
    return true;
  });
  if (factor.continuous.empty() || (!factor.own && !factor.shared)) {
    pull_.cursor().fail_at(factor.position, kExpected, "one without");
  }
  factors_.push_back(std::move(factor));
}

GaussianTable GaussianParts::build_table(GaussianTableText text) {
  return pull_.checked(text.position, "a Gaussian table", [&] {
    if (!text.kernels.empty()) {
      return GaussianTable::conditional(std::move(text.shape), std::move(text.dimensions),
                                        std::move(text.kernels));
    }
    return GaussianTable::quadratic(std::move(text.shape), std::move(text.dimensions),
                                    std::move(text.forms));
  });
}

void GaussianParts::build(FactorGraph& graph) {
  for (GaussianFactorText& text : factors_) {
    Scope scope;
    Scope continuous;
    for (const Named& member : text.scope) scope.push_back(pull_.variable(graph, member, false));
    for (const Named& member : text.continuous) {
      continuous.push_back(pull_.variable(graph, member, true));
    }
    if (text.shared && *text.shared >= tables_.size()) {
      pull_.cursor().fail_at(text.position,
                             fmt::format("a Gaussian table below {}", tables_.size()),
                             fmt::format("{}", *text.shared));
    }
    if (text.own && !text.own->has_shape) text.own->shape = graph.shape_of(scope);
    if (text.own && !text.own->has_dimensions) {
      for (const VariableId v : continuous) {
        text.own->dimensions.push_back(graph.variable(v).dimension);
      }
    }
    GaussianTable table = text.own ? build_table(std::move(*text.own))
                                   : tables_[static_cast<std::size_t>(*text.shared)];
    pull_.checked(text.position, "a Gaussian factor", [&] {
      graph.add_gaussian_factor(std::move(scope), std::move(continuous), std::move(table));
    });
    text = {};
  }
}

namespace {

void append_numbers(std::string& text, std::string_view key, std::span<const double> numbers) {
  text += fmt::format("\"{}\": ", key);
  append_array(text, numbers, [&](double number) { append_number(text, number); });
}

void append_extents(std::string& text, std::string_view key, std::span<const std::size_t> extents) {
  text += fmt::format("\"{}\": ", key);
  append_array(text, extents, [&](std::size_t n) { append_number(text, std::uint64_t{n}); });
}

void append_form(std::string& text, const QuadraticForm& form) {
  text += "{";
  append_numbers(text, "precision", form.precision);
  text += ", ";
  append_numbers(text, "linear", form.linear);
  text += ", \"constant\": ";
  append_value(text, form.constant);
  text += "}";
}

void append_kernel(std::string& text, const LinearGaussian& kernel) {
  text += "{";
  append_numbers(text, "gain", kernel.gain);
  text += ", ";
  append_numbers(text, "offset", kernel.offset);
  text += ", ";
  append_numbers(text, "covariance", kernel.covariance);
  text += "}";
}

void append_table(std::string& text, const GaussianTable& table) {
  text += "{";
  append_extents(text, "shape", table.shape());
  text += ", ";
  append_extents(text, "dimensions", table.dimensions());
  if (table.is_conditional()) {
    text += ", \"kernels\": ";
    append_array(text, table.kernels(), [&](const LinearGaussian& k) { append_kernel(text, k); });
  } else {
    text += ", \"forms\": ";
    append_array(text, table.forms(), [&](const QuadraticForm& f) { append_form(text, f); });
  }
  text += "}";
}

}  // namespace

void append_gaussian_members(std::string& text, const FactorGraph& graph) {
  if (!graph.has_continuous_variables()) return;
  const SharedTables<GaussianTable> shared(graph.gaussian_factors());
  append_lines(text, "gaussian_tables", shared.tables,
               [&](const GaussianTable* table) { append_table(text, *table); });
  const auto append_names = [&](const Scope& scope) {
    append_array(text, scope, [&](VariableId v) { text += in_quotes(graph.variable(v).name); });
  };
  append_lines(text, "gaussian_factors", graph.gaussian_factors(), [&](const GaussianFactor& f) {
    text += "{\"scope\": ";
    append_names(f.scope);
    text += ", \"continuous\": ";
    append_names(f.continuous);
    text += ", \"table\": ";
    shared.append(text, f.table, append_table);
    text += "}";
  });
}

}  // namespace credo::json
