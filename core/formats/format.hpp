#pragma once
// Reading and writing factor graphs: one front, one table of formats.

#include <credo/core/factor_graph.hpp>

#include <cstdint>
#include <filesystem>
#include <iosfwd>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace credo {

class ByteSource;

/// File formats of models; docs/formats.md describes each.
enum class Format : std::uint8_t { uai, bif, xmlbif, net, json };

/// One line of the table of formats.
struct FormatInfo {
  Format format;
  std::string_view name;                           ///< as on a command line
  std::string_view description;                    ///< for people
  std::span<const std::string_view> extensions;    ///< without the dot; the first is preferred
  bool bayesian_only;                              ///< holds nothing but Bayesian networks
  FactorGraph (*read)(ByteSource& source);         ///< throws ParseError
  std::string (*write)(const FactorGraph& graph);  ///< throws ModelError
};

/// Every format, in the order of the enumeration.
[[nodiscard]] std::span<const FormatInfo> formats() noexcept;
/// The line of one format.
[[nodiscard]] const FormatInfo& format_info(Format format) noexcept;

/// The format of that name. Throws OptionError with the names there are.
[[nodiscard]] Format format_of_name(std::string_view name);
/// The format a path's extension names; a final ".gz" is ignored.
[[nodiscard]] std::optional<Format> format_of_path(const std::filesystem::path& path);

/// How a text is to be understood where it does not say so itself.
struct ReadOptions {
  /// Of the names, as iconv calls it ("latin1", "gbk"); empty: what a byte order mark or an XML
  /// declaration says, else UTF-8.
  std::string encoding;
  /// A UAI file of type BAYES is read as MARKOV: its tables need not be conditionals.
  bool uai_as_markov = false;
};

/// Reads a model; without a format, the extension decides. Gunzips what starts with the gzip magic.
/// Throws FileError when the file cannot be read or its format is unknown,
/// ParseError (source:line:column) on text that is not a valid model.
[[nodiscard]] FactorGraph read_model(const std::filesystem::path& path,
                                     std::optional<Format> format = {},
                                     const ReadOptions& options = {});
/// The same from text or a stream, which messages call source_name.
[[nodiscard]] FactorGraph read_model(std::string_view text, Format format, std::string source_name,
                                     const ReadOptions& options = {});
[[nodiscard]] FactorGraph read_model(std::istream& stream, Format format, std::string source_name,
                                     const ReadOptions& options = {});

/// The graph as text. Throws ModelError when the format cannot hold it exactly,
/// saying which can; what UAI drops by nature is said by losses().
[[nodiscard]] std::string write_model(const FactorGraph& graph, Format format);
/// Writes atomically, compressed when the path ends in ".gz". Throws FileError and ModelError.
void write_model(const std::filesystem::path& path, const FactorGraph& graph,
                 std::optional<Format> format = {});

/// What reading back a written graph would not return ("names of variables and
/// states become numbers"), for a note to the user; empty when nothing is lost.
[[nodiscard]] std::string losses(const FactorGraph& graph, Format format);

}  // namespace credo
