// What it costs to keep decisions: changes a second by the size of a transaction, what a Push costs who pushes, and how long a
// start with a million decisions takes.
//
// Floors: to write as many bytes at the end of a file and wait for the disk, without any order in them; and to parse the JSON
// of as many decisions that lie in memory. Before anything is timed, what was written is loaded and compared. The disk is the
// one that TMPDIR names.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "adapters/decision_json.h"
#include "adapters/store/audit_verify.h"
#include "adapters/store/sqlite_store.h"
#include "adapters/store/store_writer.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

constexpr int64_t kNowMs = 1'795'000'000'000;
constexpr int64_t kHourMs = 3'600'000;

class Folder {
 public:
  Folder() {
    path_ = (std::filesystem::temp_directory_path() / "stockade_bench.XXXXXX").string();
    STOCKADE_CHECK(mkdtemp(path_.data()) != nullptr);
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string operator/(const char* name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

// As a rule on many accounts from one address makes it; no two alike.
StoreEntry EntryOn(uint64_t number) {
  // Addresses in no order, each number another one: an odd factor permutes 32 bits.
  const auto bits = static_cast<uint32_t>(number * 2654435761u);
  Decision decision;
  decision.id = Concat(absl::Hex(number, absl::kZeroPad16));
  decision.time_ms = kNowMs;
  decision.value = Address::V4(bits).ToString();
  decision.prefix = *Prefix::Parse(decision.value);
  decision.until_ms = kNowMs + kHourMs;
  decision.rule = "many_accounts_one_source";
  decision.reason = "12 different user.name within 10m from 203.0.113.9 (at least 8 were asked for)";
  decision.evidence.title = "Many accounts from one source";
  decision.evidence.value = 12;
  decision.evidence.condition = "gte 8";
  decision.evidence.counted_field = "user.name";
  decision.evidence.span_ms = 600'000;
  decision.evidence.first_ms = kNowMs - 500'000;
  decision.evidence.last_ms = kNowMs;
  decision.evidence.group = {{"source.ip", decision.value}};
  Change change;
  change.decision = std::move(decision);
  return {.what = std::move(change), .time_ms = kNowMs};
}

std::unique_ptr<SqliteStore> Open(const std::string& path) {
  auto store = SqliteStore::Open({.path = path});
  if (!store.ok()) std::fprintf(stderr, "%s\n", store.status().ToString().c_str());
  STOCKADE_CHECK(store.ok());
  return *std::move(store);
}

void Write(DecisionStore* store, const std::vector<StoreEntry>& entries) {
  std::vector<const StoreEntry*> pointers;
  for (const StoreEntry& entry : entries) pointers.push_back(&entry);
  STOCKADE_CHECK(store->Write(pointers).ok());
}

void CheckStore(DecisionStore* store, uint64_t decisions) {
  uint64_t next = 0;
  const auto report = store->Load(kNowMs, [&](LoadedAs, Decision&& decision) {
    STOCKADE_CHECK(ToJson(decision) == ToJson(std::get<Change>(EntryOn(next++).what).decision));
  });
  STOCKADE_CHECK(report.ok() && next == decisions && report->unreadable == 0);
  STOCKADE_CHECK(VerifyAudit(store)->n == decisions);
}

void BM_Floor_AppendAndSync(benchmark::State& state) {
  const Folder folder;
  const int file = open((folder / "floor").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  // A row's JSON and an audit line.
  const std::string bytes(static_cast<size_t>(state.range(0)) * 900, 'x');
  for (auto _ : state) {
    STOCKADE_CHECK(write(file, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
    STOCKADE_CHECK(fdatasync(file) == 0);
  }
  close(file);
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

// standing: so many decisions are there before.
void BM_Store_Write(benchmark::State& state) {
  const Folder folder;
  const auto store = Open(folder / "decisions.db");
  uint64_t next = 0;
  const auto batch = [&](int64_t size) {
    std::vector<StoreEntry> entries;
    for (int64_t i = 0; i < size; ++i) entries.push_back(EntryOn(next++));
    return entries;
  };
  Write(store.get(), batch(1000));
  CheckStore(store.get(), 1000);
  while (next < static_cast<uint64_t>(state.range(1))) Write(store.get(), batch(5000));
  for (auto _ : state) {
    state.PauseTiming();
    const std::vector<StoreEntry> entries = batch(state.range(0));
    state.ResumeTiming();
    Write(store.get(), entries);
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

BENCHMARK(BM_Floor_AppendAndSync)
    ->ArgName("batch")
    ->Arg(1)
    ->Arg(10)
    ->Arg(100)
    ->Arg(1000)
    ->Arg(5000)
    ->UseRealTime();
BENCHMARK(BM_Store_Write)
    ->ArgNames({"batch", "standing"})
    ->Args({1, 0})
    ->Args({10, 0})
    ->Args({100, 0})
    ->Args({1000, 0})
    ->Args({5000, 0})
    ->Args({1000, 1'000'000})
    ->UseRealTime();

// What the desk pays inside its lock, and what reaches the disk of it in the end.
void BM_StoreWriter_Push(benchmark::State& state) {
  const Folder folder;
  const auto store = Open(folder / "decisions.db");
  StoreWriter writer(store.get(), nullptr);
  uint64_t next = 0;
  StoreWriter::Ticket ticket = 0;
  for (auto _ : state) {
    state.PauseTiming();
    const Change change = std::get<Change>(EntryOn(next++).what);
    // As an import does: it must not run away from the disk.
    if (next % 10'000 == 0) {
      STOCKADE_CHECK(
          writer.WaitDurable(ticket, std::chrono::steady_clock::now() + std::chrono::minutes(1)).ok());
    }
    state.ResumeTiming();
    ticket = writer.Push(std::span(&change, 1), kNowMs);
  }
  STOCKADE_CHECK(writer.Stop(std::chrono::steady_clock::now() + std::chrono::minutes(1)).ok());
  STOCKADE_CHECK(writer.figures().gaps == 0 && writer.figures().written == next);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_StoreWriter_Push)->Iterations(200'000);

void BM_Floor_ParseDecision(benchmark::State& state) {
  const auto decisions = static_cast<uint64_t>(state.range(0));
  std::vector<std::string> texts;
  for (uint64_t i = 0; i < 10'000; ++i) texts.push_back(ToJson(std::get<Change>(EntryOn(i).what).decision));
  for (auto _ : state)
    for (uint64_t i = 0; i < decisions; ++i) benchmark::DoNotOptimize(ParseDecision(texts[i % texts.size()]));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

// A start: opening, with all checks, and loading.
void BM_Store_OpenAndLoad(benchmark::State& state) {
  const Folder folder;
  const std::string path = folder / "decisions.db";
  const auto decisions = static_cast<uint64_t>(state.range(0));
  {
    const auto store = Open(path);
    uint64_t next = 0;
    while (next < decisions) {
      std::vector<StoreEntry> entries;
      for (int i = 0; i < 5000 && next < decisions; ++i) entries.push_back(EntryOn(next++));
      Write(store.get(), entries);
    }
    CheckStore(store.get(), decisions);
  }
  state.counters["file_MiB"] = static_cast<double>(std::filesystem::file_size(path)) / (1 << 20);
  double open_seconds = 0;
  for (auto _ : state) {
    const auto begin = std::chrono::steady_clock::now();
    const auto store = Open(path);
    open_seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    size_t loaded = 0;
    STOCKADE_CHECK(store->Load(kNowMs, [&](LoadedAs, Decision&&) { ++loaded; }).ok());
    STOCKADE_CHECK(loaded == decisions);
  }
  state.counters["open_s"] = open_seconds / static_cast<double>(state.iterations());
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

BENCHMARK(BM_Floor_ParseDecision)->ArgName("decisions")->Arg(1'000'000)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_Store_OpenAndLoad)
    ->ArgName("decisions")
    ->Arg(100'000)
    ->Arg(1'000'000)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime()
    ->Iterations(3);

}  // namespace
}  // namespace stockade

BENCHMARK_MAIN();
