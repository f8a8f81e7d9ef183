#include <credo/core/formats/gzip.hpp>

#include <zlib.h>

#include <algorithm>
#include <array>
#include <new>

namespace credo {

std::string gzip(std::string_view text) {
  constexpr int kGzip = 16 + MAX_WBITS;
  z_stream deflater{};
  if (deflateInit2(&deflater, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzip, 9, Z_DEFAULT_STRATEGY) !=
      Z_OK) {
    throw std::bad_alloc();
  }
  const struct End {
    z_stream* stream;
    ~End() { deflateEnd(stream); }
  } end{&deflater};
  std::string packed;
  std::array<char, std::size_t{1} << 16> block;
  for (int code = Z_OK; code != Z_STREAM_END;) {
    if (deflater.avail_in == 0 && !text.empty()) {
      const std::size_t taken = std::min<std::size_t>(text.size(), std::size_t{1} << 30);
      // zlib's interface is older than const; it does not write here.
      deflater.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
      deflater.avail_in = static_cast<uInt>(taken);
      text.remove_prefix(taken);
    }
    deflater.next_out = reinterpret_cast<Bytef*>(block.data());
    deflater.avail_out = static_cast<uInt>(block.size());
    code = deflate(&deflater, text.empty() ? Z_FINISH : Z_NO_FLUSH);
    packed.append(block.data(), block.size() - deflater.avail_out);
  }
  return packed;
}

}  // namespace credo
