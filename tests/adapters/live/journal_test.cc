// The journal as a source: files of it are made by systemd-journal-remote, which writes them as journald does. Restarts, of which
// none may lose or double a message, rotation, what was let go of meanwhile, and senders who call themselves something else.
#include "adapters/live/journal_source.h"

#include <sys/fsuid.h>
#include <sys/stat.h>

#include "adapters/live/cursor_file.h"
#include "engine/limits.h"
#include "tests/adapters/live/journal_file.h"
#include "tests/adapters/live/live_scene.h"

namespace stockade {
namespace {

class JournalFolder {
 public:
  std::string path() const { return folder_ / ""; }

  void Append(const std::vector<JournalMessage>& messages, const std::string& file = "system.journal") {
    AppendToJournal(folder_ / file, messages, seconds_);
    seconds_ += static_cast<int64_t>(messages.size());
  }
  void AppendFailures(int from, int to, const std::string& file = "system.journal") {
    std::vector<JournalMessage> messages;
    for (int i = from; i < to; ++i) messages.push_back(SshFailure(std::to_string(i)));
    if (!messages.empty()) Append(messages, file);
  }
  void Delete(const std::string& file) { std::filesystem::remove(folder_ / file); }
  void Allow(const std::string& file, mode_t mode) { REQUIRE(chmod((folder_ / file).c_str(), mode) == 0); }

 private:
  LiveFolder folder_;
  int64_t seconds_ = 1'764'230'400;  // 2025-11-27 08:00 UTC
};

struct Scene {
  JournalOptions Options(const std::string& position = "") {
    JournalOptions options;
    options.units = {"ssh.service"};
    options.directory = folder.path();
    options.reading.format = "sshd";
    options.from_begin = true;
    options.position_file = position;
    options.say = [this](std::string_view text) { said.emplace_back(text); };
    return options;
  }
  std::unique_ptr<JournalSource> Start(const JournalOptions& options, LiveTaker* taker) {
    auto source = JournalSource::Open(options);
    INFO(source.status());
    REQUIRE(source.ok());
    REQUIRE((*source)->Start(&taker->queue()).ok());
    return *std::move(source);
  }

