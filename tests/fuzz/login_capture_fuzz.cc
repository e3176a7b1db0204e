// Connections and datagrams of any bytes, many at once and in little room: each may give way while another is at work. Nothing
// is kept when all are closed, the room is kept to, and every login is told or counted.
//
// Input: runs of an operation, a length and so many bytes. Operation: bits 0 to 2 what happens, bits 3 to 5 to which of eight
// connections, bit 6 who speaks.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "adapters/capture/login_capture.h"

namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

class Counting final : public stockade::LoginSink {
 public:
  void Take(const stockade::CapturedLogin&) override { ++logins; }
  uint64_t logins = 0;
};

std::shared_ptr<const stockade::LoginExchange> Logins() {
  stockade::EndpointSettings endpoint;
  endpoint.path = "/*";
  endpoint.account = {{stockade::ValueSource::From::kBody, "u"},
                      {stockade::ValueSource::From::kBasic, "user"}};
  endpoint.password = {{stockade::ValueSource::From::kBody, "p"}};
  endpoint.body_bytes = 512;
  endpoint.answer_bytes = 256;
  stockade::OutcomeRule wrong;
  wrong.status = "200";
  wrong.body_matches = "wrong";
  wrong.outcome = stockade::Outcome::kBadPassword;
  endpoint.outcomes = {wrong};
  return *stockade::LoginExchange::Create({endpoint}, stockade::HashKey{});
}

struct Wire {
  stockade::Connection connection;
  bool open = false;
  std::array<bool, 2> wanted{};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace stockade;
  static const auto logins = Logins();
  std::string_view input(reinterpret_cast<const char*>(data), size);
  Counting sink;
  LoginReading reading;
  reading.logins = logins;
  reading.client_addresses =
      std::make_shared<ClientAddressReader>(std::span<const Prefix>(), ForwardingField::kNone);
  reading.sink = &sink;
  LoginCaptureOptions options;
  options.heads.header_bytes = 2048;
  options.memory_bytes = size_t{12} << 10;
  LoginCapture capture(options, &reading);
  std::array<Wire, 8> wires;
  uint64_t ids = 0;
  int64_t time_ns = 1'000'000'000;
  const auto close = [&](Wire* wire, ConnectionClose why) {
    if (wire->open) capture.Closed(wire->connection, why, time_ns);
    wire->open = false;
  };
  while (input.size() >= 2) {
    const auto operation = static_cast<uint8_t>(input[0]);
    const std::string_view bytes = input.substr(2, static_cast<uint8_t>(input[1]));
    input.remove_prefix(2 + bytes.size());
    Wire& wire = wires[operation >> 3 & 7];
    const size_t side = operation >> 6 & 1;
    const auto direction = static_cast<Direction>(side);
    time_ns += 1'000'000;
    if ((operation & 7) == 7) {
      Datagram datagram;
      datagram.source = {Address::V4(1),
                         static_cast<uint16_t>(side == 0 ? 4000 + (operation >> 3 & 7) : 443)};
      datagram.destination = {Address::V4(2),
                              static_cast<uint16_t>(side == 0 ? 443 : 4000 + (operation >> 3 & 7))};
      if (side == 1) std::swap(datagram.source.address, datagram.destination.address);
      datagram.time_ns = time_ns;
      // As large as a client's first.
      std::string padded(bytes);
      padded.resize(1200);
      datagram.bytes = padded;
      capture.Received(datagram);
      continue;
    }
    if (!wire.open) {
      wire.open = true;
      wire.wanted = {true, true};
      wire.connection = {};
      wire.connection.id = ++ids;
      wire.connection.client = {Address::V4(10 + (operation >> 3 & 7)), 40000};
      wire.connection.server = {Address::V4(2), 80};
      wire.connection.start_seen = (operation & 0x80) == 0;
      capture.Opened(wire.connection);
    }
    switch (operation & 7) {
      case 0:
        close(&wire, side == 0 ? ConnectionClose::kFin : ConnectionClose::kIdle);
        break;
      case 1:
        if (wire.wanted[side]) capture.Gap(wire.connection, direction, bytes.size() + 1, time_ns);
        break;
      case 2:
        capture.Ended(wire.connection, direction, time_ns);
        wire.wanted[side] = false;
        break;
      default:
        wire.connection.server_heard = wire.connection.server_heard || side == 1;
        if (!bytes.empty() && wire.wanted[side])
          wire.wanted[side] = capture.Bytes(wire.connection, direction, bytes, time_ns);
    }
    Require(capture.memory_bytes() - capture.hellos().memory_bytes() <= options.memory_bytes);
    Require(capture.hellos().memory_bytes() <= HelloCapture::kBytesTogetherMax);
  }
  for (Wire& wire : wires) close(&wire, ConnectionClose::kCaptureEnd);
  Require(capture.memory_bytes() == capture.hellos().memory_bytes());
  Require(sink.logins == reading.counts.logins);
  return 0;
}
