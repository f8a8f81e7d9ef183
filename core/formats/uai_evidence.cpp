#include <credo/core/error.hpp>
#include <credo/core/formats/byte_source.hpp>
#include <credo/core/formats/text.hpp>
#include <credo/core/formats/uai_evidence.hpp>
#include <credo/core/numerics.hpp>

#include <fmt/format.h>

#include <limits>
#include <unordered_set>
#include <utility>

namespace credo {

namespace {

struct Number {
  std::uint64_t value = 0;
  Position position;
};

/// A whole file of natural numbers, with what is needed to complain about one of them.
class NumberFile {
 public:
  explicit NumberFile(ByteSource& source, std::string_view keyword = {}) : cursor_(source, {}) {
    if (!keyword.empty()) cursor_.expect_word(keyword);
    while (!cursor_.at_end()) {
      const std::uint64_t value = cursor_.natural("a whole number");
      numbers_.push_back({value, cursor_.position()});
    }
    end_ = cursor_.position();
  }

  [[nodiscard]] std::size_t size() const noexcept { return numbers_.size(); }
  [[nodiscard]] std::uint64_t at(std::size_t i) const { return numbers_.at(i).value; }

  [[noreturn]] void fail(std::size_t i, std::string_view expected) const {
    if (i < numbers_.size()) fail(i, expected, fmt::format("{}", numbers_[i].value));
    cursor_.fail_at(end_, expected, "end of file");
  }
  [[noreturn]] void fail(std::size_t i, std::string_view expected, std::string_view got) const {
    cursor_.fail_at(i < numbers_.size() ? numbers_[i].position : end_, expected, got);
  }

  /// Fails unless `each` x the count at `index` numbers follow it.
  void expect_count(std::size_t index, std::uint64_t each, std::string_view what) const {
    const std::uint64_t rest = size() - index - 1;
    if (rest % each == 0 && at(index) == rest / each) return;
    fail(index, fmt::format("the number of {} that follow", what),
         fmt::format("{} before {} numbers", at(index), rest));
  }

  /// The number at i as a variable of the graph that is not yet in `seen`.
  VariableId variable(std::size_t i, const FactorGraph& graph,
                      std::unordered_set<VariableId>& seen) const {
    if (at(i) >= graph.variable_count()) {
      fail(i, fmt::format("a variable below {}", graph.variable_count()));
    }
    const auto v = static_cast<VariableId>(at(i));
    if (!seen.insert(v).second) {
      fail(i, "each variable once", fmt::format("variable {} again", v));
    }
    return v;
  }

