#include "graphviz.hpp"

#include "exit_code.hpp"

#include <fmt/format.h>

#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <cstring>

namespace credo::cli {
namespace {

/// A file in memory, so that neither end of the conversation can block the other.
class MemoryFile {
 public:
  explicit MemoryFile(const char* name) : descriptor_(memfd_create(name, MFD_CLOEXEC)) {
    if (descriptor_ < 0) {
      throw Refusal(fmt::format("cannot draw: {}", std::strerror(errno)));
    }
  }
  ~MemoryFile() { close(descriptor_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  [[nodiscard]] int descriptor() const { return descriptor_; }

  void fill(std::string_view text) const {
    while (!text.empty()) {
      const ssize_t written = write(descriptor_, text.data(), text.size());
      if (written <= 0) {
        throw Refusal(fmt::format("cannot draw: {}", std::strerror(errno)));
      }
      text.remove_prefix(static_cast<std::size_t>(written));
    }
    lseek(descriptor_, 0, SEEK_SET);
  }

  [[nodiscard]] std::string contents() const {
    lseek(descriptor_, 0, SEEK_SET);
    std::string text;
    std::array<char, 65536> buffer;
    for (ssize_t got = 0; (got = read(descriptor_, buffer.data(), buffer.size())) > 0;) {
      text.append(buffer.data(), static_cast<std::size_t>(got));
    }
    return text;
  }

 private:
  int descriptor_;
};

/// The exit status of the child, or -1 when it could not start (errno says why).
int run_and_wait(char* const* values, const MemoryFile& in, const MemoryFile& out,
                 const MemoryFile& err) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in.descriptor(), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out.descriptor(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err.descriptor(), STDERR_FILENO);
  pid_t child = 0;
  const int failure = posix_spawnp(&child, values[0], &actions, nullptr, values, environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failure != 0) {
    errno = failure;
    return -1;
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

}  // namespace

std::string run_graphviz(const std::string& dot, const std::string& format) {
  const MemoryFile in("dot");
  const MemoryFile out("picture");
  const MemoryFile err("messages");
  in.fill(dot);
  std::string program = "dot";
  std::string option = "-T" + format;
  const std::array<char*, 3> values{program.data(), option.data(), nullptr};
  const int status = run_and_wait(values.data(), in, out, err);
  if (status == -1 || status == 127) {
    throw Refusal(
        fmt::format("cannot draw {0}: Graphviz's program `dot` is not installed; install it "
                    "(apt-get install graphviz), or ask for DOT: -o FILE.dot",
                    format));
  }
  std::string picture = out.contents();
  if (status != 0 || picture.empty()) {
    throw Refusal(fmt::format("cannot draw {}: dot failed: {}", format, err.contents()));
  }
  return picture;
}

}  // namespace credo::cli
