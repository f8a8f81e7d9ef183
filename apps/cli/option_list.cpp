#include "option_list.hpp"

#include <credo/core/error.hpp>
#include <credo/core/names.hpp>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <charconv>

namespace credo::cli {
namespace {

/// CLI11 reads "-1" as a huge unsigned number, and cuts what is too large.
std::string check_count(const std::string& text) {
  std::uint64_t value = 0;
  const char* const last = text.data() + text.size();
  const auto [end, failure] = std::from_chars(text.data(), last, value);
  if (failure == std::errc::result_out_of_range) {
    return fmt::format("expected a whole number below 2^64, got '{}'", text);
  }
  return failure == std::errc{} && end == last
             ? ""
             : fmt::format("expected a whole number, got '{}'", text);
}

/// CLI11's own words for what is no number are no help.
std::string check_number(const std::string& text) {
  double value = 0.0;
  const char* const last = text.data() + text.size();
  const auto [end, failure] = std::from_chars(text.data(), last, value);
  return failure == std::errc{} && end == last ? ""
                                               : fmt::format("expected a number, got '{}'", text);
}

}  // namespace

struct OptionList::Parser {
  Parser(std::string_view name, std::string_view about)
      : app{std::string(about), std::string(name)}, summary(about) {}

  CLI::App app;
  std::string summary;
  CLI::Option* last = nullptr;

  CLI::Option* bind(const char* name, auto& target, const char* type, std::string_view help) {
    last = app.add_option(name, target, std::string(help))->type_name(type);
    last->check([type](const std::string& text) {
      return text.empty() ? fmt::format("expected {}, got an empty text", type) : std::string();
    });
    return last;
  }
};

OptionList::OptionList(std::string_view name, std::string_view summary)
    : parser_(std::make_unique<Parser>(name, summary)) {
  parser_->app.get_formatter()->column_width(34);
}

OptionList::~OptionList() = default;

OptionList& OptionList::add(const char* name, std::string& target, const char* type,
                            std::string_view help) {
  parser_->bind(name, target, type, help)->capture_default_str();
  return *this;
}

OptionList& OptionList::add(const char* name, double& target, const char* type,
                            std::string_view help) {
  parser_->bind(name, target, type, help)->check(check_number)->capture_default_str();
  return *this;
}

OptionList& OptionList::add(const char* name, std::uint64_t& target, const char* type,
                            std::string_view help) {
  parser_->bind(name, target, type, help)->check(check_count)->capture_default_str();
  return *this;
}

OptionList& OptionList::add(const char* name, std::optional<std::string>& target, const char* type,
                            std::string_view help) {
  parser_->bind(name, target, type, help);
  return *this;
}

OptionList& OptionList::add(const char* name, std::optional<double>& target, const char* type,
                            std::string_view help) {
  parser_->bind(name, target, type, help)->check(check_number);
  return *this;
}

OptionList& OptionList::add(const char* name, std::optional<std::uint64_t>& target,
                            const char* type, std::string_view help) {
  parser_->bind(name, target, type, help)->check(check_count);
  return *this;
}

OptionList& OptionList::add(const char* name, std::vector<std::string>& target, const char* type,
                            std::string_view help) {
  parser_->bind(name, target, type, help)->allow_extra_args(false);
  return *this;
}

OptionList& OptionList::add_flag(const char* name, bool& target, std::string_view help) {
  parser_->last = parser_->app.add_flag(name, target, std::string(help));
  return *this;
}

OptionList& OptionList::add_choice(std::optional<bool>& target, const char* yes,
                                   std::string_view yes_help, const char* no,
                                   std::string_view no_help) {
  CLI::App& app = parser_->app;
  auto* const first =
      app.add_flag_callback(yes, [&target] { target = true; }, std::string(yes_help));
  parser_->last = app.add_flag_callback(no, [&target] { target = false; }, std::string(no_help));
  parser_->last->excludes(first);
  return *this;
}

OptionList& OptionList::required() {
  parser_->last->required()->default_str("");
  return *this;
}

bool OptionList::contains(const char* name) const {
  return parser_->app.get_option_no_throw(name) != nullptr;
}

void OptionList::set_footer(const std::string& text) { parser_->app.footer(text); }

std::string OptionList::help() const {
  std::string text = parser_->app.help();
  text.replace(0, std::min(text.size(), text.find("Usage: ")),
               fmt::format("{}\n\n", parser_->summary));
  return text;
}

void OptionList::refuse_unexpected() const {
  const std::string program = parser_->app.get_name();
  const std::vector<std::string> extras = parser_->app.remaining();
  const auto option = std::find_if(extras.begin(), extras.end(), [](const std::string& extra) {
    return extra.size() > 1 && extra.front() == '-';
  });
  if (option == extras.end()) {
    throw OptionError(
        fmt::format("unexpected argument '{}'; see {} --help", extras.front(), program));
  }
  const std::string given = option->substr(0, option->find('='));
  std::vector<std::string> known;
  for (const CLI::Option* each : parser_->app.get_options()) {
    for (const std::string& name : each->get_lnames()) {
      known.push_back("--" + name);
    }
  }
  throw OptionError(fmt::format("unknown option '{}' of {}{}; see {} --help", given, program,
                                did_you_mean(given, known), program));
}

std::optional<std::string> OptionList::parse(const std::vector<std::string>& words) {
  std::vector<std::string> rest(words.rbegin(), words.rend());  // CLI11 takes them off the back
  try {
    parser_->app.parse(rest);
  } catch (const CLI::CallForHelp&) {
    return help();
  } catch (const CLI::ExtrasError&) {
    refuse_unexpected();
  } catch (const CLI::ParseError& error) {
    throw OptionError(fmt::format("{}; see {} --help", error.what(), parser_->app.get_name()));
  }
  return std::nullopt;
}

}  // namespace credo::cli
