#include "program.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace credo::test {

TemporaryFolder::TemporaryFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "credo_XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) {
    throw std::runtime_error("cannot make a temporary folder");
  }
  path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code none;
  std::filesystem::remove_all(path_, none);
}

std::string TemporaryFolder::write(const std::string& name, std::string_view text) const {
  std::ofstream(path_ / name, std::ios::binary) << text;
  return path(name);
}

std::vector<std::string> TemporaryFolder::names() const {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(path_)) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string read_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string data(const std::string& name) { return std::string(CREDO_TEST_DATA) + "/" + name; }

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

Running::Running(const std::vector<std::string>& arguments, std::string_view input) {
  const std::string in = folder_.write("in", input);
  std::vector<std::string> words{CREDO_PROGRAM};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> values;
  for (std::string& word : words) {
    values.push_back(word.data());
  }
  values.push_back(nullptr);

  const auto write_to = [this](posix_spawn_file_actions_t& actions, int descriptor,
                               const std::string& name) {
    constexpr int kWrite = O_WRONLY | O_CREAT | O_TRUNC;
    posix_spawn_file_actions_addopen(&actions, descriptor, folder_.path(name).c_str(), kWrite,
                                     0600);
  };
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, in.c_str(), O_RDONLY, 0);
  write_to(actions, STDOUT_FILENO, "out");
  write_to(actions, STDERR_FILENO, "err");
  start_ = std::chrono::steady_clock::now();
  const int failure = posix_spawn(&child_, values[0], &actions, nullptr, values.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failure != 0) {
    throw std::runtime_error("cannot start " + words.front());
  }
}

Running::~Running() {
  if (child_ == 0) return;
  send(SIGKILL);
  static_cast<void>(wait());
}

void Running::send(int signal) const { kill(child_, signal); }

Run Running::wait() {
  int status = 0;
  rusage usage{};
  wait4(child_, &status, 0, &usage);
  child_ = 0;
  Run run;
  run.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  run.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  run.peak_bytes = 1024.0 * static_cast<double>(usage.ru_maxrss);
  run.out = read_text(folder_.path("out"));
  run.err = read_text(folder_.path("err"));
  return run;
}

Run run_credo(const std::vector<std::string>& arguments, std::string_view input) {
  return Running(arguments, input).wait();
}

}  // namespace credo::test
