#include <credo/core/error.hpp>
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

// Powers of ten that a double holds exactly.
constexpr std::array<double, 23> kPowersOfTen{1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                              1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                              1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

Position advance(Position from, const char* begin, const char* end) {
  const auto lines = static_cast<std::size_t>(std::count(begin, end, '\n'));
  if (lines == 0) return {from.line, from.column + static_cast<std::size_t>(end - begin)};
  const char* last = end;
  while (last[-1] != '\n') --last;
  return {from.line + lines, static_cast<std::size_t>(end - last) + 1};
}

/// A decimal literal split into integers: value = mantissa * 10^exponent.
struct Decimal {
  std::uint64_t mantissa = 0;
  int exponent = 0;
  std::size_t digits = 0;
  bool negative = false;
  const char* end = nullptr;
};

/// Reads the longest prefix that is a decimal literal. The text ends in a byte that is no digit.
Decimal scan_decimal(const char* p) noexcept {
  Decimal d;
  if (*p == '-') {
    d.negative = true;
    ++p;
  }
  const char* const first = p;
  while (is_digit(*p)) d.mantissa = d.mantissa * 10 + static_cast<std::uint64_t>(*p++ - '0');
  d.digits = static_cast<std::size_t>(p - first);
  if (*p == '.') {
    const char* const point = ++p;
    while (is_digit(*p)) d.mantissa = d.mantissa * 10 + static_cast<std::uint64_t>(*p++ - '0');
    d.digits += static_cast<std::size_t>(p - point);
    d.exponent = static_cast<int>(point - p);
  }
  if (d.digits > 0 && (*p == 'e' || *p == 'E')) {
    ++p;
    const bool minus = *p == '-';
    if (*p == '-' || *p == '+') ++p;
    int e = 0;
    const char* const begin = p;
    while (is_digit(*p) && p - begin < 5) e = e * 10 + (*p++ - '0');
    if (p == begin) d.digits = 0;
    d.exponent += minus ? -e : e;
  }
  d.end = p;
  return d;
}

/// Clinger 1990: with a mantissa below 2^53 and |exponent| <= 22 both operands
/// are exact doubles, so one multiplication or division rounds correctly.
bool is_exact(const Decimal& d) noexcept {
  return d.digits > 0 && d.digits <= 19 && d.mantissa <= (std::uint64_t{1} << 53) &&
         d.exponent >= -22 && d.exponent <= 22;
}

double exact_value(const Decimal& d) noexcept {
  const auto m = static_cast<double>(d.mantissa);
  const double value = d.exponent < 0 ? m / kPowersOfTen[static_cast<std::size_t>(-d.exponent)]
                                      : m * kPowersOfTen[static_cast<std::size_t>(d.exponent)];
  return d.negative ? -value : value;
}

std::string utf8(std::uint32_t code) {
  const auto byte = [](std::uint32_t b) {
    return static_cast<char>(static_cast<unsigned char>(b));
  };
  const auto tail = [&](int shift) { return byte(0x80 | ((code >> shift) & 0x3f)); };
  if (code < 0x80) return {byte(code)};
  if (code < 0x800) return {byte(0xc0 | (code >> 6)), tail(0)};
  if (code < 0x10000) return {byte(0xe0 | (code >> 12)), tail(6), tail(0)};
  return {byte(0xf0 | (code >> 18)), tail(12), tail(6), tail(0)};
}

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
  if (counted_ < at_) counted_position_ = advance(counted_position_, counted_, at_);
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
  if (comments_ == Comments::percent) {
    if (*at_ != '%') return false;
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
    counted_position_ = advance(counted_position_, counted_, token_);
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

std::string read_all(ByteSource& source) {
  constexpr std::size_t kBlock = std::size_t{1} << 16;
  constexpr std::uint64_t kAlwaysFine = std::uint64_t{1} << 26;
  std::string text;
  for (;;) {
    const std::size_t size = text.size();
    text.resize(size + kBlock);
    const std::size_t got = source.read(text.data() + size, kBlock);
    text.resize(size + got);
    if (got == 0) return text;
    if (text.size() > kAlwaysFine && text.size() / 100 > source.raw_bytes()) {
      throw ParseError(source.name(), 1, 1,
                       "text that compresses to no less than a hundredth of its size",
                       fmt::format("{} bytes from {}", text.size(), source.raw_bytes()));
    }
  }
}

Position position_after(Position from, std::string_view text) {
  return advance(from, text.data(), text.data() + text.size());
}

namespace {

template <typename Number>
void append_chars(std::string& text, Number value) {
  std::array<char, 32> digits;
  const auto [stop, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  static_cast<void>(error);
  text.append(digits.data(), stop);
}

}  // namespace

void append_number(std::string& text, double value) { append_chars(text, value); }
void append_number(std::string& text, std::uint64_t value) { append_chars(text, value); }

bool is_utf8(std::string_view text) {
  std::size_t tail = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (tail > 0) {
      if ((byte & 0xc0) != 0x80) return false;
      --tail;
    } else if (byte >= 0x80) {
      if (byte < 0xc2 || byte > 0xf4) return false;
      tail = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    }
  }
  return tail == 0;
}

std::string shown(std::string_view text) {
  constexpr std::size_t kMost = 40;
  std::string out = "\"";
  for (const char c : text.substr(0, kMost)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out.push_back(c);
    }
  }
  return out + (text.size() > kMost ? "...\"" : "\"");
}

}  // namespace credo
