// Any bytes as the comma-separated data of a model, and as a checkpoint: values or a message, and
// data that were read survive being written.

#include <credo/core/error.hpp>
#include <credo/models/control/learning/checkpoint.hpp>
#include <credo/models/data_table.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

/// Names and states that need quotes, and one that is called as nothing is.
credo::FactorGraph small_graph() {
  credo::FactorGraph graph;
  graph.add_variable("a", 2);
  graph.add_variable("b c", 3, {"no", "yes", "?"});
  graph.add_variable("d,\"e\"", 5, {"x,y", "\"", " ", "\t1", "line\nline"});
  graph.add_variable("f", 2, {"", "x"});
  return graph;
}

bool same(const credo::DataTable& one, const credo::DataTable& other) {
  if (one.rows() != other.rows()) return false;
  for (std::size_t r = 0; r < one.rows(); ++r) {
    if (!std::ranges::equal(one.row(r), other.row(r))) return false;
  }
  return true;
}

void read_table(std::string_view text) {
  static const credo::FactorGraph graph = small_graph();
  try {
    const credo::DataTable data = credo::read_data(text, graph, "input");
    // What this library wrote must be readable: errors from here on are ours.
    try {
      const std::string written = credo::write_data(data, graph);
      if (!same(data, credo::read_data(written, graph, "written"))) std::abort();
    } catch (const credo::Error&) {
      std::abort();
    }
  } catch (const credo::Error& error) {
    if (*error.what() == '\0') std::abort();
  }
}

/// FNV-1a, as at the end of checkpoints.
std::string check_sum(std::string_view bytes) {
  std::uint64_t sum = 0xcbf29ce484222325;
  for (const char c : bytes) sum = (sum ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  std::string words;
  for (unsigned i = 0; i < 64; i += 8) words += static_cast<char>(sum >> i);
  return words;
}

/// Every field as every type.
void read_checkpoint(std::string_view bytes) {
  using credo::control::learning::CheckpointReader;
  const auto attempt = [](auto&& read) {
    try {
      read();
    } catch (const credo::Error& error) {
      if (*error.what() == '\0') std::abort();
    }
  };
  attempt([&] {
    const CheckpointReader reader(bytes, "a");
    attempt([&] { (void)reader.text("a"); });
    attempt([&] { (void)reader.count("a"); });
    attempt([&] { (void)reader.number("a"); });
    attempt([&] { (void)reader.numbers("a"); });
    attempt([&] { (void)reader.numbers("a", 2); });
    attempt([&] { (void)reader.counts("a"); });
    attempt([&] { (void)reader.environment("a"); });
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  read_table(text);
  read_checkpoint(text);
  const std::string whole = "credo checkpoint 1 a\n" + std::string(text);
  read_checkpoint(whole + check_sum(whole));
  return 0;
}
