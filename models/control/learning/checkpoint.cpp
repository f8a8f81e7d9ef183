#include <credo/core/error.hpp>
#include <credo/models/control/learning/checkpoint.hpp>

#include <fmt/format.h>

#include <bit>
#include <utility>

// Layout: the line "credo checkpoint 1 KIND", then fields, then the check sum of all before it.
// A field: its type (one letter), the lengths of name and content (64 bits each), name, content.
// All integers little-endian, doubles as the integers of their bits. The check sum is FNV-1a, 64
// bits (Fowler, Noll, Vo 1991): it finds accidents, not forgeries; contents are checked by whoever
// reads them.

namespace credo::control::learning {
namespace {

constexpr std::string_view kMagic = "credo checkpoint ";
constexpr std::string_view kVersion = "1 ";
constexpr std::size_t kWord = 8;

void append_word(std::string& bytes, std::uint64_t value) {
  for (std::size_t i = 0; i < kWord; ++i) {
    bytes += static_cast<char>(static_cast<unsigned char>(value >> (8 * i)));
  }
}

std::uint64_t word_at(std::string_view bytes, std::size_t at) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < kWord; ++i) {
    value |= std::uint64_t{static_cast<unsigned char>(bytes[at + i])} << (8 * i);
  }
  return value;
}

