#pragma once
// One slice of a state space model, run again and again. Internal.

#include <credo/models/state_space/state_space.hpp>

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace credo {

/// A Gaussian belief about one state.
struct StateBelief {
  std::vector<double> mean;
  std::vector<double> covariance;
};

/// The components of an observation that are there.
[[nodiscard]] std::vector<std::size_t> present(const std::vector<double>& observation);

/// Throws ModelError naming what is of another size than the model's.
void check_observations(const StateSpaceModel& model, const ObservationSequence& observations);

/// p(y, the given components | x) as a kernel table.
[[nodiscard]] GaussianTable observation_table(const StateSpaceModel& model,
                                              const StateSpaceStep& step,
                                              const std::vector<std::size_t>& components);
[[nodiscard]] GaussianTable transition_table(const StateSpaceModel& model,
                                             const StateSpaceStep& step);
[[nodiscard]] GaussianTable belief_table(const StateBelief& belief);

/// The tables of a model's slices, each made once. Borrows the model.
class SliceTables {
 public:
  explicit SliceTables(const StateSpaceModel& model) : model_(model) {}

  /// p(x_t+1 | x_t).
  const GaussianTable& transition(std::size_t t);
  /// p(y_t, the given components | x_t).
  const GaussianTable& observation(std::size_t t, std::span<const std::size_t> components);

 private:
  /// Of one step, or of all times.
  struct OfStep {
    std::optional<GaussianTable> transition;
    std::map<std::vector<std::size_t>, GaussianTable> observations;
  };
  OfStep& at(std::size_t t);

  const StateSpaceModel& model_;
  std::vector<OfStep> steps_ = std::vector<OfStep>(model_.steps.size());
  std::vector<std::size_t> last_components_;
  const GaussianTable* last_observation_ = nullptr;
  const StateSpaceStep* last_step_ = nullptr;
};
[[nodiscard]] StateBelief initial_belief(const StateSpaceModel& model);

/// Belief of x_t+1 from that of x_t.
[[nodiscard]] StateBelief predicted(const StateSpaceModel& model, const StateSpaceStep& step,
                                    const StateBelief& belief);

/// What an observation makes of a belief.
struct Updated {
  Status status = Status::not_run;
  std::string message;
  double log_evidence = kNaN;
  StateBelief belief;
};

/// The engine on one slice, x_t and y_t, planned once for every number of components that are
/// there. Borrows the model.
class SliceFilter {
 public:
  explicit SliceFilter(const StateSpaceModel& model);
  ~SliceFilter();
  SliceFilter(SliceFilter&&) noexcept;
  SliceFilter& operator=(SliceFilter&&) = delete;

  [[nodiscard]] Updated update(std::size_t t, const StateBelief& belief,
                               const std::vector<double>& observation);

 private:
  struct Slice;
  Slice& slice(std::size_t components);

  const StateSpaceModel* model_;
  SliceTables tables_;
  std::map<std::size_t, std::unique_ptr<Slice>> slices_;
  std::vector<double> observed_;
};

}  // namespace credo
