#pragma once
// The words of a .POMDP file: keywords, lists of names, and indices into them.

#include <credo/core/formats/text.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace credo::control {

/// States, actions or observations: a count, and names when they have some.
struct PomdpNames {
  const char* what;
  std::size_t count = 0;
  std::vector<std::string> names;
};

/// A word before ':' is a keyword; lists of words end there. Failures throw ParseError.
class PomdpWords {
 public:
  /// Borrows the source.
  explicit PomdpWords(ByteSource& source) : cursor_(source, {":", Comments::hash}) {}

  /// The next keyword, "start include" and "start exclude" among them, its ':' taken; "" at the
  /// end.
  std::string next_keyword();
  /// Words up to the next keyword.
  std::vector<std::string> words();
  /// A number of things, or their names.
  void read(PomdpNames& target);
  /// One index by name or number from 0; all of them for *.
  std::vector<std::size_t> indices(const PomdpNames& names);
  std::size_t index_of(const PomdpNames& names, const std::string& word);

  [[nodiscard]] Cursor& cursor() noexcept { return cursor_; }

 private:
  Cursor cursor_;
  std::string pending_;
};

}  // namespace credo::control
