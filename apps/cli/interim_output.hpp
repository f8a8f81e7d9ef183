#pragma once
// Answers that a file gets on the way to the last one.

#include <sys/stat.h>

#include <optional>
#include <string>

namespace credo::cli {

/// Rewrites a file at every improvement, and can take all of it back: an earlier file gets its
/// content again, a file that was not there before is removed when it is still the one written
/// here. What cannot be taken back (standard output, devices, FIFOs) gets no answers on the way.
class InterimOutput {
 public:
  /// Nothing is read or written yet. An empty path, or "-": standard output.
  explicit InterimOutput(std::string path) : path_(std::move(path)) {}

  void write(const std::string& text);
  void retract();

 private:
  [[nodiscard]] bool begin();

  std::string path_;
  bool begun_ = false;
  /// Whether answers on the way are written at all.
  bool writes_ = false;
  /// The bytes of the earlier file.
  std::optional<std::string> earlier_;
  /// The file written last.
  struct stat written_{};
};

}  // namespace credo::cli