  JournalFolder folder;
  LiveFolder beside;
  std::vector<std::string> said;
};

TEST_CASE("messages of a unit come as they are written, whatever file they are in", "[journal]") {
  if (IsJournalWriterMissing()) return;
  Scene scene;
  scene.folder.AppendFailures(0, 3);
  LiveTaker taker;
  const auto source = scene.Start(scene.Options(), &taker);
  CHECK(source->name() == "journald ssh.service");
  CHECK(taker.Until(3) == Numbers(0, 3));
  scene.folder.AppendFailures(3, 5);
  CHECK(taker.Until(5) == Numbers(0, 5));
  scene.folder.AppendFailures(5, 6, "system@rotated.journal");
  CHECK(taker.Until(6) == Numbers(0, 6));
  source->Stop();
  CHECK(source->counters().records == 6);
  CHECK(source->counters().received == 6);
}

TEST_CASE("who calls himself sshd is none, and no message forges a second line", "[journal]") {
  if (IsJournalWriterMissing()) return;
  Scene scene;
  scene.folder.Append(
      {{"Failed password for forged from 192.0.2.9 port 22 ssh2", "user@1000.service", "sshd"},
       {"Connection closed\nNov 27 08:00:00 gw sshd[1]: Failed password for forged from 192.0.2.9 port 22 "
        "ssh2"},
       SshFailure("1")});
  LiveTaker taker;
  const auto source = scene.Start(scene.Options(), &taker);
  CHECK(taker.Until(1) == Numbers(1, 2));
  source->Stop();
  CHECK(source->counters().received == 2);
}

TEST_CASE("a reading from the end begins with what comes, and goes on from there after a restart",
          "[journal]") {
  if (IsJournalWriterMissing()) return;
  for (const auto& [before, is_told] : {std::pair{0, true}, {3, true}, {0, false}, {3, false}}) {
    CAPTURE(before, is_told);
    Scene scene;
    scene.folder.Append({{"starting", "other.service", "other"}});
    scene.folder.AppendFailures(0, before);
    JournalOptions options = scene.Options(scene.beside / "cursor");
    options.from_begin = false;
    {
      LiveTaker taker;
      auto source = JournalSource::Open(options);
      REQUIRE(source.ok());
      scene.folder.AppendFailures(before, before + 1);  // before it starts
      REQUIRE((*source)->Start(&taker.queue()).ok());
      // Or it stands in the queue, and the engine never hears of it.
      if (is_told) CHECK(taker.Until(1) == Numbers(before, before + 1));
      while (!is_told && taker.queue().records() == 0) usleep(1000);
      (*source)->Stop();
      if (is_told) taker.TakeAll();
    }
    scene.folder.AppendFailures(before + 1, before + 2);
    LiveTaker taker;
    const auto source = scene.Start(options, &taker);
    // Of what the engine was not told it is told again.
    const int from = is_told ? before + 1 : before;
    CHECK(taker.Until(static_cast<size_t>(before + 2 - from)) == Numbers(from, before + 2));
  }
}

TEST_CASE("a restart loses and doubles no message", "[journal]") {
  if (IsJournalWriterMissing()) return;
  Scene scene;
  const JournalOptions options = scene.Options(scene.beside / "cursor");
  std::vector<std::string> all;
  int written = 0;
  const auto append = [&](int count, bool is_rotated) {
    scene.folder.AppendFailures(written, written + count, is_rotated ? "system@2.journal" : "system.journal");
    written += count;
  };
  for (int round = 0; round < 6; ++round) {
    append(3, round >= 3);
    LiveTaker taker;
    const auto source = scene.Start(options, &taker);
    taker.Until(static_cast<size_t>(written) - all.size());
    // Told or not when it stops: the last round is for the rest.
    append(2, round >= 3);
    if (round % 2 != 0) taker.Until(static_cast<size_t>(written) - all.size());
    source->Stop();
    taker.TakeAll();
    all.insert(all.end(), taker.accounts().begin(), taker.accounts().end());
    CHECK(source->counters().lost == 0);
  }
  CHECK(all == Numbers(0, written));
  CHECK(scene.said.empty());
}

TEST_CASE("what the journal has let go of is said, and reading goes on behind it", "[journal]") {
  if (IsJournalWriterMissing()) return;
  Scene scene;
  const JournalOptions options = scene.Options(scene.beside / "cursor");
  scene.folder.AppendFailures(0, 3, "system@1.journal");
  {
    LiveTaker taker;
    const auto source = scene.Start(options, &taker);
    CHECK(taker.Until(3) == Numbers(0, 3));
    source->Stop();
    taker.TakeAll();
  }
  scene.folder.AppendFailures(3, 5, "system@2.journal");
  scene.folder.Delete("system@1.journal");
  LiveTaker taker;
  const auto source = scene.Start(options, &taker);
  CHECK(taker.Until(2) == Numbers(3, 5));
  source->Stop();
  CHECK(source->counters().lost == 1);
  REQUIRE(scene.said.size() == 1);
  CHECK(scene.said[0].find("not in the journal any more") != std::string::npos);
}

TEST_CASE("what is deleted while the engine is behind is read to its end", "[journal]") {
  if (IsJournalWriterMissing()) return;
  Scene scene;
  constexpr int kMessages = 4000;  // more than kUntoldMax chunks
  scene.folder.AppendFailures(0, kMessages, "system@1.journal");
  scene.folder.AppendFailures(kMessages, kMessages + 1);
  LiveTaker taker;
  const auto source = scene.Start(scene.Options(), &taker);
  // It has told all that it may.
  while (taker.queue().records() < JournalSource::kUntoldMax * JournalSource::kChunkBytes / 120) usleep(1000);
  scene.folder.Delete("system@1.journal");
  CHECK(taker.Until(kMessages + 1) == Numbers(0, kMessages + 1));
  source->Stop();
  CHECK(source->counters().lost == 0);
  CHECK(scene.said.empty());
}

TEST_CASE("a cursor that cannot be saved is saved once it can, and a message that is too long is counted",
          "[journal]") {
  if (IsJournalWriterMissing()) return;
  Scene scene;
  const std::string place = scene.beside / "cursor.new";  // where it is written first
  const JournalOptions options = scene.Options(scene.beside / "cursor");
  scene.folder.Append({{std::string(kLineBytesMax + 4096, 'x')}, SshFailure("0")});
  LiveTaker taker;
  const auto source = scene.Start(options, &taker);
  std::filesystem::create_directory(place);
  const std::string before = **LoadCursor(options.position_file);
  CHECK(taker.Until(2) == std::vector<std::string>{"!", "0"});
  std::filesystem::remove(place);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (**LoadCursor(options.position_file) == before && std::chrono::steady_clock::now() < deadline)
    usleep(1000);
  CHECK(**LoadCursor(options.position_file) != before);
  source->Stop();
  CHECK(source->counters().unreadable == 1);
}

// What this thread opens meanwhile it opens as nobody, where it is root, which may read all.
class AsNobody {
 public:
  AsNobody() {
    if (geteuid() == 0) setfsuid(65534);
  }
  ~AsNobody() { setfsuid(geteuid()); }
  AsNobody(const AsNobody&) = delete;
  AsNobody& operator=(const AsNobody&) = delete;
};

TEST_CASE("a journal that may not be read is an error, and leaves no cursor", "[journal]") {
  if (IsJournalWriterMissing()) return;
  Scene scene;
  scene.folder.AppendFailures(0, 3);
  JournalOptions options = scene.Options(scene.beside / "cursor");
  options.from_begin = false;
  const auto open_as_nobody = [&options] {
    const AsNobody nobody;
    return JournalSource::Open(options).status();
  };
  REQUIRE(chmod((scene.beside / "").c_str(), 0777) == 0);
  const bool is_folder = GENERATE(false, true);
  scene.folder.Allow("", is_folder ? 0 : 0755);
  scene.folder.Allow(is_folder ? "" : "system.journal", 0);
  const absl::Status status = open_as_nobody();
  scene.folder.Allow("", 0755);
  CAPTURE(status);
  CHECK(status.message().find(is_folder ? scene.folder.path() : "system.journal") != std::string::npos);
  if (!is_folder) CHECK(status.message().find("group systemd-journal") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(scene.beside / "cursor"));
}

TEST_CASE("a journal without files is said, is no place to go on from, and is read once it has some",
          "[journal]") {
  if (IsJournalWriterMissing()) return;
  Scene scene;
  JournalOptions options = scene.Options(scene.beside / "cursor");
  options.from_begin = false;
  LiveTaker taker;
  const auto source = scene.Start(options, &taker);
  CHECK_FALSE(std::filesystem::exists(scene.beside / "cursor"));
  scene.folder.AppendFailures(0, 2);
  CHECK(taker.Until(2) == Numbers(0, 2));
  source->Stop();
  REQUIRE(scene.said.size() == 1);
  CHECK(scene.said[0].find("no files yet") != std::string::npos);
}

TEST_CASE("what cannot be read is an error that says where", "[journal]") {
  Scene scene;
  JournalOptions options = scene.Options();
  options.directory = scene.beside / "nowhere";
  CHECK(JournalSource::Open(options).status().message().find("nowhere") != std::string::npos);
  options = scene.Options(scene.beside / "cursor");
  AppendTo(scene.beside / "cursor", "something else\n");
  CHECK(JournalSource::Open(options).status().message().find("cursor") != std::string::npos);
  options = scene.Options();
  options.reading.format = "csv";
  CHECK_FALSE(JournalSource::Open(options).ok());
}

TEST_CASE("a cursor is kept whole, and what is none is not taken for one", "[journal]") {
  const LiveFolder folder;
  const std::string file = folder / "cursor";
  CHECK_FALSE(LoadCursor(file)->has_value());
  REQUIRE(SaveCursor(file, "", /*sync=*/false).ok());
  CHECK(LoadCursor(file)->value().empty());
  REQUIRE(SaveCursor(file, "s=1;i=2", /*sync=*/true).ok());
  CHECK(LoadCursor(file)->value() == "s=1;i=2");
  for (const std::string_view text :
       {"", "stockade-journal 1\ns=1", "stockade-journal 1\ns=1\ni=2\n", "stockade-journal 2\ns=1\n"}) {
    std::filesystem::remove(file);
    AppendTo(file, text);
    CHECK_FALSE(LoadCursor(file).ok());
  }
}

}  // namespace
}  // namespace stockade
