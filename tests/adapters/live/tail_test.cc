// A tail against everything that happens to logs: rotation by renaming and by copying, cuts, deletion, links, globs, half
// lines; restarts, of which none may lose or double a line; and a process that is killed again and again.
#include <fcntl.h>
#include <sys/wait.h>

#include <csignal>
#include <random>
#include <set>

#include "adapters/live/tail_source.h"
#include "tests/adapters/live/live_scene.h"

namespace stockade {
namespace {

TailOptions Options(const std::string& pattern, const std::string& position = "") {
  TailOptions options;
  options.pattern = pattern;
  options.position_file = position;
  options.reading.format = "ndjson";
  options.from_begin = true;
  return options;
}

std::unique_ptr<TailSource> OpenTail(const TailOptions& options) {
  auto tail = TailSource::Open(options);
  INFO(tail.status());
  REQUIRE(tail.ok());
  return *std::move(tail);
}

TEST_CASE("lines come as they are written, half ones once they are whole", "[tail]") {
  const LiveFolder folder;
  const std::string log = folder / "log";
  AppendTo(log, LoginLines(0, 3));
  LiveTaker taker;
  const auto tail = OpenTail(Options(log));
  REQUIRE(tail->Start(&taker.queue()).ok());
  CHECK(taker.Until(3) == Numbers(0, 3));
  const std::string line = LoginLine("3");
  AppendTo(log, line.substr(0, 20));
  AppendTo(log, line.substr(20) + "no json\n" + LoginLine("4"));
  CHECK(taker.Until(6) == std::vector<std::string>{"0", "1", "2", "3", "!", "4"});
  tail->Stop();
  const LiveCounters counters = tail->counters();
  CHECK(counters.received == 6);
  CHECK(counters.records == 5);
  CHECK(counters.unreadable == 1);
}

TEST_CASE("a tail from the end begins behind the last whole line", "[tail]") {
  const LiveFolder folder;
  const std::string log = folder / "log";
  const std::string half = LoginLine("1");
  AppendTo(log, LoginLine("0") + half.substr(0, 30));
  LiveTaker taker;
  TailOptions options = Options(log, folder / "position");
  options.from_begin = false;
  const auto tail = OpenTail(options);
  REQUIRE(tail->Start(&taker.queue()).ok());
  // Its place is kept once it has looked.
  while (!std::filesystem::exists(folder / "position") || LoadPositions(folder / "position")->empty())
    usleep(1000);
  AppendTo(log, half.substr(30) + LoginLine("2"));
  CHECK(taker.Until(2) == Numbers(1, 3));
}

TEST_CASE("a log that is renamed is read to its end, and the new one from its begin", "[tail]") {
  const LiveFolder folder;
  const std::string log = folder / "log";
  AppendTo(log, LoginLines(0, 2));
  LiveTaker taker;
  const auto tail = OpenTail(Options(log));
  REQUIRE(tail->Start(&taker.queue()).ok());
  taker.Until(2);
  std::filesystem::rename(log, log + ".1");
  AppendTo(log + ".1", LoginLine("2"));  // its writer has not let go yet
  CHECK(taker.Until(3) == Numbers(0, 3));
  AppendTo(log, LoginLine("3"));
  CHECK(taker.Until(4) == Numbers(0, 4));
  AppendTo(log + ".1", LoginLine("late"));
  CHECK(taker.Until(5).back() == "late");
  std::filesystem::remove(log);
  AppendTo(log, LoginLine("4"));
  CHECK(taker.Until(6).back() == "4");
}

TEST_CASE("a log that is copied and cut is read on, and its copy is not", "[tail]") {
  const LiveFolder folder;
  const std::string log = folder / "log";
  const std::string pattern = GENERATE(std::string("log"), std::string("log*"));
  AppendTo(log, LoginLines(0, 20));
  LiveTaker taker;
  const auto tail = OpenTail(Options(folder / pattern));
  REQUIRE(tail->Start(&taker.queue()).ok());
  taker.Until(20);
  std::filesystem::copy_file(log, log + ".1");
  std::filesystem::resize_file(log, 0);
  AppendTo(log, LoginLines(20, 23));
  CHECK(taker.Until(23) == Numbers(0, 23));
  // Cut again, and by a writer that goes on at its old place: a hole of zeros, then its line.
  std::filesystem::resize_file(log, 0);
  std::filesystem::resize_file(log, 300'000);
  AppendTo(log, LoginLine("23"));
  CHECK(taker.Until(24) == Numbers(0, 24));
  CHECK(tail->counters().lost == 0);
}

TEST_CASE("a link is followed to what it names, a glob to files that appear", "[tail]") {
  const LiveFolder folder;
  AppendTo(folder / "first", LoginLine("0"));
  AppendTo(folder / "second", LoginLine("2"));
  std::filesystem::create_symlink(folder / "first", folder / "app.log");
  LiveTaker taker;
  const auto tail = OpenTail(Options(folder / "*.log"));
  REQUIRE(tail->Start(&taker.queue()).ok());
  taker.Until(1);
  AppendTo(folder / "first", LoginLine("1"));
  CHECK(taker.Until(2) == Numbers(0, 2));
  std::filesystem::remove(folder / "app.log");
  std::filesystem::create_symlink(folder / "second", folder / "app.log");
  CHECK(taker.Until(3) == Numbers(0, 3));
  AppendTo(folder / "new.log", LoginLine("3"));
  AppendTo(folder / "packed.log.gz", "\x1f\x8b");
  CHECK(taker.Until(4) == Numbers(0, 4));
}

// Whether this process, and so its tail, has a file open whose name is `path`.
bool IsOpen(const std::string& path) {
  std::error_code ignored;
  for (const auto& file : std::filesystem::directory_iterator("/proc/self/fd")) {
    const std::string name = std::filesystem::read_symlink(file.path(), ignored).string();
    if (name == path || name == path + " (deleted)") return true;
  }
  return false;
}
template <typename Condition>
bool Comes(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!condition() && std::chrono::steady_clock::now() < deadline) usleep(1000);
  return condition();
}

TEST_CASE("what is deleted under a glob is let go of", "[tail]") {
  const LiveFolder folder;
  AppendTo(folder / "a.log", LoginLine("0"));
  AppendTo(folder / "b.log", LoginLine("1"));
  LiveTaker taker;
  TailOptions options = Options(folder / "*.log");
  options.rotated_idle = absl::ZeroDuration();
  const auto tail = OpenTail(options);
  REQUIRE(tail->Start(&taker.queue()).ok());
  taker.Until(2);
  REQUIRE(IsOpen(folder / "a.log"));
  std::filesystem::remove(folder / "a.log");
  CHECK(Comes([&] { return !IsOpen(folder / "a.log"); }));
  CHECK(IsOpen(folder / "b.log"));
}

TEST_CASE("of more files than may be followed each is read once, and again when it is written", "[tail]") {
  const LiveFolder folder;
  constexpr int kMany = static_cast<int>(TailSource::kFilesMax) + 44;
  const auto path = [&](int file) { return folder / ("app-" + std::to_string(1000 + file) + ".log"); };
  for (int i = 0; i < kMany; ++i) AppendTo(path(i), LoginLine(std::to_string(i)));
  TailOptions options = Options(folder / "app-*.log", folder / "position");
  options.from_begin = GENERATE(true, false);
  std::set<std::string> expected;
  {
    LiveTaker taker;
    const auto tail = OpenTail(options);
    REQUIRE(tail->Start(&taker.queue()).ok());
    size_t count = options.from_begin ? kMany : 0;
    for (int i = 0; i < kMany && options.from_begin; ++i) expected.insert(std::to_string(i));
    taker.Until(count);
    REQUIRE(Comes([&] {
      const auto positions = LoadPositions(options.position_file);
      return positions.ok() && positions->size() == kMany;
    }));
    for (const int file : {kMany - 1, 0, kMany / 2}) {
      AppendTo(path(file), LoginLine("more" + std::to_string(file)));
      expected.insert("more" + std::to_string(file));
      taker.Until(++count);
    }
    tail->Stop();
    taker.TakeAll();
    CHECK(std::set<std::string>(taker.accounts().begin(), taker.accounts().end()) == expected);
    CHECK(taker.accounts().size() == count);
    CHECK(tail->counters().refused == 0);
  }
  LiveTaker taker;
  const auto tail = OpenTail(options);
  for (const int file : {0, kMany - 1}) AppendTo(path(file), LoginLine("last"));
  REQUIRE(tail->Start(&taker.queue()).ok());
  CHECK(taker.Until(2) == std::vector<std::string>{"last", "last"});
  tail->Stop();
  taker.TakeAll();
  CHECK(taker.accounts().size() == 2);
}

TEST_CASE("a copy that a glob finds while it is empty is not read", "[tail]") {
  const LiveFolder folder;
  const std::string log = folder / "log";
  AppendTo(log, LoginLines(0, 20));
  LiveTaker taker;
  const auto tail = OpenTail(Options(folder / "log*"));
  REQUIRE(tail->Start(&taker.queue()).ok());
  taker.Until(20);
  AppendTo(log + ".1", "");
  REQUIRE(Comes([&] { return IsOpen(log + ".1"); }));
  AppendTo(log + ".1", LoginLines(0, 20));
  std::filesystem::resize_file(log, 0);
  AppendTo(log, LoginLines(20, 23));
  CHECK(taker.Until(23) == Numbers(0, 23));
  AppendTo(log, LoginLine("23"));
  CHECK(taker.Until(24) == Numbers(0, 24));
  // What only begins alike for a few bytes is no copy.
  AppendTo(log + ".other", LoginLine("24"));
  CHECK(taker.Until(25) == Numbers(0, 25));
  AppendTo(log + ".third", LoginLine("24"));
  CHECK(taker.Until(26).size() == 26);
}

TEST_CASE("an empty log that is rotated does not bring back the one before it", "[tail]") {
  const LiveFolder folder;
  const std::string log = folder / "log";
  AppendTo(log, LoginLines(0, 5));
  LiveTaker taker;
  TailOptions options = Options(log);
  options.rotated_idle = absl::ZeroDuration();
  const auto tail = OpenTail(options);
  REQUIRE(tail->Start(&taker.queue()).ok());
  taker.Until(5);
  std::filesystem::rename(log, log + ".1");
  AppendTo(log, "");
  REQUIRE(Comes([&] { return IsOpen(log) && !IsOpen(log + ".1"); }));
  // Written after the empty one was made, as by a writer that let go of it late.
  std::filesystem::last_write_time(log + ".1",
                                   std::filesystem::last_write_time(log) + std::chrono::seconds(1));
  std::filesystem::rename(log + ".1", log + ".2");
  AppendTo(folder / "next", LoginLine("5"));
  std::filesystem::create_hard_link(log, log + ".1");
  std::filesystem::rename(folder / "next", log);
  CHECK(taker.Until(6) == Numbers(0, 6));
  AppendTo(log, LoginLine("6"));
  CHECK(taker.Until(7) == Numbers(0, 7));
}

TEST_CASE("a line too long costs itself", "[tail]") {
  const LiveFolder folder;
  const std::string log = folder / "log";
  AppendTo(log, LoginLine("0") + std::string(3 << 20, 'x') + "\n" + LoginLine("1"));
  LiveTaker taker;
  const auto tail = OpenTail(Options(log));
  REQUIRE(tail->Start(&taker.queue()).ok());
  CHECK(taker.Until(2) == Numbers(0, 2));
  tail->Stop();
  CHECK(tail->counters().unreadable == 1);
}

TEST_CASE("a restart goes on where the last run was, whatever happened to the log meanwhile", "[tail]") {
  const LiveFolder folder;
  const std::string log = folder / "log";
  AppendTo(log, LoginLines(0, 10));
  const TailOptions options = Options(log, folder / "position");
  LiveTaker taker;
  const auto run = [&](size_t until) {
    LiveTaker fresh;
    const auto tail = OpenTail(options);
    REQUIRE(tail->Start(&fresh.queue()).ok());
    std::vector<std::string> accounts = fresh.Until(until);
    tail->Stop();
    fresh.TakeAll();
    return fresh.accounts();
  };
  CHECK(run(10) == Numbers(0, 10));
  AppendTo(log, LoginLines(10, 12));
  CHECK(run(2) == Numbers(10, 12));
  SECTION("renamed, twice") {
    AppendTo(log, LoginLines(12, 14));
    std::filesystem::rename(log, log + ".2");
    AppendTo(log + ".1", LoginLines(14, 16));
    AppendTo(log, LoginLines(16, 18));
    CHECK(run(6) == Numbers(12, 18));
  }
  SECTION("copied and cut") {
    AppendTo(log, LoginLines(12, 14));
    std::filesystem::copy_file(log, log + ".1");
    std::filesystem::resize_file(log, 0);
    AppendTo(log, LoginLines(14, 15));
    CHECK(run(3) == Numbers(12, 15));
  }
  SECTION("on a volume that has another number, or restored") {
    const bool is_restored = GENERATE(false, true);
    auto positions = LoadPositions(options.position_file);
    REQUIRE(positions.ok());
    REQUIRE(positions->size() == 1);
    positions->front().device += 1;
    positions->front().inode += is_restored ? 1'000'000 : 0;
    REQUIRE(SavePositions(options.position_file, *positions, /*sync=*/false).ok());
    AppendTo(log, LoginLine("12"));
    CHECK(run(1) == Numbers(12, 13));
  }
  SECTION("renamed, and nothing new yet") {
    AppendTo(log, LoginLines(12, 14));
    std::filesystem::rename(log, log + ".1");
    CHECK(run(2) == Numbers(12, 14));
  }
  CHECK(run(0).empty());
}

TEST_CASE("positions that are none are refused with what to do", "[tail]") {
  const LiveFolder folder;
  AppendTo(folder / "position", "stockade-tail 1\n1 2 3 4 zz /log\n");
  const auto tail = TailSource::Open(Options(folder / "log", folder / "position"));
  REQUIRE_FALSE(tail.ok());
  CHECK(tail.status().message().find("delete it") != std::string::npos);
}

TEST_CASE("positions that a loss of power left empty begin anew, and that is said", "[tail]") {
  const LiveFolder folder;
  AppendTo(folder / "position", "");
  TailOptions options = Options(folder / "log", folder / "position");
  std::string said;
  options.say = [&](std::string_view text) { said += text; };
  const auto tail = OpenTail(options);
  CHECK(said.find("is empty") != std::string::npos);
}

// One run of a process that is killed: appends each account that the engine was told of to a file of its own, batch by
// batch, and only then says so.
[[noreturn]] void TailAndWrite(const TailOptions& options, const std::string& out) {
  auto tail = TailSource::Open(options);
  if (!tail.ok()) _exit(3);
  const int file = open(out.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  std::mutex mutex;
  std::condition_variable wake;
  bool awake = false;
  LiveQueue queue([&] {
    const std::lock_guard lock(mutex);
    awake = true;
    wake.notify_one();
  });
  if (!(*tail)->Start(&queue).ok()) _exit(3);
  while (true) {
    {
      std::unique_lock lock(mutex);
      wake.wait(lock, [&] { return awake; });
      awake = false;
    }
    LiveBatch batch;
    while (queue.Pop(&batch)) {
      std::string text;
      for (const Record& record : batch.batch.records)
        text += std::string(record.event.attempt.account) + "\n";
      if (write(file, text.data(), text.size()) < 0) _exit(3);
      if (batch.told) batch.told();
    }
  }
}

std::vector<std::string> ReadLines(const std::string& path) {
  std::ifstream in(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

TEST_CASE("killed at any moment, nothing is lost, and twice only what its successor had to read again",
          "[tail]") {
#ifdef __SANITIZE_THREAD__
  WARN("skipped: TSan follows no threads of a child that was forked");
  return;
#endif
  const auto seed = static_cast<unsigned>(std::chrono::steady_clock::now().time_since_epoch().count());
  INFO("seed " << seed);
  std::mt19937 random(seed);
  const LiveFolder folder;
  const std::string log = folder / "log";
  const TailOptions options = Options(log, folder / "position");
  int written = 0;
  int rotated = 0;
  std::vector<std::string> runs;
  constexpr int kKills = 12;
  for (int kills = 0; kills <= kKills; ++kills) {
    runs.push_back(folder / ("run" + std::to_string(kills)));
    AppendTo(runs.back(), "");
    const pid_t child = fork();
    if (child == 0) TailAndWrite(options, runs.back());
    REQUIRE(child > 0);
    for (int i = 0, steps = static_cast<int>(random() % 30) + 5; i < steps; ++i) {
      const int more = static_cast<int>(random() % 400);
      AppendTo(log, LoginLines(written, written + more));
      written += more;
      // What was rotated before the first run ever looked is nobody's.
      const auto positions = LoadPositions(options.position_file);
      const bool has_looked = positions.ok() && !positions->empty();
      if (has_looked && random() % 12 == 0)
        std::filesystem::rename(log, log + "." + std::to_string(++rotated));
      usleep(static_cast<useconds_t>(random() % 2000));
    }
    if (kills == kKills) {
      // The last run reads all that is left.
      const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
      while (std::chrono::steady_clock::now() < deadline) {
        std::set<std::string> seen;
        for (const std::string& run : runs)
          for (std::string& line : ReadLines(run)) seen.insert(std::move(line));
        if (seen.size() >= static_cast<size_t>(written)) break;
        usleep(50'000);
      }
    }
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    REQUIRE(WIFSIGNALED(status));
  }
  // Within a run each line once; over all runs each line; and no more twice than a kill can cost.
  std::vector<int> times(static_cast<size_t>(written), 0);
  for (const std::string& run : runs) {
    std::vector<bool> seen(static_cast<size_t>(written), false);
    for (const std::string& line : ReadLines(run)) {
      const auto number = static_cast<size_t>(std::stoi(line));
      REQUIRE(number < seen.size());
      REQUIRE_FALSE(seen[number]);
      seen[number] = true;
      ++times[number];
    }
  }
  size_t again = 0;
  for (size_t i = 0; i < times.size(); ++i) {
    INFO("line " << i);
    REQUIRE(times[i] >= 1);
    again += static_cast<size_t>(times[i] - 1);
  }
  const size_t line_bytes = LoginLine("100000").size();
  CHECK(again <= kKills * TailSource::kUntoldMax * FollowedFile::kChunkBytes / line_bytes + kKills);
  WARN(written << " lines, " << rotated << " rotations, " << kKills << " kills: " << again
               << " lines read again");
}

}  // namespace
}  // namespace stockade
