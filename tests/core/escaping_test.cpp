// Nothing that a name holds is obeyed by what shows it.

#include <credo/core/escaping.hpp>
#include <credo/core/formats/characters.hpp>
#include <credo/core/names.hpp>

#include <doctest/doctest.h>

#include <string>

namespace credo {
namespace {

/// ESC, a C1 control, a mark of direction, a line separator, and a byte that is no UTF-8.
const std::string kEvil = "a\x1b]0;x\x07\xc2\x9b\xe2\x80\xae\xe2\x80\xa8\xff";

TEST_CASE("escaping: what is not seen is spelled, everything else stays") {
  CHECK(visible(kEvil) == "a\\u001b]0;x\\u0007\\u009b\\u202e\\u2028\\xff");
  CHECK(visible("gr\xc3\xbcn \xe5\xa4\xa9 \xf0\x9f\x8c\xa7") ==
        "gr\xc3\xbcn \xe5\xa4\xa9 \xf0\x9f\x8c\xa7");
  CHECK(printable(kEvil) == "a?]0;x?????");
  CHECK(shown(kEvil) == "\"a\\x1b]0;x\\x07\\u009b\\u202e\\u2028\\xff\"");
}

TEST_CASE("escaping: fields, strings of Graphviz and JSON") {
  CHECK(csv_field("a,b") == "\"a,b\"");
  CHECK(csv_field("a\"b") == "\"a\"\"b\"");
  CHECK(csv_field("a\nb") == "a\\u000ab");
  CHECK(dot_string("&lt;\"\\N") == "\"&amp;lt;\\\"\\\\N\"");
  CHECK(dot_string("\x1b") == "\"\\\\u001b\"");
  CHECK(json_string("a\"\\\x1b\xc2\x9b\xf3\xa0\x80\x81\xff") ==
        "\"a\\\"\\\\\\u001b\\u009b\\udb40\\udc01\\ufffd\"");
}

TEST_CASE("escaping: only the shortest spelling of a character that there is is UTF-8") {
  for (const char* bad : {"\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\x80",
                          "\xc3", "\xf0\x80\x80\xaf"}) {
    CHECK_FALSE(is_utf8(bad));
    CHECK(visible(bad).front() == '\\');
  }
  CHECK(utf8_prefix("ab\xff") == 2);
}

}  // namespace
}  // namespace credo
