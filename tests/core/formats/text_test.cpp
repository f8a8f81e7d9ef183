#include <credo/core/error.hpp>
#include <credo/core/formats/atomic_file.hpp>
#include <credo/core/formats/byte_source.hpp>
#include <credo/core/formats/characters.hpp>
#include <credo/core/formats/text.hpp>

#include <doctest/doctest.h>

#include <bit>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <random>
#include <sstream>
#include <string>

#include <sys/stat.h>

using namespace credo;

namespace {

double number_of(const std::string& text) {
  ByteSource source = ByteSource::from_memory(text, "t");
  Cursor cursor(source, {});
  const double value = cursor.number("a number");
  cursor.expect_end();
  return value;
}

std::string content(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string unpacked(const std::filesystem::path& path) {
  ByteSource source = ByteSource::from_file(path);
  return read_all(source);
}

/// A stream that hands out one byte at a time.
class Drip : public std::streambuf {
 public:
  explicit Drip(std::string text) : text_(std::move(text)) {}

 protected:
  int underflow() override {
    if (at_ == text_.size()) return traits_type::eof();
    setg(&text_[at_], &text_[at_], &text_[at_] + 1);
    return traits_type::to_int_type(text_[at_++]);
  }

 private:
  std::string text_;
  std::size_t at_ = 0;
};

}  // namespace

TEST_CASE("numbers: the same bits as strtod, in every notation") {
  std::mt19937_64 random(7);
  for (int i = 0; i < 20000; ++i) {
    const double value = std::fabs(std::bit_cast<double>(random()));
    if (!std::isfinite(value)) continue;
    for (const char* style : {"%.17g", "%.6g", "%.3f", "%.15e", "%.1f", "%.20g"}) {
      char text[512];
      const double scaled = style[2] == '3' || style[2] == '1' ? std::fmod(value, 1e6) : value;
      std::snprintf(text, sizeof text, style, scaled);
      const double expected = std::strtod(text, nullptr);
      if (expected == 0.0 && scaled != 0.0 &&
          std::string(text).find_first_of("123456789") != std::string::npos)
        continue;
      CAPTURE(text);
      CHECK(std::bit_cast<std::uint64_t>(number_of(text)) ==
            std::bit_cast<std::uint64_t>(expected));
    }
  }
}

TEST_CASE("numbers: limits of the exact path") {
  for (const char* text :
       {"9007199254740992", "9007199254740993", "9007199254740993e22", "1e22", "1e23", "1e-22",
        "1e-23", "0.1", ".5", "5.", "00012.500", "4.9406564584124654e-324",
        "1.7976931348623157e308", "123456789012345678901234567890", "0.30000000000000004",
        "2.2250738585072011e-308", "0e999999"}) {
    CAPTURE(text);
    CHECK(number_of(text) == std::strtod(text, nullptr));
  }
  for (const char* text : {"", ".", "-", "e5", "1e", "1e+", "+1", "1.2.3", "1,5", "0x10", "nan",
                           "inf", "-inf", "infinity", "1e999", "--1"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(number_of(text), ParseError);
  }
}

TEST_CASE("numbers: written shortest, read back to the same bits") {
  std::mt19937_64 random(8);
  for (int i = 0; i < 20000; ++i) {
    const double value = std::bit_cast<double>(random());
    if (!std::isfinite(value)) continue;
    std::string text;
    append_number(text, value);
    CHECK(std::bit_cast<std::uint64_t>(number_of(text)) == std::bit_cast<std::uint64_t>(value));
  }
  std::string text;
  append_number(text, 0.1);
  CHECK(text == "0.1");
}

TEST_CASE("cursor: tokens and positions across windows, however the bytes arrive") {
  std::string text;
  for (int i = 0; i < 60000; ++i)
    text += "word" + std::to_string(i) + (i % 7 == 0 ? "\n" : " // note\n  ");
  Drip drip(text);
  std::istream slow(&drip);
  std::istringstream fast(text);
  for (std::istream* stream : {&slow, static_cast<std::istream*>(&fast)}) {
    ByteSource source = ByteSource::from_stream(*stream, "s");
    Cursor cursor(source, {"()", Comments::slashes});
    for (int i = 0; i < 60000; ++i) {
      REQUIRE(cursor.word("a word") == "word" + std::to_string(i));
      if (i % 1000 == 0) {
        CHECK(cursor.position().line == static_cast<std::size_t>(i) + 1);
        CHECK(cursor.position().column == (i == 0 || (i - 1) % 7 == 0 ? 1U : 3U));
      }
    }
    CHECK(cursor.at_end());
    CHECK_THROWS_WITH_AS(cursor.word("more"), doctest::Contains("expected more, got end of file"),
                         ParseError);
  }
}

TEST_CASE("a byte order mark is no part of the text, however the bytes arrive") {
  const std::string text = "\xEF\xBB\xBFMARKOV";
  for (const std::size_t piece : {std::size_t{1}, std::size_t{2}, std::size_t{64}}) {
    CAPTURE(piece);
    std::istringstream stream(text);
    ByteSource source = ByteSource::from_stream(stream, "text");
    std::string got;
    std::string buffer(piece, '?');
    while (const std::size_t count = source.read(buffer.data(), piece)) {
      got.append(buffer, 0, count);
    }
    CHECK(got == "MARKOV");
  }
  ByteSource half = ByteSource::from_memory("\xEF\xBB", "half");
  Cursor cursor(half, {});
  CHECK(cursor.word("a word") == "\xEF\xBB");
}

TEST_CASE("gzip: members in a row, damage and truncation") {
  const auto path = std::filesystem::temp_directory_path() / "credo_text_test.gz";
  write_file_atomically(path, std::string(300000, 'x') + "end");
  const std::string packed = content(path);
  CHECK(packed.size() < 1000);
  CHECK(unpacked(path) == std::string(300000, 'x') + "end");
  const auto read = [](std::string_view bytes) {
    ByteSource source = ByteSource::from_memory(bytes, "m.gz");
    return read_all(source);
  };
  CHECK(read(packed + packed).size() == 2 * 300003);
  CHECK_THROWS_WITH_AS(read(packed.substr(0, packed.size() / 2)),
                       "m.gz: compressed data ends early: the file is cut short", FileError);
  CHECK_THROWS_WITH_AS(read(packed.substr(0, packed.size() - 3)), doctest::Contains("ends early"),
                       FileError);
  std::string damaged = packed;
  damaged[damaged.size() - 6] ^= 0x55;
  CHECK_THROWS_WITH_AS(read(damaged), doctest::Contains("damaged compressed data"), FileError);
  CHECK_THROWS_WITH_AS(read(packed + "garbage"), doctest::Contains("damaged compressed data"),
                       FileError);
  CHECK(read("\x1f") == "\x1f");
  std::filesystem::remove(path);
}

TEST_CASE("gzip: a decompression bomb is refused where the whole text is needed") {
  const auto path = std::filesystem::temp_directory_path() / "credo_bomb_test.gz";
  write_file_atomically(path, std::string(std::size_t{80} << 20, ' '));
  ByteSource source = ByteSource::from_file(path);
  CHECK_THROWS_WITH_AS(
      (void)read_all(source),
      doctest::Contains("expected text that compresses to no less than a hundredth"), ParseError);
  std::filesystem::remove(path);
}

TEST_CASE("atomic files: replaced whole, permissions kept, nothing left behind") {
  const auto folder = std::filesystem::temp_directory_path() / "credo_atomic_test";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  const auto path = folder / "a.txt";
  write_file_atomically(path, "one");
  CHECK(content(path) == "one");
  std::filesystem::permissions(
      path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  write_file_atomically(path, "two");
  CHECK(content(path) == "two");
  CHECK(std::filesystem::status(path).permissions() ==
        (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
  const auto link = folder / "link.txt";
  std::filesystem::create_symlink(path, link);
  write_file_atomically(link, "three");
  CHECK(std::filesystem::is_symlink(link));
  CHECK(content(path) == "three");
  CHECK_THROWS_WITH_AS(write_file_atomically(folder, "x"),
                       doctest::Contains("cannot write: Is a directory"), FileError);
  CHECK_THROWS_WITH_AS(write_file_atomically(folder / "no" / "a.txt", "x"),
                       doctest::Contains("cannot create: No such file or directory"), FileError);
  CHECK(std::distance(std::filesystem::directory_iterator(folder), {}) == 2);
  CHECK_NOTHROW(write_file_atomically("/dev/null", "x"));
  CHECK(std::filesystem::is_character_file("/dev/null"));
  std::filesystem::remove_all(folder);
}

TEST_CASE("text: what messages show is UTF-8, whatever the bytes were") {
  CHECK(shown("x\n") == "\"x\\x0a\"");
  CHECK(shown("gr\xc3\xbcn") == "\"gr\xc3\xbcn\"");
  CHECK(shown("\xff\xc3") == "\"\\xff\\xc3\"");
  // A cut never goes through a character.
  const std::string cut = shown(std::string(39, 'a') + "\xc3\xbc" + "b");
  CHECK(cut == "\"" + std::string(39, 'a') + "...\"");
}
