#pragma once
// Where a description of a process is wrong, for readers of files that know more about the place.

#include <credo/core/error.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace credo::control {

/// A description that is not well formed: which member of it, and which of its elements (or rows)
/// when it is one.
class DescriptionError : public ModelError {
 public:
  DescriptionError(std::string member, std::optional<std::size_t> element, const std::string& what)
      : ModelError(what), member_(std::move(member)), element_(element) {}

  /// The member's name, as in "transitions".
  [[nodiscard]] const std::string& member() const noexcept { return member_; }
  [[nodiscard]] std::optional<std::size_t> element() const noexcept { return element_; }

 private:
  std::string member_;
  std::optional<std::size_t> element_;
};

/// Names are none or `count` different ones. Throws DescriptionError: "who: ...".
void require_names(const std::string& who, const std::string& member,
                   const std::vector<std::string>& names, std::size_t count);

}  // namespace credo::control
