#pragma once
// A JSON text, written front to back. Numbers are the shortest that read back
// to the same double; NaN and infinities, which JSON lacks, become null. No tree
// is built (a million marginals are text at once), and a vector stays on one line:
// nlohmann's writer spreads every number over a line of its own, or nothing at all.

#include <concepts>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace credo::cli {

class JsonWriter {
 public:
  /// Objects and arrays are spread over lines; compact ones stay on one line.
  JsonWriter& begin_object(bool compact = false);
  JsonWriter& end_object();
  JsonWriter& begin_array(bool compact = false);
  JsonWriter& end_array();
  JsonWriter& key(std::string_view name);

  JsonWriter& value(double number);
  JsonWriter& value(std::string_view text);
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(bool flag);
  template <std::integral Integer>
  JsonWriter& value(Integer number) {
    return raw(std::to_string(number));
  }
  JsonWriter& null();
  JsonWriter& value(std::span<const double> numbers);
  JsonWriter& value(const std::vector<double>& numbers) {
    return value(std::span<const double>(numbers));
  }
  template <std::integral Integer>
    requires(!std::same_as<Integer, bool>)
  JsonWriter& value(const std::vector<Integer>& numbers) {
    begin_array(true);
    for (const Integer number : numbers) {
      value(number);
    }
    return end_array();
  }

  template <typename Value>
  JsonWriter& field(std::string_view name, const Value& v) {
    key(name);
    return value(v);
  }

  /// The finished text, ending in a line feed.
  [[nodiscard]] std::string take();

 private:
  struct Level {
    char close;
    bool compact;
    bool empty = true;
  };
  JsonWriter& raw(std::string_view text);
  JsonWriter& open(char bracket, char close, bool compact);
  JsonWriter& close_level();
  void separate();
  void new_line();
  void quote(std::string_view text);

  std::string out_;
  std::vector<Level> levels_;
  bool after_key_ = false;
};

}  // namespace credo::cli
