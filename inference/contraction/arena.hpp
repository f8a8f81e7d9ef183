#pragma once
// Memory of a compiled program.

#include <credo/inference/contraction/program.hpp>

namespace credo::contraction {

/// Gives every slot but the leaves' an offset in one arena, sets arena_entries and adds
/// the arena to peak_bytes. Slots that are not alive together may share memory.
void place_in_arena(Program& program);

}  // namespace credo::contraction
