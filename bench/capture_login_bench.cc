// Logins from a capture on one core: packets in memory → connections → requests and answers → records; beside what the
// parts of it cost alone, the packets and their connections (floor). By logins a connection: browsers make one, load
// generators and APIs keep theirs.
#include <benchmark/benchmark.h>

#include <string>

#include "adapters/capture/capture_source.h"
#include "adapters/capture/packet_file.h"
#include "engine/status.h"
#include "tests/adapters/capture/made_capture.h"

namespace stockade {
namespace {

constexpr int kLogins = 20'000;

// A browser's login, 640 bytes, and an answer of 2 KiB, as a page with "wrong password" on it.
MadeCapture Capture(int logins_a_connection) {
  MadeCapture made;
  int login = 0;
  for (int connection = 0; login < kLogins; ++connection) {
    std::vector<MadeCapture::Turn> turns;
    for (int i = 0; i < logins_a_connection && login < kLogins; ++i, ++login) {
      const std::string body =
          "username=customer" + std::to_string(login) + "&password=secret" + std::to_string(login);
      turns.emplace_back(
          "POST /login HTTP/1.1\r\nHost: broker.example\r\nConnection: keep-alive\r\nContent-Length: " +
              std::to_string(body.size()) +
              "\r\nsec-ch-ua: \"Chromium\";v=\"131\"\r\nsec-ch-ua-mobile: ?0\r\nsec-ch-ua-platform: "
              "\"Windows\"\r\n"
              "Origin: https://broker.example\r\nContent-Type: application/x-www-form-urlencoded\r\n"
              "User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
              "Chrome/131.0.0.0 Safari/537.36\r\nAccept: text/html,application/xhtml+xml\r\nSec-Fetch-Site: "
              "same-origin\r\n"
              "Referer: https://broker.example/login\r\nAccept-Encoding: gzip, deflate, "
              "br\r\nAccept-Language: de\r\n\r\n" +
              body,
          "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2014\r\n\r\n" +
              std::string(1000, 'x') + "wrong password" + std::string(1000, 'y'));
    }
    made.Connection(0x0b000000u + static_cast<uint32_t>(connection % 5000),
                    static_cast<uint16_t>(1024 + connection % 60000), 80, 1767600000000 + connection * 3,
                    turns);
  }
  return made;
}

CaptureReading Reading(bool by_body) {
  EndpointSettings endpoint;
  endpoint.name = "portal";
  endpoint.path = "/login";
  endpoint.account = {{ValueSource::From::kBody, "username"}};
  endpoint.password = {{ValueSource::From::kBody, "password"}};
  OutcomeRule wrong;
  wrong.status = "200";
  if (by_body) wrong.body_matches = "wrong password";
  wrong.outcome = Outcome::kBadPassword;
  endpoint.outcomes = {wrong};
  CaptureReading reading;
  auto logins = LoginExchange::Create({endpoint}, HashKey{});
  STOCKADE_CHECK(logins.ok());
  reading.logins = *std::move(logins);
  reading.client_addresses =
      std::make_shared<ClientAddressReader>(std::span<const Prefix>(), ForwardingField::kNone);
  return reading;
}

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
  const MadeCapture made = Capture(static_cast<int>(state.range(0)));
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
  const MadeCapture made = Capture(static_cast<int>(state.range(0)));
  const CaptureReading reading = Reading(state.range(1) != 0);
  for (auto _ : state) {
    auto bytes = ByteReader::OverText(made.bytes(), "capture");
    STOCKADE_CHECK(bytes.ok());
    auto source = MakeCaptureSource(*std::move(bytes), SourceOptions(), reading);
    STOCKADE_CHECK(source.ok());
    Batch batch;
    int failures = 0;
    while (*(*source)->Read(&batch))
      for (const Record& record : batch.records)
        failures +=
            record.event.aftermath.outcome == Outcome::kBadPassword && record.event.attempt.has_account() ? 1
                                                                                                          : 0;
    STOCKADE_CHECK(failures == kLogins);
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
