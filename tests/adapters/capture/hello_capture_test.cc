// Hellos are noted as their client's when an answer shows that the client is there, and a forger's never; nothing that a
// stranger begins grows without bound. Over QUIC, packets are sealed by OpenSSL (sealed_initial.h).
#include "adapters/capture/hello_capture.h"

#include <catch2/catch.hpp>
#include <string>

#include "adapters/capture/assembly.h"
#include "adapters/capture/login_capture.h"
#include "tests/adapters/capture/packets.h"
#include "tests/adapters/client_hello/sealed_initial.h"

namespace stockade {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
const Address kClient = *Address::Parse("203.0.113.9");
const Address kServer = *Address::Parse("192.0.2.80");
const std::string kAsked = "askedfor";
const std::string kChosen = "chosenby";

std::string OtherHello() {
  HelloParts parts;
  parts.WithHost("other.example").WithVersions({0x0304});
  return parts.Message();
}

struct Scene {
  Scene() {
    const Prefix listed = *Prefix::Parse("10.0.0.0/8");
    reading.client_addresses =
        std::make_shared<ClientAddressReader>(std::span(&listed, 1), ForwardingField::kXForwardedFor);
    capture.emplace(&reading);
  }

  Connection Open() {
    Connection connection;
    connection.id = ++ids;
    connection.client = {kClient, 40000};
    connection.server = {kServer, 443};
    connection.start_seen = true;
    return connection;
  }
  // One with a hello that is read.
  Connection OpenWithHello() {
    const Connection connection = Open();
    CHECK_FALSE(capture->Begin(connection, kClient, Records(DocumentedHello().Message()), kSecond));
    return connection;
  }
  bool noted(int64_t time_ns = kSecond) const {
    return reading.sightings.Find(kClient, time_ns).fingerprint != nullptr;
  }
  std::string ja4() const {
    const TlsSightings::Found found = reading.sightings.Find(kClient, kSecond);
    return found.fingerprint == nullptr ? "" : found.fingerprint->ja4;
  }

  void Ask(std::string_view bytes, uint16_t port = 50000, int64_t time_ns = kSecond) {
    capture->Received({{kClient, port}, {kServer, HelloCapture::kQuicPort}, time_ns, bytes});
  }
  void Answer(std::string_view bytes, uint16_t port = 50000) {
    capture->Received({{kServer, HelloCapture::kQuicPort}, {kClient, port}, kSecond, bytes});
  }