std::uint64_t check_sum(std::string_view bytes) {
  std::uint64_t sum = 0xcbf29ce484222325;
  for (const char c : bytes) {
    sum = (sum ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  return sum;
}

void append_field(std::string& bytes, char type, std::string_view name, std::string_view content) {
  bytes += type;
  append_word(bytes, name.size());
  append_word(bytes, content.size());
  bytes += name;
  bytes += content;
}

[[noreturn]] void refuse_bytes(const std::string& source, std::string_view why) {
  throw FileError(fmt::format("{}: {}", source, why));
}

/// What follows the header, without the check sum.
std::string_view body_of(std::string_view bytes, std::string_view kind, const std::string& source) {
  if (!bytes.starts_with(kMagic)) {
    refuse_bytes(source, "not a checkpoint, expected a file that a learner of credo has written");
  }
  const std::size_t line = bytes.find('\n');
  if (line == std::string_view::npos || bytes.size() < line + 1 + kWord) {
    refuse_bytes(source, "this checkpoint is cut off; start anew without it");
  }
  const std::string_view words = bytes.substr(kMagic.size(), line - kMagic.size());
  if (!words.starts_with(kVersion)) {
    refuse_bytes(source, "a checkpoint of another version of credo, expected version 1");
  }
  const std::size_t end = bytes.size() - kWord;
  if (check_sum(bytes.substr(0, end)) != word_at(bytes, end)) {
    refuse_bytes(source, "this checkpoint is damaged or cut off; start anew without it");
  }
  if (words.substr(kVersion.size()) != kind) {
    refuse_bytes(source, fmt::format("a checkpoint of method {}, expected one of method {}",
                                     words.substr(kVersion.size()), kind));
  }
  return bytes.substr(line + 1, end - line - 1);
}

std::string packed(std::span<const std::uint64_t> words) {
  std::string bytes;
  bytes.reserve(words.size() * kWord);
  for (const std::uint64_t word : words) append_word(bytes, word);
  return bytes;
}

}  // namespace

CheckpointWriter::CheckpointWriter(std::string_view kind) {
  bytes_ = fmt::format("{}{}{}\n", kMagic, kVersion, kind);
}

void CheckpointWriter::text(std::string_view name, std::string_view value) {
  append_field(bytes_, 't', name, value);
}

void CheckpointWriter::count(std::string_view name, std::uint64_t value) {
  counts(name, {&value, 1});
}

void CheckpointWriter::numbers(std::string_view name, std::span<const double> values) {
  std::string bytes;
  bytes.reserve(values.size() * kWord);
  for (const double x : values) append_word(bytes, std::bit_cast<std::uint64_t>(x));
  append_field(bytes_, 'd', name, bytes);
}

void CheckpointWriter::counts(std::string_view name, std::span<const std::uint64_t> values) {
  append_field(bytes_, 'u', name, packed(values));
}

void CheckpointWriter::environment(std::string_view name, const EnvironmentState& state) {
  const std::string prefix(name);
  text(prefix + ".generator", state.generator);
  numbers(prefix + ".inner", state.inner);
  count(prefix + ".steps", state.steps);
  count(prefix + ".running", state.running ? 1 : 0);
}

std::string CheckpointWriter::take() {
  append_word(bytes_, check_sum(bytes_));
  return std::move(bytes_);
}

CheckpointReader::CheckpointReader(std::string_view bytes, std::string_view kind,
                                   std::string source)
    : source_(std::move(source)) {
  std::string_view rest = body_of(bytes, kind, source_);
  constexpr std::size_t kHead = 1 + 2 * kWord;
  while (!rest.empty()) {
    if (rest.size() < kHead) refuse("a field is cut off");
    const std::uint64_t name = word_at(rest, 1);
    const std::uint64_t content = word_at(rest, 1 + kWord);
    if (name > rest.size() - kHead || content > rest.size() - kHead - name) {
      refuse("a field is cut off");
    }
    std::string key(rest.substr(kHead, name));
    fields_[std::move(key)] = rest.front() + std::string(rest.substr(kHead + name, content));
    rest.remove_prefix(kHead + name + content);
  }
}

void CheckpointReader::refuse(const std::string& why) const {
  refuse_bytes(source_, fmt::format("this checkpoint makes no sense: {}", why));
}

const std::string& CheckpointReader::field(const std::string& name, char type) const {
  const auto found = fields_.find(name);
  if (found == fields_.end()) refuse(fmt::format("it has no {}", name));
  if (found->second.front() != type || (type != 't' && found->second.size() % kWord != 1)) {
    refuse(fmt::format("{} is of another type", name));
  }
  return found->second;
}

std::string CheckpointReader::text(const std::string& name) const {
  return field(name, 't').substr(1);
}

std::uint64_t CheckpointReader::count(const std::string& name) const {
  const std::vector<std::uint64_t> all = counts(name);
  if (all.size() != 1) refuse(fmt::format("{} is not a single number", name));
  return all.front();
}

double CheckpointReader::number(const std::string& name) const { return numbers(name, 1).front(); }

std::vector<double> CheckpointReader::numbers(const std::string& name, std::size_t size) const {
  std::vector<double> values = numbers(name);
  if (values.size() != size) {
    refuse(fmt::format("{} has {} numbers, expected {}", name, values.size(), size));
  }
  return values;
}

std::vector<double> CheckpointReader::numbers(const std::string& name) const {
  const std::string& bytes = field(name, 'd');
  std::vector<double> values;
  values.reserve(bytes.size() / kWord);
  for (std::size_t at = 1; at < bytes.size(); at += kWord) {
    values.push_back(std::bit_cast<double>(word_at(bytes, at)));
  }
  return values;
}

std::vector<std::uint64_t> CheckpointReader::counts(const std::string& name) const {
  const std::string& bytes = field(name, 'u');
  std::vector<std::uint64_t> values;
  for (std::size_t at = 1; at < bytes.size(); at += kWord) values.push_back(word_at(bytes, at));
  return values;
}

EnvironmentState CheckpointReader::environment(const std::string& name) const {
  EnvironmentState state;
  state.generator = text(name + ".generator");
  state.inner = numbers(name + ".inner");
  state.steps = count(name + ".steps");
  state.running = count(name + ".running") != 0;
  return state;
}

void CheckpointReader::require_text(const std::string& name, std::string_view expected) const {
  const std::string found = text(name);
  if (found != expected) {
    refuse_bytes(source_, fmt::format("{} of this checkpoint is {}, but {} is asked for; ask for "
                                      "the same, or start anew without it",
                                      name, found, expected));
  }
}

}  // namespace credo::control::learning
