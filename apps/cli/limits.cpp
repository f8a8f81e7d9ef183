#include "limits.hpp"

#include <credo/core/error.hpp>
#include <credo/core/numerics.hpp>

#include <fmt/format.h>

#include <sys/resource.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <fstream>
#include <optional>
#include <utility>

namespace credo::cli {
namespace {

constexpr double kFreeShare = 0.8;
constexpr double kFallbackBytes = 8.0 * 1024 * 1024 * 1024;

constexpr std::array<std::pair<std::string_view, double>, 14> kUnits{{
    {"", 1.0},
    {"b", 1.0},
    {"k", 1024.0},
    {"kb", 1e3},
    {"kib", 1024.0},
    {"m", 1048576.0},
    {"mb", 1e6},
    {"mib", 1048576.0},
    {"g", 1073741824.0},
    {"gb", 1e9},
    {"gib", 1073741824.0},
    {"t", 1099511627776.0},
    {"tb", 1e12},
    {"tib", 1099511627776.0},
}};

std::optional<double> first_number(const char* path) {
  std::ifstream file(path);
  double value = 0.0;
  if (file >> value) {
    return value;
  }
  return std::nullopt;
}

std::optional<double> available_bytes() {
  std::ifstream file("/proc/meminfo");
  std::string key;
  double kibibytes = 0.0;
  std::string unit;
  while (file >> key >> kibibytes) {
    if (key == "MemAvailable:") {
      return kibibytes * 1024.0;
    }
    std::getline(file, unit);
  }
  return std::nullopt;
}

/// What the control group still allows; "max" does not parse and means no limit.
std::optional<double> control_group_bytes() {
  const auto limit = first_number("/sys/fs/cgroup/memory.max");
  const auto used = first_number("/sys/fs/cgroup/memory.current");
  if (limit && used) {
    return std::max(0.0, *limit - *used);
  }
  return std::nullopt;
}

// What any run needs: code, names, messages.
constexpr double kLeastBytes = 32.0 * 1024 * 1024;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#elif defined(__has_feature)
constexpr bool kSanitized = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
constexpr bool kSanitized = false;
#endif

struct MemoryInUse {
  double resident_bytes;
  double data_bytes;  ///< what the kernel holds against RLIMIT_DATA: private and writable
};

std::optional<MemoryInUse> memory_in_use() {
  std::ifstream file("/proc/self/statm");
  double size = 0.0;
  double resident = 0.0;
  double shared = 0.0;
  double text = 0.0;
  double library = 0.0;
  double data = 0.0;
  if (!(file >> size >> resident >> shared >> text >> library >> data)) return std::nullopt;
  const auto page = static_cast<double>(sysconf(_SC_PAGESIZE));
  return MemoryInUse{resident * page, data * page};
}

/// The soft limit; no more than the hard one.
void set_data_limit(double bytes) {
  rlimit limit{};
  if (getrlimit(RLIMIT_DATA, &limit) != 0) return;
  limit.rlim_cur =
      bytes < static_cast<double>(limit.rlim_max) ? static_cast<rlim_t>(bytes) : limit.rlim_max;
  setrlimit(RLIMIT_DATA, &limit);
}

}  // namespace

double parse_size_bytes(std::string_view text) {
  double value = 0.0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  std::string unit(end, text.data() + text.size());
  unit.erase(0, unit.find_first_not_of(' '));
  std::transform(unit.begin(), unit.end(), unit.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const auto* const found =
      std::find_if(kUnits.begin(), kUnits.end(), [&](const auto& u) { return u.first == unit; });
  const double bytes = found == kUnits.end() ? kNaN : value * found->second;
  if (failure != std::errc{} || !std::isfinite(bytes) || bytes <= 0.0) {
    throw OptionError(fmt::format(
        "memory limit '{}' is not a size: expected a positive number and a unit, as in 8GiB, "
        "512MB or 1000000 (bytes)",
        text));
  }
  return bytes;
}

double default_memory_limit_bytes() {
  const auto available = available_bytes();
  const auto group = control_group_bytes();
  if (!available && !group) {
    return kFallbackBytes;
  }
  const double free = std::min(available.value_or(kInfinity), group.value_or(kInfinity));
  return std::max(1.0, std::floor(kFreeShare * free));
}

void bound_memory(double limit_bytes) {
  const std::optional<MemoryInUse> now = memory_in_use();
  if (kSanitized || !now) return;
  const double more = std::max(limit_bytes - now->resident_bytes, kLeastBytes);
  set_data_limit(now->data_bytes + more);
}

void unbound_memory() { set_data_limit(kInfinity); }

std::string describe_seconds(double seconds) {
  if (seconds < 1e-3) {
    return fmt::format("{:.0f} us", seconds * 1e6);
  }
  if (seconds < 1.0) {
    return fmt::format("{:.1f} ms", seconds * 1e3);
  }
  return fmt::format("{:.2f} s", seconds);
}

}  // namespace credo::cli
