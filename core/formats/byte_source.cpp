#include <credo/core/error.hpp>
#include <credo/core/formats/byte_source.hpp>
#include <credo/core/formats/transcoder.hpp>

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <functional>
#include <istream>
#include <string_view>
#include <utility>

namespace credo {

namespace {

constexpr std::size_t kInputBytes = std::size_t{1} << 16;

enum class Packing : std::uint8_t { unknown, plain, gzip };

}  // namespace

struct ByteSource::State {
  std::string name;
  std::ifstream file;
  std::function<std::size_t(char*, std::size_t)> raw;
  std::uint64_t raw_bytes = 0;
  Packing packing = Packing::unknown;
  std::unique_ptr<Transcoder> transcoder;
  /// Of the unpacked bytes, those looked at for a byte order mark.
  std::string head;
  std::array<char, kInputBytes> input{};
  std::size_t begin = 0;
  std::size_t end = 0;
  z_stream inflater{};
  bool inflating = false;
  bool in_member = false;

  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    if (inflating) inflateEnd(&inflater);
  }

  /// Tops the input up; false when nothing more comes.
  bool fill() {
    if (begin == end) begin = end = 0;
    const std::size_t got = raw(input.data() + end, input.size() - end);
    raw_bytes += got;
    end += got;
    return got > 0;
  }

  /// Knows gzip by its magic, and what the text inside is by a byte order mark.
  void detect() {
    while (end < 2 && fill()) {
    }
    const bool magic = end >= 2 && input[0] == '\x1f' && input[1] == '\x8b';
    packing = magic ? Packing::gzip : Packing::plain;
    if (magic) start_inflating();
    constexpr std::string_view kUtf8Mark = "\xEF\xBB\xBF";
    for (bool more = true; more && head.size() < kUtf8Mark.size();) {
      std::array<char, kUtf8Mark.size()> bytes;
      const std::size_t got = unpack(bytes.data(), kUtf8Mark.size() - head.size());
      head.append(bytes.data(), got);
      more = got > 0;
    }
    if (head.starts_with(kUtf8Mark)) {
      head.clear();
      transcoder.reset();
    } else if (head.starts_with("\xFF\xFE") || head.starts_with("\xFE\xFF")) {
      transcode(head.front() == '\xFF' ? "UTF-16LE" : "UTF-16BE");
      head.erase(0, 2);
    }
  }

  void transcode(const std::string& encoding) {
    transcoder = std::make_unique<Transcoder>(
        name, encoding, [this](char* to, std::size_t most) { return read_bytes(to, most); });
  }

  /// The unpacked bytes, as they are encoded.
  std::size_t read_bytes(char* to, std::size_t most) {
    if (head.empty()) return unpack(to, most);
    const std::size_t count = std::min(most, head.size());
    std::memcpy(to, head.data(), count);
    head.erase(0, count);
    return count;
  }

  std::size_t unpack(char* to, std::size_t most) {
    return packing == Packing::gzip ? read_gzip(to, most) : read_plain(to, most);
  }

  void start_inflating() {
    constexpr int kGzipOnly = 16 + MAX_WBITS;
    if (inflateInit2(&inflater, kGzipOnly) != Z_OK) {
      throw FileError(fmt::format("{}: cannot start to decompress: out of memory", name));
    }
    inflating = true;
    in_member = true;
  }

  std::size_t read_plain(char* to, std::size_t most) {
    if (begin == end && !fill()) return 0;
    const std::size_t count = std::min(most, end - begin);
    std::memcpy(to, input.data() + begin, count);
    begin += count;
    return count;
  }

  /// A gzip file is a sequence of members; more input after one starts the next.
  std::size_t read_gzip(char* to, std::size_t most) {
    inflater.next_out = reinterpret_cast<Bytef*>(to);
    inflater.avail_out = static_cast<uInt>(most);
    while (inflater.avail_out == most) {
      if (begin == end && !fill()) {
        if (!in_member) return 0;
        throw FileError(fmt::format("{}: compressed data ends early: the file is cut short", name));
      }
      if (!in_member) {
        inflateReset(&inflater);
        in_member = true;
      }
      inflater.next_in = reinterpret_cast<Bytef*>(input.data() + begin);
      inflater.avail_in = static_cast<uInt>(end - begin);
      const int code = inflate(&inflater, Z_NO_FLUSH);
      begin = end - inflater.avail_in;
      if (code == Z_STREAM_END) {
        in_member = false;
      } else if (code != Z_OK && code != Z_BUF_ERROR) {
        throw FileError(fmt::format("{}: damaged compressed data: {}", name,
                                    inflater.msg != nullptr ? inflater.msg : "zlib refuses it"));
      }
    }
    return most - inflater.avail_out;
  }
};

ByteSource::ByteSource(std::unique_ptr<State> state) : state_(std::move(state)) {}
ByteSource::ByteSource(ByteSource&&) noexcept = default;
ByteSource& ByteSource::operator=(ByteSource&&) noexcept = default;
ByteSource::~ByteSource() = default;

ByteSource ByteSource::from_file(const std::filesystem::path& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    throw FileError(fmt::format("{}: cannot read: it is a folder, expected a file", path.string()));
  }
  auto state = std::make_unique<State>();
  state->name = path.string();
  if (path.string().find('\n') != std::string::npos) {
    throw FileError(fmt::format(
        "{}: expected the name of a file, got a text of several lines; texts are read by "
        "read_model(text, format, source_name)",
        shown(path.string())));
  }
  errno = 0;
  state->file.open(path, std::ios::binary);
  if (!state->file) {
    throw FileError(fmt::format("{}: cannot open: {}", path.string(), std::strerror(errno)));
  }
  state->raw = [s = state.get()](char* to, std::size_t most) {
    s->file.read(to, static_cast<std::streamsize>(most));
    if (s->file.bad()) throw FileError(fmt::format("{}: reading failed", s->name));
    return static_cast<std::size_t>(s->file.gcount());
  };
  return ByteSource(std::move(state));
}

ByteSource ByteSource::from_memory(std::string_view text, std::string name) {
  auto state = std::make_unique<State>();
  state->name = std::move(name);
  state->raw = [text](char* to, std::size_t most) mutable {
    const std::size_t count = std::min(most, text.size());
    if (count > 0) std::memcpy(to, text.data(), count);
    text.remove_prefix(count);
    return count;
  };
  return ByteSource(std::move(state));
}

ByteSource ByteSource::from_stream(std::istream& stream, std::string name) {
  auto state = std::make_unique<State>();
  state->name = std::move(name);
  state->raw = [s = state.get(), &stream](char* to, std::size_t most) {
    stream.read(to, static_cast<std::streamsize>(most));
    if (stream.bad()) throw FileError(fmt::format("{}: reading failed", s->name));
    return static_cast<std::size_t>(stream.gcount());
  };
  return ByteSource(std::move(state));
}

std::size_t ByteSource::read(char* to, std::size_t most) {
  if (most == 0) return 0;
  if (state_->packing == Packing::unknown) state_->detect();
  return state_->transcoder ? state_->transcoder->read(to, most) : state_->read_bytes(to, most);
}

void ByteSource::set_encoding(const std::string& encoding) { state_->transcode(encoding); }
bool ByteSource::is_transcoded() const noexcept { return state_->transcoder != nullptr; }

const std::string& ByteSource::name() const noexcept { return state_->name; }
std::uint64_t ByteSource::raw_bytes() const noexcept { return state_->raw_bytes; }

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

}  // namespace credo
