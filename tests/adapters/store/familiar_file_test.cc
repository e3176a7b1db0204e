// Proves that the file of a snapshot is whole at every moment, over kill -9 and a full disk; that nobody else may read it or write
// what is read of it; and that what cannot be read is said with what to do.
#include "adapters/store/familiar_file.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <random>

#include "tests/adapters/programs.h"
#include "tests/read_text.h"

namespace stockade {
namespace {

namespace fs = std::filesystem;

// So many bytes of one letter, in steps.
std::function<bool(std::string*)> Letters(char letter, size_t size) {
  return [letter, left = size](std::string* out) mutable {
    const size_t now = std::min<size_t>(left, 100'000);
    out->append(now, letter);
    left -= now;
    return left > 0;
  };
}

std::string Read(const std::string& path) {
  const auto bytes = FamiliarBytes::Open(path);
  if (!bytes.ok()) return std::string(bytes.status().message());
  std::string all;
  while (true) {
    const auto piece = (*bytes)->Next();
    if (!piece.ok()) return std::string(piece.status().message());
    if (piece->empty()) return all;
    all.append(*piece);
  }
}

std::string OpenError(const std::string& path) {
  return std::string(FamiliarFile::Open(path).status().message());
}

TEST_CASE("a snapshot is replaced whole and read by nobody else", "[store]") {
  TemporaryFolder folder;
  const std::string path = folder / "familiar";
  CHECK(absl::IsNotFound(FamiliarBytes::Open(path).status()));
  const auto file = FamiliarFile::Open(path);
  REQUIRE(file.ok());
  const auto saved = (*file)->Save(Letters('a', 2'500'000));
  REQUIRE(saved.ok());
  CHECK(*saved == 2'500'000);
  CHECK(Read(path) == std::string(2'500'000, 'a'));
  struct stat about;
  REQUIRE(stat(path.c_str(), &about) == 0);
  CHECK((about.st_mode & 07777) == 0600);
  REQUIRE((*file)->KeepBegun().ok());
  REQUIRE((*file)->Save(Letters('b', 10)).ok());
  CHECK(Read(path) == std::string(10, 'b'));
  CHECK(Read(path + ".begun") == std::string(2'500'000, 'a'));
  CHECK_FALSE(fs::exists(path + ".new"));
  CHECK_THAT(OpenError(path), Catch::Contains("another Stockade") && Catch::Contains("writes this snapshot"));
  const auto aside = (*file)->PutAside();
  REQUIRE(aside.ok());
  CHECK(Read(*aside) == std::string(10, 'b'));
  CHECK(absl::IsNotFound(FamiliarBytes::Open(path).status()));
}

TEST_CASE("what others may have written is not read", "[store]") {
  TemporaryFolder folder;
  const std::string path = folder.Write("familiar", "bytes");
  chmod(path.c_str(), 0600);
  CHECK(Read(path) == "bytes");
  chmod(path.c_str(), 0620);
  CHECK_THAT(Read(path), Catch::Contains("others may write it") && Catch::Contains("chmod 0600"));
  chmod(path.c_str(), 0602);
  CHECK_THAT(Read(path), Catch::Contains("others may write it"));
  chmod(path.c_str(), 0600);
  fs::create_symlink(path, folder / "link");
  CHECK_THAT(Read(folder / "link"), Catch::Contains("is a link"));
  fs::create_directory(folder / "folder");
  CHECK_THAT(Read(folder / "folder"), Catch::Contains("is no file"));
  REQUIRE(mkfifo((folder / "pipe").c_str(), 0600) == 0);
  CHECK_THAT(Read(folder / "pipe"), Catch::Contains("is no file"));
  if (geteuid() == 0) {
    REQUIRE(chown(path.c_str(), 4321, 4321) == 0);
    CHECK_THAT(Read(path), Catch::Contains("belongs to another user"));
    REQUIRE(chown(path.c_str(), 0, 0) == 0);
  }
  chmod(folder.path().c_str(), 0777);
  CHECK_THAT(Read(path), Catch::Contains("everybody may put files there"));
  CHECK_THAT(OpenError(path), Catch::Contains("everybody may put files there"));
  chmod(folder.path().c_str(), 01777);
  CHECK(Read(path) == "bytes");
  chmod(folder.path().c_str(), 0700);
}

TEST_CASE("a name that is none, a folder that is not there and a file that is too large are refused",
          "[store]") {
  TemporaryFolder folder;
  CHECK_THAT(OpenError(""), Catch::Contains("no name of a file"));
  CHECK_THAT(OpenError(folder.path() + "/"), Catch::Contains("no name of a file"));
  CHECK_THAT(OpenError(folder / "none/familiar"), Catch::Contains("Its folder must be there"));
  const std::string path = folder.Write("huge", "");
  chmod(path.c_str(), 0600);
  fs::resize_file(path, FamiliarBytes::kBytesMax + 1);  // a hole: no disk is used
  CHECK_THAT(Read(path), Catch::Contains("no snapshot has more than"));
}

TEST_CASE("a snapshot that is put aside takes nobody's place there", "[store]") {
  TemporaryFolder folder;
  const std::string path = folder / "familiar";
  const auto file = FamiliarFile::Open(path);
  REQUIRE(file.ok());
  for (const char letter : {'a', 'b', 'c'}) {
    REQUIRE((*file)->Save(Letters(letter, 5)).ok());
    const auto aside = (*file)->PutAside();
    REQUIRE(aside.ok());
    CHECK(ReadText(*aside) == std::string(5, letter));
    CHECK(!fs::exists(path));
  }
  CHECK(ReadText(path + ".refused") == "aaaaa");
  CHECK(ReadText(path + ".refused.2") == "ccccc");
}

TEST_CASE("a link at the name is replaced and not followed, and so is what a killed process left",
          "[store]") {
  TemporaryFolder folder;
  const std::string victim = folder.Write("victim", "precious");
  const std::string path = folder / "familiar";
  fs::create_symlink(victim, path);
  fs::create_symlink(victim, path + ".new");
  const auto file = FamiliarFile::Open(path);
  REQUIRE(file.ok());
  REQUIRE((*file)->Save(Letters('x', 5)).ok());
  CHECK(ReadText(victim) == "precious");
  CHECK(Read(path) == "xxxxx");
  CHECK_FALSE(fs::is_symlink(path));
}

TEST_CASE("a disk that is full leaves the old snapshot", "[store]") {
  TemporaryFolder folder;
  const std::string path = folder / "familiar";
  const auto file = FamiliarFile::Open(path);
  REQUIRE(file.ok());
  REQUIRE((*file)->Save(Letters('o', 1000)).ok());
  // A limit on file sizes is a disk that takes no more.
  const pid_t child = fork();
  if (child == 0) {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{500'000, 500'000};
    setrlimit(RLIMIT_FSIZE, &limit);
    const auto saved = (*file)->Save(Letters('n', 5'000'000));
    _exit(saved.ok() ? 1 : 0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  CHECK(WEXITSTATUS(status) == 0);
  CHECK(Read(path) == std::string(1000, 'o'));
  CHECK_FALSE(fs::exists(path + ".new"));
}

TEST_CASE("kill -9 at any moment of a save leaves the old snapshot or the new one", "[store]") {
  TemporaryFolder folder;
  const std::string path = folder / "familiar";
  std::mt19937 random(7);
  constexpr size_t kBytes = 1'500'000;
  int seen = 0;
  for (int round = 0; round < 40; ++round) {
    INFO("round " << round);
    int pipes[2];
    REQUIRE(pipe(pipes) == 0);
    const pid_t writer = fork();
    if (writer == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      const auto file = FamiliarFile::Open(path);
      if (!file.ok()) _exit(3);
      for (char letter = 'a';; letter = letter == 'z' ? 'a' : static_cast<char>(letter + 1)) {
        if (!(*file)->Save(Letters(letter, kBytes)).ok()) _exit(4);
        if (write(pipes[1], &letter, 1) != 1) _exit(5);
      }
    }
    close(pipes[1]);
    // After some saves, and somewhere within the next.
    char letter = 0;
    for (uint32_t saves = 1 + static_cast<uint32_t>(random()) % 3; saves > 0; --saves)
      REQUIRE(read(pipes[0], &letter, 1) == 1);
    for (volatile uint32_t spin = static_cast<uint32_t>(random()) % 3'000'000; spin > 0;) spin = spin - 1;
    kill(writer, SIGKILL);
    int status = 0;
    waitpid(writer, &status, 0);
    REQUIRE(WIFSIGNALED(status));
    for (char newer; read(pipes[0], &newer, 1) == 1;) letter = newer;
    close(pipes[0]);
    const std::string found = Read(path);
    REQUIRE(found.size() == kBytes);
    REQUIRE(found == std::string(kBytes, found[0]));
    const char next = letter == 'z' ? 'a' : static_cast<char>(letter + 1);
    REQUIRE((found[0] == letter || found[0] == next));
    seen += fs::exists(path + ".new") ? 1 : 0;
  }
  WARN(seen << " of 40 kills came in the middle of a save");
}

}  // namespace
}  // namespace stockade
