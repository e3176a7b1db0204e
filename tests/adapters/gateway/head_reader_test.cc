// The head reader: what is accepted and what it means, what is refused and why, however the bytes are cut.
#include "adapters/gateway/head_reader.h"

#include <catch2/catch.hpp>
#include <random>
#include <string>

namespace stockade {
namespace {

std::string Request(std::string_view line, std::string_view fields) {
  return std::string(line) + "\r\n" + std::string(fields) + "\r\n";
}

// The error of a request, the same whether it comes whole or byte by byte.
HeadError ErrorOf(const std::string& bytes, HeadReader::Kind kind = HeadReader::Kind::kRequest,
                  const HeadLimits& limits = {}) {
  HeadReader whole(kind, limits);
  const HeadProgress progress = whole.Read(bytes);
  HeadReader cut(kind, limits);
  HeadProgress cut_progress = HeadProgress::kMore;
  for (size_t i = 1; i <= bytes.size() && cut_progress == HeadProgress::kMore; ++i)
    cut_progress = cut.Read(std::string(bytes, 0, i));
  INFO(bytes);
  CHECK(progress == cut_progress);
  CHECK(whole.error() == cut.error());
  CHECK(progress != HeadProgress::kMore);
  return whole.error();
}

TEST_CASE("a browser's request is read into views of its own bytes", "[head_reader]") {
  const std::string bytes =
      "GET /orders?side=buy HTTP/1.1\r\nHost: broker.example\r\nUser-Agent:Mozilla/5.0 \t\r\nAccept: */*\r\n"
      "Connection: keep-alive\r\nX-Empty:\r\n\r\nGET";
  HeadReader reader(HeadReader::Kind::kRequest, {});
  REQUIRE(reader.Read(bytes) == HeadProgress::kDone);
  const RequestHead& head = reader.request();
  CHECK(head.bytes == bytes.size() - 3);
  CHECK(head.view.method == "GET");
  CHECK(head.view.target == "/orders?side=buy");
  CHECK(head.view.path() == "/orders");
  CHECK(head.view.query() == "side=buy");
  CHECK(head.host == "broker.example");
  CHECK(head.framing == BodyFraming::kNone);
  CHECK(head.keep_alive);
  REQUIRE(head.view.fields.size() == 5);
  CHECK(head.view.fields[1].value == "Mozilla/5.0");
  CHECK(head.view.fields[4].value.empty());
  CHECK(head.view.method.data() == bytes.data());
  CHECK(FindField(head.view.fields, "HOST") == "broker.example");

  reader.Reset();
  CHECK_FALSE(reader.begun());
  CHECK(reader.Read("\r\n") == HeadProgress::kMore);
  CHECK_FALSE(reader.begun());
  CHECK(reader.Read("\r\nG") == HeadProgress::kMore);
  CHECK(reader.begun());
}

TEST_CASE("a head says where its body ends and what becomes of its connection", "[head_reader]") {
  struct Row {
    std::string bytes;
    BodyFraming framing;
    uint64_t length;
    bool keep_alive, expects;
    std::string_view upgrade;
  };
  const Row rows[] = {
      {Request("POST / HTTP/1.1", "Host: a\r\nContent-Length: 12\r\n"), BodyFraming::kLength, 12, true, false,
       ""},
      {Request("POST / HTTP/1.1", "Host: a\r\nContent-Length: 0\r\n"), BodyFraming::kNone, 0, true, false,
       ""},
      {Request("POST / HTTP/1.1", "Host: a\r\ntransfer-encoding: Chunked\r\nConnection: foo, Close\r\n"),
       BodyFraming::kChunked, 0, false, false, ""},
      {Request("GET / HTTP/1.0", ""), BodyFraming::kNone, 0, false, false, ""},
      {Request("GET / HTTP/1.0", "Connection: Keep-Alive\r\n"), BodyFraming::kNone, 0, true, false, ""},
      {Request("GET / HTTP/1.1", "Host: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"),
       BodyFraming::kNone, 0, true, false, "websocket"},
      {Request("GET / HTTP/1.1", "Host: a\r\nUpgrade: websocket\r\n"), BodyFraming::kNone, 0, true, false,
       ""},
      {Request("PUT / HTTP/1.1",
               "Host: a\r\nExpect: 100-Continue\r\nContent-Length: 9223372036854775807\r\n"),
       BodyFraming::kLength, 9223372036854775807U, true, true, ""},
      {Request("GET http://A:80/x HTTP/1.1", "Host: a:80\r\n"), BodyFraming::kNone, 0, true, false, ""},
      {Request("OPTIONS * HTTP/1.1", "Host: [::1]:8443\r\n"), BodyFraming::kNone, 0, true, false, ""},
  };
  for (const Row& row : rows) {
    INFO(row.bytes);
    HeadReader reader(HeadReader::Kind::kRequest, {});
    REQUIRE(reader.Read(row.bytes) == HeadProgress::kDone);
    CHECK(reader.request().framing == row.framing);
    CHECK(reader.request().content_length == row.length);
    CHECK(reader.request().keep_alive == row.keep_alive);
    CHECK(reader.request().expect_continue == row.expects);
    CHECK(reader.request().upgrade == row.upgrade);
  }
}

TEST_CASE("what two programs could read in two ways is refused", "[head_reader]") {
  struct Row {
    std::string bytes;
    HeadError error;
  };
  const std::string host = "Host: a\r\n";
  const Row rows[] = {
      {"GET /\r\n\r\n", HeadError::kBadLine},
      {"GET / HTTP/1.1\nHost: a\r\n\r\n", HeadError::kBareLf},
      {"GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", HeadError::kBareLf},
      {"GET / HTTP/1.1\r\nHost: a\r\n\n", HeadError::kBareLf},
      {Request("GET / HTTP/1.1", "Host: a\rX: y\r\n"), HeadError::kBareCr},
      {Request("GET / HTTP/1.1", "Host: a\r\r\n"), HeadError::kBareCr},
      {Request("GET /\r HTTP/1.1", host), HeadError::kBareCr},
      {Request("GET / HTTP/1.1", host + " folded: y\r\n"), HeadError::kObsFold},
      {Request("GET / HTTP/1.1", " Host: a\r\n"), HeadError::kObsFold},
      {Request("GET / HTTP/1.1", host + "X: a" + std::string(1, '\0') + "\r\n"), HeadError::kControlByte},
      {Request("GET / HTTP/1.1", host + "X: a\x7f\r\n"), HeadError::kControlByte},
      {Request("GET / HTTP/1.1", host + "X\x01: a\r\n"), HeadError::kControlByte},
      {Request("GET / HTTP/1.1", host + "X : a\r\n"), HeadError::kSpaceBeforeColon},
      {Request("GET / HTTP/1.1", host + "Content-Length\t: 1\r\n"), HeadError::kSpaceBeforeColon},
      {Request("GET / HTTP/1.1", host + ": a\r\n"), HeadError::kBadName},
      {Request("GET / HTTP/1.1", host + "no colon\r\n"), HeadError::kBadName},
      {Request("GET / HTTP/1.1", host + "X[0]: a\r\n"), HeadError::kBadName},
      {Request("GET / HTTP/1.1", host + "X\xc3\xa4: a\r\n"), HeadError::kBadName},
      {Request("GET / HTTP/1.1", ""), HeadError::kNoHost},
      {Request("GET / HTTP/1.1", host + host), HeadError::kTwoHosts},
      {Request("GET / HTTP/1.0", host + "host: b\r\n"), HeadError::kTwoHosts},
      {Request("GET / HTTP/1.1", "Host:\r\n"), HeadError::kBadHost},
      {Request("GET / HTTP/1.1", "Host: a b\r\n"), HeadError::kBadHost},
      {Request("GET / HTTP/1.1", "Host: a@b\r\n"), HeadError::kBadHost},
      {Request("GET / HTTP/1.1", "Host: a/b\r\n"), HeadError::kBadHost},
      {Request("GET / HTTP/1.1", "Host: a:b\r\n"), HeadError::kBadHost},
      {Request("GET / HTTP/1.1", "Host: [::1\r\n"), HeadError::kBadHost},
      {Request("GET http://b/ HTTP/1.1", host), HeadError::kHostConflict},
      {Request("GET http://u@a/ HTTP/1.1", host), HeadError::kBadTarget},
      {Request("GET ftp://a/ HTTP/1.1", host), HeadError::kBadTarget},
      {Request("CONNECT a:443 HTTP/1.1", host), HeadError::kConnect},
      {Request("POST / HTTP/1.1", host + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"),
       HeadError::kLengthAndEncoding},
      {Request("POST / HTTP/1.1", host + "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n"),
       HeadError::kLengthAndEncoding},
      {Request("POST / HTTP/1.1", host + "Content-Length: 1\r\nContent-Length: 2\r\n"),
       HeadError::kTwoLengths},
      {Request("POST / HTTP/1.1", host + "Content-Length: 1\r\nContent-Length: 1\r\n"),
       HeadError::kTwoLengths},
      {Request("POST / HTTP/1.1", host + "Content-Length: +1\r\n"), HeadError::kBadLength},
      {Request("POST / HTTP/1.1", host + "Content-Length: -1\r\n"), HeadError::kBadLength},
      {Request("POST / HTTP/1.1", host + "Content-Length: 1, 1\r\n"), HeadError::kBadLength},
      {Request("POST / HTTP/1.1", host + "Content-Length: 0x1\r\n"), HeadError::kBadLength},
      {Request("POST / HTTP/1.1", host + "Content-Length:\r\n"), HeadError::kBadLength},
      {Request("POST / HTTP/1.1", host + "Content-Length: 9223372036854775808\r\n"), HeadError::kBadLength},
      {Request("POST / HTTP/1.1", host + "Content-Length: 18446744073709551617\r\n"), HeadError::kBadLength},
      {Request("POST / HTTP/1.1", host + "Transfer-Encoding: gzip, chunked\r\n"), HeadError::kBadEncoding},
      {Request("POST / HTTP/1.1", host + "Transfer-Encoding: chunked, identity\r\n"),
       HeadError::kBadEncoding},
      {Request("POST / HTTP/1.1", host + "Transfer-Encoding: xchunked\r\n"), HeadError::kBadEncoding},
      {Request("POST / HTTP/1.1", host + "Transfer-Encoding: chunked;q=1\r\n"), HeadError::kBadEncoding},
      {Request("POST / HTTP/1.1", host + "Transfer-Encoding: \"chunked\"\r\n"), HeadError::kBadEncoding},
      {Request("POST / HTTP/1.1", host + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
       HeadError::kBadEncoding},
      {Request("POST / HTTP/1.1", host + "Transfer-Encoding: \x0b"
                                         "chunked\r\n"),
       HeadError::kControlByte},
      {Request("POST / HTTP/1.0", host + "Transfer-Encoding: chunked\r\n"), HeadError::kEncodingInOldHttp},
      {Request("GET / HTTP/2.0", host), HeadError::kUnknownVersion},
      {Request("PRI * HTTP/2.0", ""), HeadError::kUnknownVersion},
      {Request("GET / HTTP/1.2", host), HeadError::kUnknownVersion},
      {Request("GET / HTTP/1.10", host), HeadError::kBadVersion},
      {Request("GET / http/1.1", host), HeadError::kBadLine},
      {Request("GET  / HTTP/1.1", host), HeadError::kBadTarget},
      {Request("GET /  HTTP/1.1", host), HeadError::kBadTarget},
      {Request("GET /a b HTTP/1.1", host), HeadError::kBadTarget},
      {Request(" GET / HTTP/1.1", host), HeadError::kBadMethod},
      {Request("GET\t/ HTTP/1.1", host), HeadError::kBadLine},
      {Request("G{T / HTTP/1.1", host), HeadError::kBadMethod},
      {Request("GET /a#b HTTP/1.1", host), HeadError::kBadTarget},
      {Request("GET /\xc3\xa4 HTTP/1.1", host), HeadError::kBadTarget},
      {Request("GET * HTTP/1.1", host), HeadError::kBadTarget},
      {Request("GET a HTTP/1.1", host), HeadError::kBadTarget},
      {Request("GET / HTTP/1.1", host + "Expect: 200-maybe\r\n"), HeadError::kUnknownExpectation},
      {"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", HeadError::kBadLine},
      {"\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", HeadError::kBareLf},
  };
  for (const Row& row : rows) {
    INFO(Name(row.error));
    CHECK(ErrorOf(row.bytes) == row.error);
  }
}

TEST_CASE("limits hold to the byte and have their own answers", "[head_reader]") {
  const HeadLimits limits{200, 40, 3};
  const auto sized = [](size_t total) {
    const std::string begin = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
    return begin + std::string(total - begin.size() - 4, 'x') + "\r\n\r\n";
  };
  CHECK(ErrorOf(sized(200), HeadReader::Kind::kRequest, limits) == HeadError::kNone);
  CHECK(ErrorOf(sized(201), HeadReader::Kind::kRequest, limits) == HeadError::kTooLong);
  CHECK(HttpStatus(HeadError::kTooLong) == 431);
  const auto targeted = [](size_t size) {
    return "GET /" + std::string(size - 1, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n";
  };
  CHECK(ErrorOf(targeted(40), HeadReader::Kind::kRequest, limits) == HeadError::kNone);
  CHECK(ErrorOf(targeted(41), HeadReader::Kind::kRequest, limits) == HeadError::kTargetTooLong);
  CHECK(ErrorOf(targeted(5000), HeadReader::Kind::kRequest, limits) == HeadError::kTargetTooLong);
  CHECK(HttpStatus(HeadError::kTargetTooLong) == 414);
  CHECK(ErrorOf(Request("GET / HTTP/1.1", "Host: a\r\nA:\r\nB:\r\n"), HeadReader::Kind::kRequest, limits) ==
        HeadError::kNone);
  CHECK(ErrorOf(Request("GET / HTTP/1.1", "Host: a\r\nA:\r\nB:\r\nC:\r\n"), HeadReader::Kind::kRequest,
                limits) == HeadError::kTooManyFields);
  // A head that never ends is refused while it comes.
  HeadReader endless(HeadReader::Kind::kRequest, limits);
  CHECK(endless.Read("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(200, 'x')) == HeadProgress::kRefused);
}

TEST_CASE("an answer's body ends where RFC 9112 §6.3 says", "[head_reader]") {
  struct Row {
    std::string bytes;
    bool to_head;
    BodyFraming framing;
    bool keep_alive;
  };
  const Row rows[] = {
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", false, BodyFraming::kLength, true},
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", true, BodyFraming::kNone, true},
      {"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", false, BodyFraming::kNone, true},
      {"HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n", false, BodyFraming::kChunked, true},
      {"HTTP/1.1 200 OK\r\n\r\n", false, BodyFraming::kUntilClose, false},
      {"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", false, BodyFraming::kLength, false},
      {"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", false, BodyFraming::kNone, true},
      {"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n", false, BodyFraming::kNone, false},
      {"HTTP/1.1 100 Continue\r\n\r\n", false, BodyFraming::kNone, true},
      {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", false, BodyFraming::kTunnel, true},
  };
  for (const Row& row : rows) {
    INFO(row.bytes);
    HeadReader reader(HeadReader::Kind::kResponse, {});
    reader.ResetForAnswer(row.to_head);
    REQUIRE(reader.Read(row.bytes) == HeadProgress::kDone);
    CHECK(reader.response().framing == row.framing);
    CHECK(reader.response().keep_alive == row.keep_alive);
  }
  const HeadReader::Kind answer = HeadReader::Kind::kResponse;
  CHECK(ErrorOf("HTTP/1.1 99 x\r\n\r\n", answer) == HeadError::kBadStatus);
  CHECK(ErrorOf("HTTP/1.1 2000 x\r\n\r\n", answer) == HeadError::kBadStatus);
  CHECK(ErrorOf("ICY 200 OK\r\n\r\n", answer) == HeadError::kBadLine);
  CHECK(ErrorOf("\r\nHTTP/1.1 200 OK\r\n\r\n", answer) == HeadError::kBadLine);
  CHECK(ErrorOf("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", answer) ==
        HeadError::kLengthAndEncoding);
  CHECK(ErrorOf("HTTP/1.1 204 x\r\nContent-Length: 1\r\n\r\n", answer) == HeadError::kBadLength);
}

TEST_CASE("names that say who the client is are known in both spellings", "[head_reader]") {
  HeadReader reader(HeadReader::Kind::kRequest, {});
  const std::string bytes =
      Request("GET / HTTP/1.1",
              "Host: a\r\nX-Forwarded-For: b\r\nx_forwarded_proto: c\r\nX_Real_IP: d\r\n"
              "Forwarded: e\r\nVia: f\r\nX-Forwardedx: g\r\nTE: trailers\r\n");
  REQUIRE(reader.Read(bytes) == HeadProgress::kDone);
  using enum FieldKind;
  CHECK(reader.request().kinds == std::vector<FieldKind>{kHost, kForwarding, kForwarding, kForwarding,
                                                         kForwarding, kForwarding, kOther, kHopByHop});
}

TEST_CASE("random cuts and random damage never change what is read", "[head_reader]") {
  const std::string good =
      "POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\nConnection: close\r\nX-A: b\r\n\r\n";
  constexpr uint32_t seed = 20'261'126;
  INFO("seed " << seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 3000; ++round) {
    std::string bytes = good;
    for (size_t i = random() % 3; i > 0; --i)
      bytes[random() % bytes.size()] = "\r\n \t:,0\0aA\x80"[random() % 11];
    HeadReader whole(HeadReader::Kind::kRequest, {});
    const HeadProgress expected = whole.Read(bytes);
    HeadReader cut(HeadReader::Kind::kRequest, {});
    HeadProgress progress = HeadProgress::kMore;
    for (size_t end = 0; end < bytes.size() && progress == HeadProgress::kMore;) {
      end = std::min(bytes.size(), end + 1 + random() % 20);
      progress = cut.Read(std::string(bytes, 0, end));
    }
    INFO(bytes);
    REQUIRE(progress == expected);
    REQUIRE(cut.error() == whole.error());
  }
}

}  // namespace
}  // namespace stockade
