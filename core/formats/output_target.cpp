#include <credo/core/error.hpp>
#include <credo/core/formats/output_target.hpp>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <string_view>
#include <system_error>

namespace credo {

namespace {

namespace fs = std::filesystem;

/// As many links in a row as the kernel follows.
constexpr int kMostLinks = 40;

[[noreturn]] void fail(const fs::path& path, std::string_view what, int error,
                       std::string_view advice = "") {
  throw FileError(fmt::format("{}: cannot {}: {}{}", path.string(), what,
                              std::generic_category().message(error), advice));
}

/// A whole number without sign, or -1.
int parse_descriptor(std::string_view text) {
  int number = -1;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  return failure == std::errc{} && end == text.data() + text.size() && number >= 0 ? number : -1;
}

/// The names that stand for the streams of a process, whatever the machine has under them.
int well_known_descriptor(const fs::path& path) {
  const std::string name = path.lexically_normal().string();
  if (name == "/dev/stdout") return STDOUT_FILENO;
  if (name == "/dev/stderr") return STDERR_FILENO;
  for (const std::string_view folder : {"/dev/fd/", "/proc/self/fd/", "/proc/thread-self/fd/"}) {
    if (name.starts_with(folder)) {
      return parse_descriptor(std::string_view(name).substr(folder.size()));
    }
  }
  return -1;
}

/// Whether the folder, without links, lists open descriptors: /proc/<process>/fd and
/// /proc/<process>/task/<thread>/fd.
bool lists_descriptors(const fs::path& folder) {
  const std::string name = folder.string();
  return name.starts_with("/proc/") && folder.filename() == "fd";
}

bool is_own(const fs::path& folder) {
  return folder.string().starts_with(fmt::format("/proc/{}/", ::getpid()));
}

OutputTarget descriptor_target(const fs::path& path, int descriptor) {
  OutputTarget target;
  target.kind = OutputKind::descriptor;
  target.descriptor = descriptor;
  target.folder = path.parent_path();
  target.name = path.filename().string();
  if (::fstat(descriptor, &target.status) != 0) {
    fail(path, "write", errno, fmt::format(" (descriptor {} is not open)", descriptor));
  }
  return target;
}

/// The folder that `path` lies in, without links.
fs::path folder_of(const fs::path& path, const fs::path& given) {
  const fs::path parent = path.parent_path().empty() ? fs::path(".") : path.parent_path();
  std::error_code failure;
  fs::path folder = fs::canonical(parent, failure);
  if (failure) {
    fail(given, "create", failure.value(),
         fmt::format(" (the folder {}); create it, or give another name", parent.string()));
  }
  return folder;
}

/// The name that the link stands for.
fs::path read_link(const OutputTarget& link, const fs::path& given) {
  std::error_code failure;
  const fs::path to = fs::read_symlink(link.path(), failure);
  if (failure) fail(given, "follow the link", failure.value());
  return to.is_absolute() ? to : link.folder / to;
}

OutputKind kind_of(const fs::path& given, const struct stat& status) {
  if (S_ISDIR(status.st_mode)) fail(given, "write", EISDIR, ", expected the name of a file");
  if (S_ISSOCK(status.st_mode)) fail(given, "write", ENXIO, ": it is a socket");
  return S_ISREG(status.st_mode) ? OutputKind::regular : OutputKind::special;
}

}  // namespace

bool OutputTarget::is_same_place(const OutputTarget& other) const {
  const bool fresh_one = kind == OutputKind::fresh;
  if (fresh_one != (other.kind == OutputKind::fresh)) return false;
  if (fresh_one) return folder == other.folder && name == other.name;
  return status.st_dev == other.status.st_dev && status.st_ino == other.status.st_ino;
}

OutputTarget resolve_output(const fs::path& path) {
  if (path.empty()) throw FileError("output: expected the name of a file, got an empty one");
  fs::path at = path;
  for (int links = 0; links <= kMostLinks; ++links) {
    if (const int known = well_known_descriptor(at); known >= 0) {
      return descriptor_target(at, known);
    }
    OutputTarget target;
    target.folder = folder_of(at, path);
    target.name = at.filename().string();
    if (target.name.empty() || target.name == "." || target.name == "..") {
      fail(path, "write", EISDIR, ", expected the name of a file");
    }
    if (lists_descriptors(target.folder)) {
      if (is_own(target.folder)) return descriptor_target(at, parse_descriptor(target.name));
      // Another process has it open: nothing there may be replaced, only written through.
      if (::stat(target.path().c_str(), &target.status) != 0) fail(path, "write", errno);
      (void)kind_of(path, target.status);
      target.kind = OutputKind::special;
      return target;
    }
    if (::lstat(target.path().c_str(), &target.status) != 0) {
      if (errno != ENOENT) fail(path, "create", errno);
      target.status = {};
      return target;
    }
    if (!S_ISLNK(target.status.st_mode)) {
      target.kind = kind_of(path, target.status);
      return target;
    }
    at = read_link(target, path);
  }
  fail(path, "write", ELOOP, " (the link leads back to itself)");
}

void require_writable(const fs::path& path) {
  const OutputTarget target = resolve_output(path);
  if (target.kind == OutputKind::descriptor) {
    const int flags = ::fcntl(target.descriptor, F_GETFL);
    if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY) {
      fail(path, "write", EBADF, " (it is open for reading only)");
    }
    return;
  }
  const bool fresh = target.kind == OutputKind::fresh;
  const fs::path asked = fresh ? target.folder : target.path();
  if (::faccessat(AT_FDCWD, asked.c_str(), fresh ? W_OK | X_OK : W_OK, AT_EACCESS) == 0) return;
  fail(path, fresh ? "create" : "write", errno,
       fresh ? fmt::format(" (the folder {}); give a name in a folder you may write to",
                           target.folder.string())
             : "; change its permissions, or give another name");
}

}  // namespace credo
