#include <credo/core/error.hpp>
#include <credo/core/expansion_limit.hpp>
#include <credo/core/numerics.hpp>

#include <fmt/format.h>

namespace credo {

double entries_of(std::span<const std::size_t> extents) noexcept {
  double entries = 1.0;
  for (const std::size_t extent : extents) entries *= static_cast<double>(extent);
  return entries;
}

void require_expandable(std::string_view who, double entries, std::uint64_t limit,
                        std::string_view what_to_do, double bytes_per_entry) {
  if (entries <= static_cast<double>(limit)) return;
  throw ModelError(fmt::format("{}: expected at most {} entries, got {:.10g}, which take {}; {}",
                               who, limit, entries, describe_bytes(entries * bytes_per_entry),
                               what_to_do));
}

}  // namespace credo
