// tcp_assembler: its policies one by one, each against what an attacker or a bad capture would do.
#include "adapters/capture/tcp_assembler.h"

#include <catch2/catch.hpp>

#include "tests/adapters/capture/told.h"

namespace stockade {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr uint8_t kSyn = TcpSegment::kSyn;
constexpr uint8_t kAck = TcpSegment::kAck;
constexpr uint8_t kFin = TcpSegment::kFin;
constexpr uint8_t kRst = TcpSegment::kRst;

// A wire between a client and a server: sequence numbers are given as offsets from each side's first byte.
class Wire {
 public:
  explicit Wire(const TcpAssemblerOptions& options = {}) : tcp_(options, &told_, &counts_) {}

  struct Sent {
    uint32_t at = 0;
    std::string bytes = {};
    uint32_t acked = 0;
    uint8_t flags = kAck;
  };
  void Client(const Sent& sent) { Send(true, sent); }
  void Server(const Sent& sent) { Send(false, sent); }
  void Open() {
    Client({.at = 0U - 1, .flags = kSyn});
    Server({.at = 0U - 1, .flags = kSyn | kAck});
    Client({});
  }
  void Later(int64_t ns) { time_ns_ += ns; }
  void Finish() { tcp_.Finish(time_ns_); }
  void Advance() { tcp_.Advance(time_ns_, time_ns_); }

  uint32_t client_first = 0xfffffff0;
  uint32_t server_first = 5000;
  uint16_t client_port = 40000;
  uint16_t server_port = 443;

  const std::vector<test::ToldConnection>& told() const { return told_.connections(); }
  const test::ToldConnection& only() const {
    REQUIRE(told().size() == 1);
    return told()[0];
  }
  const CaptureCounts& counts() const { return counts_; }
  TcpAssembler& tcp() { return tcp_; }

 private:
  void Send(bool from_client, const Sent& sent) {
    const FlowEndpoint client{Address::V4(1), client_port};
    const FlowEndpoint server{Address::V4(2), server_port};
    TcpSegment segment;
    segment.source = from_client ? client : server;
    segment.destination = from_client ? server : client;
    segment.time_ns = time_ns_ += 1000;
    segment.sequence = (from_client ? client_first : server_first) + sent.at;
    segment.acknowledged = (from_client ? server_first : client_first) + sent.acked;
    segment.flags = sent.flags;
    segment.bytes = sent.bytes;
    segment.wire_bytes = static_cast<uint32_t>(sent.bytes.size());
    tcp_.Take(segment, time_ns_);
  }

