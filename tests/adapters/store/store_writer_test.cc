// Proves that what is pushed gets to the store in order, together and at once; that a store that fails loses nothing and holds
// up nobody; and that where too much waits the decisions stored are right all the same, and the log says what it leaves out.
//
// In front of a store in memory that fails, hangs and counts as the test says; the real one is in store_disk_test and
// crash_test.
#include "adapters/store/store_writer.h"

#include <catch2/catch.hpp>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "tests/adapters/store/store_scene.h"

namespace stockade {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds kSoon{30};

StoreWriter::Deadline Soon() {
  return Clock::now() + kSoon;
}

class StoreInMemory final : public DecisionStore {
 public:
  absl::StatusOr<LoadReport> Load(int64_t, const Take&) override { return LoadReport{}; }
  absl::StatusOr<std::vector<std::string>> ReadAudit(uint64_t, size_t) override {
    return std::vector<std::string>();
  }
  absl::StatusOr<AuditHead> Head() override { return AuditHead{}; }
  absl::Status Write(std::span<const StoreEntry* const> entries) override {
    const bool gap = std::any_of(entries.begin(), entries.end(), [](auto* entry) { return !entry->audited; });
    std::unique_lock lock(mutex_);
    ++calls_;
    if (gap) ++gap_calls_;
    changed_.notify_all();
    changed_.wait(lock,
                  [this, gap] { return !hangs_ && !(gap && hangs_on_gaps_ && gaps_let_through_ == 0); });
    if (gap && hangs_on_gaps_) --gaps_let_through_;
    if (!status_.ok()) return status_;
    batches_.push_back(entries.size());
    for (const StoreEntry* entry : entries) {
      held_.Apply(*entry);
      if (entry->audited) lines_.push_back(AuditMembers(*entry));
    }
    return absl::OkStatus();
  }

  void Answer(absl::Status status) {
    const std::lock_guard lock(mutex_);
    status_ = std::move(status);
  }
  void Hang(bool hangs) {
    const std::lock_guard lock(mutex_);
    hangs_ = hangs;
    changed_.notify_all();
  }
  // Only for entries that the audit log does not list.
  void HangOnGaps(bool hangs) {
    const std::lock_guard lock(mutex_);
    hangs_on_gaps_ = hangs;
    changed_.notify_all();
  }
  void LetOneGapThrough() {
    const std::lock_guard lock(mutex_);
    ++gaps_let_through_;
    changed_.notify_all();
  }
  void WaitForGapCalls(int calls) {
    std::unique_lock lock(mutex_);
    REQUIRE(changed_.wait_for(lock, kSoon, [&] { return gap_calls_ >= calls; }));
  }
  // Until somebody has called Write so often.
  void WaitForCalls(int calls) {
    std::unique_lock lock(mutex_);
    REQUIRE(changed_.wait_for(lock, kSoon, [&] { return calls_ >= calls; }));
  }
  Held held() {
    const std::lock_guard lock(mutex_);
    return held_;
  }
  std::vector<std::string> lines() {
    const std::lock_guard lock(mutex_);
    return lines_;
  }
  std::vector<size_t> batches() {
    const std::lock_guard lock(mutex_);
    return batches_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  absl::Status status_;
  bool hangs_ = false;
  bool hangs_on_gaps_ = false;
  int calls_ = 0;
  int gap_calls_ = 0;
  int gaps_let_through_ = 0;
  Held held_;
  std::vector<std::string> lines_;
  std::vector<size_t> batches_;
};

// What the log callback was told, from the writer's thread.
class Said {
 public:
  StoreWriter::Log Log() {
    return [this](bool, std::string_view text) {
      const std::lock_guard lock(mutex_);
      texts_.emplace_back(text);
    };
  }
  std::vector<std::string> texts() {
    const std::lock_guard lock(mutex_);
    return texts_;
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> texts_;
};

StoreWriter::Ticket PushEntry(StoreWriter* writer, const StoreEntry& entry) {
  if (const auto* note = std::get_if<AuditNote>(&entry.what)) return writer->Push(*note);
  return writer->Push(std::span(&std::get<Change>(entry.what), 1), entry.time_ms);
}

// A stream, pushed, and what a store must make of it.
class Pushed {
 public:
  explicit Pushed(uint32_t seed) : stream_(seed) {}
  StoreWriter::Ticket Push(StoreWriter* writer, int entries) {
    StoreWriter::Ticket ticket = 0;
    for (int i = 0; i < entries; ++i) {
      const StoreEntry entry = stream_.Next();
      held.Apply(entry);
      lines.push_back(AuditMembers(entry));
      ticket = PushEntry(writer, entry);
    }
    return ticket;
  }
  size_t notes() const {
    return static_cast<size_t>(std::count_if(lines.begin(), lines.end(), [](const std::string& line) {
      return line.find("\"what\":\"reload\"") != std::string::npos ||
             line.find("\"what\":\"enforcing\"") != std::string::npos;
    }));
  }

