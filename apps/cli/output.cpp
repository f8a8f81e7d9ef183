#include "output.hpp"

#include <credo/core/error.hpp>
#include <credo/core/formats/atomic_file.hpp>
#include <credo/core/names.hpp>

#include <fmt/format.h>

#include <unistd.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <optional>
#include <vector>

namespace credo::cli {
namespace {

constexpr std::array<int, 4> kEndingSignals{SIGINT, SIGTERM, SIGHUP, SIGQUIT};

volatile std::sig_atomic_t held_back = 0;

void hold_back(int signal) { held_back = signal; }

/// While it lives, signals that would end the program wait, so that nothing half done stays behind;
/// afterwards the last of them does what it would have done.
class SignalHold {
 public:
  SignalHold() {
    struct sigaction action = {};
    action.sa_handler = hold_back;
    action.sa_flags = SA_RESTART;
    for (std::size_t i = 0; i < kEndingSignals.size(); ++i) {
      sigaction(kEndingSignals[i], nullptr, &former_[i]);
      if (former_[i].sa_handler != SIG_IGN) sigaction(kEndingSignals[i], &action, nullptr);
    }
  }
  SignalHold(const SignalHold&) = delete;
  SignalHold& operator=(const SignalHold&) = delete;
  ~SignalHold() {
    for (std::size_t i = 0; i < kEndingSignals.size(); ++i) {
      sigaction(kEndingSignals[i], &former_[i], nullptr);
    }
    const int signal = held_back;
    held_back = 0;
    if (signal != 0) ::kill(::getpid(), signal);
  }

 private:
  std::array<struct sigaction, kEndingSignals.size()> former_{};
};

/// Holds signals back while a file is in the making.
CriticalMomentHook hold_signals(std::optional<SignalHold>& hold) {
  return [&hold](bool begins) {
    if (begins) {
      hold.emplace();
    } else {
      hold.reset();
    }
  };
}

}  // namespace

void restore_output(const std::string& bytes, const std::string& path) {
  std::optional<SignalHold> hold;
  write_bytes_atomically(path, bytes, hold_signals(hold));
}

void write_output(const std::string& text, const std::string& path) {
  if (!path.empty() && path != "-") {
    std::optional<SignalHold> hold;
    write_file_atomically(path, text, hold_signals(hold));
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
