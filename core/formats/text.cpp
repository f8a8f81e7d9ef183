// The window: bytes [buffer_, end_) of the text, a zero behind them, with
//   counted_ <= at_, token_ <= at_ and *end_ == '\0',
// so that every scan stops at the window's end without counting. fill() drops what
// lies before at_ and reads on; whoever looks ahead calls ensure() first and reloads
// its pointers after.

#include <credo/core/error.hpp>
#include <credo/core/formats/decimal.hpp>
#include <credo/core/formats/text.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

namespace credo {

namespace {

constexpr std::size_t kWindowBytes = 4 * Cursor::kLongestWord;
constexpr std::size_t kFastNumberBytes = 48;

}  // namespace

Cursor::Cursor(ByteSource& source, Lexicon lexicon)
    : source_(source),
      comments_(lexicon.comments),
      buffer_(std::make_unique_for_overwrite<char[]>(kWindowBytes + 1)),
      at_(buffer_.get()),
      end_(at_),
      token_(at_),
      counted_(at_) {
  *end_ = '\0';
  for (const char c : std::string_view(" \t\r\n\f\v")) {
    kinds_[static_cast<unsigned char>(c)] = Kind::blank;
  }
  for (const char c : lexicon.punctuation) {
    kinds_[static_cast<unsigned char>(c)] = Kind::punctuation;
  }
}

/// Drops what lies before at_, moves the rest to the front and reads on. False at the end.
bool Cursor::fill() {
  if (exhausted_) return false;
  if (counted_ < at_)
    counted_position_ =
        position_after(counted_position_, {counted_, static_cast<std::size_t>(at_ - counted_)});
  char* const front = buffer_.get();
  const auto kept = static_cast<std::size_t>(end_ - at_);
  discarded_ += static_cast<std::uint64_t>(at_ - front);
  std::memmove(front, at_, kept);
  token_ = at_ = counted_ = front;
  end_ = front + kept;
  const std::size_t got = source_.read(end_, kWindowBytes - kept);
  end_ += got;
  *end_ = '\0';
  exhausted_ = got == 0;
  return !exhausted_;
}

void Cursor::skip_to_end_of_line() {
  do {
    at_ = std::find(at_, end_, '\n');
  } while (at_ == end_ && fill());
}

/// Skips the comment that starts here, if one does.
bool Cursor::skip_comment() {
  if (comments_ == Comments::percent || comments_ == Comments::hash) {
    if (*at_ != (comments_ == Comments::percent ? '%' : '#')) return false;
    skip_to_end_of_line();
    return true;
  }
  if (*at_ != '/') return false;
  ensure(2);
  if (at_[1] == '/') {
    skip_to_end_of_line();
    return true;
  }
  if (at_[1] != '*') return false;
  token_ = at_;
  const Position opening = position();
  at_ += 2;
  for (;;) {
    ensure(2);
    if (end_ - at_ < 2) fail_at(opening, "*/ at the end of a comment", "end of file");
    if (at_[0] == '*' && at_[1] == '/') break;
    at_ = std::find(at_ + 1, end_, '*');
  }
  at_ += 2;
  return true;
}

/// Moves to the next significant byte and makes it the start of a token.
void Cursor::begin_token() {
  for (;;) {
    while (kind(*at_) == Kind::blank) ++at_;
    if (at_ == end_) {
      if (!fill()) break;
    } else if (comments_ == Comments::none || !skip_comment()) {
      break;
    }
  }
  token_ = at_;
}

char Cursor::peek() {
  begin_token();
  return at_ == end_ ? '\0' : *at_;
}

bool Cursor::at_end() {
  begin_token();
  return at_ == end_;
}

bool Cursor::accept(char c) {
  begin_token();
  if (at_ == end_ || *at_ != c) return false;
  ++at_;
  return true;
}

void Cursor::expect(char c) {
  if (!accept(c)) fail(fmt::format("'{}'", c));
}

void Cursor::expect_end() {
  if (!at_end()) fail("end of file");
}

std::string_view Cursor::optional_word() {
  begin_token();
  std::size_t length = 0;
  for (;;) {
    const char* p = at_ + length;
    while (p != end_ && kind(*p) == Kind::other) ++p;
    length = static_cast<std::size_t>(p - at_);
    if (length > kLongestWord) fail(fmt::format("a word of at most {} bytes", kLongestWord));
    if (p != end_ || !fill()) break;
  }
  token_ = at_;
  at_ += length;
  return {token_, length};
}

std::string_view Cursor::word(std::string_view expected) {
  const std::string_view found = optional_word();
  if (found.empty()) fail(expected);
  return found;
}

bool Cursor::accept_word(std::string_view keyword) {
  if (optional_word() == keyword) return true;
  at_ = token_;
  return false;
}

void Cursor::expect_word(std::string_view keyword) {
  if (!accept_word(keyword)) fail(fmt::format("'{}'", keyword));
}

std::string Cursor::quoted(Escapes escapes) {
  expect('"');
  const Position opening = position();
  std::string text;
  for (;;) {
    ensure(1);
    token_ = at_;
    if (at_ == end_) fail_at(opening, "a closing '\"'", "end of file");
    if (text.size() > kLongestWord) {
      fail_at(opening, fmt::format("a string of at most {} bytes", kLongestWord), shown(text));
    }
    if (escapes == Escapes::json && static_cast<unsigned char>(*at_) < 0x20) {
      fail("a string without raw control characters");
    }
    const char c = *at_++;
    if (c == '"') break;
    if (c == '\\' && escapes != Escapes::none) {
      text += escaped_character(escapes);
    } else {
      text.push_back(c);
    }
  }
  return text;
}

/// What follows a backslash.
std::string Cursor::escaped_character(Escapes escapes) {
  constexpr std::string_view kShort = "\"\\/bfnrt";
  constexpr std::string_view kMeaning = "\"\\/\b\f\n\r\t";
  ensure(1);
  token_ = at_;
  const char c = at_ == end_ ? '\0' : *at_++;
  if (escapes == Escapes::backslash) return std::string(1, c == 'n' ? '\n' : c);
  if (const std::size_t i = kShort.find(c); i != std::string_view::npos) return {kMeaning[i]};
  if (c != 'u') fail("an escape among \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX");
  std::uint32_t code = code_unit();
  if (code >= 0xd800 && code < 0xdc00) {
    ensure(2);
    token_ = at_;
    if (end_ - at_ < 2 || at_[0] != '\\' || at_[1] != 'u') fail("the second half of a surrogate");
    at_ += 2;
    const std::uint32_t low = code_unit();
    if (low < 0xdc00 || low > 0xdfff) fail("the second half of a surrogate pair");
    code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
  } else if (code >= 0xdc00 && code < 0xe000) {
    fail("the first half of a surrogate pair");
  }
  return utf8(code);
}

/// Four hexadecimal digits.
std::uint32_t Cursor::code_unit() {
  ensure(4);
  token_ = at_;
  std::uint32_t code = 0;
  const char* const last = at_ + std::min<std::ptrdiff_t>(4, end_ - at_);
  const auto [stop, error] = std::from_chars(at_, last, code, 16);
  if (error != std::errc{} || stop - at_ != 4) fail("four hexadecimal digits");
  at_ += 4;
  return code;
}

double Cursor::number(std::string_view expected) {
  begin_token();
  ensure(kFastNumberBytes);
  token_ = at_;
  const Decimal d = scan_decimal(at_);
  if (!is_exact(d) || !ends_word(d.end)) return long_number(expected);
  at_ += d.end - at_;
  return exact_value(d);
}

/// Numbers of many digits or large exponents, and everything that is no number.
double Cursor::long_number(std::string_view expected) {
  const std::string_view text = word(expected);
  double value = 0.0;
  const char* const last = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), last, value);
  if (stop == last && error == std::errc::result_out_of_range) {
    fail(fmt::format("{} in the range of a double", expected));
  }
  if (stop != last || error != std::errc{} || !std::isfinite(value)) fail(expected);
  return value;
}

