#pragma once
// Runs the built program and catches what it says.

#include <sys/types.h>
#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace credo::test {

struct Run {
  int code = -1;  ///< exit code, or 128 + signal
  std::string out;
  std::string err;
  double seconds = 0.0;
  double peak_bytes = 0.0;  ///< largest resident memory
};

/// A folder that disappears with its contents.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  [[nodiscard]] std::string path(const std::string& name) const { return (path_ / name).string(); }
  /// Writes a file and returns its path.
  [[nodiscard]] std::string write(const std::string& name, std::string_view text) const;
  [[nodiscard]] std::vector<std::string> names() const;

 private:
  std::filesystem::path path_;
};

/// `credo` with these arguments, fed with input, while it runs.
class Running {
 public:
  explicit Running(const std::vector<std::string>& arguments, std::string_view input = {});
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  ~Running();

  void send(int signal) const;
  /// Waits for the end. Call once.
  [[nodiscard]] Run wait();

 private:
  TemporaryFolder folder_;
  std::chrono::steady_clock::time_point start_;
  pid_t child_ = 0;
};

/// Runs `credo` to its end.
[[nodiscard]] Run run_credo(const std::vector<std::string>& arguments, std::string_view input = {});

[[nodiscard]] std::string read_text(const std::filesystem::path& path);
/// A file of tests/data.
[[nodiscard]] std::string data(const std::string& name);
[[nodiscard]] bool contains(std::string_view text, std::string_view part);

/// rain -> wet, with state names no and yes: p(rain) = 0.2, p(wet given rain) = 0.75, else 0.1.
inline constexpr std::string_view kRain = R"(network rain { }
variable rain { type discrete [ 2 ] { no, yes }; }
variable wet { type discrete [ 2 ] { no, yes }; }
probability ( rain ) { table 0.8, 0.2; }
probability ( wet | rain ) { (no) 0.9, 0.1; (yes) 0.25, 0.75; }
)";

/// Three variables of 2, 2 and 3 states: Z = 21.9.
inline constexpr std::string_view kThree =
    "MARKOV\n3\n2 2 3\n2\n2 0 1\n2 1 2\n4\n0.1 0.9 0.8 0.2\n6\n1 2 3 4 5 6\n";

}  // namespace credo::test
