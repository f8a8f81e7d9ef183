// Nothing that a user names as an output is destroyed: links, devices, FIFOs, descriptors, owners.

#include <credo/core/error.hpp>
#include <credo/core/formats/atomic_file.hpp>
#include <credo/core/formats/output_target.hpp>

#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace credo {
namespace {

namespace fs = std::filesystem;

class Folder {
 public:
  Folder() {
    std::string pattern = (fs::temp_directory_path() / "credo_XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  [[nodiscard]] fs::path operator/(const std::string& name) const { return path_ / name; }
  [[nodiscard]] const fs::path& path() const { return path_; }
  [[nodiscard]] std::ptrdiff_t entries() const {
    return std::distance(fs::directory_iterator(path_), {});
  }

 private:
  fs::path path_;
};

std::string content(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void put(const fs::path& path, std::string_view text) { std::ofstream(path) << text; }

struct stat status_of(const fs::path& path) {
  struct stat status{};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status;
}

bool is_root() { return ::geteuid() == 0; }

/// The exit status of `action` in a child process; doctest's state is not shared with it.
template <typename Action>
int in_child(Action action) {
  const pid_t child = ::fork();
  if (child == 0) {
    int code = 99;
    try {
      code = action();
    } catch (...) {
    }
    ::_exit(code);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

TEST_CASE("atomic files: a link that dangles stays one, and its target is created") {
  const Folder folder;
  fs::create_symlink("target", folder / "link");
  fs::create_symlink("link", folder / "second");
  write_file_atomically(folder / "second", "one");
  CHECK(fs::read_symlink(folder / "second") == "link");
  CHECK(fs::read_symlink(folder / "link") == "target");
  CHECK(content(folder / "target") == "one");
  CHECK(folder.entries() == 3);
}

TEST_CASE("atomic files: links that lead nowhere are refused and stay") {
  const Folder folder;
  fs::create_symlink("b", folder / "a");
  fs::create_symlink("a", folder / "b");
  fs::create_symlink("none/file", folder / "lost");
  for (const char* name : {"a", "lost"}) {
    CAPTURE(name);
    CHECK_THROWS_AS(write_file_atomically(folder / name, "x"), FileError);
    CHECK_THROWS_AS(require_writable(folder / name), FileError);
    CHECK(fs::is_symlink(folder / name));
  }
  CHECK(folder.entries() == 3);
}

TEST_CASE("atomic files: hard links stay links to one file") {
  const Folder folder;
  put(folder / "a", "a much longer earlier text");
  fs::create_hard_link(folder / "a", folder / "b");
  write_file_atomically(folder / "b", "new");
  CHECK(content(folder / "a") == "new");
  CHECK(status_of(folder / "a").st_nlink == 2);
  CHECK(folder.entries() == 2);
}

TEST_CASE("atomic files: owner, group, mode and attributes of an earlier file stay") {
  const Folder folder;
  const fs::path path = folder / "p";
  put(path, "old");
  ::chmod(path.c_str(), 0640);
  const bool attributes = ::setxattr(path.c_str(), "user.note", "kept", 4, 0) == 0;
  if (is_root()) {
    REQUIRE(::chown(path.c_str(), 1, 2) == 0);
    ::chmod(path.c_str(), 06640);
  }
  write_file_atomically(path, "new");
  const struct stat now = status_of(path);
  CHECK(content(path) == "new");
  CHECK((now.st_mode & 07777) == (is_root() ? 06640U : 0640U));
  if (is_root()) {
    CHECK(now.st_uid == 1);
    CHECK(now.st_gid == 2);
  }
  std::array<char, 8> value{};
  if (attributes) CHECK(::getxattr(path.c_str(), "user.note", value.data(), value.size()) == 4);
}

TEST_CASE("atomic files: a file of someone else never becomes the writer's with its setuid bit") {
  if (!is_root()) return;
  const Folder folder;
  ::chmod(folder.path().c_str(), 0777);
  const fs::path path = folder / "p";
  put(path, "old");
  ::chmod(path.c_str(), 06666);
  const int code = in_child([&] {
    if (::setgid(1) != 0 || ::setuid(1) != 0) return 98;
    write_file_atomically(path, "new");
    return 0;
  });
  CHECK(code == 0);
  CHECK(content(path) == "new");
  CHECK(status_of(path).st_uid == 0);
  CHECK((status_of(path).st_mode & 04000) == 0);
  CHECK(folder.entries() == 1);
}

TEST_CASE("atomic files: a new file has what the mask leaves, and nobody's mask is touched") {
  const Folder folder;
  const mode_t before = ::umask(027);
  write_file_atomically(folder / "a", "x");
  CHECK((status_of(folder / "a").st_mode & 07777) == 0640);
  std::atomic<bool> open_window = false;
  std::atomic<bool> stop = false;
  std::thread other([&] {
    while (!stop) {
      const int fd = ::open((folder / "other").c_str(), O_CREAT | O_EXCL | O_WRONLY, 0666);
      if ((status_of(folder / "other").st_mode & 07) != 0) open_window = true;
      ::close(fd);
      ::unlink((folder / "other").c_str());
    }
  });
  for (int i = 0; i < 200; ++i) write_file_atomically(folder / std::to_string(i), "x");
  stop = true;
  other.join();
  ::umask(before);
  CHECK_FALSE(open_window);
}

TEST_CASE("atomic files: names of 255 bytes") {
  const Folder folder;
  const fs::path path = folder / std::string(255, 'a');
  for (const char* text : {"one", "two"}) {
    write_file_atomically(path, text);
    CHECK(content(path) == text);
  }
  CHECK_THROWS_AS(require_writable(folder / std::string(256, 'a')), FileError);
  CHECK(folder.entries() == 1);
}

TEST_CASE("atomic files: FIFOs and devices are written through") {
  const Folder folder;
  const fs::path fifo = folder / "fifo";
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  const int reader = ::open(fifo.c_str(), O_RDONLY | O_NONBLOCK);
  write_file_atomically(fifo, "through");
  std::array<char, 16> got{};
  CHECK(::read(reader, got.data(), got.size()) == 7);
  ::close(reader);
  CHECK(fs::is_fifo(fifo));
  if (is_root() && ::mknod((folder / "null").c_str(), S_IFCHR | 0666, makedev(1, 3)) == 0 &&
      ::access((folder / "null").c_str(), W_OK) == 0) {
    fs::create_symlink("null", folder / "link");
    CHECK_NOTHROW(write_file_atomically(folder / "link", "x"));
    CHECK(fs::is_character_file(folder / "null"));
    CHECK(fs::is_symlink(folder / "link"));
  }
}

TEST_CASE("atomic files: sockets and folders are refused and stay") {
  const Folder folder;
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string name = folder / "socket";
  name.copy(address.sun_path, sizeof(address.sun_path) - 1);
  REQUIRE(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
  CHECK_THROWS_AS(require_writable(name), FileError);
  CHECK_THROWS_AS(write_file_atomically(name, "x"), FileError);
  CHECK(fs::is_socket(name));
  ::close(fd);
  fs::create_directory(folder / "sub");
  for (const std::string path : {"sub", "sub/", "sub/.", "socket/x", "none/x"}) {
    CAPTURE(path);
    CHECK_THROWS_AS(require_writable(folder / path), FileError);
    CHECK_THROWS_AS(write_file_atomically(folder / path, "x"), FileError);
  }
  CHECK_THROWS_AS(require_writable(""), FileError);
  CHECK(folder.entries() == 2);
}

TEST_CASE("atomic files: names of open descriptors are written from where they stand") {
  const Folder folder;
  const fs::path path = folder / "log";
  put(path, "precious\n");
  const int fd = ::open(path.c_str(), O_WRONLY | O_APPEND);
  fs::create_symlink("/dev/fd/" + std::to_string(fd), folder / "link");
  write_file_atomically("/dev/fd/" + std::to_string(fd), "one\n");
  write_file_atomically("/proc/self/fd/" + std::to_string(fd), "two\n");
  write_file_atomically("/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(fd), "3\n");
  write_file_atomically(folder / "link", "four\n");
  CHECK(content(path) == "precious\none\ntwo\n3\nfour\n");
  // A file that has lost its name is still the descriptor's.
  fs::remove(path);
  write_file_atomically("/dev/fd/" + std::to_string(fd), "gone\n");
  struct stat status{};
  REQUIRE(::fstat(fd, &status) == 0);
  CHECK(status.st_size == 29);
  CHECK(folder.entries() == 1);
  ::close(fd);
  CHECK_THROWS_AS(write_file_atomically("/dev/fd/" + std::to_string(fd), "x"), FileError);
  const int reading = ::open("/dev/null", O_RDONLY);
  CHECK_THROWS_AS(require_writable("/dev/fd/" + std::to_string(reading)), FileError);
  ::close(reading);
}

TEST_CASE("atomic files: whether a place can be written is known before") {
  if (!is_root()) return;
  const Folder folder;
  fs::create_directory(folder / "locked");
  ::chmod(folder.path().c_str(), 0755);
  ::chmod((folder / "locked").c_str(), 0555);
  put(folder / "protected", "x");
  ::chmod((folder / "protected").c_str(), 0444);
  put(folder / "locked/open", "old");
  ::chmod((folder / "locked/open").c_str(), 0666);
  const auto refuses = [](const fs::path& path) {
    try {
      require_writable(path);
    } catch (const FileError&) {
      return true;
    }
    return false;
  };
  const int code = in_child([&] {
    if (::setgid(1) != 0 || ::setuid(1) != 0) return 98;
    if (!refuses(folder / "locked/new")) return 1;
    if (!refuses(folder / "protected")) return 2;
    if (!refuses(folder / "locked/open/x")) return 3;
    if (refuses(folder / "locked/open")) return 4;
    write_file_atomically(folder / "locked/open", "new");
    return 0;
  });
  CHECK(code == 0);
  CHECK(content(folder / "locked/open") == "new");
  CHECK_FALSE(fs::exists(folder / "locked/new"));
}

TEST_CASE("atomic files: a full disk leaves the old content") {
  // /dev/full is a device, so a limit on the size of files stands for the disk.
  const Folder folder;
  put(folder / "a", "old");
  put(folder / "b", "old");
  fs::create_hard_link(folder / "b", folder / "c");
  const int code = in_child([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit small{1000, 1000};
    if (::setrlimit(RLIMIT_FSIZE, &small) != 0) return 98;
    int failures = 0;
    for (const char* name : {"a", "b", "new"}) {
      try {
        write_file_atomically(folder / name, std::string(5000, 'x'));
      } catch (const FileError&) {
        ++failures;
      }
    }
    return failures;
  });
  CHECK(code == 3);
  CHECK(content(folder / "a") == "old");
  CHECK(content(folder / "b") == "old");
  CHECK(folder.entries() == 3);
}

TEST_CASE("atomic files: the program hears of critical moments") {
  const Folder folder;
  int names = 0;
  int calls = 0;
  const CriticalMomentHook hook = [&](bool begins) {
    names += begins ? 1 : -1;
    ++calls;
  };
  write_file_atomically(folder / "a", "one", hook);
  write_file_atomically(folder / "a", "two", hook);
  CHECK(names == 0);
  CHECK(calls >= 2);
  CHECK(folder.entries() == 1);
}

}  // namespace
}  // namespace credo
