#pragma once
// Sizes as people type them, and how much memory is free.

#include <string>
#include <string_view>

namespace credo::cli {

/// "8GiB", "512MB", "1.5G" or "1000000" as bytes. KB, MB, GB, TB are powers of 1000; KiB, MiB, GiB,
/// TiB and the single letters K, M, G, T powers of 1024. Throws OptionError.
[[nodiscard]] double parse_size_bytes(std::string_view text);

/// 80 % of the memory that is free now, by the kernel's account and the control
/// group's limit; 8 GiB where neither can be read.
[[nodiscard]] double default_memory_limit_bytes();

/// Bounds the memory of this process: what it has now and limit_bytes, less what is resident
/// already (some megabytes are always left). An allocation beyond throws std::bad_alloc, wherever
/// it is made. Sanitizers reserve more than any limit: in their builds nothing is bounded.
void bound_memory(double limit_bytes);

/// Lifts the bound, for a program that takes this one's place.
void unbound_memory();

/// "23 ms": a time for people.
[[nodiscard]] std::string describe_seconds(double seconds);

}  // namespace credo::cli
