#include <credo/core/error.hpp>
#include <credo/core/formats/transcoder.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace credo {

namespace {

constexpr std::size_t kBlockBytes = std::size_t{1} << 16;

}  // namespace

Transcoder::Transcoder(std::string source_name, std::string encoding, Read raw)
    : name_(std::move(source_name)),
      encoding_(std::move(encoding)),
      raw_(std::move(raw)),
      converter_(reinterpret_cast<iconv_t>(-1)) {
  // A slash would ask iconv for approximations.
  if (!encoding_.empty() && encoding_.find('/') == std::string::npos) {
    converter_ = ::iconv_open("UTF-8", encoding_.c_str());
  }
  if (converter_ == reinterpret_cast<iconv_t>(-1)) {
    throw OptionError(fmt::format(
        "encoding '{}' is unknown; expected one that `iconv --list` names, as in latin1, "
        "windows-1252, gbk, shift_jis, utf-16",
        encoding_));
  }
}

Transcoder::~Transcoder() { ::iconv_close(converter_); }

/// Makes some output unless the input is at its end.
void Transcoder::decode() {
  output_.clear();
  taken_ = 0;
  while (output_.empty() && !(at_end_ && input_.empty())) {
    if (!at_end_ && input_.size() < kBlockBytes) {
      const std::size_t kept = input_.size();
      input_.resize(kept + kBlockBytes);
      const std::size_t got = raw_(input_.data() + kept, kBlockBytes);
      input_.resize(kept + got);
      at_end_ = got == 0;
    }
    output_.resize(4 * kBlockBytes);
    char* from = input_.data();
    std::size_t from_left = input_.size();
    char* to = output_.data();
    std::size_t to_left = output_.size();
    const bool failed =
        ::iconv(converter_, &from, &from_left, &to, &to_left) == static_cast<std::size_t>(-1);
    const int error = failed ? errno : 0;
    output_.resize(output_.size() - to_left);
    const Position after = position_after(where_, output_);
    const bool cut_short = error == EINVAL && at_end_;
    if (error == EILSEQ || cut_short) {
      throw ParseError(name_, after.line, after.column, fmt::format("text in {}", encoding_),
                       fmt::format("the byte 0x{:02x}", static_cast<unsigned char>(*from)));
    }
    where_ = after;
    input_.erase(0, input_.size() - from_left);
  }
}

std::size_t Transcoder::read(char* to, std::size_t most) {
  if (taken_ == output_.size()) decode();
  const std::size_t count = std::min(most, output_.size() - taken_);
  std::memcpy(to, output_.data() + taken_, count);
  taken_ += count;
  return count;
}

}  // namespace credo
