#pragma once
// The files of a command, looked at before the work: what it would read, what it would write.

#include "arguments.hpp"

#include <string>
#include <vector>

namespace credo::cli {

/// A file and what names it on the command line, for complaints: "--trace".
struct NamedPath {
  std::string option;
  std::string path;
};

struct CommandFiles {
  std::vector<NamedPath> inputs;
  std::vector<NamedPath> outputs;
};

/// Every file that the command line names. "-" and what is not given are left out.
[[nodiscard]] CommandFiles files_of(const Arguments& arguments);

/// Refuses, before anything is read: outputs that cannot be written, an output that is an input,
/// two outputs in one place. Links, hard links and different spellings of one name are seen
/// through. A terminal or /dev/null may be given twice, and --checkpoint may name the file of
/// --resume, which is read whole before. Throws FileError or OptionError.
void check_files(const CommandFiles& files);

}  // namespace credo::cli
