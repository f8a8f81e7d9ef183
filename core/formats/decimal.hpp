#pragma once
// Decimal literals at memory speed: value = mantissa * 10^exponent, correctly
// rounded where both are small (Clinger 1990, section 4: the fast path), which
// covers nearly every number of a model file. Who calls reads the others slowly.
// Inline, because a lexer reads millions of them.

#include <array>
#include <cstddef>
#include <cstdint>

namespace credo {

// Powers of ten that a double holds exactly.
inline constexpr std::array<double, 23> kPowersOfTen{1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                     1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                                     1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

inline bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

/// A decimal literal split into integers: value = mantissa * 10^exponent.
struct Decimal {
  std::uint64_t mantissa = 0;
  int exponent = 0;
  std::size_t digits = 0;
  bool negative = false;
  const char* end = nullptr;
};

/// Reads the longest prefix that is a decimal literal. The text ends in a byte that is no digit.
inline Decimal scan_decimal(const char* p) noexcept {
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

/// With a mantissa below 2^53 and |exponent| <= 22 both operands
/// are exact doubles, so one multiplication or division rounds correctly.
[[nodiscard]] inline bool is_exact(const Decimal& d) noexcept {
  return d.digits > 0 && d.digits <= 19 && d.mantissa <= (std::uint64_t{1} << 53) &&
         d.exponent >= -22 && d.exponent <= 22;
}

/// The double nearest to the literal; needs is_exact().
[[nodiscard]] inline double exact_value(const Decimal& d) noexcept {
  const auto m = static_cast<double>(d.mantissa);
  const double value = d.exponent < 0 ? m / kPowersOfTen[static_cast<std::size_t>(-d.exponent)]
                                      : m * kPowersOfTen[static_cast<std::size_t>(d.exponent)];
  return d.negative ? -value : value;
}

}  // namespace credo
