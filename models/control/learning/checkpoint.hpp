#pragma once
// The bytes of a checkpoint: named fields behind a header, with a check sum at the end. Doubles
// keep their bits.

#include <credo/models/control/learning/environment.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace credo::control::learning {

/// Collects fields; names must differ. The caller writes the bytes (see write_file_atomically).
class CheckpointWriter {
 public:
  /// kind says whose checkpoint it is: a learner's name.
  explicit CheckpointWriter(std::string_view kind);

  void text(std::string_view name, std::string_view value);
  void count(std::string_view name, std::uint64_t value);
  void number(std::string_view name, double value) { numbers(name, {&value, 1}); }
  void numbers(std::string_view name, std::span<const double> values);
  void counts(std::string_view name, std::span<const std::uint64_t> values);
  void environment(std::string_view name, const EnvironmentState& state);

  /// The finished bytes.
  [[nodiscard]] std::string take();

 private:
  std::string bytes_;
};

/// Reads what CheckpointWriter wrote. Throws FileError, naming the source, when the bytes are not a
/// checkpoint, are of another kind or version, are cut off or damaged, or lack a field.
class CheckpointReader {
 public:
  CheckpointReader(std::string_view bytes, std::string_view kind,
                   std::string source = "checkpoint");

  [[nodiscard]] std::string text(const std::string& name) const;
  [[nodiscard]] std::uint64_t count(const std::string& name) const;
  [[nodiscard]] double number(const std::string& name) const;
  /// Throws also when there are not exactly `size` of them.
  [[nodiscard]] std::vector<double> numbers(const std::string& name, std::size_t size) const;
  [[nodiscard]] std::vector<double> numbers(const std::string& name) const;
  [[nodiscard]] std::vector<std::uint64_t> counts(const std::string& name) const;
  [[nodiscard]] EnvironmentState environment(const std::string& name) const;
  /// Throws FileError: the text of a field must be `expected`, or the run that is to go on is
  /// another one than the one that was saved.
  void require_text(const std::string& name, std::string_view expected) const;
  /// Throws FileError for a field whose content makes no sense.
  [[noreturn]] void refuse(const std::string& why) const;

 private:
  [[nodiscard]] const std::string& field(const std::string& name, char type) const;

  std::string source_;
  std::map<std::string, std::string, std::less<>> fields_;
};

}  // namespace credo::control::learning
