#include <credo/core/error.hpp>
#include <credo/core/formats/atomic_file.hpp>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>
#include <vector>

namespace credo {

namespace {

[[noreturn]] void fail(const std::filesystem::path& path, std::string_view what, int error) {
  throw FileError(fmt::format("{}: cannot {}: {}", path.string(), what,
                              std::generic_category().message(error)));
}

/// A file descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const noexcept { return fd_; }
  /// Closing reports late write errors (quota, network file systems).
  [[nodiscard]] bool close() noexcept {
    const int fd = fd_;
    fd_ = -1;
    return ::close(fd) == 0;
  }

 private:
  int fd_;
};

/// Removes the temporary file unless it was renamed.
class TemporaryFile {
 public:
  explicit TemporaryFile(std::string path) : path_(std::move(path)) {}
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() {
    if (!renamed_) ::unlink(path_.c_str());
  }
  [[nodiscard]] bool rename_to(const std::filesystem::path& path) {
    renamed_ = ::rename(path_.c_str(), path.c_str()) == 0;
    return renamed_;
  }

 private:
  std::string path_;
  bool renamed_ = false;
};

void write_all(int fd, std::string_view text, const std::filesystem::path& path) {
  while (!text.empty()) {
    const ssize_t count = ::write(fd, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail(path, "write", errno);
    text.remove_prefix(static_cast<std::size_t>(count));
  }
}

void write_gzip(int fd, std::string_view text, const std::filesystem::path& path) {
  constexpr int kGzip = 16 + MAX_WBITS;
  z_stream deflater{};
  if (deflateInit2(&deflater, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzip, 9, Z_DEFAULT_STRATEGY) !=
      Z_OK) {
    fail(path, "compress", ENOMEM);
  }
  const struct End {
    z_stream* stream;
    ~End() { deflateEnd(stream); }
  } end{&deflater};
  std::vector<char> block(std::size_t{1} << 16);
  int code = Z_OK;
  while (code != Z_STREAM_END) {
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
    write_all(fd, {block.data(), block.size() - deflater.avail_out}, path);
  }
}

void write_text(int fd, std::string_view text, const std::filesystem::path& path) {
  if (path.extension() == ".gz") {
    write_gzip(fd, text, path);
  } else {
    write_all(fd, text, path);
  }
}

bool is_special(const std::filesystem::path& path) {
  std::error_code ignored;
  const auto status = std::filesystem::status(path, ignored);
  return std::filesystem::exists(status) && !std::filesystem::is_regular_file(status) &&
         !std::filesystem::is_directory(status);
}

/// The permissions a plain open() would have given, or those the file already has.
mode_t mode_for(const std::filesystem::path& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) == 0) return status.st_mode & 07777;
  const mode_t mask = ::umask(0);
  ::umask(mask);
  return 0666 & ~mask;
}

}  // namespace

void write_file_atomically(const std::filesystem::path& path, std::string_view text) {
  if (is_special(path)) {
    Descriptor direct(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (direct.get() < 0) fail(path, "open", errno);
    write_text(direct.get(), text, path);
    return;
  }
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) fail(path, "write", EISDIR);
  // A link stays a link: its target is replaced.
  std::filesystem::path target = path;
  if (std::filesystem::is_symlink(path, ignored)) {
    const auto resolved = std::filesystem::weakly_canonical(path, ignored);
    if (!ignored) target = resolved;
  }
  std::string name = target.string() + ".XXXXXX";
  Descriptor descriptor(::mkostemp(name.data(), O_CLOEXEC));
  if (descriptor.get() < 0) fail(path, "create", errno);
  TemporaryFile temporary(name);
  if (::fchmod(descriptor.get(), mode_for(target)) != 0) fail(path, "set permissions", errno);
  write_text(descriptor.get(), text, target);
  if (::fsync(descriptor.get()) != 0) fail(path, "flush", errno);
  if (!descriptor.close()) fail(path, "close", errno);
  if (!temporary.rename_to(target)) fail(path, "rename", errno);
}

}  // namespace credo
