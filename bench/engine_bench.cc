// The engine alone: Prefetch, Assess and Observe of failed logins that 2, 4 and 8 keyed windows count, beside
// the floor: the same keys as prefetched ++ of absl::flat_hash_map<Hash128, int64_t>, one map a window.
//
//   engine_bench [--large] [--keys N] [--windows 2|4|8] [--repetitions 7]
//
// Every window has its own field (source.ip, user.name, login.device, login.password_id; from the fifth on
// the same again over an hour) and that many keys, drawn evenly. Both sides hold all keys before the clock
// starts; nothing fires. First both count the same events and must agree, key by key and count by count.
// --large adds 10 million keys a window, for which 8 windows want some 10 GiB; what does not fit into the
// free memory is left out and said.
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "bench/login_log.h"
#include "bench/measure.h"
#include "engine/engine.h"
#include "engine/rule/group_key.h"
#include "engine/rule/sigma_parse.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

// A window's count goes on to here; few enough events of a key fall into its span that none gets there.
constexpr int64_t kLimit = 20;
constexpr int64_t kEventsAHour = 3;  // of one key
constexpr size_t kChunk = 100'000;   // events between two looks at the clock
constexpr size_t kBatch = 16;
constexpr size_t kAhead = 8;  // as replay prefetches
constexpr std::array<size_t, 3> kWindowCounts = {2, 4, 8};
constexpr std::array<FieldId, 4> kFields = {FieldId::kSourceIp, FieldId::kUserName, FieldId::kDevice,
                                            FieldId::kPasswordId};

std::string WindowName(size_t window) {
  return Concat("window_", window);
}

// The rules, as a user would write them.
std::string RulesText(size_t windows) {
  std::string text =
      "title: A failed login\nname: failed\nlogsource: {category: authentication}\n"
      "detection:\n  selection:\n    event.outcome: failure\n  condition: selection\n";
  for (size_t i = 0; i < windows; ++i) {
    const std::string_view field = kKnownFieldNames[static_cast<size_t>(kFields[i % kFields.size()])];
    Append(&text, "---\ntitle: Window ", i, "\nname: ", WindowName(i), "\ncorrelation:\n",
           "  type: event_count\n  rules: [failed]\n  group-by: [", field,
           "]\n  timespan: ", i < kFields.size() ? "10m" : "1h", "\n  condition: {gte: ", kLimit, "}\n");
  }
  return text;
}

// Failed logins whose fields are drawn from so many keys each, and the keys they are counted under.
class Stream {
 public:
  Stream(size_t keys, size_t windows)
      : keys_(keys),
        windows_(windows),
        step_ns_(3'600'000'000'000 / (kEventsAHour * static_cast<int64_t>(keys))),
        group_keys_(EngineOptions().hash_key) {
    for (size_t i = 0; i < windows; ++i) {
      salts_.push_back(SipHash128(EngineOptions().hash_key, Concat("window:", WindowName(i))));
    }
    texts_.resize(kChunk);
    events_.resize(kChunk);
    hashes_.resize(windows);
    for (auto& of_window : hashes_) of_window.resize(kChunk + kBatch);
  }

  // The next `size` events (at most kChunk) drawn; with `each` one of every key, in order.
  void Fill(size_t size, bool each) {
    for (size_t i = 0; i < size; ++i) {
      std::array<uint64_t, 4> number;
      for (uint64_t& drawn : number) drawn = each ? next_ % keys_ : draw_.Below(keys_);
      Texts& text = texts_[i];
      const auto user = std::snprintf(text.account, sizeof text.account, "customer%08llu",
                                      static_cast<unsigned long long>(number[1]));
      std::snprintf(text.device, sizeof text.device, "%016llx",
                    static_cast<unsigned long long>(number[2] * 0x9e3779b97f4a7c15ULL));
      std::snprintf(text.password, sizeof text.password, "%016llx%016llx",
                    static_cast<unsigned long long>(number[3] * 0xc2b2ae3d27d4eb4fULL),
                    static_cast<unsigned long long>(number[3]));
      LoginEvent& event = events_[i];
      event.attempt.time_ns = 1'777'777'777'000'000'000 + step_ns_ * static_cast<int64_t>(next_++);
      event.attempt.source = Address::V4(static_cast<uint32_t>(number[0] * 2654435761u));
      event.attempt.account = std::string_view(text.account, static_cast<size_t>(user));
      event.attempt.device = std::string_view(text.device, 16);
      event.attempt.password_id = std::string_view(text.password, 32);
      event.aftermath.outcome = Outcome::kBadPassword;
      group_keys_.Begin(event);
      for (size_t window = 0; window < windows_; ++window) {
        hashes_[window][i] =
            Combine(salts_[window], *group_keys_.Find(group_keys_.SlotOf(kFields[window % kFields.size()])));
      }
    }
    size_ = size;
  }
  std::span<const LoginEvent> events() const { return {events_.data(), size_}; }
  // Of one window, in the order of the events; kBatch more can be read.
  const std::vector<Hash128>& hashes(size_t window) const { return hashes_[window]; }
  size_t windows() const { return windows_; }
  void StandStill() { step_ns_ = 0; }

