#include <credo/models/random.hpp>

#include <sstream>

// The standard writes an engine as 313 decimal numbers and reads them back.

namespace credo {

std::string Random::state() const {
  std::ostringstream text;
  text.imbue(std::locale::classic());
  text << engine_;
  return text.str();
}

bool Random::restore(std::string_view state) {
  std::istringstream text{std::string(state)};
  text.imbue(std::locale::classic());
  std::mt19937_64 engine;
  text >> engine;
  if (text.fail() || text.peek() != std::istringstream::traits_type::eof()) return false;
  engine_ = engine;
  return true;
}

}  // namespace credo
