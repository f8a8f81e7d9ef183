// Any bytes as each of the small UAI files: a value or a message, and what was
// read survives being written.

#include <credo/core/error.hpp>
#include <credo/core/formats/byte_source.hpp>
#include <credo/core/formats/uai_evidence.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

credo::FactorGraph small_graph() {
  credo::FactorGraph graph;
  for (std::size_t v = 0; v < 9; ++v) {
    graph.add_variable(std::string(1, static_cast<char>('a' + v)), 2 + v % 3);
  }
  return graph;
}

/// read(bytes), and again after write, unless the bytes are refused.
template <typename Read, typename Write>
void round_trip(std::string_view text, Read read, Write write) {
  try {
    credo::ByteSource source = credo::ByteSource::from_memory(text, "input");
    const auto value = read(source);
    const std::string written = write(value);
    credo::ByteSource second = credo::ByteSource::from_memory(written, "written");
    if (!(read(second) == value)) std::abort();
  } catch (const credo::Error&) {
    return;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const credo::FactorGraph graph = small_graph();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  using credo::ByteSource;
  round_trip(
      text, [](ByteSource& s) { return credo::read_uai_evidence(s, graph); },
      [](const auto& value) { return credo::write_uai_evidence(value); });
  round_trip(
      text, [](ByteSource& s) { return credo::read_uai_query(s, graph); },
      [](const auto& value) { return credo::write_uai_query(value); });
  const auto write = [](const auto& value) { return credo::write_uai(value); };
  round_trip(text, [](ByteSource& s) { return credo::read_uai_partition(s); }, write);
  round_trip(text, [](ByteSource& s) { return credo::read_uai_marginals(s); }, write);
  round_trip(text, [](ByteSource& s) { return credo::read_uai_assignment(s); }, write);
  round_trip(text, [](ByteSource& s) { return credo::read_uai_partial_assignment(s); }, write);
  return 0;
}
