// Slots live from the instruction that fills them to the last that reads them;
// offsets in one arena are given out first fit along the program (interval
// colouring; Wilson et al. 1995 survey the choices). Free blocks never touch:
// a released block is merged with its neighbours at once.
// Cost: O(instructions * free blocks).

#include <credo/inference/contraction/arena.hpp>

#include <cstdint>
#include <iterator>
#include <map>
#include <new>
#include <set>
#include <vector>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace credo::contraction {

namespace {

constexpr std::int64_t kAlignment = 8;  // doubles: one cache line
constexpr std::uint64_t kCacheLine = 64;
constexpr std::uint64_t kHugePage = std::uint64_t{1} << 21U;
// Below this many bytes huge pages waste more than they save.
constexpr std::uint64_t kHugeArena = 4 * kHugePage;

std::uint64_t size_of(const Slot& slot) {
  return static_cast<std::uint64_t>((slot.entries + kAlignment - 1) / kAlignment * kAlignment);
}

/// The slots an instruction touches, each once.
std::set<std::uint32_t> slots_of(const Instruction& instruction) {
  std::set<std::uint32_t> slots(instruction.operands.begin(), instruction.operands.end());
  slots.insert(instruction.out);
  if (instruction.scratch != kNoSlot) slots.insert(instruction.scratch);
  return slots;
}

/// Per slot: the last instruction that touches it, or the end of the program.
std::vector<std::size_t> last_uses(const Program& program, Pace& pace) {
  const std::size_t end = program.instructions.size();
  std::vector<std::size_t> last(program.slots.size(), 0);
  for (std::size_t i = 0; i < end; ++i) {
    pace.count(50.0);
    for (const std::uint32_t s : slots_of(program.instructions[i])) last[s] = i;
  }
  const auto keep = [&last, end](const std::vector<std::uint32_t>& slots) {
    for (const std::uint32_t s : slots) {
      if (s != kNoSlot) last[s] = end;
    }
  };
  keep(program.roots);
  keep(program.marginal_slot);
  keep(program.leaf_adjoint);
  if (program.options.keep_messages) keep(program.node_slot);
  if (program.options.message_adjoints) keep(program.node_adjoint);
  return last;
}

class Arena {
 public:
  [[nodiscard]] std::uint64_t end() const noexcept { return end_; }

  std::uint64_t take(std::uint64_t size) {
    for (auto block = free_.begin(); block != free_.end(); ++block) {
      if (block->second < size) continue;
      const std::uint64_t offset = block->first;
      const std::uint64_t rest = block->second - size;
      free_.erase(block);
      if (rest > 0) free_.emplace(offset + size, rest);
      return offset;
    }
    end_ += size;
    return end_ - size;
  }

  void release(std::uint64_t offset, std::uint64_t size) {
    auto next = free_.lower_bound(offset);
    if (next != free_.end() && next->first == offset + size) {
      size += next->second;
      next = free_.erase(next);
    }
    if (next != free_.begin()) {
      const auto before = std::prev(next);
      if (before->first + before->second == offset) {
        before->second += size;
        return;
      }
    }
    free_.emplace(offset, size);
  }

 private:
  std::map<std::uint64_t, std::uint64_t> free_;  // offset -> length
  std::uint64_t end_ = 0;
};

}  // namespace

void place_in_arena(Program& program, Pace& pace) {
  const std::vector<std::size_t> last = last_uses(program, pace);
  Arena arena;
  const auto place = [&](std::uint32_t s) {
    program.slots[s].offset = arena.take(size_of(program.slots[s]));
  };
  for (std::size_t i = 0; i < program.instructions.size(); ++i) {
    const Instruction& instruction = program.instructions[i];
    pace.count(100.0);
    place(instruction.out);
    if (instruction.scratch != kNoSlot) place(instruction.scratch);
    for (const std::uint32_t s : slots_of(instruction)) {
      const Slot& slot = program.slots[s];
      if (last[s] == i && !slot.is_leaf) arena.release(slot.offset, size_of(slot));
    }
  }
  program.arena_entries = arena.end();
  program.peak_bytes += static_cast<double>(arena.end()) * sizeof(double);
}

ArenaMemory::ArenaMemory(std::uint64_t entries) {
  const std::uint64_t wanted = entries * sizeof(double);
  const std::uint64_t alignment = wanted >= kHugeArena ? kHugePage : kCacheLine;
  const std::uint64_t bytes = (wanted + alignment) / alignment * alignment;  // never 0
  memory_.reset(static_cast<double*>(std::aligned_alloc(alignment, bytes)));
  if (memory_ == nullptr) throw std::bad_alloc();
#ifdef __linux__
  // Only advice: page faults get fewer, the numbers stay.
  if (alignment == kHugePage) static_cast<void>(madvise(memory_.get(), bytes, MADV_HUGEPAGE));
#endif
}

}  // namespace credo::contraction
