#include <credo/inference/variational/stationary_linear.hpp>
#include <credo/inference/variational/stationary_structure.hpp>

#include <algorithm>
#include <cmath>

// Loops that cost nothing: maximal end components of the rows that have no score and do not end.
// Strongly connected components by Tarjan 1972 (without recursion), rows that leave their component
// dropped, until none does.

namespace credo::stationary {

namespace {

constexpr double kFullMass = 1.0 - 1e-9;

/// A row that costs nothing, goes on with certainty and can be taken.
bool is_free(const Slice::Row& row) {
  if (row.row_score != 0.0 || row.end_probability > 0.0 || row.next.empty()) return false;
  double mass = 0.0;
  for (std::size_t j = 0; j < row.next.size(); ++j) {
    if (row.score[j] != 0.0) return false;
    mass += row.probability[j];
  }
  return mass >= kFullMass;
}

/// Contexts and their free rows' successors, compressed.
struct FreeRows {
  std::vector<std::uint64_t> row;    ///< which row of the slice
  std::vector<std::uint64_t> begin;  ///< successors of each; rows + 1
  std::vector<std::uint32_t> next;
  std::vector<char> kept;
  std::vector<std::uint64_t> first;  ///< free rows of each context; contexts + 1
};

FreeRows collect(const Slice& slice, const Structure& structure) {
  FreeRows f;
  f.begin.push_back(0);
  f.first.push_back(0);
  Slice::Row row;
  for (std::size_t x = 0; x < slice.contexts(); ++x) {
    for (std::size_t d = 0; d < slice.choices(); ++d) {
      const std::size_t r = x * slice.choices() + d;
      if (structure.row_alive[r] == 0) continue;
      slice.read_row(r, row);
      if (!is_free(row)) continue;
      f.row.push_back(r);
      f.next.insert(f.next.end(), row.next.begin(), row.next.end());
      f.begin.push_back(f.next.size());
    }
    f.first.push_back(f.row.size());
  }
  f.kept.assign(f.row.size(), 1);
  return f;
}

/// Strongly connected components of the kept rows' graph.
class Components {
 public:
  Components(const FreeRows& rows, std::size_t contexts)
      : component(contexts, kFar), rows_(rows), index_(contexts, kFar), low_(contexts, 0) {
    for (std::size_t x = 0; x < contexts; ++x) {
      if (index_[x] == kFar) walk(static_cast<std::uint32_t>(x));
    }
  }

  std::vector<std::uint32_t> component;

 private:
  struct Frame {
    std::uint32_t context;
    std::uint64_t row;
    std::uint64_t entry;
  };

  void enter(std::uint32_t x) {
    index_[x] = low_[x] = count_++;
    stack_.push_back(x);
    const std::uint64_t row = rows_.first[x];
    frames_.push_back({x, row, row < rows_.begin.size() - 1 ? rows_.begin[row] : 0});
  }

  /// The next successor of the frame along kept rows, or kFar.
  std::uint32_t successor(Frame& frame) const {
    while (frame.row < rows_.first[frame.context + 1]) {
      if (rows_.kept[frame.row] != 0 && frame.entry < rows_.begin[frame.row + 1]) {
        return rows_.next[frame.entry++];
      }
      frame.entry = rows_.begin[++frame.row];
    }
    return kFar;
  }

  void walk(std::uint32_t root) {
    enter(root);
    while (!frames_.empty()) {
      const std::uint32_t x = frames_.back().context;
      const std::uint32_t y = successor(frames_.back());
      if (y == kFar) {
        leave(x);
      } else if (index_[y] == kFar) {
        enter(y);
      } else if (component[y] == kFar) {
        low_[x] = std::min(low_[x], index_[y]);
      }
    }
  }

  void leave(std::uint32_t x) {
    frames_.pop_back();
    if (!frames_.empty()) {
      std::uint32_t& above = low_[frames_.back().context];
      above = std::min(above, low_[x]);
    }
    if (low_[x] != index_[x]) return;
    while (component[x] == kFar) {
      component[stack_.back()] = x;
      stack_.pop_back();
    }
  }

  const FreeRows& rows_;
  std::vector<std::uint32_t> index_;
  std::vector<std::uint32_t> low_;
  std::vector<std::uint32_t> stack_;
  std::vector<Frame> frames_;
  std::uint32_t count_ = 0;
};

/// Drops rows that lead out of their component. Whether any did.
bool drop_leaving(FreeRows& f, const std::vector<std::uint32_t>& component, std::size_t choices) {
  bool any = false;
  for (std::size_t i = 0; i < f.row.size(); ++i) {
    if (f.kept[i] == 0) continue;
    const std::uint32_t home = component[f.row[i] / choices];
    for (std::uint64_t e = f.begin[i]; e < f.begin[i + 1]; ++e) {
      if (component[f.next[e]] == home) continue;
      f.kept[i] = 0;
      any = true;
      break;
    }
  }
  return any;
}

}  // namespace

void find_free_loops(const Slice& slice, Structure& structure) {
  FreeRows f = collect(slice, structure);
  if (f.row.empty()) return;
  std::vector<std::uint32_t> component;
  do {
    component = Components(f, slice.contexts()).component;
  } while (drop_leaving(f, component, slice.choices()));
  std::vector<std::uint32_t> number(slice.contexts(), kFar);
  structure.inner_row.assign(slice.rows(), 0);
  structure.loop_of.assign(slice.contexts(), kFar);
  for (std::size_t i = 0; i < f.row.size(); ++i) {
    if (f.kept[i] == 0) continue;
    structure.inner_row[f.row[i]] = 1;
    const std::size_t x = f.row[i] / slice.choices();
    std::uint32_t& loop = number[component[x]];
    if (loop == kFar) loop = static_cast<std::uint32_t>(structure.loops++);
    structure.loop_of[x] = loop;
  }
  if (structure.loops == 0) {
    structure.inner_row.clear();
    structure.loop_of.clear();
  }
}

void lead_to_leavers(const Slice& slice, const Structure& structure, const Derivative& p,
                     std::vector<double>& q) {
  std::vector<char> led(slice.contexts(), 1);
  std::vector<std::size_t> waiting;
  for (std::size_t x = 0; x < slice.contexts(); ++x) {
    if (p.follows[x] == 0) continue;
    led[x] = 0;
    waiting.push_back(x);
  }
  Slice::Row row;
  const auto leads = [&](std::size_t r) {
    if (structure.inner_row[r] == 0) return false;
    slice.read_row(r, row);
    return std::any_of(row.next.begin(), row.next.end(),
                       [&](std::uint32_t y) { return led[y] != 0; });
  };
  while (!waiting.empty()) {
    std::vector<std::size_t> left;
    std::vector<std::size_t> found;
    for (const std::size_t x : waiting) {
      std::size_t r = x * slice.choices();
      while (r < (x + 1) * slice.choices() && !leads(r)) ++r;
      if (r == (x + 1) * slice.choices()) {
        left.push_back(x);
        continue;
      }
      q[r] = 1.0;
      found.push_back(x);
    }
    if (found.empty()) return;
    for (const std::size_t x : found) led[x] = 1;
    waiting = std::move(left);
  }
}

}  // namespace credo::stationary
