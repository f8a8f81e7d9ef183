#pragma once
// Asking now and then, in the midst of long symbolic work, whether to go on.

#include <functional>
#include <utility>

namespace credo {

/// Counts the elementary steps of long work (some nanoseconds each) and asks after every
/// kStepsBetweenQuestions of them. What is asked ends the work by throwing.
class Pace {
 public:
  /// One to three milliseconds of work.
  static constexpr double kStepsBetweenQuestions = 2.5e5;

  /// Never asks.
  Pace() = default;
  explicit Pace(std::function<void()> question) : question_(std::move(question)) {}

  /// Counts steps that were just done or are about to be.
  void count(double steps) {
    left_ -= steps;
    if (left_ < 0.0) ask();
  }
  /// Asks at once: before work that cannot be divided.
  void ask() {
    left_ = kStepsBetweenQuestions;
    if (question_) question_();
  }

 private:
  std::function<void()> question_;
  double left_ = kStepsBetweenQuestions;
};

}  // namespace credo
