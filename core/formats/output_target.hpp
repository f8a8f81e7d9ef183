#pragma once
// Where a name that a user gave for an output leads, before anything is written there.

#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace credo {

enum class OutputKind : std::uint8_t {
  fresh,       ///< nothing has this name yet
  regular,     ///< a regular file
  special,     ///< a device, a FIFO, or a file in /proc: opened and written through
  descriptor,  ///< an open descriptor of this process: /dev/stdout, /dev/fd/3, /proc/self/fd/3
};

/// The place behind a name, with every symbolic link followed.
struct OutputTarget {
  OutputKind kind = OutputKind::fresh;
  /// Without "..", and without links.
  std::filesystem::path folder;
  /// The last component: at most 255 bytes.
  std::string name;
  /// Of kind descriptor.
  int descriptor = -1;
  /// Of what is there; all zeros for fresh names.
  struct stat status{};

  [[nodiscard]] std::filesystem::path path() const { return folder / name; }
  /// True for both when writing to one of them writes to the other: one descriptor, one name, or
  /// two links to one file.
  [[nodiscard]] bool is_same_place(const OutputTarget& other) const;
  /// A terminal or /dev/null takes several outputs one after the other.
  [[nodiscard]] bool is_character_device() const noexcept { return S_ISCHR(status.st_mode); }
  /// Whether a later text replaces an earlier one. What is written to a stream stays there.
  [[nodiscard]] bool is_replaceable() const noexcept {
    return kind == OutputKind::fresh || kind == OutputKind::regular;
  }
};

/// Follows the links of `path`; a link to a name that does not exist yet leads to that name. Throws
/// FileError for loops of links, missing folders, folders in place of a file, sockets, descriptors
/// that are not open.
[[nodiscard]] OutputTarget resolve_output(const std::filesystem::path& path);

/// Throws FileError, with what to do, unless this process may write to `path` as things stand.
/// Neither creates nor changes anything.
void require_writable(const std::filesystem::path& path);

}  // namespace credo
