#pragma once
// A model from text, with "f" for the name of its source.

#include <credo/core/formats/format.hpp>

#include <string_view>

namespace credo::testing {

inline FactorGraph parse(std::string_view text, Format format) {
  return read_model(text, format, "f");
}

}  // namespace credo::testing
