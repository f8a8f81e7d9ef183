#pragma once
// The options of one command, each bound to where its value goes. Its source is the only file that
// knows CLI11.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace credo::cli {

/// A name without dashes is a positional argument. Everything that is bound must outlive parse().
class OptionList {
 public:
  /// `name` as complaints give it: "credo pr".
  OptionList(std::string_view name, std::string_view summary);
  ~OptionList();
  OptionList(const OptionList&) = delete;
  OptionList& operator=(const OptionList&) = delete;

  /// An option with one value, called `type` in the help. The value a target has already is the
  /// default, and is shown; an optional target has none.
  OptionList& add(const char* name, std::string& target, const char* type, std::string_view help);
  OptionList& add(const char* name, double& target, const char* type, std::string_view help);
  OptionList& add(const char* name, std::uint64_t& target, const char* type, std::string_view help);
  OptionList& add(const char* name, std::optional<std::string>& target, const char* type,
                  std::string_view help);
  OptionList& add(const char* name, std::optional<double>& target, const char* type,
                  std::string_view help);
  OptionList& add(const char* name, std::optional<std::uint64_t>& target, const char* type,
                  std::string_view help);
  /// Repeatable.
  OptionList& add(const char* name, std::vector<std::string>& target, const char* type,
                  std::string_view help);
  OptionList& add_flag(const char* name, bool& target, std::string_view help);
  /// Two flags, of which at most one may be given.
  OptionList& add_choice(std::optional<bool>& target, const char* yes, std::string_view yes_help,
                         const char* no, std::string_view no_help);
  /// The option added last must be given.
  OptionList& required();

  [[nodiscard]] bool contains(const char* name) const;
  /// What the help ends with.
  void set_footer(const std::string& text);

  /// Sets the targets, or returns the help where it was asked for. Throws OptionError, with the
  /// nearest names, on anything unknown or ill-formed.
  [[nodiscard]] std::optional<std::string> parse(const std::vector<std::string>& words);

 private:
  struct Parser;

  [[nodiscard]] std::string help() const;
  [[noreturn]] void refuse_unexpected() const;

  std::unique_ptr<Parser> parser_;
};

}  // namespace credo::cli
