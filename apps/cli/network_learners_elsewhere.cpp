// Of the program without libtorch.

#include "limits.hpp"
#include "network_learners.hpp"

#include <fmt/format.h>

#include <unistd.h>
#include <cstdlib>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>

namespace credo::cli {

std::vector<control::learning::Learner> network_learners() { return {}; }

void run_with_networks() {
  std::error_code none;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", none);
  const std::string twin = (self.parent_path() / kTwin).string();
  if (none || !std::filesystem::exists(twin, none)) return;
  // Words that end in a null character each, as execv takes them.
  std::ifstream command_line("/proc/self/cmdline", std::ios::binary);
  std::string words{std::istreambuf_iterator<char>(command_line), {}};
  std::vector<char*> values;
  for (std::size_t at = 0; at < words.size(); at = words.find('\0', at) + 1) {
    values.push_back(&words[at]);
  }
  values.push_back(nullptr);
  unbound_memory();  // the twin sets its own
  setenv(kStartVariable.data(), fmt::format("{} {}", getpid(), steady_seconds()).c_str(), 1);
  execv(twin.c_str(), values.data());
}

double seconds_before_start() { return 0.0; }

}  // namespace credo::cli