 private:
  struct Texts {
    char account[24], device[24], password[40];
  };
  size_t keys_, windows_;
  int64_t step_ns_;
  GroupKeys group_keys_;
  Draw draw_{7};
  uint64_t next_ = 0;
  std::vector<Hash128> salts_;
  std::vector<Texts> texts_;
  std::vector<LoginEvent> events_;
  std::vector<std::vector<Hash128>> hashes_;
  size_t size_ = 0;
};

// The floor, in two ways; neither is the faster one at all sizes, so both are run and the faster one counts.
enum class PrefetchWay : uint8_t {
  kBatches,  // the keys of 16 events, then their updates
  kRing,     // each key 16 updates ahead
};
class Maps {
 public:
  Maps(size_t keys, size_t windows) : maps_(windows) {
    for (auto& map : maps_) map.reserve(keys);
  }
  void Count(const Stream& stream, PrefetchWay way) {
    const size_t size = stream.events().size();
    if (way == PrefetchWay::kRing) {
      const size_t ahead = kBatch / maps_.size();
      for (size_t i = 0; i < size; ++i) {
        for (size_t window = 0; window < maps_.size(); ++window) {
          const Hash128* const hash = &stream.hashes(window)[i];
          maps_[window].prefetch(hash[ahead]);
          ++maps_[window][*hash];
        }
      }
      return;
    }
    for (size_t begin = 0; begin < size; begin += kBatch) {
      const size_t end = std::min(begin + kBatch, size);
      for (size_t window = 0; window < maps_.size(); ++window) {
        const Hash128* const hashes = stream.hashes(window).data();
        for (size_t i = begin; i < end; ++i) maps_[window].prefetch(hashes[i + kBatch]);
      }
      for (size_t window = 0; window < maps_.size(); ++window) {
        const Hash128* const hashes = stream.hashes(window).data();
        for (size_t i = begin; i < end; ++i) ++maps_[window][hashes[i]];
      }
    }
  }
  int64_t Count(size_t window, const Hash128& hash) const {
    const auto found = maps_[window].find(hash);
    return found == maps_[window].end() ? 0 : found->second;
  }

 private:
  std::vector<absl::flat_hash_map<Hash128, int64_t>> maps_;
};

struct Ours {
  FieldTable fields;
  std::unique_ptr<const RuleSet> rules;
  std::unique_ptr<Engine> engine;

  void Run(std::span<const LoginEvent> events) {
    for (size_t i = 0; i < kAhead && i < events.size(); ++i) engine->Prefetch(events[i]);
    for (size_t i = 0; i < events.size(); ++i) {
      if (i + kAhead < events.size()) engine->Prefetch(events[i + kAhead]);
      engine->Observe(events[i], engine->Assess(events[i].attempt));
    }
  }
};

// What the ceiling has to be for nothing to be evicted: the table's bytes a key with room to spare, of which
// an engine gives its windows at least five eighths.
size_t CeilingFor(size_t keys, size_t windows) {
  return (size_t{64} << 20) + keys * windows * 160 * 8 / 5;
}

std::unique_ptr<Ours> MakeEngine(size_t keys, size_t windows, EngineListener* listener) {
  auto ours = std::make_unique<Ours>();
  SigmaDocuments documents;
  const absl::Status parsed = ParseSigma(RulesText(windows), "bench.yml", &documents);
  if (!parsed.ok()) {
    std::fprintf(stderr, "%s\n", std::string(parsed.message()).c_str());
    std::exit(2);
  }
  ours->rules = Compile(std::move(documents), &ours->fields).value();
  EngineOptions options;
  options.memory_bytes = CeilingFor(keys, windows);
  ours->engine = Engine::Create(options, ours->rules.get(), listener).value();
  return ours;
}

struct Listener final : EngineListener {
  void OnWindow(const WindowReading& reading) override {
    keys.push_back(reading.key);
    values.push_back(static_cast<int64_t>(reading.value));
  }
  std::vector<Hash128> keys;
  std::vector<int64_t> values;
};

