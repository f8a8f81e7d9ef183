#pragma once
// Files appear complete or not at all.

#include <filesystem>
#include <string_view>

namespace credo {

/// Writes the text to a temporary file in the same folder, flushes it to the
/// disk and renames it onto `path`: readers see the old content or the new,
/// never a part, and a failure leaves the old one. Compresses when the path
/// ends in ".gz". What is not a regular file (/dev/stdout, a pipe) is written directly.
/// Throws FileError.
void write_file_atomically(const std::filesystem::path& path, std::string_view text);

}  // namespace credo