  LoginReading reading;
  std::optional<HelloCapture> capture;
  uint64_t ids = 0;
};

// As large as a client's first datagram must be.
std::string Padded(std::string datagram) {
  datagram.resize(std::max(datagram.size(), HelloCapture::kQuicFirstBytesMin));
  return datagram;
}
std::string Initial(const std::string& to, const std::string& message = DocumentedHello().Message()) {
  return Padded(SealedInitial(1, to, "", 0, CryptoFrame(0, message)));
}
std::string LongHeader(const std::string& to, const std::string& from, uint32_t version = 1) {
  return "\xe0" + Big(version, 4) + Vector(to, 1) + Vector(from, 1) + std::string(40, 'x');
}

TEST_CASE("a hello over TCP is noted when its server has said or acknowledged something", "[capture]") {
  Scene scene;
  Connection connection = scene.OpenWithHello();
  CHECK_FALSE(scene.noted());
  SECTION("a byte") {
    CHECK_FALSE(scene.capture->Bytes(connection, Direction::kFromServer, "\x16", 2 * kSecond));
  }
  SECTION("its FIN") {
    scene.capture->Ended(connection, Direction::kFromServer);
  }
  SECTION("an acknowledgement of the hello, and no more") {
    connection.server_heard = connection.client_hears = true;
    scene.capture->Closed(connection);
  }
  CHECK(scene.ja4().substr(0, 10) == "t13d1516h2");
  CHECK(scene.capture->memory_bytes() == 0);
  CHECK(scene.capture->counts().unanswered == 0);
}

TEST_CASE("a hello over TCP that no server answers is nobody's", "[capture]") {
  Scene scene;
  Connection connection = scene.OpenWithHello();
  scene.capture->Gap(connection, Direction::kFromServer);  // the client's own word
  SECTION("one direction captured") {}
  SECTION("a SYN-ACK alone") {
    connection.server_heard = connection.client_hears = true;
    connection.unacknowledged_bytes = 300;
  }
  SECTION("a SYN-ACK that acknowledges it, of which nobody heard") {
    connection.server_heard = true;
  }
  scene.capture->Closed(connection);
  CHECK_FALSE(scene.noted());
  CHECK(scene.capture->counts().hellos == 1);
  CHECK(scene.capture->counts().unanswered == 1);
  CHECK(scene.capture->memory_bytes() == 0);
}

TEST_CASE("packets that are forged past a mirror port give nobody a fingerprint", "[capture]") {
  Scene scene;
  LoginCapture capture({}, &scene.reading);
  Assembly assembly({}, &capture);
  int64_t time_ns = kSecond;
  uint16_t port = 40000;
  const auto take = [&](bool from_client, uint32_t sequence, uint32_t acknowledged, uint8_t flags,
                        const std::string& bytes) {
    const test::Segment segment{.from_port = from_client ? port : HelloCapture::kQuicPort,
                                .to_port = from_client ? HelloCapture::kQuicPort : port,
                                .sequence = sequence,
                                .acknowledged = acknowledged,
                                .flags = flags,
                                .bytes = bytes};
    test::Ipv4Options ip{.from = 0xcb007109, .to = 0xc0000250};
    if (!from_client) std::swap(ip.from, ip.to);
    const std::string packet = test::Ipv4(6, test::Tcp(segment), ip);
    assembly.Take(test::AsPacket(packet, test::kRawIp, time_ns += 1000));
  };
  constexpr uint8_t kSyn = TcpSegment::kSyn, kAck = TcpSegment::kAck;
  const std::string hello = Records(DocumentedHello().Message());
  take(true, 99, 0, kSyn, "");
  SECTION("to a server that is not there") {
    take(true, 100, 777, kAck, hello);
  }
  SECTION("to one whose number the forger does not know") {
    take(false, 4999, 100, kSyn | kAck, "");
    take(true, 100, 777, kAck, hello);
  }
  SECTION("sooner than its answer") {
    take(true, 100, 777, kAck, hello);
    take(false, 4999, 100, kSyn | kAck, "");
    take(false, 777, 0, TcpSegment::kRst, "");
  }
  // Several SYNs, of which the server takes the one that has its SYN-ACK acknowledge the hello as well.
  constexpr uint8_t kFin = TcpSegment::kFin;
  const auto size = static_cast<uint32_t>(hello.size());
  SECTION("in front of the SYN that is answered") {
    port = 40002;
    for (const uint8_t flags : {uint8_t{0}, kAck}) {
      ++port;
      take(true, 99, 0, kSyn | kFin, "");
      take(true, 100, 777, flags, hello);
      take(true, 99 + size, 0, kSyn, "");
      SECTION("and no more") {}
      SECTION("and a SYN that hides it") {
        take(true, 777777, 0, kSyn | kFin, "");
      }
      take(false, 4999, 100 + size, kSyn | kAck, "");
      take(true, 100 + size, 0, TcpSegment::kRst, "");
    }
  }
  SECTION("with the SYN that is not answered") {
    port = 40005;
    take(true, 99 + size, 0, kSyn, "");
    take(true, 99, 0, kSyn | kFin, "");
    take(true, 100, 777, kAck, hello);
    take(false, 4999, 100 + size, kSyn | kAck, "");
  }
  SECTION("behind the reset of the SYN that is answered") {
    port = 40006;
    take(true, 99 + size, 0, kSyn, "");
    take(true, 100 + size, 0, TcpSegment::kRst, "");
    take(true, 99, 0, kSyn | kFin, "");
    take(true, 100, 777, kAck, hello);
    take(false, 4999, 100 + size, kSyn | kAck, "");
  }
  for (int i = 0; i < 20; ++i) assembly.Advance(time_ns += 10 * kSecond);
  CHECK_FALSE(scene.noted());
  CHECK(capture.hellos().counts().unanswered == capture.hellos().counts().hellos);
  CHECK(capture.memory_bytes() == 0);

  // The same from who hears the server.
  port = 41000;
  take(true, 99, 0, kSyn, "");
  take(false, 4999, 100, kSyn | kAck, "");
  take(true, 100, 5000, kAck, hello);
  CHECK_FALSE(scene.noted(time_ns));
  take(false, 5000, 100 + static_cast<uint32_t>(hello.size()), kAck, "server hello");
  CHECK(scene.noted(time_ns));
}

TEST_CASE("a hello over QUIC is noted when its client has heard what the server chose", "[capture]") {
  Scene scene;
  scene.Ask(Initial(kAsked));
  CHECK(scene.capture->counts().quic_hellos == 1);
  CHECK_FALSE(scene.noted());
  SECTION("at once") {
    scene.Answer(LongHeader("", kChosen));
    CHECK_FALSE(scene.noted());  // a server answers anybody
    scene.Ask(LongHeader(kChosen, ""));
  }
  SECTION("after a Retry") {
    scene.Answer(LongHeader("", "retry id"));
    scene.Ask(Padded(SealedInitial(1, "retry id", "token", 1, CryptoFrame(0, DocumentedHello().Message()))));
  }
  SECTION("after a Retry whose answer came late") {
    scene.Answer(LongHeader("", "retry id"));
    scene.Answer(LongHeader("", kChosen));
    scene.Ask(LongHeader("retry id", ""));
  }
  CHECK(scene.ja4().substr(0, 10) == "q13d1516h2");
  CHECK(scene.capture->counts().unanswered == 0);
  // The rest of the handshake begins no other.
  scene.Ask(Padded(LongHeader(kChosen, "")));
  CHECK(scene.capture->quic_flows() == 1);
  CHECK(scene.capture->counts().quic_hellos == 1);
}

TEST_CASE("a hello over QUIC that waits when the capture ends is unanswered", "[capture]") {
  Scene scene;
  scene.Ask(Initial(kAsked));
  CHECK(scene.capture->counts().unanswered == 0);
  scene.capture->Finish();
  CHECK(scene.capture->counts().unanswered == 1);
  CHECK_FALSE(scene.noted());
}

TEST_CASE("a hello over QUIC in several datagrams is noted when the last is there", "[capture]") {
  Scene scene;
  const std::string message = DocumentedHello().Message();
  scene.Ask(Padded(SealedInitial(1, kAsked, "", 0, CryptoFrame(0, message.substr(0, 100)))));
  scene.Answer(LongHeader("", kChosen));
  scene.Ask(Padded(SealedInitial(1, kChosen, "", 1, CryptoFrame(100, message.substr(100)), kAsked)));
  CHECK(scene.noted());
}

TEST_CASE("a hello over QUIC that its client does not go on with is nobody's", "[capture]") {
  Scene scene;
  scene.Ask(Initial(kAsked));
  SECTION("without an answer") {
    scene.Ask(LongHeader("guessed!", ""));
  }
  SECTION("with an answer that its sender did not hear") {
    scene.Answer(LongHeader("", kChosen));
    scene.Ask(LongHeader("guessed!", ""));
  }
  SECTION("with an id that is no secret") {
    scene.Answer(LongHeader("", "abc"));
    scene.Ask(LongHeader("abc", ""));
  }
  SECTION("with the client's own id") {
    scene.Answer(LongHeader("", kAsked));
    scene.Ask(LongHeader(kAsked, ""));
    scene.Ask(LongHeader("", ""), 50000, 20 * kSecond);
  }
  CHECK_FALSE(scene.noted());
  CHECK(scene.capture->counts().unanswered == 1);
}

TEST_CASE("a forger who knows a client's port gives it no hello, whenever his comes", "[capture]") {
  for (const int forged_at : {0, 1, 2, 3}) {
    CAPTURE(forged_at);
    Scene scene;
    const auto forge = [&](int at) {
      if (at == forged_at) scene.Ask(Initial("forged!!", OtherHello()));
    };
    forge(0);
    scene.Ask(Initial(kAsked));
    forge(1);
    scene.Answer(LongHeader("", kChosen));
    forge(2);
    scene.Ask(Initial("forged!!", OtherHello()));
    scene.Ask(LongHeader(kChosen, ""));
    forge(3);
    CHECK_FALSE(scene.noted());
    // Long after, the port is another connection's.
    scene.Ask(Initial("third it", DocumentedHello().Message()), 50000, 30 * kSecond);
    CHECK(scene.capture->counts().quic_hellos >= 2);
  }
}

TEST_CASE("a server that takes other versions has its client begin anew", "[capture]") {
  Scene scene;
  scene.Ask(Padded(SealedInitial(0x6b3343cf, kAsked, "", 0, CryptoFrame(0, DocumentedHello().Message()))));
  scene.Answer(LongHeader("", kAsked, /*version=*/0));
  scene.Ask(Initial("another1"));
  scene.Answer(LongHeader("", kChosen));
  scene.Ask(LongHeader(kChosen, ""));
  CHECK(scene.noted());
}

TEST_CASE("hellos of listed proxies are nobody's", "[capture]") {
  Scene scene;
  const Connection connection = scene.Open();
  const Address proxy = *Address::Parse("10.1.1.1");
  scene.capture->Begin(connection, proxy, Records(DocumentedHello().Message()), kSecond);
  scene.capture->Bytes(connection, Direction::kFromServer, "x", kSecond);
  CHECK(scene.reading.sightings.addresses() == 0);
}

TEST_CASE("a QUIC flow begins with a datagram as large as a client's first", "[capture]") {
  Scene scene;
  const std::string header = LongHeader(kAsked, "");
  scene.Ask(header);
  CHECK(scene.capture->quic_flows() == 0);
  scene.Ask(Padded(header));
  scene.Ask(header);
  CHECK(scene.capture->quic_flows() == 1);
}

TEST_CASE("hellos that never end, and those never answered, take a bounded room and the oldest give way",
          "[capture]") {
  Scene scene;
  const std::string begin =
      "\x16\x03\x01" + std::string("\x3f\xff\x01\x00\xff\xf0", 6) + std::string(1000, 'h');
  const std::string whole = Records(DocumentedHello().Message());
  std::vector<Connection> connections;
  for (int i = 0; i < 12000; ++i) {
    connections.push_back(scene.Open());
    scene.capture->Begin(connections.back(), kClient, i % 2 == 0 ? begin : whole, kSecond);
    scene.Ask(Padded(LongHeader(kAsked, "")), static_cast<uint16_t>(i));
    REQUIRE(scene.capture->memory_bytes() <= HelloCapture::kBytesTogetherMax);
  }
  CHECK(scene.capture->memory_bytes() > HelloCapture::kBytesTogetherMax - 8192);
  CHECK(scene.capture->counts().no_room > 10000);
  // Whoever comes last is read all the same.
  const Connection last = scene.OpenWithHello();
  CHECK_FALSE(scene.capture->Bytes(last, Direction::kFromServer, "x", kSecond));
  CHECK(scene.noted());
  // The first gave way long ago: nothing more of it is wanted.
  CHECK_FALSE(scene.capture->Bytes(connections.front(), Direction::kFromClient, "h", kSecond));
  for (const Connection& connection : connections) scene.capture->Closed(connection);
  const HelloCounts& counts = scene.capture->counts();
  CHECK(counts.connections == 12001);
  CHECK(counts.unread == 6000);
}

}  // namespace
}  // namespace stockade
