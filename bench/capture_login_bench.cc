// Logins from a capture on one core: packets in memory → connections → requests and answers → records; beside what the
// parts of it cost alone, the packets and their connections (floor). By logins a connection: browsers make one, load
// generators and APIs keep theirs.
#include <benchmark/benchmark.h>

#include <string>

#include "adapters/capture/packet_file.h"
#include "bench/login_traffic.h"
#include "engine/status.h"

namespace stockade {
namespace {

constexpr int kLogins = 20'000;

// Takes the bytes of all connections and does nothing with them.
class Nothing final : public ConnectionListener {
 public:
  void Opened(const stockade::Connection&) override {}
  bool Bytes(const stockade::Connection&, Direction, std::string_view bytes, int64_t) override {
    told += bytes.size();
    return true;
  }
  void Gap(const stockade::Connection&, Direction, uint64_t, int64_t) override {}
  void Ended(const stockade::Connection&, Direction, int64_t) override {}
  void Closed(const stockade::Connection&, ConnectionClose, int64_t) override {}
  void Received(const Datagram&) override {}
  uint64_t told = 0;
};

void Rates(benchmark::State& state, const MadeCapture& made) {
  state.counters["logins/s"] = benchmark::Counter(kLogins, benchmark::Counter::kIsIterationInvariantRate);
  state.counters["Gbit/s"] = benchmark::Counter(static_cast<double>(made.bytes().size()) * 8 / 1e9,
                                                benchmark::Counter::kIsIterationInvariantRate);
}

void BM_Capture_Connections(benchmark::State& state) {
  const MadeCapture made = LoginTraffic(kLogins, static_cast<int>(state.range(0)));
  for (auto _ : state) {
    auto bytes = ByteReader::OverText(made.bytes(), "capture");
    STOCKADE_CHECK(bytes.ok());
    struct Stream final : ByteStream {
      explicit Stream(ByteReader* from) : reader(from) {}
      absl::StatusOr<size_t> Read(char* out, size_t room) override { return reader->ReadBytes(out, room); }
      ByteReader* reader;
    };
    auto file = PacketFile::OverStream(std::make_unique<Stream>(bytes->get()), "capture");
    STOCKADE_CHECK(file.ok());
    Nothing nothing;
    Assembly assembly(AssemblyOptions{}, &nothing);
    Packet packet;
    while (*(*file)->Next(&packet)) assembly.Take(packet);
    assembly.Finish();
    benchmark::DoNotOptimize(nothing.told);
  }
  Rates(state, made);
}
BENCHMARK(BM_Capture_Connections)
    ->ArgName("logins_a_connection")
    ->Arg(1)
    ->Arg(100)
    ->Unit(benchmark::kMillisecond);

void BM_Capture_Logins(benchmark::State& state) {
  const MadeCapture made = LoginTraffic(kLogins, static_cast<int>(state.range(0)));
  const CaptureReading reading = LoginTrafficReading(state.range(1) != 0);
  for (auto _ : state) {
    auto bytes = ByteReader::OverText(made.bytes(), "capture");
    STOCKADE_CHECK(bytes.ok());
    STOCKADE_CHECK(CountLogins(*std::move(bytes), reading) == kLogins);
  }
  Rates(state, made);
}
BENCHMARK(BM_Capture_Logins)
    ->ArgNames({"logins_a_connection", "by_body"})
    ->Args({1, 0})
    ->Args({100, 0})
    ->Args({1, 1})
    ->Args({100, 1})
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace stockade

BENCHMARK_MAIN();
