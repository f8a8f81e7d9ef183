#pragma once
// What all pictures are made of: a document that grows, colours, grids of cells. Internal.

#include <credo/models/control/mdp.hpp>

#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <string_view>

namespace credo::control {

/// Margins and the height of title and legend, pixels.
inline constexpr double kMargin = 16.0;
inline constexpr double kHeader = 58.0;
inline constexpr double kNarrowest = 460.0;
inline constexpr std::string_view kInk = "#222222";
inline constexpr std::string_view kPaleInk = "#777777";

struct Point {
  double x = 0.0;
  double y = 0.0;
};

enum class Anchor { start, middle, end };

/// A growing SVG body: rectangles, circles, paths and texts only. Pixels from the upper left.
class Svg {
 public:
  void rectangle(Point corner, double width, double height, std::string_view fill,
                 std::string_view stroke = "none");
  void circle(Point centre, double radius, std::string_view fill, double opacity);
  /// A ring.
  void ring(Point centre, double radius, std::string_view ink, double width);
  void line(Point from, Point to, std::string_view ink, double width);
  /// Text is escaped, and characters that XML does not have replaced. y is the base line.
  void text(Point at, double size, std::string_view text, Anchor anchor = Anchor::start,
            std::string_view ink = kInk);
  /// From `from` along the direction of (columns, rows) of move; (0, 0): a disc.
  struct Arrow {
    Point from;
    double rows = 0.0;
    double columns = 0.0;
    double length = 0.0;
    double head = 0.0;
    double width = 1.0;
    double opacity = 1.0;
    std::string_view ink = kInk;
    bool dashed = false;
  };
  void arrow(const Arrow& a);

  /// The complete document with a title line.
  [[nodiscard]] std::string document(double width, double height, std::string_view title) const;

 private:
  std::string body_;
};

/// "name: what", or what alone when the process has no name.
[[nodiscard]] std::string title_of(const Mdp& mdp, std::string_view what);
/// " (the luckiest 40 of 500 states)" when not all are shown.
[[nodiscard]] std::string shown_part(std::size_t shown, std::size_t all, std::string_view which);

/// Smallest and largest of some numbers; those that are not finite do not count.
struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
  void include(double x);
  [[nodiscard]] bool empty() const { return !(low <= high); }
  /// Position of x in the range, 0 to 1; 0 for what is not a number.
  [[nodiscard]] double place(double x) const;
};

/// From dark blue (0) over teal to pale yellow (1): readable in grey, too.
[[nodiscard]] std::string value_colour(double place);
/// From white (0) to deep violet (1).
[[nodiscard]] std::string weight_colour(double place);
/// Dark or white, whichever can be read on value_colour(place).
[[nodiscard]] std::string_view ink_on_value(double place);

/// A strip of colours between two labels, at a base line of text. Returns where it ends.
double colour_bar(Svg& svg, Point at, std::string_view low, std::string_view high,
                  std::string (*colour)(double));

/// At most seven characters where that is possible: -141, 0.0312, 1.2e+07; -∞.
[[nodiscard]] std::string short_number(double x);

/// Where the cells of a grid are drawn.
struct GridPanel {
  const GridLayout& layout;
  Point corner;
  double side = 0.0;  ///< of a cell

  [[nodiscard]] double width() const { return side * static_cast<double>(layout.columns); }
  [[nodiscard]] double height() const { return side * static_cast<double>(layout.rows); }
  [[nodiscard]] Point corner_of(std::size_t cell) const {
    const std::size_t row = cell / layout.columns;
    return {corner.x + side * static_cast<double>(cell % layout.columns),
            corner.y + side * static_cast<double>(row)};
  }
  [[nodiscard]] Point centre_of(std::size_t cell) const {
    return {corner_of(cell).x + side / 2, corner_of(cell).y + side / 2};
  }
};

/// Whether nothing is decided in a cell that is a state: it ends the episode, or is a cliff.
[[nodiscard]] bool is_end_cell(const Mdp& mdp, std::size_t cell);
/// The cell as such: walls dark, ends with their letter, everything else in the given colour.
void draw_cell(Svg& svg, const Mdp& mdp, const GridPanel& panel, std::size_t cell,
               std::string_view colour);

/// The first `most` states by decreasing weight (ties by number), then by number. For processes
/// without a layout that have too many states to show.
[[nodiscard]] std::vector<std::size_t> heaviest_states(std::span<const double> weight,
                                                       std::size_t most);

}  // namespace credo::control
