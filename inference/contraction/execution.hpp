#pragma once
// Running a program: an arena of numbers, and a scale per table.

#include <credo/inference/contraction/arena.hpp>
#include <credo/inference/contraction/leaf_values.hpp>
#include <credo/inference/contraction/monitor.hpp>
#include <credo/inference/contraction/program.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace credo::contraction {

enum class Outcome : std::uint8_t {
  done,
  /// Some product left the range of a double: run again with logarithms.
  range_exceeded,
};

/// One run of a program on a batch of evidences (one per lane).
/// Linear arithmetic: value = entry * 2^scale; log: log value = entry + scale.
class Execution {
 public:
  /// Borrows everything; static_leaves holds values of leaves that do not vary
  /// (indexed like program.leaves), or is empty. Throws Stopped.
  Execution(const Program& program, const ReducedModel& model,
            std::span<const Evidence* const> evidences, std::span<const LeafValues> static_leaves,
            std::size_t threads, Monitor& monitor);

  /// Throws Stopped. upward_only: stop after the messages.
  Outcome run(bool upward_only);

  [[nodiscard]] const double* data(std::uint32_t slot) const { return data_[slot]; }
  [[nodiscard]] double scale(std::uint32_t slot, std::size_t lane) const {
    return scale_[slot * lanes_ + (lanes_ > 1 ? lane : 0)];
  }
  /// Natural logarithm of an entry (lane included in the offset by this function).
  [[nodiscard]] double log_value(std::uint32_t slot, std::int64_t entry, std::size_t lane) const;
  /// log Z of a lane: the product of the roots.
  [[nodiscard]] double log_z(std::size_t lane) const;
  [[nodiscard]] const LeafValues& leaf(std::size_t index) const { return leaves_[index]; }
  [[nodiscard]] const Program& program() const { return program_; }

 private:
  void bind_leaves(std::span<const Evidence* const> evidences,
                   std::span<const LeafValues> static_leaves);
  [[nodiscard]] ExponentRange product_range(const Instruction& instruction) const;
  void run_dense(const Instruction& instruction);
  [[nodiscard]] bool run_shared(const DenseCall& call, const Instruction& instruction);
  void run_sparse(const Instruction& instruction);
  [[nodiscard]] const std::vector<std::int64_t>& row_offsets(const SparseValues& pattern,
                                                             const Scope& scope,
                                                             const Layout& layout);
  void inherit_scale(const Instruction& instruction);
  Outcome rescale(const Instruction& instruction, bool safe);
  [[nodiscard]] Extent extent_of(std::uint32_t slot, std::size_t lane, std::size_t lanes);
  /// x <- change(x) for the entries of a lane.
  template <typename Change>
  void change_entries(std::uint32_t slot, std::size_t lane, std::size_t lanes,
                      const Change& change);
  void spend(double operations) { monitor_.count(operations, "contract", fraction_); }
  [[nodiscard]] bool may_continue() { return monitor_.may_continue("contract", fraction_); }
  Outcome rescale_lane(std::uint32_t slot, std::size_t lane, std::size_t lanes, bool safe);

  const Program& program_;
  const ReducedModel& model_;
  std::size_t lanes_;
  std::size_t threads_;
  std::vector<LeafValues> leaves_;
  std::vector<std::size_t> leaf_of_slot_;
  ArenaMemory arena_;
  std::vector<double*> data_;
  std::vector<std::int64_t> entries_;
  std::vector<double> scale_;
  std::vector<ExponentRange> range_;
  std::map<std::string, std::vector<std::int64_t>> row_offsets_;
  Monitor& monitor_;
  double fraction_ = 0.0;  ///< of the operations, done
};

}  // namespace credo::contraction
