// What a whole replay costs on one core, its parts alone, and beside them the floors.
//
//   replay_bench [--events 1000000] [--lines 1000000] [--repetitions 5] [--only ndjson|sshd] [--keep]
//                [--observe] [--rules-only] [--folder /tmp]
//
// Prints events/s and ns/event of each, the best of the repetitions, and last the ratio: whole replay over
// what both floors allow together. First everything is run once and compared: the floor's fields with the
// reader's, the engine's windows with the floor's counts, the program's verdict file with the engine's
// verdicts. README.md beside this file says what a line of the output means.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "adapters/source/timestamp.h"
#include "adapters/store/ndjson_log.h"
#include "bench/login_log.h"
#include "bench/measure.h"
#include "bench/parse_floor.h"
#include "bench/update_floor.h"
#include "engine/status.h"
#include "engine/text.h"
#include "tools/stockade/console.h"
#include "tools/stockade/program.h"
#include "tools/stockade/replay_session.h"

namespace stockade {
namespace {

struct BenchOptions {
  int events = 1'000'000;
  int lines = 1'000'000;
  int repetitions = 5;
  bool keep = false;
  bool observe = false;
  bool rules_only = false;
  std::string only;
  std::filesystem::path folder = std::filesystem::temp_directory_path();
};

// As replay.cc drives the engine.
constexpr size_t kAhead = 8;

uint64_t Mix(uint64_t hash, std::string_view text) {
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return hash;
}

// One log on disk and everything that is done to it.
class LogBench {
 public:
  LogBench(const BenchOptions& options, std::string name, const std::string& text)
      : options_(options), name_(std::move(name)) {
    log_ = options_.folder / ("stockade_replay_bench." + name_);
    one_line_ = options_.folder / ("stockade_replay_bench.one." + name_);
    verdicts_ = options_.folder / ("stockade_replay_bench.verdicts." + name_);
    decisions_ = options_.folder / ("stockade_replay_bench.decisions." + name_);
    std::ofstream(log_, std::ios::binary) << text;
    std::ofstream(one_line_, std::ios::binary) << text.substr(0, text.find('\n') + 1);
  }
  ~LogBench() {
    if (options_.keep) return;
    for (const auto& file : {log_, one_line_, verdicts_, decisions_}) std::filesystem::remove(file);
  }
  LogBench(const LogBench&) = delete;
  LogBench& operator=(const LogBench&) = delete;

  void Prepare();
  void TimeReader() {
    ReplaySession session = Open(nullptr);
    reader_.Take([&] { ReadAll(session, [](Batch&) {}); });
  }
  void TimeEngine();
  void TimeProgram() {
    whole_.Take([&] { RunProgramOver(log_); });
    start_.Take([&] { RunProgramOver(one_line_); });
  }

  // One line of the table.
  void Print(const char* what, double seconds, uint64_t count) const {
    std::printf("  %-34s %12.0f /s %9.1f ns\n", what, static_cast<double>(count) / seconds,
                seconds * 1e9 / static_cast<double>(count));
  }
  void PrintOurs(uint64_t count) const {
    Print("ours   reader alone", reader_.best(), count);
    Print("ours   engine alone", engine_.best(), count);
    Print("ours   whole replay", whole(), count);
    std::printf("  %-34s %12.3f s, once a run, not in the figures above\n", "ours   start (rules)",
                start_.best());
  }
  double whole() const { return whole_.best() - start_.best(); }

  const std::vector<Hash128>& keys() const { return keys_; }
  size_t distinct() const { return distinct_; }
  uint64_t records() const { return records_; }
  const std::string& said() const { return said_; }

