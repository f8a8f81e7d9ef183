#include <credo/models/control/learning/curve.hpp>
#include <credo/models/control/svg_parts.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

// Axes run between round numbers: steps of 1, 2 or 5 times a power of ten, about six of them.

namespace credo::control::learning {
namespace {

constexpr double kWidth = 640.0;
constexpr double kHeight = 320.0;
constexpr double kLeft = 84.0;
constexpr double kTop = 52.0;
constexpr std::size_t kMostPoints = 300;
constexpr std::array<std::string_view, 6> kInks = {"#26346e", "#b5482a", "#2f7d6d",
                                                   "#8a5aa8", "#a07a12", "#555555"};

/// Round bounds and ticks around a range.
struct Axis {
  double low = 0.0;
  double high = 1.0;
  double tick = 0.2;

  explicit Axis(Range range) {
    if (range.empty()) return;
    const double size = std::max(1.0, std::fabs(range.low));
    if (range.high - range.low < 1e-9 * size) range.high = range.low + size;
    const double rough = (range.high - range.low) / 6.0;
    const double power = std::pow(10.0, std::floor(std::log10(rough)));
    tick = power * (rough <= power         ? 1.0
                    : rough <= 2.0 * power ? 2.0
                    : rough <= 5.0 * power ? 5.0
                                           : 10.0);
    low = tick * std::floor(range.low / tick);
    high = tick * std::ceil(range.high / tick);
  }
  [[nodiscard]] double place(double x) const { return (x - low) / (high - low); }
};

ChartLine thinned(const ChartLine& line) {
  ChartLine finite;
  for (std::size_t i = 0; i < line.x.size(); ++i) {
    if (!std::isfinite(line.y[i])) continue;
    finite.x.push_back(line.x[i]);
    finite.y.push_back(line.y[i]);
  }
  const std::size_t group = (finite.x.size() + kMostPoints - 1) / kMostPoints;
  if (group < 2) return finite;
  ChartLine means;
  for (std::size_t i = 0; i < finite.x.size(); i += group) {
    const std::size_t end = std::min(i + group, finite.x.size());
    double sum = 0.0;
    for (std::size_t k = i; k < end; ++k) sum += finite.y[k];
    means.x.push_back(finite.x[end - 1]);
    means.y.push_back(sum / static_cast<double>(end - i));
  }
  return means;
}

class Drawing {
 public:
  Drawing(const Axis& x, const Axis& y) : x_(x), y_(y) {}

  void axes(const Chart& chart) {
    constexpr double kSize = 11.0;
    const auto ticks = [](const Axis& axis) {
      return static_cast<int>(std::lround((axis.high - axis.low) / axis.tick));
    };
    for (int i = 0; i <= ticks(y_); ++i) {
      const double value = y_.low + i * y_.tick;
      svg_.line(at(x_.low, value), at(x_.high, value), "#e4e4e4", 1.0);
      svg_.text({kLeft - 6.0, at(x_.low, value).y + 4.0}, kSize, short_number(value), Anchor::end);
    }
    for (int i = 0; i <= ticks(x_); ++i) {
      const double value = x_.low + i * x_.tick;
      svg_.line(at(value, y_.low), {at(value, y_.low).x, at(value, y_.low).y + 4.0}, kPaleInk, 1.0);
      svg_.text({at(value, y_.low).x, kTop + kHeight + 17.0}, kSize, fmt::format("{:g}", value),
                Anchor::middle);
    }
    svg_.line(at(x_.low, y_.low), at(x_.high, y_.low), kPaleInk, 1.0);
    svg_.text({kLeft + kWidth, kTop + kHeight + 34.0}, kSize + 1.0, chart.x_label, Anchor::end,
              kPaleInk);
    svg_.text({kMargin, kTop - 13.0}, kSize + 1.0, chart.y_label, Anchor::start, kPaleInk);
    if (!std::isfinite(chart.mark)) return;
    svg_.line(at(x_.low, chart.mark), at(x_.high, chart.mark), "#999999", 1.5);
    svg_.text({kLeft + kWidth - 4.0, at(x_.high, chart.mark).y - 5.0}, kSize, chart.mark_label,
              Anchor::end, kPaleInk);
  }

  void line(const ChartLine& line, std::size_t number) {
    const std::string_view ink = kInks[number % kInks.size()];
    if (line.x.size() == 1) svg_.circle(at(line.x[0], line.y[0]), 2.5, ink, 1.0);
    for (std::size_t i = 1; i < line.x.size(); ++i) {
      svg_.line(at(line.x[i - 1], line.y[i - 1]), at(line.x[i], line.y[i]), ink, 1.6);
    }
  }

  void legend(std::string_view label, std::size_t number) {
    const double y = kTop + kHeight + 52.0 + 16.0 * static_cast<double>(number);
    svg_.line({kLeft, y - 4.0}, {kLeft + 22.0, y - 4.0}, kInks[number % kInks.size()], 2.4);
    svg_.text({kLeft + 28.0, y}, 11.0, label);
  }

  [[nodiscard]] std::string document(std::string_view title, std::size_t labels) const {
    return svg_.document(kLeft + kWidth + 2.0 * kMargin,
                         kTop + kHeight + 50.0 + 16.0 * static_cast<double>(labels), title);
  }

 private:
  [[nodiscard]] Point at(double x, double y) const {
    return {kLeft + kWidth * x_.place(x), kTop + kHeight * (1.0 - y_.place(y))};
  }

  Svg svg_;
  Axis x_;
  Axis y_;
};

std::string csv_number(double x) { return std::isnan(x) ? "" : fmt::format("{}", x); }

ChartLine line_of(std::string label, std::span<const CurvePoint> curve,
                  double CurvePoint::* value) {
  ChartLine line;
  line.label = std::move(label);
  for (const CurvePoint& p : curve) {
    if (std::isnan(p.*value)) continue;
    line.x.push_back(static_cast<double>(p.steps));
    line.y.push_back(p.*value);
  }
  return line;
}

}  // namespace

std::string curve_csv(std::span<const CurvePoint> curve) {
  std::string text = "steps,episodes,mean_return,mean_length,loss,error\n";
  for (const CurvePoint& p : curve) {
    text += fmt::format("{},{},{},{},{},{}\n", p.steps, p.episodes, csv_number(p.mean_return),
                        csv_number(p.mean_length), csv_number(p.loss), csv_number(p.error));
  }
  return text;
}

ChartLine return_line(std::string label, std::span<const CurvePoint> curve) {
  return line_of(std::move(label), curve, &CurvePoint::mean_return);
}

ChartLine error_line(std::string label, std::span<const CurvePoint> curve) {
  return line_of(std::move(label), curve, &CurvePoint::error);
}

std::string chart_svg(const Chart& chart, std::span<const ChartLine> lines) {
  Range x;
  Range y;
  x.include(0.0);
  y.include(chart.mark);
  std::vector<ChartLine> drawn;
  for (const ChartLine& line : lines) {
    drawn.push_back(thinned(line));
    for (const double value : drawn.back().x) x.include(value);
    for (const double value : drawn.back().y) y.include(value);
  }
  Drawing drawing{Axis(x), Axis(y)};
  drawing.axes(chart);
  std::size_t labels = 0;
  for (std::size_t i = 0; i < drawn.size(); ++i) {
    drawing.line(drawn[i], i);
    if (lines[i].label.empty()) continue;
    drawing.legend(lines[i].label, i);
    labels = i + 1;
  }
  return drawing.document(chart.title, labels);
}

}  // namespace credo::control::learning
