#pragma once
// The continuous side of credo's own JSON: "gaussian_tables" and "gaussian_factors".

#include <credo/core/factor_graph.hpp>
#include <credo/core/formats/json_pull.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace credo::json {

struct GaussianTableText {
  std::vector<std::size_t> shape;
  std::vector<std::size_t> dimensions;
  std::vector<QuadraticForm> forms;
  std::vector<LinearGaussian> kernels;
  bool has_shape = false;
  bool has_dimensions = false;
  Position position;
};

struct GaussianFactorText {
  std::vector<Named> scope;
  std::vector<Named> continuous;
  /// Which table: one of the file's list, or the factor's own.
  std::optional<std::uint64_t> shared;
  std::optional<GaussianTableText> own;
  Position position;
};

/// Collects them while an object is read, and adds them when all its members are known.
class GaussianParts {
 public:
  explicit GaussianParts(Pull& pull) : pull_(pull) {}

  /// Reads the value of a key it knows; false when it knows it not.
  bool read_member(std::string_view key);
  void build(FactorGraph& graph);

 private:
  GaussianTableText read_table();
  bool read_table_member(GaussianTableText& table, std::string_view key);
  QuadraticForm read_form();
  LinearGaussian read_kernel();
  void read_factor();
  std::vector<double> numbers();
  std::vector<std::size_t> extents(std::string_view what);
  GaussianTable build_table(GaussianTableText text);

  Pull& pull_;
  std::vector<GaussianTable> tables_;
  std::vector<GaussianFactorText> factors_;
};

/// Appends both members of a graph with continuous variables, after the other members.
void append_gaussian_members(std::string& text, const FactorGraph& graph);

}  // namespace credo::json
