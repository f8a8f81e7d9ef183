#pragma once
// The one lexer behind every text format: a cursor over a stream of bytes that
// holds a bounded window, reads numbers at memory speed, and computes lines and
// columns only when somebody asks (nearly always an error).

#include <credo/core/formats/byte_source.hpp>
#include <credo/core/formats/characters.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace credo {

/// What a format counts as a comment.
enum class Comments : std::uint8_t {
  none,
  slashes,  ///< from // to the end of the line, and between /* and */
  percent,  ///< from % to the end of the line
  hash,     ///< from # to the end of the line
};

/// What a backslash means inside a quoted string.
enum class Escapes : std::uint8_t {
  none,       ///< itself
  backslash,  ///< the next character, but \n is the end of a line
  json,       ///< as in RFC 8259, \uXXXX included
};

/// How a format is cut into tokens: a word is a maximal run of characters that
/// are neither blank nor punctuation.
struct Lexicon {
  std::string_view punctuation;
  Comments comments = Comments::none;
};

/// A forward cursor. Every failure throws ParseError at the place of the token that did not fit.
/// Words live until the next call that moves the cursor.
class Cursor {
 public:
  /// Longest word and quoted string, in bytes: bounds the window.
  static constexpr std::size_t kLongestWord = std::size_t{1} << 16;

  /// Borrows the source.
  Cursor(ByteSource& source, Lexicon lexicon);

  /// The next significant character, '\0' at the end of the text. Skips blanks and comments.
  char peek();
  bool at_end();
  /// Takes the next significant character when it is c.
  bool accept(char c);
  void expect(char c);
  /// Fails unless nothing but blanks and comments is left.
  void expect_end();

  /// A non-empty word; fails with `expected` otherwise.
  std::string_view word(std::string_view expected);
  /// A word when one is next, else empty.
  std::string_view optional_word();
  /// Takes the next word when it is `keyword`.
  void expect_word(std::string_view keyword);
  /// Takes the next word when it is `keyword`; says whether it was.
  bool accept_word(std::string_view keyword);
  /// A string in double quotes; the opening one is next.
  std::string quoted(Escapes escapes = Escapes::none);

  /// A finite number, correctly rounded. Fails on words, NaN, infinities and
  /// numbers outside the range of a double.
  double number(std::string_view expected);
  /// A finite number >= 0 (-0 reads as 0).
  double non_negative(std::string_view expected);
  /// A whole number in [0, most].
  std::uint64_t natural(std::string_view expected, std::uint64_t most = ~std::uint64_t{0});
  /// Appends `count` non-negative numbers; memory grows with what is read, not with `count`.
  void non_negatives(std::vector<double>& values, std::uint64_t count, std::string_view expected);

  /// Where the last token began.
  Position position();
  /// Throws ParseError at the last token, which is also what was got.
  [[noreturn]] void fail(std::string_view expected);
  /// The same with what was got in words.
  [[noreturn]] void fail(std::string_view expected, std::string_view got);
  [[noreturn]] void fail_at(Position where, std::string_view expected, std::string_view got) const;

  /// Bytes taken from the text so far, after decompression.
  [[nodiscard]] std::uint64_t bytes_read() const noexcept;
  [[nodiscard]] const std::string& source_name() const noexcept { return source_.name(); }

 private:
  enum class Kind : std::uint8_t { other, blank, punctuation };

  [[nodiscard]] Kind kind(char c) const noexcept { return kinds_[static_cast<unsigned char>(c)]; }
  [[nodiscard]] bool ends_word(const char* p) const noexcept {
    return kind(*p) != Kind::other || (p == end_ && exhausted_);
  }
  bool fill();
  /// Makes at least `count` bytes visible unless the text is shorter.
  void ensure(std::size_t count) {
    while (static_cast<std::size_t>(end_ - at_) < count && fill()) {
    }
  }
  void begin_token();
  bool skip_comment();
  void skip_to_end_of_line();
  std::string escaped_character(Escapes escapes);
  std::uint32_t code_unit();
  double long_number(std::string_view expected);

  ByteSource& source_;
  Comments comments_;
  std::array<Kind, 256> kinds_{};
  std::unique_ptr<char[]> buffer_;
  char* at_;
  char* end_;
  char* token_;
  char* counted_;
  /// Lines and columns are known up to counted_.
  Position counted_position_;
  std::uint64_t discarded_ = 0;
  bool exhausted_ = false;
};

}  // namespace credo
