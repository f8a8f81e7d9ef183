// Any bytes: a model or a message, never a crash. A model that was read is written and read again,
// and must be the same.

#include <credo/core/error.hpp>
#include <credo/core/formats/format.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

using credo::Format;

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

/// UAI keeps the mark of a conditional only in whole Bayesian networks.
bool keeps_everything(const credo::FactorGraph& graph, Format format) {
  return format != Format::uai || credo::losses(graph, format).empty();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr Format kFormat = Format::CREDO_FUZZ_FORMAT;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const credo::FactorGraph graph = credo::read_model(text, kFormat, "input");
    std::string written;
    try {
      written = credo::write_model(graph, kFormat);
    } catch (const credo::ModelError&) {
      return 0;
    }
    // What this library wrote must be readable: errors from here on are ours.
    try {
      const credo::FactorGraph again = credo::read_model(written, kFormat, "written");
      require(again == graph || !keeps_everything(graph, kFormat));
    } catch (const credo::Error&) {
      std::abort();
    }
  } catch (const credo::Error& error) {
    require(*error.what() != '\0');
  }
  return 0;
}