  test::Told told_;
  CaptureCounts counts_;
  TcpAssembler tcp_;
  int64_t time_ns_ = kSecond;
};

TEST_CASE("A connection is told from its first byte to its end") {
  Wire wire;
  wire.Open();
  REQUIRE(wire.told().empty());  // nothing yet that anybody could use
  wire.Client({.bytes = "question"});
  wire.Server({.bytes = "answer", .acked = 8});
  wire.Client({.at = 8, .acked = 6, .flags = kAck | kFin});
  REQUIRE(!wire.only().client().ended);  // the server has not said that it has it
  wire.Server({.at = 6, .acked = 9, .flags = kAck | kFin});
  REQUIRE(wire.only().client().ended);
  REQUIRE(!wire.only().closed);
  wire.Client({.at = 9, .acked = 7});
  REQUIRE(wire.only().closed);
  REQUIRE(wire.only().why == ConnectionClose::kFin);
  REQUIRE(wire.only().client().bytes == "question");
  REQUIRE(wire.only().server().bytes == "answer");
  REQUIRE(wire.only().connection.start_seen);
  REQUIRE(wire.only().connection.handshake_seen);
  REQUIRE(wire.only().connection.client.port == 40000);
  REQUIRE(wire.only().connection.opened_ns == kSecond + 1000);
}

TEST_CASE("An answer waits for its question, which the mirror port brings later") {
  Wire wire;
  wire.Open();
  wire.Server({.bytes = "answer", .acked = 8});
  REQUIRE(wire.told().empty());
  wire.Client({.bytes = "question"});
  REQUIRE(wire.only().client().bytes == "question");
  REQUIRE(wire.only().server().bytes == "answer");
  REQUIRE(wire.counts().gaps == 0);
}

TEST_CASE("A question that was lost is a gap before its answer") {
  Wire wire;
  wire.Open();
  wire.Client({.bytes = "one"});
  wire.Server({.bytes = "1", .acked = 3});
  wire.Server({.at = 1, .bytes = "2", .acked = 6});
  REQUIRE(wire.only().server().bytes == "1");
  wire.Later(StreamDelivery::kReorderNs);
  wire.Advance();
  REQUIRE(wire.only().client().bytes == std::string("one\0\0\0", 6));
  REQUIRE(wire.only().server().bytes == "12");
}

TEST_CASE("An acknowledged hole is a gap once the mirror port has had its time, and not before") {
  Wire wire;
  wire.Open();
  wire.Client({.bytes = "ask"});
  wire.Server({.bytes = "aa", .acked = 3});
  wire.Server({.at = 4, .bytes = "cc", .acked = 3});
  wire.Client({.at = 3, .acked = 6});
  wire.Later(StreamDelivery::kReorderNs / 2);
  wire.Advance();
  REQUIRE(wire.only().server().bytes == "aa");
  wire.Later(StreamDelivery::kReorderNs);
  wire.Advance();
  REQUIRE(wire.only().server().bytes == std::string("aa\0\0cc", 6));
  wire.Server({.at = 2, .bytes = "bb", .acked = 3});  // too late
  REQUIRE(wire.counts().repeated_bytes == 2);
}

TEST_CASE("A hole that the receiver has not acknowledged is waited for as long as he is heard") {
  Wire wire;
  wire.Open();
  wire.Client({.bytes = "log"});
  wire.Client({.at = 6, .bytes = "forged ahead"});  // in no window, or lost
  for (int i = 0; i < 100; ++i) {
    wire.Later(StreamDelivery::kOneSidedNs / 2);
    wire.Server({.acked = 3});
  }
  REQUIRE(wire.only().client().bytes == "log");
  wire.Client({.at = 3, .bytes = "in!"});
  REQUIRE(wire.only().client().bytes == "login!forged ahead");
}

TEST_CASE("With one direction captured a hole is a gap after a while") {
  Wire wire;
  wire.Client({.at = 0U - 1, .flags = kSyn});
  wire.Client({.bytes = "one"});
  wire.Client({.at = 6, .bytes = "three"});
  wire.Later(StreamDelivery::kOneSidedNs);
  wire.Advance();
  REQUIRE(wire.only().client().bytes == std::string("one\0\0\0three", 11));
  REQUIRE(!wire.only().connection.handshake_seen);
}

TEST_CASE("The client's word alone costs no byte of the answer") {
  Wire wire;
  wire.Open();
  wire.Client({.bytes = "ask", .acked = 3});  // of what was never sent
  wire.Later(kSecond);
  wire.Server({.bytes = "HTTP", .acked = 3});
  REQUIRE(wire.only().server().bytes == "HTTP");
  REQUIRE(wire.counts().gaps == 0);
}

TEST_CASE("Of bytes that come twice the first are told") {
  Wire wire;
  wire.Open();
  wire.Client({.at = 4, .bytes = "EFGH"});
  wire.Client({.at = 2, .bytes = "cdefghij"});
  wire.Client({.at = 0, .bytes = "ABCDxxxx"});
  REQUIRE(wire.only().client().bytes == "ABcdEFGHij");
  REQUIRE(wire.counts().repeated_bytes == 4 + 2 + 4);
}

TEST_CASE("A keep-alive probe is nothing new") {
  Wire wire;
  wire.Open();
  wire.Client({.bytes = "abc"});
  wire.Client({.at = 2, .bytes = "x"});
  wire.Client({.at = 3, .bytes = "d"});
  REQUIRE(wire.only().client().bytes == "abcd");
}

TEST_CASE("Content behind a FIN shows that it was forged") {
  Wire wire;
  wire.Open();
  wire.Client({.bytes = "pass"});
  wire.Client({.at = 4, .flags = kAck | kFin});
  wire.Client({.at = 4, .bytes = "word"});
  wire.Server({.acked = 8});
  REQUIRE(wire.only().client().bytes == "password");
  REQUIRE(!wire.only().client().ended);
}

TEST_CASE("What was forged beyond a FIN that is acknowledged is nothing") {
  Wire wire;
  wire.Open();
  wire.Client({.bytes = "pass"});
  wire.Client({.at = 20, .bytes = "forged"});
  wire.Client({.at = 4, .flags = kAck | kFin});
  REQUIRE(!wire.only().client().ended);
  wire.Server({.acked = 5});
  REQUIRE(wire.only().client().ended);
  REQUIRE(wire.only().client().bytes == "pass");
  REQUIRE(wire.counts().after_close_bytes == 6);
  REQUIRE(wire.counts().gaps == 0);
  REQUIRE(wire.tcp().held_bytes() == 0);
}

TEST_CASE("A reset is believed with the number that its receiver must believe, and with no other") {
  for (const uint32_t at : {0U, 1U, 100U}) {
    Wire wire;
    wire.Open();
    wire.Client({.bytes = "abc"});
    wire.Client({.at = 3 + at, .flags = kRst});
    wire.Later(StreamDelivery::kOneSidedNs);
    wire.Advance();
    REQUIRE(wire.only().closed == (at == 0));
    if (at == 0) REQUIRE(wire.only().why == ConnectionClose::kReset);
    REQUIRE(wire.counts().strange_segments == (at == 0 ? 0 : 1));
  }
}

TEST_CASE("A reset beyond every window is not believed, whatever was sent there") {
  Wire wire;
  wire.Open();
  wire.Client({.bytes = "abc"});
  wire.Server({.acked = 3});
  wire.Client({.at = 0x20000000, .bytes = "x"});
  wire.Client({.at = 0x20000001, .flags = kRst});
  wire.Later(TcpAssembler::kResetLingerNs * 2);
  wire.Advance();
  REQUIRE(!wire.only().closed);
  REQUIRE(wire.counts().strange_segments == 1);
  wire.Client({.at = 3, .bytes = "d"});
  REQUIRE(wire.only().client().bytes == "abcd");
}

TEST_CASE("A side that goes on long after its reset is told as another connection") {
  Wire wire;
  wire.Open();
  wire.Client({.bytes = "GET"});
  wire.Client({.at = 3, .flags = kRst});
  wire.Later(TcpAssembler::kResetLingerNs * 2);
  wire.Server({.bytes = "200", .acked = 3});  // of the other side: late
  REQUIRE(wire.only().why == ConnectionClose::kReset);
  wire.Client({.at = 3, .bytes = "POST", .acked = 3});
  wire.Server({.at = 3, .bytes = "302", .acked = 7});
  REQUIRE(wire.told().size() == 2);
  REQUIRE(wire.told()[1].client().bytes == "POST");
  REQUIRE(wire.told()[1].server().bytes == "302");
  REQUIRE(wire.counts().after_close_bytes == 3);
}

TEST_CASE("Content under an address whose owner does not hear the server is not told") {
  for (const bool acknowledges : {false, true}) {
    Wire wire;
    wire.Client({.at = 0U - 1, .flags = kSyn});
    wire.Server({.at = 0U - 1, .flags = kSyn | kAck});
    const uint8_t flags = acknowledges ? kAck : 0;
    wire.Client({.bytes = "POST", .acked = 1, .flags = flags});
    wire.Client({.bytes = "POST", .acked = 0U - 1, .flags = flags});
    wire.Client({.bytes = "POST", .acked = 0x40000000, .flags = flags});
    wire.Client({.at = 4, .acked = 7, .flags = static_cast<uint8_t>(flags | kFin)});
    wire.Finish();
    REQUIRE(wire.told().empty());
    REQUIRE(wire.counts().unproven_bytes == 12);
  }
}

TEST_CASE("Content put into a connection without its numbers is not told") {
  Wire wire;
  wire.Open();
  wire.Client({.bytes = "user="});
  wire.Server({.bytes = "100", .acked = 5});
  wire.Client({.at = 5, .bytes = "mallory", .acked = 3, .flags = 0});
  wire.Client({.at = 5, .bytes = "mallory", .acked = 0x20000000});
  wire.Client({.at = 5, .bytes = "mallory", .acked = 0x80000000});
  wire.Client({.at = 5, .bytes = "alice", .acked = 9});  // of which the capture has lost some
  REQUIRE(wire.only().client().bytes == "user=alice");
  REQUIRE(wire.counts().unproven_bytes == 21);
}

TEST_CASE("No acknowledgement hides what the server takes") {
  Wire wire;
  wire.Open();
  wire.Client({.bytes = "GET"});
  wire.Server({.bytes = "200", .acked = 3});
  wire.Client({.at = 3, .acked = 0x70000000});                    // of nothing: the server asks back
  wire.Client({.at = 3, .bytes = "PO", .acked = 3});              // as it should be
  wire.Client({.at = 5, .bytes = "ST", .acked = 0U - 50000000});  // old: it is taken
  REQUIRE(wire.only().client().bytes == "GETPOST");
  REQUIRE(wire.counts().unproven_bytes == 0);
}

TEST_CASE("A handshake is seen with the client's acknowledgement, whichever SYN-ACK it is of") {
  for (const bool earlier : {false, true}) {
    Wire wire;
    wire.Client({.at = 0U - 1, .flags = kSyn});
    wire.Server({.at = 0U - 1, .flags = kSyn | kAck});
    wire.server_first += 1U << 30;
    wire.Server({.at = 0U - 1, .flags = kSyn | kAck});
    if (earlier) wire.server_first -= 1U << 30;
    wire.Client({.bytes = "ask"});
    wire.Server({.bytes = "answer", .acked = 3});
    REQUIRE(wire.only().connection.handshake_seen);
    REQUIRE(wire.only().client().bytes == "ask");
    REQUIRE(wire.only().server().bytes == "answer");
  }
  Wire wire;
  wire.Client({.at = 0U - 1, .bytes = "early", .flags = kSyn});
  wire.Server({.at = 0U - 1, .acked = 5, .flags = kSyn | kAck});
  REQUIRE(!wire.only().connection.handshake_seen);
}

TEST_CASE("What the server has taken is told with the connection") {
  Wire wire;
  wire.Client({.at = 0, .bytes = "one"});
  REQUIRE(!wire.only().connection.server_heard);
  wire.Finish();
  REQUIRE(wire.only().last.unacknowledged_bytes == 0);
  REQUIRE(!wire.only().last.server_heard);

  Wire heard;
  heard.Open();
  heard.Client({.bytes = "one"});
  heard.Client({.at = 3, .bytes = "two"});
  REQUIRE(heard.only().last.server_heard);
  REQUIRE(heard.only().last.unacknowledged_bytes == 6);
  heard.Server({.acked = 3});
  heard.Finish();
  REQUIRE(heard.only().last.unacknowledged_bytes == 3);
}

TEST_CASE("A reset by a side that goes on was forged") {
  Wire wire;
  wire.Open();
  wire.Client({.bytes = "user="});
  wire.Client({.at = 5, .flags = kRst});
  wire.Client({.at = 5, .bytes = "mallory"});
  wire.Server({.bytes = "401", .acked = 12});
  wire.Later(TcpAssembler::kResetLingerNs * 2);
  wire.Advance();
  REQUIRE(!wire.only().closed);
  REQUIRE(wire.only().client().bytes == "user=mallory");
  REQUIRE(wire.only().server().bytes == "401");
}

TEST_CASE("A port that answers with a reset costs nothing for long") {
  Wire wire;
  wire.Client({.at = 0U - 1, .flags = kSyn});
  wire.Server({.at = 77, .acked = 0, .flags = kRst | kAck});
  wire.Later(TcpAssembler::kResetLingerNs * 2);
  wire.Advance();
  REQUIRE(wire.told().empty());
  REQUIRE(wire.counts().connections_silent == 1);
}

TEST_CASE("A new connection between the same ports is another") {
  Wire wire;
  wire.Open();
  wire.Client({.bytes = "first"});
  SECTION("after its end") {
    wire.Client({.at = 5, .flags = kAck | kFin});
    wire.Server({.acked = 6, .flags = kAck | kFin});
    wire.Client({.at = 6, .acked = 1});
    REQUIRE(wire.only().closed);
  }
  SECTION("in its midst, when the server agrees") {}
  wire.client_first += 100000;
  wire.Client({.at = 0U - 1, .flags = kSyn});
  REQUIRE(wire.told().size() == 1);
  wire.server_first += 5000;
  wire.Server({.at = 0U - 1, .flags = kSyn | kAck});
  REQUIRE(wire.told()[0].closed);
  wire.Client({.bytes = "second"});
  REQUIRE(wire.told().size() == 2);
  REQUIRE(wire.told()[1].client().bytes == "second");
  REQUIRE(wire.told()[1].connection.handshake_seen);
}

TEST_CASE("A SYN that the server does not agree to changes nothing") {
  Wire wire;
  wire.Open();
  wire.Client({.bytes = "first"});
  wire.client_first += 100000;
  wire.Client({.at = 0U - 1, .flags = kSyn});
  wire.client_first -= 100000;
  wire.Client({.at = 5, .bytes = " and on"});
  REQUIRE(wire.only().client().bytes == "first and on");
}

TEST_CASE("A forged SYN and what goes on from it end no connection whose server is heard") {
  Wire wire;
  const auto forge = [&wire] {
    wire.client_first += 100000;
    wire.Client({.at = 0U - 1, .flags = kSyn});
    wire.Client({.bytes = "forged", .acked = 0x60000000});  // he does not know the server's number
    wire.client_first -= 100000;
  };
  SECTION("that has carried something") {
    wire.Open();
    wire.Client({.bytes = "fi"});
    forge();
    wire.Client({.at = 2, .bytes = "rst"});
  }
  SECTION("that has carried nothing yet") {
    wire.Open();
    forge();
    wire.Client({.bytes = "first"});
  }
  SECTION("whose client has not acknowledged yet") {
    wire.Client({.at = 0U - 1, .flags = kSyn});
    wire.Server({.at = 0U - 1, .flags = kSyn | kAck});
    forge();
    wire.Client({.bytes = "first"});
  }
  wire.Server({.bytes = "answer", .acked = 5});
  REQUIRE(wire.only().connection.handshake_seen);
  REQUIRE(wire.only().client().bytes == "first");
  REQUIRE(wire.only().server().bytes == "answer");
  REQUIRE(!wire.only().closed);
  REQUIRE(wire.counts().unproven_bytes == 6);
}

TEST_CASE("Of several SYNs the one that the server answers begins the connection") {
  for (const bool forged_first : {false, true}) {
    for (const bool with_content : {false, true}) {
      for (const int forged : {1, 3}) {
        CAPTURE(forged_first, with_content, forged);
        Wire wire;
        const uint32_t first = wire.client_first;
        const auto ask = [&] { wire.Client({.at = 0U - 1, .flags = kSyn}); };
        if (!forged_first) ask();
        for (int i = 0; i < forged; ++i) {
          wire.client_first += 100000;
          wire.Client({.at = 0U - 1, .flags = kSyn});
          if (with_content) wire.Client({.bytes = "forged", .acked = 77});
        }
        wire.client_first = first;
        if (forged_first) ask();
        wire.Server({.at = 0U - 1, .flags = kSyn | kAck});
        wire.Client({});
        wire.Client({.bytes = "question"});
        wire.Server({.bytes = "answer", .acked = 8});
        const test::ToldConnection& last = wire.told().back();
        REQUIRE(last.client().bytes == "question");
        REQUIRE(last.server().bytes == "answer");
        REQUIRE(!last.closed);
        // What was told of a forger before has no answer.
        for (size_t i = 0; i + 1 < wire.told().size(); ++i) {
          REQUIRE(wire.told()[i].closed);
          REQUIRE(!wire.told()[i].last.server_heard);
        }
      }
    }
  }
}

TEST_CASE("Where the server is not heard a SYN and what goes on from it begin another connection") {
  Wire wire;
  wire.Client({.at = 0U - 1, .flags = kSyn});
  wire.Client({.bytes = "first"});
  wire.client_first += 100000;
  wire.Client({.at = 0U - 1, .flags = kSyn});
  wire.Client({.bytes = "second"});
  REQUIRE(wire.only().client().bytes == "first");
  REQUIRE(wire.only().why == ConnectionClose::kReplaced);
  // Its answer could still come.
  wire.Later(StreamDelivery::kOneSidedNs);
  wire.Advance();
  REQUIRE(wire.told().size() == 2);
  REQUIRE(wire.told()[1].client().bytes == "second");
}

TEST_CASE("What no server takes of a client hides nothing of what it takes") {
  Wire wire;
  const auto syn = [&wire](const std::string& bytes = "") {
    wire.Client({.at = 0U - 1, .bytes = bytes, .flags = kSyn});
  };
  const auto stray = [&wire](uint8_t flags) { wire.Client({.bytes = "x", .acked = 77, .flags = flags}); };
  SECTION("with the SYN") {
    syn("x");
  }
  SECTION("with the SYN, as long as what follows") {
    syn("a page!!");
  }
  SECTION("with the SYN, and more behind it") {
    syn("x");
    wire.Client({.at = 1, .bytes = "xx", .acked = 77});
    wire.Client({.at = 5, .bytes = "xx", .acked = 77});
  }
  SECTION("behind the SYN") {
    const auto flags = GENERATE(uint8_t{0}, kAck);
    syn();
    stray(flags);
  }
  SECTION("in front of the SYN") {
    const auto flags = GENERATE(uint8_t{0}, kAck);
    // Also where the ports have the server taken for the client.
    if (GENERATE(false, true)) wire.client_port = 80;
    stray(flags);
    syn();
    // Also where another SYN, which the server does not take, hides that one.
    if (GENERATE(false, true)) wire.Client({.at = 777777, .flags = kSyn | kFin});
  }
  SECTION("long before the SYN that the server takes") {
    wire.Client({.at = 0U - 1, .bytes = "x", .flags = kSyn | kFin});
    wire.Later(StreamDelivery::kOneSidedNs);
    wire.Advance();
    syn();
  }
  wire.Server({.at = 0U - 1, .flags = kSyn | kAck});
  wire.Client({});
  wire.Client({.bytes = "question"});
  wire.Server({.bytes = "answer", .acked = 8});
  REQUIRE(wire.told().back().client().bytes == "question");
  REQUIRE(wire.told().back().server().bytes == "answer");
  // The stray one, if it is told, has no server that was heard; where it is taken for the server itself, no client.
  for (size_t i = 0; i + 1 < wire.told().size(); ++i) {
    REQUIRE(wire.told()[i].closed);
    REQUIRE((wire.client_port == 80 || !wire.told()[i].last.server_heard));
    REQUIRE((wire.client_port != 80 || wire.told()[i].client().bytes.empty()));
  }
}

TEST_CASE("What a mirror port brings before the SYN-ACK that it acknowledges is told") {
  for (const bool is_syn_seen : {true, false}) {
    Wire wire;
    if (is_syn_seen) wire.Client({.at = 0U - 1, .flags = kSyn});
    wire.Client({.bytes = "question"});
    wire.Server({.at = 0U - 1, .flags = kSyn | kAck});
    wire.Server({.bytes = "answer", .acked = 8});
    REQUIRE(wire.only().client().bytes == "question");
    REQUIRE(wire.only().server().bytes == "answer");
  }
}

TEST_CASE("Of content that came with a SYN, and behind it, what the SYN-ACK acknowledges is told") {
  Wire wire;
  wire.Client({.at = 0U - 1, .flags = kSyn});
  wire.Client({.at = 2, .bytes = "Txx", .acked = 77});
  wire.Client({.at = 7, .bytes = "x", .acked = 77});
  wire.Client({.at = 0U - 1, .bytes = "GET", .flags = kSyn});
  wire.Server({.at = 0U - 1, .acked = 3, .flags = kSyn | kAck});
  wire.Client({.at = 3, .bytes = " /"});
  wire.Server({.bytes = "200", .acked = 5});
  REQUIRE(wire.only().client().bytes == "GET /");
  REQUIRE(wire.counts().unproven_bytes == 3);
}

TEST_CASE("A SYN that is sent again begins nothing") {
  Wire wire;
  wire.Client({.at = 0U - 1, .flags = kSyn});
  wire.Open();
  wire.Client({.bytes = "hello"});
  wire.Client({.at = 0U - 1, .flags = kSyn});
  wire.Server({.at = 0U - 1, .flags = kSyn | kAck});
  wire.Client({.at = 5, .bytes = "!"});
  REQUIRE(wire.only().client().bytes == "hello!");
}

TEST_CASE("Content in a SYN is the first content") {
  Wire wire;
  wire.Client({.at = 0U - 1, .bytes = "GET", .flags = kSyn});
  REQUIRE(wire.told().empty());  // nobody has taken it
  wire.Server({.at = 0U - 1, .acked = 3, .flags = kSyn | kAck});
  REQUIRE(wire.only().client().bytes == "GET");
  wire.Server({.bytes = "200", .acked = 3});
  REQUIRE(wire.only().last.unacknowledged_bytes == 0);
  REQUIRE(wire.only().client().bytes == "GET");
  REQUIRE(wire.only().server().bytes == "200");
}

TEST_CASE(
    "A SYN-ACK begins nothing anew of a server whose answer was told, where the client is not captured") {
  Wire wire;
  wire.Server({.bytes = "answer", .flags = kFin});
  REQUIRE(wire.only().server().ended);
  wire.Server({.at = 10, .bytes = "again", .flags = kSyn | kAck});
  wire.Server({.at = 11, .bytes = "again"});
  wire.Finish();
  REQUIRE(wire.only().server().bytes == "answer");
}

TEST_CASE("A connection from its midst begins with what is seen, and its client is the higher port") {
  Wire wire;
  wire.Server({.at = 1000, .bytes = "rest of an answer", .acked = 50});
  wire.Client({.at = 50, .bytes = "GET", .acked = 1017});
  REQUIRE(wire.only().connection.client.port == 40000);
  REQUIRE(!wire.only().connection.start_seen);
  REQUIRE(wire.only().server().bytes == "rest of an answer");
  REQUIRE(wire.only().client().bytes == "GET");
  REQUIRE(wire.counts().connections_mid_stream == 1);
}

TEST_CASE("Acknowledgements, FINs and RSTs of nothing begin nothing") {
  Wire wire;
  wire.Client({.acked = 5});
  wire.Client({.acked = 5, .flags = kAck | kFin});
  wire.Server({.flags = kRst});
  REQUIRE(wire.tcp().connections() == 0);
  REQUIRE(wire.counts().strange_segments == 3);
}

TEST_CASE("Segments of a connection that has ended are no new one, but a new one's are") {
  Wire wire;
  wire.Open();
  wire.Client({.bytes = "abc", .flags = kAck | kFin});
  wire.Server({.bytes = "xyz", .acked = 4, .flags = kAck | kFin});
  wire.Client({.at = 4, .acked = 4});
  REQUIRE(wire.only().closed);
  wire.Client({.bytes = "abc", .flags = kAck | kFin});
  wire.Server({.bytes = "xyz", .acked = 4, .flags = kAck | kFin});
  REQUIRE(wire.only().closed);
  REQUIRE(wire.counts().after_close_bytes == 6);
  wire.Client({.at = 70000, .bytes = "other", .acked = 90000});  // its SYN was not captured
  REQUIRE(wire.told().size() == 2);
}

TEST_CASE("Idle connections are closed: those that carried something later") {
  Wire wire;
  wire.Open();
  wire.Client({.bytes = "a"});
  wire.client_port = 40001;
  wire.Open();
  REQUIRE(wire.tcp().connections() == 2);
  wire.Later(61 * kSecond);
  wire.Advance();
  REQUIRE(wire.tcp().connections() == 1);
  wire.Later(300 * kSecond);
  wire.Advance();
  REQUIRE(wire.tcp().connections() == 0);
  REQUIRE(wire.only().why == ConnectionClose::kIdle);
}

TEST_CASE("A flood of SYNs evicts itself") {
  TcpAssemblerOptions options;
  options.connections_max = 100;
  Wire wire(options);
  wire.Open();
  wire.Client({.bytes = "a"});
  for (uint16_t port = 1000; port < 9000; ++port) {
    wire.client_port = port;
    wire.Client({.at = 0U - 1, .flags = kSyn});
    REQUIRE(wire.tcp().connections() <= 100);
  }
  wire.client_port = 40000;
  wire.Client({.at = 1, .bytes = "b"});
  REQUIRE(wire.only().client().bytes == "ab");
  REQUIRE(wire.counts().evicted_silent == 7901);
}

TEST_CASE("A flood of SYNs with content, and of content alone, evicts itself") {
  for (const uint8_t flags : {kSyn, kAck}) {
    TcpAssemblerOptions options;
    options.connections_max = 100;
    Wire wire(options);
    wire.Open();
    wire.Client({.bytes = "a"});
    for (uint16_t port = 1000; port < 9000; ++port) {
      wire.client_port = port;
      wire.Client({.at = 0U - 1, .bytes = "x", .acked = 77, .flags = flags});
      // Where there is a server it answers, and takes nothing.
      if (port % 2 != 0 && flags == kSyn) wire.Server({.at = 0U - 1, .flags = kSyn | kAck});
      REQUIRE(wire.tcp().connections() <= 100);
    }
    wire.client_port = 40000;
    wire.Client({.at = 1, .bytes = "b"});
    REQUIRE(wire.told()[0].client().bytes == "ab");
    REQUIRE(!wire.told()[0].closed);
  }
}

TEST_CASE("When all carry something, the one that was idle longest gives way") {
  TcpAssemblerOptions options;
  options.connections_max = 16;
  Wire wire(options);
  for (uint16_t port = 0; port < 17; ++port) {
    wire.client_port = static_cast<uint16_t>(50000 + port);
    wire.Open();
    wire.Client({.bytes = "a"});
    wire.client_port = 50000;
    wire.Client({.at = 1U + port, .bytes = "b"});
  }
  REQUIRE(!wire.told()[0].closed);
  REQUIRE(wire.told()[1].why == ConnectionClose::kEvicted);
  REQUIRE(wire.counts().closed_evicted == 1);
}

TEST_CASE("Content beyond the limit ahead of a hole is dropped, and is a gap when it is acknowledged") {
  TcpAssemblerOptions options;
  options.held_bytes_a_direction_max = 1000;
  Wire wire(options);
  wire.Open();
  wire.Client({.bytes = "ask"});
  wire.Server({.at = 10, .bytes = std::string(500, 'b'), .acked = 3});
  wire.Server({.at = 510, .bytes = std::string(500, 'c'), .acked = 3});  // does not fit
  wire.Server({.at = 0, .bytes = std::string(10, 'a'), .acked = 3});
  REQUIRE(wire.only().server().bytes == std::string(10, 'a') + std::string(500, 'b'));
  REQUIRE(wire.counts().beyond_limit_bytes == 500);
  wire.Server({.at = 1010, .bytes = "d", .acked = 3});
  wire.Client({.at = 3, .acked = 1011});
  wire.Later(StreamDelivery::kReorderNs);
  wire.Advance();
  REQUIRE(wire.only().server().gap_bytes == 500);
  REQUIRE(wire.only().server().bytes.back() == 'd');
}

TEST_CASE("A long loss that is acknowledged is one gap, however long") {
  Wire wire;
  wire.Open();
  wire.Client({.bytes = "get the film"});
  wire.Server({.bytes = "begin", .acked = 12});
  wire.Client({.at = 12, .acked = 500'000'000});
  wire.Server({.at = 500'000'000, .bytes = "end", .acked = 12});
  REQUIRE(wire.only().server().gap_bytes == 500'000'000 - 5);
  REQUIRE(wire.only().server().bytes == "beginend");
}

TEST_CASE("A client that is captured alone and says more than may be held is told all the same") {
  TcpAssemblerOptions options;
  options.held_bytes_a_direction_max = 5000;
  Wire wire(options);
  wire.Client({.at = 0U - 1, .flags = kSyn});
  std::string upload;
  for (uint32_t at = 0; at < 20000; at += 1000) {
    wire.Client({.at = at, .bytes = std::string(1000, static_cast<char>('a' + at / 1000))});
    upload += std::string(1000, static_cast<char>('a' + at / 1000));
  }
  wire.Finish();
  REQUIRE(wire.only().client().bytes == upload);
  REQUIRE(wire.counts().gaps == 0);
}

TEST_CASE("A long answer to a lost question is not lost too") {
  TcpAssemblerOptions options;
  options.held_bytes_a_direction_max = 5000;
  Wire wire(options);
  wire.Open();
  std::string answer;
  for (uint32_t at = 0; at < 10000; at += 1000) {
    wire.Server({.at = at, .bytes = std::string(1000, 'x'), .acked = 8});
    answer += std::string(1000, 'x');
  }
  REQUIRE(wire.only().client().gap_bytes == 8);
  REQUIRE(wire.only().server().bytes == answer);
}

TEST_CASE("What all connections hold together is bounded, and the oldest hole is given up first") {
  TcpAssemblerOptions options;
  options.held_bytes_max = 64 << 10;
  Wire wire(options);
  for (uint16_t port = 0; port < 200; ++port) {
    wire.client_port = static_cast<uint16_t>(50000 + port);
    wire.Open();
    wire.Client({.at = 5, .bytes = std::string(1000, 'h')});
    REQUIRE(wire.tcp().held_bytes() <= options.held_bytes_max + 2000);
  }
  REQUIRE(wire.told().size() > 100);
  REQUIRE(wire.told()[0].connection.client.port == 50000);
  REQUIRE(wire.told()[0].client().gap_bytes == 5);
  REQUIRE(wire.counts().gaps_for_memory == wire.told().size());
}

TEST_CASE("A direction is held in few pieces, and the nearest stay") {
  Wire wire;
  wire.Open();
  constexpr uint32_t kSent = 1000;
  for (uint32_t i = kSent; i > 0; --i) wire.Client({.at = 2 * i, .bytes = "x"});
  REQUIRE(wire.counts().beyond_limit_bytes == kSent - HeldBytes::kPiecesMax);
  wire.Client({.bytes = std::string(2 * kSent, 'y')});
  // The furthest one gives way to what comes.
  std::string expected = "yy";
  for (uint32_t at = 2; at < 2 * kSent; ++at)
    expected += at % 2 == 0 && at < 2 * HeldBytes::kPiecesMax ? 'x' : 'y';
  REQUIRE(wire.only().client().bytes.substr(0, 2 * kSent) == expected);
}

TEST_CASE("A direction that is not wanted costs nothing and ends all the same") {
  test::Told told(3);
  CaptureCounts counts;
  TcpAssembler tcp({}, &told, &counts);
  const FlowEndpoint client{Address::V4(1), 40000};
  const FlowEndpoint server{Address::V4(2), 443};
  const auto send = [&](bool from_client, uint32_t sequence, uint32_t acked, const std::string& bytes,
                        uint8_t flags) {
    TcpSegment segment;
    segment.source = from_client ? client : server;
    segment.destination = from_client ? server : client;
    segment.sequence = sequence;
    segment.acknowledged = acked;
    segment.flags = flags;
    segment.bytes = bytes;
    segment.wire_bytes = static_cast<uint32_t>(bytes.size());
    tcp.Take(segment, 0);
  };
  send(true, 99, 0, "", kSyn);
  send(false, 199, 100, "", kSyn | kAck);
  send(true, 106, 200, "held", kAck);
  send(true, 100, 200, "client", kAck);
  REQUIRE(told.connections()[0].client().bytes == "client");
  send(true, 500, 200, "behind a hole", kAck);
  REQUIRE(tcp.held_bytes() == 0);
  REQUIRE(counts.unwanted_bytes == 17);
  send(false, 200, 513, "server", kAck);
  REQUIRE(told.connections()[0].server().bytes == "server");
  send(true, 513, 206, "", kAck | kFin);
  send(false, 206, 514, "", kAck | kFin);
  send(true, 514, 207, "", kAck);
  REQUIRE(told.connections()[0].why == ConnectionClose::kFin);
  REQUIRE(counts.gaps == 0);
}

TEST_CASE("Nobody talks to himself") {
  Wire wire;
  TcpSegment segment;
  segment.source = segment.destination = {Address::V4(9), 80};
  segment.flags = kSyn;
  wire.tcp().Take(segment, 0);
  REQUIRE(wire.tcp().connections() == 0);
  REQUIRE(wire.counts().strange_segments == 1);
}

}  // namespace
}  // namespace stockade
