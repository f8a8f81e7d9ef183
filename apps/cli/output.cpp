#include "output.hpp"

#include <credo/core/error.hpp>
#include <credo/core/formats/atomic_file.hpp>
#include <credo/core/names.hpp>

#include <fmt/format.h>

#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <vector>

namespace credo::cli {

void write_output(const std::string& text, const std::string& path) {
  if (!path.empty() && path != "-") {
    write_file_atomically(path, text);
    return;
  }
  std::string_view rest = text;
  while (!rest.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) {
      continue;
    }
    if (written < 0 && errno == EPIPE) {
      return;  // the reader has seen enough
    }
    if (written < 0) {
      throw FileError(fmt::format("standard output: cannot write: {}", std::strerror(errno)));
    }
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
}

void complain(std::string_view message) {
  // Messages give names from files.
  std::string line = "credo: ";
  for (std::size_t at = 0; at <= message.size();) {
    const std::size_t end = std::min(message.find('\n', at), message.size());
    line += printable(message.substr(at, end - at)) + '\n';
    at = end + 1;
  }
  std::fwrite(line.data(), 1, line.size(), stderr);
}

std::string require_one_of(std::string_view option, const std::string& given,
                           std::initializer_list<const char*> allowed) {
  if (given.empty()) {
    return *allowed.begin();
  }
  const std::vector<std::string> names(allowed.begin(), allowed.end());
  if (std::find(names.begin(), names.end(), given) == names.end()) {
    throw OptionError(fmt::format("{} '{}' is unknown{}; expected one of {}", option, given,
                                  did_you_mean(given, names), fmt::join(names, ", ")));
  }
  return given;
}

}  // namespace credo::cli
