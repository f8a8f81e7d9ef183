#pragma once
// What credo learn prints: text, JSON, curves.

#include "arguments.hpp"

#include <credo/models/control/learning/learners.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace credo::cli {

/// What was asked and what came out.
struct LearnReport {
  const LearnArguments& arguments;
  std::uint64_t seed = 1;
  const control::learning::Environment& environment;
  const control::learning::Learner& learner;
  control::learning::LearnedAnswer answer;
  /// Null: none for this environment or method.
  std::shared_ptr<const control::learning::ExactReference> reference;
};

[[nodiscard]] std::string learn_text(const LearnReport& report);
[[nodiscard]] std::string learn_json(const LearnReport& report);
/// CSV or SVG by the extension of the path.
[[nodiscard]] std::string learn_curve(const LearnReport& report, const std::string& path);

}  // namespace credo::cli
