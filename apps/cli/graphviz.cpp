#include "graphviz.hpp"

#include "exit_code.hpp"

#include <fmt/format.h>

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

namespace credo::cli {
namespace {

/// As shells say it.
constexpr int kNotStarted = 127;

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

/// In the child: becomes the program, and ends with its parent, however that ends.
[[noreturn]] void become(char* const* values, pid_t parent, const MemoryFile& in,
                         const MemoryFile& out, const MemoryFile& err) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const bool ready = getppid() == parent && dup2(in.descriptor(), STDIN_FILENO) >= 0 &&
                     dup2(out.descriptor(), STDOUT_FILENO) >= 0 &&
                     dup2(err.descriptor(), STDERR_FILENO) >= 0;
  if (ready) execvp(values[0], values);
  _exit(kNotStarted);
}

/// The exit status of the child, or kNotStarted when it could not start.
int run_and_wait(char* const* values, const MemoryFile& in, const MemoryFile& out,
                 const MemoryFile& err) {
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child < 0) return kNotStarted;
  if (child == 0) become(values, parent, in, out, err);
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
  if (status == kNotStarted) {
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
