#include "answer.hpp"

#include <credo/core/formats/uai_evidence.hpp>

#include <cassert>
#include <numbers>

namespace credo::cli {

std::string render_uai(const Answer& answer) {
  const Result& r = answer.result;
  switch (answer.query.task) {
    case Task::marginals:
      return write_uai(UaiMarginals{r.marginals});
    case Task::map:
      return write_uai(UaiAssignment{r.assignment().states});
    case Task::marginal_map: {
      UaiPartialAssignment partial;
      for (const VariableId v : answer.query.targets) {
        partial.variables.push_back(v);
        partial.states.push_back(r.assignment().states[v]);
      }
      return write_uai(partial);
    }
    default:
      assert(answer.query.task == Task::log_partition);
      return write_uai(UaiPartition{r.log_z * std::numbers::log10e});
  }
}

}  // namespace credo::cli