  Held held;
  std::vector<std::string> lines;

 private:
  EntryStream stream_;
};

TEST_CASE("what is pushed is stored in its order, and acknowledged when it is", "[store]") {
  StoreInMemory store;
  Pushed pushed(1);
  StoreWriter writer(&store, nullptr);
  CHECK(writer.WaitDurable(0, Clock::now()).ok());
  for (int i = 0; i < 20; ++i) {
    const StoreWriter::Ticket ticket = pushed.Push(&writer, 37);
    CHECK(ticket == static_cast<StoreWriter::Ticket>(37 * (i + 1)));
    REQUIRE(writer.WaitDurable(ticket, Soon()).ok());
    CHECK(store.held() == pushed.held);
  }
  CHECK(store.lines() == pushed.lines);
  const StoreFigures figures = writer.figures();
  CHECK(figures.written == 740);
  CHECK(figures.waiting == 0);
  CHECK(figures.lag_ms == 0);
  CHECK(figures.failed == 0);
}

TEST_CASE("all that waits is one transaction, up to a bound", "[store]") {
  StoreInMemory store;
  store.Hang(true);
  StoreWriter writer(&store, nullptr);
  const AuditNote note{.time_ms = 1, .by = "a", .what = "b"};
  writer.Push(note);
  store.WaitForCalls(1);
  StoreWriter::Ticket ticket = 0;
  for (size_t i = 0; i < StoreWriter::kBatchMax + 100; ++i) ticket = writer.Push(note);
  CHECK(writer.figures().waiting == StoreWriter::kBatchMax + 101);
  const absl::Status not_yet = writer.WaitDurable(ticket, Clock::now());
  CHECK(absl::IsDeadlineExceeded(not_yet));
  store.Hang(false);
  REQUIRE(writer.WaitDurable(ticket, Soon()).ok());
  CHECK(store.batches() == std::vector<size_t>{1, StoreWriter::kBatchMax, 100});
}

TEST_CASE(
    "a store that fails is tried again with the same entries, and it is said once, and once that it works "
    "again",
    "[store]") {
  StoreInMemory store;
  Said said;
  Pushed pushed(2);
  store.Answer(absl::ResourceExhaustedError("the disk is full"));
  StoreWriter writer(&store, said.Log());
  const StoreWriter::Ticket ticket = pushed.Push(&writer, 100);
  store.WaitForCalls(3);
  const absl::Status waiting = writer.WaitDurable(ticket, Clock::now() + std::chrono::milliseconds(1));
  CHECK(absl::IsDeadlineExceeded(waiting));
  CHECK(std::string(waiting.message()).find("the disk is full") != std::string::npos);
  StoreFigures figures = writer.figures();
  CHECK(figures.failing);
  CHECK(figures.failed >= 2);
  CHECK(figures.waiting == 100);
  CHECK(figures.lag_ms > 0);
  CHECK(figures.last_error == "the disk is full");
  CHECK(store.lines().empty());
  pushed.Push(&writer, 100);
  store.Answer(absl::OkStatus());
  REQUIRE(writer.Stop(Soon()).ok());
  CHECK(store.lines() == pushed.lines);
  CHECK(store.held() == pushed.held);
  figures = writer.figures();
  CHECK_FALSE(figures.failing);
  CHECK(figures.last_error == "the disk is full");
  CHECK(figures.gaps == 0);
  CHECK(said.texts() == std::vector<std::string>{"decisions are not being stored: the disk is full",
                                                 "decisions are being stored again"});
}

TEST_CASE(
    "beyond what may wait the decisions stored are right in the end, and one line says what is not listed",
    "[store]") {
  StoreInMemory store;
  store.Answer(absl::UnavailableError("no disk"));
  Pushed pushed(3);
  StoreWriter writer(&store, nullptr, 50);
  pushed.Push(&writer, 50);
  const size_t notes_before = pushed.notes();
  pushed.Push(&writer, 2000);
  const size_t notes = pushed.notes() - notes_before;
  store.WaitForCalls(2);
  store.Answer(absl::OkStatus());
  REQUIRE(writer.Stop(Soon()).ok());
  CHECK(store.held() == pushed.held);
  // The first ones one by one; then the line, then what people did.
  const std::vector<std::string> lines = store.lines();
  REQUIRE(lines.size() == 50 + 1 + notes);
  CHECK(std::equal(lines.begin(), lines.begin() + 50, pushed.lines.begin()));
  INFO(lines[50]);
  CHECK(lines[50].find("\"by\":\"stockade\",\"what\":\"gap\"") != std::string::npos);
  CHECK(lines[50].find(Concat("\"", 2000 - notes, " entries from ")) != std::string::npos);
  const StoreFigures figures = writer.figures();
  CHECK(figures.written == 2050);
  CHECK(figures.waiting == 0);
  CHECK(figures.gaps == 1);
  CHECK(figures.unlisted == 2000 - notes);
}

TEST_CASE("a gap that fails too, while more fills up behind it, becomes one with what came after",
          "[store]") {
  StoreInMemory store;
  Pushed pushed(4);
  StoreWriter writer(&store, nullptr, 50);
  store.Hang(true);
  store.HangOnGaps(true);
  pushed.Push(&writer, 500);
  store.WaitForCalls(1);
  store.Hang(false);
  // What was queued is written one by one, and the gap behind it is under way.
  store.WaitForGapCalls(1);
  const size_t listed = store.lines().size();
  CHECK(listed == 50);
  size_t total = 500;
  store.Answer(absl::UnavailableError("no disk"));
  for (int round = 2; round < 5; ++round) {
    // Behind it a queue, and a gap behind that.
    const StoreWriter::Ticket ticket = pushed.Push(&writer, 300);
    total += 300;
    store.LetOneGapThrough();
    store.WaitForGapCalls(round);
    CHECK(absl::IsDeadlineExceeded(writer.WaitDurable(ticket, Clock::now())));
    CHECK(writer.figures().waiting == total - listed);
    CHECK(writer.figures().lag_ms > 0);
  }
  const size_t notes = pushed.notes();
  store.Answer(absl::OkStatus());
  store.HangOnGaps(false);
  REQUIRE(writer.Stop(Soon()).ok());
  CHECK(store.held() == pushed.held);
  const StoreFigures figures = writer.figures();
  CHECK(figures.written == total);
  CHECK(figures.waiting == 0);
  CHECK(figures.lag_ms == 0);
  CHECK(figures.gaps == 1);
  // Nothing is lost and nothing counted twice: what is listed, and what is not.
  CHECK(store.lines().size() + figures.unlisted == total + 1);
  const size_t listed_notes = static_cast<size_t>(
      std::count_if(pushed.lines.begin(), pushed.lines.begin() + 50,
                    [](const std::string& line) { return line.find("\"action\":") == std::string::npos; }));
  CHECK(store.lines().size() == listed + 1 + notes - listed_notes);
}

TEST_CASE("the kill switch is as it was last pulled, also where the notes themselves were too many",
          "[store]") {
  const bool last = GENERATE(false, true);
  StoreInMemory store;
  store.Answer(absl::UnavailableError("no disk"));
  StoreWriter writer(&store, nullptr, 10);
  AuditNote note{.time_ms = 1, .by = "alice", .what = "enforcing"};
  for (size_t i = 0; i < StoreGap::kNotesMax + 1000; ++i) {
    note.enforcing = i % 2 == 0 ? !last : last;
    writer.Push(note);
  }
  note.enforcing = {};
  writer.Push(note);
  store.Answer(absl::OkStatus());
  REQUIRE(writer.Stop(Soon()).ok());
  CHECK(store.held().enforcing == last);
  CHECK(store.lines().size() == 10 + 1 + StoreGap::kNotesMax);
  CHECK(writer.figures().unlisted == 991);
}

TEST_CASE("a decision that cannot be stored is said, listed and answered, and the others are stored",
          "[store]") {
  StoreInMemory store;
  Said said;
  StoreWriter writer(&store, said.Log());
  Change change;
  change.decision = DecisionOn(Scope::kIp, "203.0.113.9");
  const StoreWriter::Ticket good = writer.Push(std::span(&change, 1), kSceneMs);
  change.decision.id = "";
  const StoreWriter::Ticket bad = writer.Push(std::span(&change, 1), kSceneMs);
  change.decision = DecisionOn(Scope::kIp, "203.0.113.10");
  const StoreWriter::Ticket also_good = writer.Push(std::span(&change, 1), kSceneMs);
  CHECK(writer.WaitDurable(good, Soon()).ok());
  CHECK(writer.WaitDurable(also_good, Soon()).ok());
  CHECK(absl::IsInvalidArgument(writer.WaitDurable(bad, Soon())));
  REQUIRE(writer.Stop(Soon()).ok());
  CHECK(store.held().standing.size() == 2);
  REQUIRE(store.lines().size() == 3);
  CHECK(store.lines()[1].find("\"what\":\"refused\"") != std::string::npos);
  CHECK(writer.figures().refused == 1);
  CHECK(said.texts().size() == 1);
}

TEST_CASE(
    "a stop writes what waits; where the store does not take it, it ends in time and says how much is lost",
    "[store]") {
  SECTION("it takes it") {
    StoreInMemory store;
    Pushed pushed(5);
    StoreWriter writer(&store, nullptr);
    pushed.Push(&writer, 7000);
    CHECK(writer.Stop(Soon()).ok());
    CHECK(store.lines() == pushed.lines);
    CHECK(writer.Stop(Soon()).ok());
    // Nothing is taken any more, and nobody is told that it was.
    CHECK(absl::IsUnavailable(writer.WaitDurable(pushed.Push(&writer, 1), Soon())));
  }
  SECTION("it fails") {
    StoreInMemory store;
    Pushed pushed(6);
    store.Answer(absl::UnavailableError("no disk"));
    StoreWriter writer(&store, nullptr, 60);
    const StoreWriter::Ticket ticket = pushed.Push(&writer, 70);
    store.WaitForCalls(2);  // so the first has failed, however slow all this is
    const absl::Status stopped = writer.Stop(Clock::now() + std::chrono::milliseconds(300));
    CHECK(absl::IsDataLoss(stopped));
    CHECK(std::string(stopped.message()).find("70 entries") != std::string::npos);
    CHECK(std::string(stopped.message()).find("no disk") != std::string::npos);
    CHECK_FALSE(writer.WaitDurable(ticket, Soon()).ok());
  }
  SECTION("it fails, and works again before the time is over") {
    StoreInMemory store;
    Pushed pushed(7);
    store.Answer(absl::UnavailableError("no disk"));
    StoreWriter writer(&store, nullptr);
    pushed.Push(&writer, 70);
    store.WaitForCalls(3);
    std::thread stop([&] { CHECK(writer.Stop(Soon()).ok()); });
    store.WaitForCalls(5);
    store.Answer(absl::OkStatus());
    stop.join();
    CHECK(store.held() == pushed.held);
  }
  SECTION("it hangs") {
    StoreInMemory store;
    Pushed pushed(8);
    store.Hang(true);
    StoreWriter writer(&store, nullptr);
    pushed.Push(&writer, 70);
    store.WaitForCalls(1);
    CHECK(absl::IsDataLoss(writer.Stop(Clock::now() + std::chrono::milliseconds(50))));
    store.Hang(false);
  }
}

TEST_CASE("several push, wait and look at once; what each pushed is stored in its order", "[store]") {
  StoreInMemory store;
  StoreWriter writer(&store, nullptr);
  constexpr int kThreads = 4;
  constexpr int kNotes = 500;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&writer, thread] {
      for (int i = 0; i < kNotes; ++i) {
        const StoreWriter::Ticket ticket = writer.Push(
            AuditNote{.time_ms = i, .by = Concat("thread ", thread), .what = "note", .text = Concat(i)});
        if (i % 50 == 0 && !writer.WaitDurable(ticket, Soon()).ok()) std::abort();
        if (i % 100 == 0 && writer.figures().waiting > kThreads * kNotes) std::abort();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  REQUIRE(writer.Stop(Soon()).ok());
  const std::vector<std::string> lines = store.lines();
  REQUIRE(lines.size() == kThreads * kNotes);
  for (int thread = 0; thread < kThreads; ++thread) {
    int next = 0;
    for (const std::string& line : lines) {
      if (line.find(Concat("\"thread ", thread, "\"")) == std::string::npos) continue;
      CHECK(line.ends_with(Concat("\"text\":\"", next++, "\"")));
    }
    CHECK(next == kNotes);
  }
}

}  // namespace
}  // namespace stockade