// All events at one time, so that a window and a map count the same.
void CompareAnswers(size_t windows) {
  constexpr size_t kKeys = 2'000, kEvents = 30'000;
  Listener listener;
  const auto ours = MakeEngine(kKeys, windows, &listener);
  ours->engine->SetTracing(true);
  Stream stream(kKeys, windows);
  stream.StandStill();
  stream.Fill(kEvents, false);
  ours->Run(stream.events());
  STOCKADE_CHECK(listener.keys.size() == kEvents * windows);
  std::vector<absl::flat_hash_map<Hash128, int64_t>> counts(windows);
  for (size_t i = 0; i < kEvents; ++i) {
    for (size_t window = 0; window < windows; ++window) {
      const Hash128& key = stream.hashes(window)[i];
      STOCKADE_CHECK(listener.keys[i * windows + window] == key);
      STOCKADE_CHECK(listener.values[i * windows + window] == std::min(++counts[window][key], kLimit));
    }
  }
  for (const PrefetchWay way : {PrefetchWay::kBatches, PrefetchWay::kRing}) {
    Maps maps(kKeys, windows);
    maps.Count(stream, way);
    for (size_t window = 0; window < windows; ++window) {
      for (const auto& [key, count] : counts[window]) STOCKADE_CHECK(maps.Count(window, key) == count);
    }
  }
}

size_t FreeMemory() {
  return static_cast<size_t>(sysconf(_SC_AVPHYS_PAGES)) * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

void Bench(size_t keys, size_t windows, int repetitions) {
  // What is touched of it: some 75 bytes a key of ours (the ceiling leaves room to spare), up to 50 of a map.
  const size_t wanted = keys * windows * 140;
  if (wanted > FreeMemory()) {
    std::printf("%10zu %8zu  left out: may need %zu MiB, free are %zu MiB\n", keys, windows, wanted >> 20,
                FreeMemory() >> 20);
    return;
  }
  const auto ours = MakeEngine(keys, windows, nullptr);
  Maps maps(keys, windows);
  Stream stream(keys, windows);
  for (size_t done = 0; done < keys; done += kChunk) {
    stream.Fill(std::min(kChunk, keys - done), true);
    maps.Count(stream, PrefetchWay::kRing);
    ours->Run(stream.events());
  }
  Timing batches_time, ring_time, our_time;
  for (int i = 0; i < repetitions; ++i) {
    stream.Fill(kChunk, false);
    batches_time.Take([&] { maps.Count(stream, PrefetchWay::kBatches); });
    our_time.Take([&] { ours->Run(stream.events()); });
    stream.Fill(kChunk, false);
    ring_time.Take([&] { maps.Count(stream, PrefetchWay::kRing); });
  }
  const Timing& floor_time = ring_time.best() < batches_time.best() ? ring_time : batches_time;
  const EngineCounters counters = ours->engine->counters();
  STOCKADE_CHECK(counters.windows_evicted == 0 && counters.alerts == 0 && counters.too_late == 0);
  const auto ns = [](double seconds) { return seconds * 1e9 / static_cast<double>(kChunk); };
  std::printf("%10zu %8zu %11.0f %9.1f %9.1f %11.0f %9.1f %9.1f %9.2f\n", keys, windows,
              1e9 / ns(floor_time.best()), ns(floor_time.best()), ns(floor_time.median()),
              1e9 / ns(our_time.best()), ns(our_time.best()), ns(our_time.median()),
              floor_time.best() / our_time.best());
  std::fflush(stdout);
}

}  // namespace
}  // namespace stockade

int main(int argc, char** argv) {
  using namespace stockade;
  std::vector<size_t> sizes = {10'000, 1'000'000};
  size_t only_windows = 0;
  int repetitions = 7;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--large") {
      sizes.push_back(10'000'000);
    } else if (name == "--keys" && i + 1 < argc) {
      sizes = {std::strtoull(argv[++i], nullptr, 10)};
    } else if (name == "--windows" && i + 1 < argc) {
      only_windows = std::strtoull(argv[++i], nullptr, 10);
    } else if (name == "--repetitions" && i + 1 < argc) {
      repetitions = std::atoi(argv[++i]);
    } else {
      std::fprintf(stderr, "engine_bench [--large] [--keys N] [--windows 2|4|8] [--repetitions N]\n");
      return 2;
    }
  }
  if (repetitions < 1 || sizes[0] == 0) return 2;
  std::printf("%s, %s, best and median of %d by processor time\n",
              StayOnOneCore() ? "one core" : "NOT on one core", LoadText().c_str(), repetitions);
  std::printf("%10s %8s %31s %31s\n%10s %8s %11s %9s %9s %11s %9s %9s %9s\n", "", "", "floor", "ours", "keys",
              "windows", "events/s", "ns best", "ns median", "events/s", "ns best", "ns median", "ratio");
  for (const size_t windows : kWindowCounts) CompareAnswers(windows);
  for (const size_t keys : sizes) {
    for (const size_t windows : kWindowCounts) {
      if (only_windows == 0 || windows == only_windows) Bench(keys, windows, repetitions);
    }
  }
  std::printf("%s at the end\n", LoadText().c_str());
  return 0;
}