double Cursor::non_negative(std::string_view expected) {
  const double value = number(expected);
  if (value < 0.0) fail(expected);
  return value + 0.0;
}

void Cursor::non_negatives(std::vector<double>& values, std::uint64_t count,
                           std::string_view expected) {
  constexpr std::uint64_t kBlock = 256;
  while (count > 0) {
    const auto block = static_cast<std::size_t>(std::min(count, kBlock));
    if (values.capacity() - values.size() < block) {
      const std::uint64_t wanted =
          std::min<std::uint64_t>(values.size() + count, 2 * values.size() + block);
      values.reserve(static_cast<std::size_t>(wanted));
    }
    for (std::size_t i = 0; i < block; ++i) values.push_back(non_negative(expected));
    count -= block;
  }
}

std::uint64_t Cursor::natural(std::string_view expected, std::uint64_t most) {
  begin_token();
  ensure(kFastNumberBytes);
  token_ = at_;
  std::uint64_t value = 0;
  const auto [stop, error] = std::from_chars(at_, end_, value);
  if (error != std::errc{} || !ends_word(stop) || value > most) fail(expected);
  at_ += stop - at_;
  return value;
}

Position Cursor::position() {
  if (token_ >= counted_) {
    counted_position_ =
        position_after(counted_position_, {counted_, static_cast<std::size_t>(token_ - counted_)});
    counted_ = token_;
  }
  return counted_position_;
}

void Cursor::fail(std::string_view expected) {
  const Position where = position();
  at_ = token_;
  if (at_ == end_) ensure(1);
  if (at_ == end_) fail_at(where, expected, "end of file");
  ensure(kFastNumberBytes);
  const char* stop = at_;
  while (stop != end_ && kind(*stop) == Kind::other) ++stop;
  if (stop == at_) ++stop;
  fail_at(where, expected, shown({at_, static_cast<std::size_t>(stop - at_)}));
}

void Cursor::fail(std::string_view expected, std::string_view got) {
  fail_at(position(), expected, got);
}

void Cursor::fail_at(Position where, std::string_view expected, std::string_view got) const {
  throw ParseError(source_.name(), where.line, where.column, std::string(expected),
                   std::string(got));
}

std::uint64_t Cursor::bytes_read() const noexcept {
  return discarded_ + static_cast<std::uint64_t>(at_ - buffer_.get());
}

}  // namespace credo