 private:
  Cursor cursor_;
  std::vector<Number> numbers_;
  Position end_;
};

void append_numbers(std::string& text, std::initializer_list<std::uint64_t> numbers) {
  for (const std::uint64_t n : numbers) {
    if (!text.empty() && text.back() != '\n') text.push_back(' ');
    append_number(text, n);
  }
}

/// The overloads on paths and text differ only in where the bytes come from.
template <typename Read>
auto from_path(const std::filesystem::path& path, Read read) {
  ByteSource source = ByteSource::from_file(path);
  return read(source);
}

}  // namespace

Evidence read_uai_evidence(ByteSource& source, const FactorGraph& graph) {
  const NumberFile file(source);
  Evidence evidence;
  if (file.size() == 0) return evidence;
  // Pairs after one count make an odd number of numbers; the number of samples makes it even.
  const std::size_t count_at = file.size() % 2 == 0 && file.at(0) == 1 ? 1 : 0;
  file.expect_count(count_at, 2, "pairs of variable and state");
  std::unordered_set<VariableId> seen;
  for (std::size_t i = count_at + 1; i < file.size(); i += 2) {
    const VariableId v = file.variable(i, graph, seen);
    if (graph.variable(v).is_continuous()) {
      file.fail(i, "a discrete variable: the format has states only",
                fmt::format("{}, which is continuous", graph.variable(v).name));
    }
    if (file.at(i + 1) >= graph.cardinality(v)) {
      file.fail(i + 1, fmt::format("a state of {} below {}", graph.variable(v).name,
                                   graph.cardinality(v)));
    }
    evidence.observe(v, static_cast<std::size_t>(file.at(i + 1)));
  }
  return evidence;
}

std::string write_uai_evidence(const Evidence& evidence) {
  std::string text;
  append_numbers(text, {evidence.size()});
  for (const auto& [v, finding] : evidence.findings()) {
    if (finding.kind != FindingKind::hard) {
      throw EvidenceError(fmt::format(
          "uai evidence: expected one observed state for variable {}, got a likelihood, a set of "
          "states or real numbers, which the format cannot hold",
          v));
    }
    append_numbers(text, {v, finding.state});
  }
  return text + "\n";
}

std::vector<VariableId> read_uai_query(ByteSource& source, const FactorGraph& graph) {
  const NumberFile file(source);
  std::vector<VariableId> query;
  if (file.size() == 0) file.fail(0, "the number of query variables");
  file.expect_count(0, 1, "query variables");
  std::unordered_set<VariableId> seen;
  for (std::size_t i = 1; i < file.size(); ++i) query.push_back(file.variable(i, graph, seen));
  return query;
}

std::string write_uai_query(std::span<const VariableId> query) {
  std::string text;
  append_numbers(text, {query.size()});
  for (const VariableId v : query) append_numbers(text, {v});
  return text + "\n";
}

UaiPartition read_uai_partition(ByteSource& source) {
  Cursor cursor(source, {});
  cursor.expect_word("PR");
  UaiPartition result;
  const bool zero = cursor.accept_word("-inf");
  result.log10_z = zero ? -kInfinity : cursor.number("log10 of the partition function");
  cursor.expect_end();
  return result;
}

UaiMarginals read_uai_marginals(ByteSource& source) {
  constexpr std::string_view kCount = "the number of variables";
  Cursor cursor(source, {});
  cursor.expect_word("MAR");
  UaiMarginals result;
  const std::uint64_t count = cursor.natural(kCount);
  for (std::uint64_t v = 0; v < count; ++v) {
    const std::uint64_t cardinality = cursor.natural("a cardinality of at least 1");
    if (cardinality == 0) cursor.fail("a cardinality of at least 1");
    cursor.non_negatives(result.marginals.emplace_back(), cardinality, "a probability");
  }
  cursor.expect_end();
  return result;
}

UaiAssignment read_uai_assignment(ByteSource& source) {
  const NumberFile file(source, "MAP");
  if (file.size() == 0) file.fail(0, "the number of variables");
  file.expect_count(0, 1, "states");
  UaiAssignment result;
  for (std::size_t i = 1; i < file.size(); ++i) {
    result.states.push_back(static_cast<std::size_t>(file.at(i)));
  }
  return result;
}

UaiPartialAssignment read_uai_partial_assignment(ByteSource& source) {
  const NumberFile file(source, "MMAP");
  if (file.size() == 0) file.fail(0, "the number of query variables");
  const bool states_only = file.size() - 1 == file.at(0);
  if (!states_only) file.expect_count(0, 2, "pairs of variable and state");
  UaiPartialAssignment result;
  for (std::size_t i = 1; i < file.size(); ++i) {
    if (!states_only) {
      if (file.at(i) > std::numeric_limits<VariableId>::max()) file.fail(i, "a variable");
      result.variables.push_back(static_cast<VariableId>(file.at(i)));
      ++i;
    }
    result.states.push_back(static_cast<std::size_t>(file.at(i)));
  }
  return result;
}

Evidence read_uai_evidence(const std::filesystem::path& path, const FactorGraph& graph) {
  return from_path(path, [&](ByteSource& source) { return read_uai_evidence(source, graph); });
}
Evidence read_uai_evidence(std::string_view text, const FactorGraph& graph,
                           std::string source_name) {
  ByteSource source = ByteSource::from_memory(text, std::move(source_name));
  return read_uai_evidence(source, graph);
}
std::vector<VariableId> read_uai_query(const std::filesystem::path& path,
                                       const FactorGraph& graph) {
  return from_path(path, [&](ByteSource& source) { return read_uai_query(source, graph); });
}
std::vector<VariableId> read_uai_query(std::string_view text, const FactorGraph& graph,
                                       std::string source_name) {
  ByteSource source = ByteSource::from_memory(text, std::move(source_name));
  return read_uai_query(source, graph);
}
UaiPartition read_uai_partition(const std::filesystem::path& path) {
  return from_path(path, [](ByteSource& source) { return read_uai_partition(source); });
}
UaiMarginals read_uai_marginals(const std::filesystem::path& path) {
  return from_path(path, [](ByteSource& source) { return read_uai_marginals(source); });
}
UaiAssignment read_uai_assignment(const std::filesystem::path& path) {
  return from_path(path, [](ByteSource& source) { return read_uai_assignment(source); });
}
UaiPartialAssignment read_uai_partial_assignment(const std::filesystem::path& path) {
  return from_path(path, [](ByteSource& source) { return read_uai_partial_assignment(source); });
}

std::string write_uai(const UaiPartition& result) {
  std::string text = "PR\n";
  append_number(text, result.log10_z);
  return text + "\n";
}

std::string write_uai(const UaiMarginals& result) {
  std::string text = "MAR\n";
  append_numbers(text, {result.marginals.size()});
  for (const std::vector<double>& marginal : result.marginals) {
    append_numbers(text, {marginal.size()});
    for (const double p : marginal) {
      text.push_back(' ');
      append_number(text, p);
    }
  }
  return text + "\n";
}

std::string write_uai(const UaiAssignment& result) {
  std::string text = "MAP\n";
  append_numbers(text, {result.states.size()});
  for (const std::size_t state : result.states) append_numbers(text, {state});
  return text + "\n";
}

std::string write_uai(const UaiPartialAssignment& result) {
  if (result.variables.size() != result.states.size()) {
    throw QueryError(fmt::format("MMAP result: expected a state per variable, got {} and {}",
                                 result.states.size(), result.variables.size()));
  }
  std::string text = "MMAP\n";
  append_numbers(text, {result.states.size()});
  for (std::size_t i = 0; i < result.states.size(); ++i) {
    append_numbers(text, {result.variables[i], result.states[i]});
  }
  return text + "\n";
}

}  // namespace credo
