#pragma once
// Bytes from a file, a stream or memory, gunzipped on the way when they start
// with the gzip magic, so that no caller needs to know how a model is stored.
// A byte order mark before UTF-8 text is skipped; UTF-16 with one is turned to UTF-8.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iosfwd>
#include <memory>
#include <string>
#include <string_view>

namespace credo {

/// A forward-only stream of bytes. Holds a constant amount of memory whatever the input declares
/// or decompresses to.
class ByteSource {
 public:
  /// Throws FileError when the file cannot be opened or is a folder.
  [[nodiscard]] static ByteSource from_file(const std::filesystem::path& path);
  /// Borrows the text.
  [[nodiscard]] static ByteSource from_memory(std::string_view text, std::string name);
  /// Borrows the stream.
  [[nodiscard]] static ByteSource from_stream(std::istream& stream, std::string name);

  ByteSource(ByteSource&&) noexcept;
  ByteSource& operator=(ByteSource&&) noexcept;
  ~ByteSource();

  /// Reads up to `most` bytes and returns how many; 0 only at the end. Throws
  /// FileError when reading fails or compressed data is damaged or cut short.
  std::size_t read(char* to, std::size_t most);

  /// The encoding of the text, for iconv, where no byte order mark tells it; before the first
  /// read(). Throws OptionError when it is unknown.
  void set_encoding(const std::string& encoding);
  /// Whether what read() returns was turned to UTF-8 from another encoding.
  [[nodiscard]] bool is_transcoded() const noexcept;

  /// What messages call it.
  [[nodiscard]] const std::string& name() const noexcept;
  /// Bytes taken so far, before decompression.
  [[nodiscard]] std::uint64_t raw_bytes() const noexcept;

 private:
  struct State;
  explicit ByteSource(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// The text of a whole source. Throws ParseError when decompression yields more than a hundred
/// times the bytes that went in and more than 64 MiB: no model does, a decompression bomb does.
[[nodiscard]] std::string read_all(ByteSource& source);

}  // namespace credo
