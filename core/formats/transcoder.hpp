#pragma once
// Other encodings of text to UTF-8, block by block, by the C library's iconv.

#include <credo/core/formats/characters.hpp>

#include <iconv.h>

#include <cstddef>
#include <functional>
#include <string>

namespace credo {

/// A stream of UTF-8 made from a stream of bytes in another encoding.
class Transcoder {
 public:
  using Read = std::function<std::size_t(char*, std::size_t)>;

  /// `raw` reads up to so many bytes, 0 only at the end. Throws OptionError when the C library does
  /// not know the encoding.
  Transcoder(std::string source_name, std::string encoding, Read raw);
  Transcoder(const Transcoder&) = delete;
  Transcoder& operator=(const Transcoder&) = delete;
  ~Transcoder();

  /// Up to `most` bytes of UTF-8; 0 only at the end. Throws ParseError at bytes that the encoding
  /// does not have; columns count bytes of UTF-8.
  std::size_t read(char* to, std::size_t most);

 private:
  void decode();

  std::string name_;
  std::string encoding_;
  Read raw_;
  iconv_t converter_;
  std::string input_;
  std::string output_;
  std::size_t taken_ = 0;
  Position where_;
  bool at_end_ = false;
};

}  // namespace credo
