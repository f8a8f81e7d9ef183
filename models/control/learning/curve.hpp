#pragma once
// Learning curves as CSV and as pictures.

#include <credo/models/control/learning/run.hpp>

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace credo::control::learning {

/// One line per point: steps, episodes, mean_return, mean_length, loss, error. Numbers are the
/// shortest that read back to the same double; NaN is an empty field.
[[nodiscard]] std::string curve_csv(std::span<const CurvePoint> curve);

/// A line through (x, y); points with a y that is not finite are left out.
struct ChartLine {
  std::string label;
  std::vector<double> x;
  std::vector<double> y;
};
/// mean_return over steps; points without an ended episode are left out.
[[nodiscard]] ChartLine return_line(std::string label, std::span<const CurvePoint> curve);
/// error over steps.
[[nodiscard]] ChartLine error_line(std::string label, std::span<const CurvePoint> curve);

struct Chart {
  std::string_view title;
  std::string_view x_label = "steps";
  std::string_view y_label = "mean return";
  /// Where a pale horizontal line stands; NaN: none.
  double mark = kNaN;
  std::string_view mark_label = "";
};
/// Lines over common axes with round ticks: a complete SVG document. Lines of more than some
/// hundreds of points are drawn through the means of groups.
[[nodiscard]] std::string chart_svg(const Chart& chart, std::span<const ChartLine> lines);

}  // namespace credo::control::learning
