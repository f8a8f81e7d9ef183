#pragma once
// How each leaf of a tree gets its numbers when the program runs.

#include <credo/inference/contraction/emitter.hpp>

#include <map>
#include <vector>

namespace credo::contraction {

/// Whether a program compiled for other numbers reads its leaves as one compiled for these would:
/// in place where they can be used as they are, else copied.
[[nodiscard]] bool reads_fit(const ReducedModel& model, const Program& program);

/// Plans leaves one after the other; appends slots and LeafPlans to the program it borrows, and
/// the bytes of what must be copied to its peak.
class LeafPlanner {
 public:
  LeafPlanner(const ReducedModel& model, Program& program, Emitter& emit)
      : model_(model), program_(program), emit_(emit) {}

  void add(const Leaf& leaf);

 private:
  [[nodiscard]] bool varies(const Leaf& leaf) const;
  [[nodiscard]] bool is_new_pattern(const Leaf& leaf);
  [[nodiscard]] Layout view_layout(const ReducedTable& table, const Table& source) const;

  const ReducedModel& model_;
  Program& program_;
  Emitter& emit_;
  /// Leaves by the tables they join and which of their variables are observed.
  std::map<std::vector<const void*>, double> patterns_;
};

}  // namespace credo::contraction
