#pragma once
// Memory of a compiled program.

#include <credo/inference/contraction/program.hpp>

#include <cstdint>
#include <cstdlib>
#include <memory>

namespace credo::contraction {

/// Gives every slot but the leaves' an offset in one arena, sets arena_entries and adds
/// the arena to peak_bytes. Slots that are not alive together may share memory.
/// Throws what the pace throws.
void place_in_arena(Program& program, Pace& pace);

/// Uninitialised memory for a program's arena, aligned to cache lines; large ones on huge
/// pages where the system offers them. Throws std::bad_alloc.
class ArenaMemory {
 public:
  explicit ArenaMemory(std::uint64_t entries);
  [[nodiscard]] double* data() const noexcept { return memory_.get(); }

 private:
  struct Free {
    void operator()(double* memory) const noexcept { std::free(memory); }
  };
  std::unique_ptr<double, Free> memory_;
};

}  // namespace credo::contraction
