#include "interim_output.hpp"

#include "output.hpp"

#include <credo/core/error.hpp>
#include <credo/core/formats/output_target.hpp>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

namespace credo::cli {
namespace {

/// An earlier file that is larger is no answer of this program; it waits for the last answer.
constexpr off_t kMostBytesKept = off_t{1} << 26;

/// The same file with the same content. A number of a file that is gone is given to new ones.
bool is_unchanged(const struct stat& now, const struct stat& then) {
  return now.st_dev == then.st_dev && now.st_ino == then.st_ino && now.st_size == then.st_size &&
         now.st_mtim.tv_sec == then.st_mtim.tv_sec && now.st_mtim.tv_nsec == then.st_mtim.tv_nsec;
}

}  // namespace

bool InterimOutput::begin() {
  if (path_.empty() || path_ == "-") return false;
  const OutputTarget target = resolve_output(path_);
  if (target.kind == OutputKind::fresh) return true;
  if (target.kind != OutputKind::regular || target.status.st_size > kMostBytesKept) return false;
  std::ifstream file(target.path(), std::ios::binary);
  if (!file) return false;
  earlier_.emplace(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  return !file.bad();
}

void InterimOutput::write(const std::string& text) {
  if (!begun_) writes_ = begin();
  begun_ = true;
  if (!writes_) return;
  write_output(text, path_);
  if (::stat(path_.c_str(), &written_) != 0) written_ = {};
}

void InterimOutput::retract() {
  if (written_.st_ino == 0) return;
  const OutputTarget target = resolve_output(path_);
  const bool own = target.kind == OutputKind::regular && is_unchanged(target.status, written_);
  if (!own) return;  // someone else's by now
  if (earlier_) {
    restore_output(*earlier_, path_);
  } else {
    std::error_code ignored;
    std::filesystem::remove(target.path(), ignored);
  }
  written_ = {};
}

}  // namespace credo::cli