  // Opens the log as the program does, with an engine that has seen nothing.
  ReplaySession Open(EngineListener* listener) const {
    ReplayOptions replay;
    replay.rules = {STOCKADE_RULES};
    replay.format = name_;
    replay.year = 2026;
    replay.observe = options_.observe;
    replay.rules_only = options_.rules_only;
    replay.inputs = {log_.string()};
    absl::StatusOr<ReplaySession> session = ReplaySession::Open(replay);
    if (session.ok()) {
      const absl::Status started = session->Start(listener);
      if (started.ok()) return *std::move(session);
      session = started;
    }
    std::fprintf(stderr, "%s\n", std::string(session.status().message()).c_str());
    std::exit(2);
  }
  template <typename Use>
  static void ReadAll(ReplaySession& session, Use&& use) {
    Batch batch;
    while (true) {
      const absl::StatusOr<bool> more = session.source().Read(&batch);
      STOCKADE_CHECK(more.ok());
      if (!*more) return;
      session.Complete(&batch);
      use(batch);
    }
  }

 private:
  void RunProgramOver(const std::filesystem::path& input) const;
  template <typename Use>
  void Drive(Engine& engine, const Batch& batch, Use&& use) const;

  const BenchOptions& options_;
  std::string name_;
  std::filesystem::path log_, one_line_, verdicts_, decisions_;
  Timing reader_, engine_, whole_, start_;
  std::vector<Hash128> keys_;  // of every window that was counted in, in order
  size_t distinct_ = 0;
  uint64_t records_ = 0;
  std::string said_;
};

// Remembers the key of each window, and that no window says more than its key was ever counted.
struct Listener final : EngineListener {
  void OnWindow(const WindowReading& reading) override {
    keys.push_back(reading.key);
    const int64_t count = ++counts[reading.key];
    STOCKADE_CHECK(reading.value <= static_cast<double>(count));
  }
  std::vector<Hash128> keys;
  absl::flat_hash_map<Hash128, int64_t> counts;
};

template <typename Use>
void LogBench::Drive(Engine& engine, const Batch& batch, Use&& use) const {
  const std::vector<Record>& records = batch.records;
  const auto prefetch = [&](size_t i) {
    if (i < records.size() && records[i].ok()) engine.Prefetch(records[i].event);
  };
  for (size_t i = 0; i < kAhead; ++i) prefetch(i);
  for (size_t i = 0; i < records.size(); ++i) {
    prefetch(i + kAhead);
    const Record& record = records[i];
    if (!record.ok()) continue;
    const Verdict verdict = engine.Assess(record.event.attempt);
    use(record, verdict);
    if (options_.observe || IsObserved(verdict, record.event.aftermath.challenge)) {
      engine.Observe(record.event, verdict);
    }
  }
}

// Once with everything told, once by the program: the verdicts must be the same, byte for byte.
void LogBench::Prepare() {
  Listener listener;
  ReplaySession session = Open(&listener);
  session.engine().SetTracing(true);
  uint64_t hash = 0;
  std::string line;
  ReadAll(session, [&](const Batch& batch) {
    Drive(session.engine(), batch, [&](const Record& record, const Verdict& verdict) {
      ++records_;
      line.clear();
      AppendVerdict(record.position, verdict, &line);
      hash = Mix(hash, line);
    });
  });
  session.engine().Finish();
  STOCKADE_CHECK(session.source().counters().unreadable() == 0);
  keys_ = std::move(listener.keys);
  distinct_ = listener.counts.size();

  RunProgramOver(log_);
  std::ifstream written(verdicts_, std::ios::binary);
  uint64_t hash_written = 0;
  while (std::getline(written, line)) hash_written = Mix(hash_written, line);
  STOCKADE_CHECK(hash == hash_written);

  const EngineCounters counters = session.engine().counters();
  const auto share = [&](VerdictKind kind) {
    return 100 * static_cast<double>(counters.verdicts[static_cast<size_t>(kind)]) /
           static_cast<double>(records_);
  };
  char text[256];
  std::snprintf(text, sizeof text,
                "%.2f windows an attempt under %zu keys, %llu alerts, %llu decisions; allowed %.1f %%, "
                "challenged %.1f %%, throttled %.1f %%, denied %.1f %%; engine %.0f MiB",
                static_cast<double>(keys_.size()) / static_cast<double>(records_), distinct_,
                static_cast<unsigned long long>(counters.alerts),
                static_cast<unsigned long long>(counters.decisions), share(VerdictKind::kAllow),
                share(VerdictKind::kChallenge), share(VerdictKind::kThrottle), share(VerdictKind::kDeny),
                static_cast<double>(counters.memory_bytes) / 1048576);
  said_ = text;
}

// The clock runs while the engine does, batch by batch: its events are where the reader leaves them, in the
// cache.
void LogBench::TimeEngine() {
  ReplaySession session = Open(nullptr);
  double seconds = 0;
  ReadAll(session, [&](const Batch& batch) {
    const double begin = ProcessorSeconds();
    Drive(session.engine(), batch, [](const Record&, const Verdict&) {});
    seconds += ProcessorSeconds() - begin;
  });
  engine_.Add(seconds);
}

void LogBench::RunProgramOver(const std::filesystem::path& input) const {
  std::vector<std::string> arguments = {
      "replay",     "--rules",          STOCKADE_RULES, "--format",          name_,         "--year", "2026",
      "--verdicts", verdicts_.string(), "--decisions",  decisions_.string(), input.string()};
  if (options_.observe) arguments.insert(arguments.begin() + 1, "--observe");
  if (options_.rules_only) arguments.insert(arguments.begin() + 1, "--rules-only");
  std::ostringstream out, err;
  Console console{out, err};
  const int exit_code = RunProgram(arguments, console);
  if (exit_code == 0) return;
  std::fprintf(stderr, "%s", err.str().c_str());
  std::exit(exit_code);
}

// The floor's fields must be the reader's, line by line.
void CompareFields(LogBench& bench, const simdjson::padded_string& text, ParseWay way) {
  ReplaySession session = bench.Open(nullptr);
  Batch batch;
  size_t at = 0;
  uint64_t compared = 0;
  const LocalZone utc(absl::UTCTimeZone());
  ParseFloor(text, way, [&](const FloorEvent& floor) {
    if (at == batch.records.size()) {
      STOCKADE_CHECK(session.source().Read(&batch).value());
      at = 0;
    }
    const LoginEvent& event = batch.records[at++].event;
    const Attempt& attempt = event.attempt;
    STOCKADE_CHECK(attempt.time_ns == ParseIso8601(floor.time, utc));
    STOCKADE_CHECK(attempt.source == Address::Parse(floor.ip));
    STOCKADE_CHECK(attempt.account == floor.account && attempt.user_agent == floor.user_agent);
    STOCKADE_CHECK(attempt.ja4 == floor.ja4 && attempt.password_id == floor.password_id);
    STOCKADE_CHECK(attempt.device == floor.device && attempt.asn == floor.asn);
    STOCKADE_CHECK(Name(attempt.certificate) == floor.certificate);
    STOCKADE_CHECK(Name(event.aftermath.outcome) == floor.reason);
    ++compared;
  });
  STOCKADE_CHECK(compared == bench.records());
}

void BenchNdjson(const BenchOptions& options) {
  if (!ParseFloorRuns()) {
    std::printf("ndjson: left out, the parse floor is compiled for AVX2 and this processor has none\n");
    return;
  }
  std::string made = MakeNdjsonLog(options.events, 1);
  LogBench bench(options, "ndjson", made);
  const simdjson::padded_string text(made);
  made = std::string();
  bench.Prepare();
  for (const ParseWay way : {ParseWay::kLineByLine, ParseWay::kManyLines}) CompareFields(bench, text, way);

  Timing by_line, by_many, update;
  uint64_t sum = 0;
  for (int i = 0; i < options.repetitions; ++i) {
    by_line.Take([&] { sum += ParseFloor(text, ParseWay::kLineByLine); });
    by_many.Take([&] { sum += ParseFloor(text, ParseWay::kManyLines); });
    double seconds = 0;
    STOCKADE_CHECK(UpdateFloor(bench.keys(), bench.distinct(), &seconds) == bench.distinct());
    update.Add(seconds);
    bench.TimeReader();
    bench.TimeEngine();
    bench.TimeProgram();
  }
  STOCKADE_CHECK(sum != 0);

  const uint64_t count = bench.records();
  const double parse_best = std::min(by_line.best(), by_many.best());
  std::printf("ndjson: %llu events of %zu bytes; %s\n", static_cast<unsigned long long>(count),
              text.size() / count, bench.said().c_str());
  bench.Print("floor  parse, line by line", by_line.best(), count);
  bench.Print("floor  parse, many lines", by_many.best(), count);
  bench.Print("floor  update", update.best(), count);
  bench.Print("floor  parse and update", parse_best + update.best(), count);
  bench.PrintOurs(count);
  std::printf("ratio  whole replay / parse and update: %.2f (at least 0.50 is asked for)\n",
              (parse_best + update.best()) / bench.whole());
}

void BenchSshd(const BenchOptions& options) {
  LogBench bench(options, "sshd", MakeSshdLog(options.lines, 2));
  bench.Prepare();
  Timing update;
  for (int i = 0; i < options.repetitions; ++i) {
    double seconds = 0;
    STOCKADE_CHECK(UpdateFloor(bench.keys(), bench.distinct(), &seconds) == bench.distinct());
    update.Add(seconds);
    bench.TimeReader();
    bench.TimeEngine();
    bench.TimeProgram();
  }
  const auto lines = static_cast<uint64_t>(options.lines);
  std::printf("sshd: %d lines, %llu attempts; %s\n", options.lines,
              static_cast<unsigned long long>(bench.records()), bench.said().c_str());
  bench.Print("floor  update", update.best(), lines);
  bench.PrintOurs(lines);
  std::printf("ratio  whole replay / 870,000 lines a second: %.2f (at least 1.00 is asked for)\n",
              static_cast<double>(lines) / bench.whole() / 870'000);
}

std::optional<BenchOptions> ParseBenchOptions(int argc, char** argv) {
  BenchOptions options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--keep") {
      options.keep = true;
      continue;
    }
    if (name == "--observe") {
      options.observe = true;
      continue;
    }
    if (name == "--rules-only") {
      options.rules_only = true;
      continue;
    }
    if (++i == argc) return std::nullopt;
    if (name == "--events") {
      options.events = std::atoi(argv[i]);
    } else if (name == "--lines") {
      options.lines = std::atoi(argv[i]);
    } else if (name == "--repetitions") {
      options.repetitions = std::atoi(argv[i]);
    } else if (name == "--only") {
      options.only = argv[i];
    } else if (name == "--folder") {
      options.folder = argv[i];
    } else {
      return std::nullopt;
    }
  }
  if (options.events < 1000 || options.lines < 1000 || options.repetitions < 1) return std::nullopt;
  return options;
}

}  // namespace
}  // namespace stockade

int main(int argc, char** argv) {
  using namespace stockade;
  const std::optional<BenchOptions> options = ParseBenchOptions(argc, argv);
  if (!options.has_value()) {
    std::fprintf(stderr,
                 "replay_bench [--events N] [--lines N] [--repetitions N] [--only ndjson|sshd] [--keep] "
                 "[--observe] [--rules-only] [--folder FOLDER]; counts of at least 1000\n");
    return 2;
  }
  std::printf("%s, %s, best of %d by processor time\n", StayOnOneCore() ? "one core" : "NOT on one core",
              LoadText().c_str(), options->repetitions);
  std::fflush(stdout);
  if (options->only.empty() || options->only == "ndjson") BenchNdjson(*options);
  std::fflush(stdout);
  if (options->only.empty() || options->only == "sshd") BenchSshd(*options);
  std::printf("%s at the end\n", LoadText().c_str());
  return 0;
}
