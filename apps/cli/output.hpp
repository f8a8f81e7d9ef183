#pragma once
// Writing results: complete or not at all.

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace credo::cli {

/// Writes a finished text to standard output (path empty) or, atomically, to a
/// file. A reader that closed its end of a pipe is no error. Throws FileError.
void write_output(const std::string& text, const std::string& path);

/// Gives a file the bytes it had before, uncompressed or not. Throws FileError.
void restore_output(const std::string& bytes, const std::string& path);

/// One line on standard error, after "credo: ".
void complain(std::string_view message);

/// given when it is allowed (the first of allowed when given is empty). Throws
/// OptionError with the nearest.
[[nodiscard]] std::string require_one_of(std::string_view option, const std::string& given,
                                         std::initializer_list<const char*> allowed);

}  // namespace credo::cli
