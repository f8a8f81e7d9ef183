#include <credo/core/error.hpp>
#include <credo/inference/variational/stationary.hpp>

#include <fmt/format.h>

#include <cmath>

namespace credo {

std::string_view stationary_method_name(StationaryMethod method) noexcept {
  switch (method) {
    case StationaryMethod::automatic:
      return "automatic";
    case StationaryMethod::sweeps:
      return "sweeps";
    case StationaryMethod::newton:
      return "newton";
  }
  return "";
}

void StationaryOptions::validate() const {
  const auto fail = [](std::string_view option, auto value, std::string_view expected) {
    throw OptionError(
        fmt::format("stationary option {} = {}: expected {}", option, value, expected));
  };
  if (!(tolerance > 0.0) || std::isinf(tolerance))
    fail("tolerance", tolerance, "a finite number > 0");
  if (maximum_sweeps == 0) fail("maximum_sweeps", maximum_sweeps, "at least 1");
  if (!(time_limit_seconds >= 0.0)) fail("time_limit_seconds", time_limit_seconds, "at least 0");
  if (!(memory_limit_bytes > 0.0)) fail("memory_limit_bytes", memory_limit_bytes, "more than 0");
  for (const double v : start) {
    if (!(v < kInfinity)) fail("start", v, "numbers or -infinity");
  }
}

}  // namespace credo
