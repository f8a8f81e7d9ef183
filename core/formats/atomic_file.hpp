#pragma once
// Files appear complete or not at all, and nothing that a user names is destroyed on the way.

#include <filesystem>
#include <functional>
#include <string_view>

namespace credo {

/// Called with true before the moments at which the end of the process would leave a temporary file
/// in the folder or a part of a file written in place, with false after them. A program holds
/// back, between the two, the signals that would end it.
using CriticalMomentHook = std::function<void(bool begins)>;

/// Writes the text to a new file without a name, flushes it to the disk, and gives it the name
/// `path` in one step: readers see the old content or the new, never a part, and a failure
/// leaves the old one. Compresses when the path ends in ".gz".
///
/// - Owner, group, permissions and extended attributes of an earlier file stay; setuid and setgid
///   bits only where owner and group are the same.
/// - A symbolic link stays a link: what it leads to is replaced, or created.
/// - A file with several hard links, one whose owner this process may not give, and one in a folder
///   where no new file can be made are written in place: the room is reserved first, and a failure
///   brings the old content back, but a reader at that very moment may see a part.
/// - Devices, FIFOs and open descriptors (/dev/stdout, /dev/fd/3) are written through, from where a
///   descriptor stands; they are never replaced. A reader that closed its end of a pipe, which is
///   an open descriptor here, has seen enough: no error.
///
/// Where the file system knows no files without a name (O_TMPFILE), the new file is called
/// ".credo-<process>-<number>" until it is complete.
/// Throws FileError.
void write_file_atomically(const std::filesystem::path& path, std::string_view text,
                           const CriticalMomentHook& hook = {});

/// The same for bytes that stay as they are, whatever the name ends in.
void write_bytes_atomically(const std::filesystem::path& path, std::string_view bytes,
                            const CriticalMomentHook& hook = {});

}  // namespace credo
