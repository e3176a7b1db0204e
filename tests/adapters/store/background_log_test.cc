// Proves that a background log writes every line in order or says that it stopped, leaves no hole, and never waits.
#include "adapters/store/background_log.h"
#include "tests/read_text.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

namespace stockade {
namespace {

std::string TemporaryPath(const std::string& name) {
  return (std::filesystem::temp_directory_path() / ("stockade_" + std::to_string(getpid()) + "_" + name))
      .string();
}
TEST_CASE("lines of several threads are all there, each whole, each thread's in order", "[store]") {
  const std::string path = TemporaryPath("lines");
  auto log = BackgroundLog::Create(path, nullptr);
  REQUIRE(log.ok());
  constexpr int kThreads = 4;
  constexpr int kLines = 5000;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&log, thread] {
      for (int i = 0; i < kLines; ++i) (*log)->Append(std::to_string(thread) + " " + std::to_string(i));
    });
  }
  for (std::thread& thread : threads) thread.join();
  REQUIRE((*log)->Close().ok());
  CHECK((*log)->lost() == 0);
  std::istringstream text(ReadText(path));
  int next[kThreads] = {};
  int thread = 0;
  int number = 0;
  while (text >> thread >> number) REQUIRE(number == next[thread]++);
  for (const int count : next) CHECK(count == kLines);
  std::filesystem::remove(path);
}

TEST_CASE("a line is in the file soon, without a Close", "[store]") {
  const std::string path = TemporaryPath("soon");
  auto log = BackgroundLog::Create(path, nullptr);
  REQUIRE(log.ok());
  (*log)->Append("here");
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (ReadText(path) != "here\n" && std::chrono::steady_clock::now() < deadline) usleep(10'000);
  CHECK(ReadText(path) == "here\n");
  std::filesystem::remove(path);
}

TEST_CASE("a full disk stops the log once and loudly; lines after it are counted and cost nothing",
          "[store]") {
  if (access("/dev/full", W_OK) != 0) {
    WARN("skipped: there is no /dev/full here");
    return;
  }
  std::atomic<int> said{0};
  std::string why;
  auto log = BackgroundLog::Create("/dev/full", [&](std::string_view text) {
    why = std::string(text);
    ++said;
  });
  REQUIRE(log.ok());
  (*log)->Append("one");
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!(*log)->stopped() && std::chrono::steady_clock::now() < deadline) usleep(1000);
  REQUIRE((*log)->stopped());
  for (int i = 0; i < 10; ++i) (*log)->Append("more");
  const absl::Status status = (*log)->Close();
  CHECK(status.message().find("/dev/full") != std::string::npos);
  CHECK((*log)->Close() == status);
  CHECK(said == 1);
  CHECK(why.find("No space left") != std::string::npos);
  CHECK((*log)->lost() == 10);
}

TEST_CASE("where lines come faster than they are written, the log ends with what it has: no hole",
          "[store]") {
  // A pipe that nobody reads: the writer thread stands still.
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  std::atomic<int> said{0};
  auto log =
      BackgroundLog::Create("/proc/self/fd/" + std::to_string(ends[1]), [&](std::string_view) { ++said; });
  REQUIRE(log.ok());
  const std::string line(1 << 20, 'x');
  for (size_t i = 0; i < 2 * (BackgroundLog::kQueueBytesMax >> 20); ++i) (*log)->Append(line);
  CHECK((*log)->lost() > 0);
  // Now somebody reads, to the end.
  std::string got;
  std::thread reader([&] {
    char bytes[65536];
    ssize_t size = 0;
    while ((size = read(ends[0], bytes, sizeof bytes)) > 0) got.append(bytes, static_cast<size_t>(size));
  });
  const absl::Status status = (*log)->Close();
  close(ends[1]);
  reader.join();
  close(ends[0]);
  CHECK_FALSE(status.ok());
  CHECK(said == 1);
  CHECK(got.size() % (line.size() + 1) == 0);  // whole lines only
}

}  // namespace
}  // namespace stockade
