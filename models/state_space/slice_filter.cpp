// One slice of a chain: the belief about x_t is a factor, y_t is observed, and what the slice
// leaves is the next belief. The structure is planned once; only the belief's table is new at every
// step. Cost: (n + k)^3.

#include <credo/inference/gaussian/runner.hpp>
#include <credo/models/state_space/slice_filter.hpp>

#include <array>
#include <utility>

namespace credo {

struct SliceFilter::Slice {
  gaussian::Runner runner;
  GaussianAnswer answer = {};
};

SliceFilter::SliceFilter(const StateSpaceModel& model) : model_(&model), tables_(model) {}
SliceFilter::~SliceFilter() = default;
SliceFilter::SliceFilter(SliceFilter&&) noexcept = default;

SliceFilter::Slice& SliceFilter::slice(std::size_t components) {
  std::unique_ptr<Slice>& found = slices_[components];
  if (found) return *found;
  gaussian::Skeleton skeleton;
  const VariableId scope[] = {skeleton.add_variable(model_->states),
                              skeleton.add_variable(components)};
  skeleton.add_factor(std::span(scope).first(1));
  skeleton.add_factor(scope);
  gaussian::StructureRequest request{.variables = {scope[0]}, .joints = {}, .describe = false};
  PlanOptions plan;
  plan.order = request.variables;
  gaussian::Structure structure =
      gaussian::build_structure(skeleton, request, plan, [] { return true; });
  found = std::make_unique<Slice>(Slice{gaussian::Runner(skeleton, {0, 1}, std::move(structure))});
  found->runner.engine().name_variables([](VariableId) { return "the state"; });
  return *found;
}

Updated SliceFilter::update(std::size_t t, const StateBelief& belief,
                            const std::vector<double>& observation) {
  const std::vector<std::size_t> components = present(observation);
  if (components.empty()) return {Status::ok, "", 0.0, belief};
  Slice& of = slice(components.size());
  observed_.clear();
  for (const std::size_t i : components) observed_.push_back(observation[i]);
  of.runner.forget();
  of.runner.engine().load(std::array{belief_table(belief), tables_.observation(t, components)});
  of.runner.run(observed_, of.answer, true);
  Updated result{of.answer.status, of.answer.message, of.answer.log_z, {}};
  if (!of.answer.ok()) return result;
  const std::size_t n = model_->states;
  result.belief.mean.assign(of.answer.means.begin(),
                            of.answer.means.begin() + static_cast<std::ptrdiff_t>(n));
  result.belief.covariance.assign(
      of.answer.covariances.begin(),
      of.answer.covariances.begin() + static_cast<std::ptrdiff_t>(n * n));
  return result;
}

}  // namespace credo
