// A new file has no name while it is written (O_TMPFILE), so that no way of ending the process
// leaves a part of it. Then linkat() gives it a free name at once, or, since linkat() replaces
// nothing, a temporary name that rename() takes away again.

#include <credo/core/error.hpp>
#include <credo/core/formats/atomic_file.hpp>
#include <credo/core/formats/gzip.hpp>
#include <credo/core/formats/output_target.hpp>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace credo {

namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& path, std::string_view what, int error) {
  throw FileError(fmt::format("{}: cannot {}: {}", path.string(), what,
                              std::generic_category().message(error)));
}

/// A file descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const noexcept { return fd_; }
  [[nodiscard]] bool is_open() const noexcept { return fd_ >= 0; }
  /// Closing reports late write errors (quota, network file systems).
  [[nodiscard]] bool close() noexcept { return ::close(std::exchange(fd_, -1)) == 0; }

 private:
  int fd_;
};

/// Whether all of it was written; errno says why not.
bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(fd, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) {
      pollfd until_writable{fd, POLLOUT, 0};
      (void)::poll(&until_writable, 1, -1);
      continue;
    }
    if (count < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

/// Tells the program of a critical moment.
class CriticalMoment {
 public:
  explicit CriticalMoment(const CriticalMomentHook& hook) : hook_(hook) {
    if (hook_) hook_(true);
  }
  CriticalMoment(const CriticalMoment&) = delete;
  CriticalMoment& operator=(const CriticalMoment&) = delete;
  ~CriticalMoment() {
    if (hook_) hook_(false);
  }

 private:
  const CriticalMomentHook& hook_;
};

/// Extended attributes, access control lists among them, as far as this process may set them.
void copy_attributes(const fs::path& from, int to) {
  const ssize_t size = ::llistxattr(from.c_str(), nullptr, 0);
  if (size <= 0) return;
  std::string names(static_cast<std::size_t>(size), '\0');
  const ssize_t got = ::llistxattr(from.c_str(), names.data(), names.size());
  if (got <= 0) return;
  names.resize(static_cast<std::size_t>(got));
  for (std::size_t at = 0; at < names.size(); at = names.find('\0', at) + 1) {
    const char* const name = names.data() + at;
    // Capabilities belong to the old content.
    if (std::string_view(name) == "security.capability") continue;
    const ssize_t length = ::lgetxattr(from.c_str(), name, nullptr, 0);
    if (length < 0) continue;
    std::vector<char> value(static_cast<std::size_t>(length));
    if (::lgetxattr(from.c_str(), name, value.data(), value.size()) == length) {
      (void)::fsetxattr(to, name, value.data(), value.size(), 0);
    }
  }
}

/// Makes a new file stand for the earlier one. False when its owner may not be given.
bool take_over_identity(int fd, const OutputTarget& earlier) {
  struct stat own{};
  if (::fstat(fd, &own) != 0) return false;
  const struct stat& old = earlier.status;
  if ((own.st_uid != old.st_uid || own.st_gid != old.st_gid) &&
      ::fchown(fd, old.st_uid, old.st_gid) != 0) {
    return false;
  }
  copy_attributes(earlier.path(), fd);
  // After the owner: changing that one clears setuid and setgid bits.
  return ::fchmod(fd, old.st_mode & 07777) == 0;
}

/// Writes one file at its place in a folder that is held open.
class FolderWriter {
 public:
  FolderWriter(const fs::path& given, const OutputTarget& target, std::string_view bytes,
               const CriticalMomentHook& hook)
      : given_(given),
        target_(target),
        bytes_(bytes),
        hook_(hook),
        folder_(::open(target.folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)) {
    if (!folder_.is_open()) fail(given, "open the folder of", errno);
  }

  void write() {
    if (target_.status.st_nlink > 1) return write_in_place();
    Descriptor unnamed(
        ::openat(folder_.get(), ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, creation_mode()));
    if (unnamed.is_open() && has_names_for_descriptors(unnamed.get())) {
      return write_unnamed(std::move(unnamed));
    }
    write_named();
  }

 private:
  /// Nobody else reads a file that will get the permissions of an earlier one; open() itself takes
  /// the process's mask away from those of a new one.
  [[nodiscard]] mode_t creation_mode() const noexcept {
    return target_.kind == OutputKind::fresh ? 0666 : 0600;
  }

  /// Giving a name to a file without one goes through /proc, which may not be there.
  static bool has_names_for_descriptors(int fd) {
    return ::access(fmt::format("/proc/self/fd/{}", fd).c_str(), F_OK) == 0;
  }

  /// False when the file has to be written in place instead.
  bool fill(int fd) const {
    if (target_.kind == OutputKind::regular && !take_over_identity(fd, target_)) return false;
    if (!write_all(fd, bytes_)) fail(given_, "write", errno);
    if (::fsync(fd) != 0) fail(given_, "flush", errno);
    return true;
  }

  [[nodiscard]] bool link(int fd, const std::string& name) const {
    return ::linkat(AT_FDCWD, fmt::format("/proc/self/fd/{}", fd).c_str(), folder_.get(),
                    name.c_str(), AT_SYMLINK_FOLLOW) == 0;
  }

  void write_unnamed(Descriptor file) {
    if (!fill(file.get())) return write_in_place();
    if (target_.kind == OutputKind::fresh && link(file.get(), target_.name)) return;
    const CriticalMoment moment(hook_);
    const std::string temporary =
        free_name([&](const std::string& name) { return link(file.get(), name); });
    if (temporary.empty()) fail(given_, "create", errno);
    rename(temporary);
  }

  void write_named() {
    const CriticalMoment moment(hook_);
    int fd = -1;
    const std::string temporary = free_name([&](const std::string& name) {
      fd = ::openat(folder_.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                    creation_mode());
      return fd >= 0;
    });
    const int error = errno;
    if (temporary.empty() && target_.kind == OutputKind::regular) return write_in_place();
    if (temporary.empty()) fail(given_, "create", error);
    Descriptor file(fd);
    try {
      if (!fill(file.get())) {
        remove(temporary);
        return write_in_place();
      }
      if (!file.close()) fail(given_, "close", errno);
    } catch (...) {
      remove(temporary);
      throw;
    }
    rename(temporary);
  }

  /// The first name that `take` can have; empty, with errno, when it fails for another reason than
  /// names taken by others.
  template <typename Take>
  static std::string free_name(Take take) {
    constexpr int kMostTries = 10'000;
    for (int i = 0; i < kMostTries; ++i) {
      std::string name = fmt::format(".credo-{}-{}", ::getpid(), i);
      if (take(name)) return name;
      if (errno != EEXIST) break;
    }
    return "";
  }

  void remove(const std::string& name) const { ::unlinkat(folder_.get(), name.c_str(), 0); }

  void rename(const std::string& temporary) {
    if (::renameat(folder_.get(), temporary.c_str(), folder_.get(), target_.name.c_str()) == 0) {
      return;
    }
    const int error = errno;
    remove(temporary);
    // A mount point, or a file of someone else in a sticky folder.
    const bool stays = error == EBUSY || error == EPERM || error == EACCES;
    if (stays && target_.kind == OutputKind::regular) return write_in_place();
    fail(given_, "rename", error);
  }

  /// What writing in place would overwrite; empty where the file may not be read.
  [[nodiscard]] std::string beginning_of_earlier() const {
    const auto old_size = static_cast<std::size_t>(target_.status.st_size);
    std::string beginning(std::min(old_size, bytes_.size()), '\0');
    const Descriptor file(
        ::openat(folder_.get(), target_.name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    std::size_t filled = 0;
    while (file.is_open() && filled < beginning.size()) {
      const ssize_t got = ::read(file.get(), beginning.data() + filled, beginning.size() - filled);
      if (got <= 0) break;
      filled += static_cast<std::size_t>(got);
    }
    beginning.resize(filled);
    return beginning;
  }

  /// Keeps the file itself. A disk that is full is noticed before the first byte changes.
  void write_in_place() {
    Descriptor file(
        ::openat(folder_.get(), target_.name.c_str(), O_WRONLY | O_NOFOLLOW | O_CLOEXEC));
    if (!file.is_open()) fail(given_, "write", errno);
    const std::string earlier = beginning_of_earlier();
    const auto size = static_cast<off_t>(bytes_.size());
    const CriticalMoment moment(hook_);
    if (size > 0 && ::fallocate(file.get(), FALLOC_FL_KEEP_SIZE, 0, size) != 0 &&
        errno != EOPNOTSUPP && errno != ENOSYS) {
      fail(given_, "reserve room to write", errno);
    }
    if (!write_all(file.get(), bytes_)) {
      const int error = errno;
      if (::lseek(file.get(), 0, SEEK_SET) == 0 && write_all(file.get(), earlier)) {
        (void)!::ftruncate(file.get(), target_.status.st_size);
      }
      fail(given_, "write", error);
    }
    if (::ftruncate(file.get(), size) != 0) fail(given_, "cut", errno);
    if (::fsync(file.get()) != 0) fail(given_, "flush", errno);
    if (!file.close()) fail(given_, "close", errno);
  }

  const fs::path& given_;
  const OutputTarget& target_;
  std::string_view bytes_;
  const CriticalMomentHook& hook_;
  Descriptor folder_;
};

/// Devices and FIFOs. A regular file that only another process names is added to.
void write_through(const fs::path& path, const OutputTarget& target, std::string_view bytes) {
  int fd = -1;
  do {
    fd = ::open(target.path().c_str(), O_WRONLY | O_APPEND | O_NOCTTY | O_CLOEXEC);
  } while (fd < 0 && errno == EINTR);
  Descriptor direct(fd);
  if (!direct.is_open()) fail(path, "open", errno);
  if (!write_all(direct.get(), bytes)) fail(path, "write", errno);
  if (!direct.close()) fail(path, "close", errno);
}

}  // namespace

void write_bytes_atomically(const fs::path& path, std::string_view bytes,
                            const CriticalMomentHook& hook) {
  const OutputTarget target = resolve_output(path);
  switch (target.kind) {
    case OutputKind::descriptor:
      if (!write_all(target.descriptor, bytes) && errno != EPIPE) fail(path, "write", errno);
      return;
    case OutputKind::special:
      return write_through(path, target, bytes);
    default:
      FolderWriter(path, target, bytes, hook).write();
  }
}

void write_file_atomically(const fs::path& path, std::string_view text,
                           const CriticalMomentHook& hook) {
  if (path.extension() == ".gz") return write_bytes_atomically(path, gzip(text), hook);
  write_bytes_atomically(path, text, hook);
}

}  // namespace credo
