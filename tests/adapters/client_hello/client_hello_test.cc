// Proves what JA3 and JA4 are of hellos whose fingerprints others have published, that no fault inside an extension hides
// one, and that the frame is read strictly; then that a hello comes out of a stream however it is cut, and that everything
// else is said by name.
#include <catch2/catch.hpp>
#include <string>

#include "adapters/client_hello/client_fingerprint.h"
#include "adapters/client_hello/dtls_hello.h"
#include "adapters/client_hello/hello_reader.h"
#include "tests/adapters/client_hello/hello_bytes.h"

namespace stockade {
namespace {

ClientHello Parse(const std::string& message) {
  ClientHello hello;
  REQUIRE(ParseClientHello(message, HelloTransport::kTcp, &hello) == HelloError::kNone);
  return hello;
}

std::string Ja4Of(const HelloParts& parts) {
  const std::string message = parts.Message();
  return Ja4(Parse(message), HelloTransport::kTcp);
}

HelloState ReadWhole(std::string_view bytes) {
  HelloReader reader;
  return reader.Read(bytes);
}

TEST_CASE("the hello of FoxIO's document has the JA4 that stands there", "[client_hello]") {
  const std::string message = DocumentedHello().Message();
  const ClientHello hello = Parse(message);
  CHECK(Ja4(hello, HelloTransport::kTcp) == "t13d1516h2_8daaf6152771_e5627efa2ab1");
  CHECK(Ja4(hello, HelloTransport::kQuic) == "q13d1516h2_8daaf6152771_e5627efa2ab1");
  CHECK(Ja4Raw(hello, HelloTransport::kTcp) ==
        "t13d1516h2_002f,0035,009c,009d,1301,1302,1303,c013,c014,c02b,c02c,c02f,c030,cca8,cca9_"
        "0005,000a,000b,000d,0012,0015,0017,001b,0023,002b,002d,0033,4469,ff01_"
        "0403,0804,0401,0503,0805,0501,0806,0601");
  const ClientFingerprint print = FingerprintOf(hello, HelloTransport::kTcp);
  CHECK(print.server_name == "login.example.com");
  CHECK(print.alpn == "h2");
  CHECK(IsJa3(print.ja3));
  CHECK(IsJa4(print.ja4));
}

TEST_CASE("shuffled extensions change the JA3 and not the JA4", "[client_hello]") {
  HelloParts parts = DocumentedHello();
  const std::string ja4 = Ja4Of(parts);
  const std::string ja3 = Ja3(Parse(parts.Message()));
  std::swap(parts.extensions[1], parts.extensions[7]);
  CHECK(Ja4Of(parts) == ja4);
  CHECK(Ja3(Parse(parts.Message())) != ja3);
}

TEST_CASE("signature algorithms count in their order", "[client_hello]") {
  HelloParts one, other;
  one.WithAlgorithms({0x0403, 0x0804});
  other.WithAlgorithms({0x0804, 0x0403});
  CHECK(Ja4Of(one) != Ja4Of(other));
  one.extensions.clear();
  other.extensions.clear();
  other.WithAlgorithms({0x0a0a, 0x0403});
  one.WithAlgorithms({0x0403});
  CHECK(Ja4Of(one) == Ja4Of(other));
}

TEST_CASE("JA3 is five lists in the order of the message", "[client_hello]") {
  // The first example of the JA3 document, without extensions and with.
  HelloParts parts;
  parts.version = 0x0301;
  parts.ciphers = {4, 5, 10, 9, 100, 98, 3, 6, 19, 18, 99};
  std::string message = parts.Message();
  CHECK(Ja3Text(Parse(message)) == "769,4-5-10-9-100-98-3-6-19-18-99,,,");
  CHECK(Ja3(Parse(message)) == "de350869b8c85de67a350c8d186f11e6");
  parts.ciphers = {47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4};
  parts.WithHost("a.example").WithGroups({23, 24, 25}).With(11, std::string("\x01\x00", 2));
  message = parts.Message();
  CHECK(Ja3Text(Parse(message)) == "769,47-53-5-10-49161-49162-49171-49172-50-56-19-4,0-10-11,23-24-25,0");
  CHECK(Ja3(Parse(message)) == "ada70206e40642a3e4461f35503241d5");
}

TEST_CASE("the ALPN of a JA4 is its first and last character, or its first and last digit",
          "[client_hello]") {
  const auto shown = [](const std::string& name) {
    return Ja4Of(HelloParts().WithAlpn({name})).substr(8, 2);
  };
  CHECK(shown("h2") == "h2");
  CHECK(shown("http/1.1") == "h1");
  CHECK(shown("h") == "hh");
  // The examples of the document.
  CHECK(shown("\xab") == "ab");
  CHECK(shown("\xab\xcd") == "ad");
  CHECK(shown("\x30\xab") == "3b");
  CHECK(shown("\x30\x31\xab\xcd") == "3d");
  CHECK(shown("\x30\xab\xcd\x31") == "01");
  CHECK(shown("-x") == "28");
  CHECK(Ja4Of(HelloParts().With(0x17, "")).substr(8, 2) == "00");
  // GREASE is no name.
  CHECK(Ja4Of(HelloParts().WithAlpn({"\x0a\x0a", "h2"})).substr(8, 2) == "h2");
}

TEST_CASE("the version of a JA4 is the highest offered, else that of the message", "[client_hello]") {
  const auto shown = [](std::vector<uint16_t> versions, uint16_t legacy) {
    HelloParts parts;
    parts.version = legacy;
    if (!versions.empty()) parts.WithVersions(versions);
    return Ja4Of(parts).substr(1, 2);
  };
  CHECK(shown({0x0303, 0x0304, 0x0302}, 0x0303) == "13");
  CHECK(shown({0xfafa, 0x0303}, 0x0303) == "12");
  CHECK(shown({0xfafa}, 0x0302) == "11");
  CHECK(shown({}, 0x0301) == "10");
  CHECK(shown({}, 0x0300) == "s3");
  CHECK(shown({0x7f17}, 0x0303) == "00");
}

TEST_CASE("without server name it says i, without anything else zeros, and no count has three digits",
          "[client_hello]") {
  HelloParts parts;
  CHECK(Ja4Of(parts) == "t12i020000_62ed6f6ca7ad_000000000000");
  parts.WithHost("a.example");
  CHECK(Ja4Of(parts) == "t12d020100_62ed6f6ca7ad_000000000000");
  parts.ciphers.assign(120, 0x1301);
  for (uint16_t i = 0; i < 130; ++i) parts.With(static_cast<uint16_t>(0x8000 + i), "");
  CHECK(Ja4Of(parts).substr(0, 10) == "t12d999900");
  parts.ciphers = {0x0a0a};
  CHECK(Ja4Of(parts).substr(11, 12) == "000000000000");
}

TEST_CASE("DTLS is d, and has a cookie", "[client_hello]") {
  HelloParts parts;
  parts.version = 0xfefd;
  std::string message = parts.Message();
  message.insert(4 + 2 + 32 + 33, 1, '\0');
  message[3] = static_cast<char>(message[3] + 1);
  ClientHello hello;
  REQUIRE(ParseClientHello(message, HelloTransport::kDtls, &hello) == HelloError::kNone);
  CHECK(Ja4(hello, HelloTransport::kDtls).substr(0, 10) == "dd2i020000");

  const auto datagram = [&](size_t offset, size_t size) {
    const std::string head = message.substr(0, 4) + Big(0, 2) + Big(offset, 3) + Big(size, 3);
    return "\x16\xfe\xfd" + std::string(8, '\0') + Vector(head + message.substr(4 + offset, size), 2);
  };
  CHECK(DtlsClientHello(datagram(0, message.size() - 4)) == message);
  CHECK(DtlsClientHello(datagram(0, 40)).empty());
  CHECK(DtlsClientHello(datagram(40, message.size() - 44)).empty());
  for (size_t size = 0; size < message.size(); ++size)
    CHECK(DtlsClientHello(datagram(0, message.size() - 4).substr(0, size)).empty());
}

TEST_CASE("a fault inside an extension hides no fingerprint", "[client_hello]") {
  HelloParts parts = DocumentedHello();
  const std::string whole = Ja4Of(parts);
  SECTION("a list of odd length counts as empty") {
    parts.extensions[13].second.back() = 'x';
    parts.extensions[13].second.push_back('y');
    const std::string message = parts.Message();
    CHECK(Parse(message).has_broken_extension);
    CHECK(Parse(message).supported_groups.empty());
    CHECK(Ja4Of(parts) == whole);
  }
  SECTION("of two the first is read") {
    parts.WithGroups({1, 2});
    const std::string message = parts.Message();
    CHECK(Parse(message).has_broken_extension);
    CHECK(Parse(message).supported_groups[1] == 29);
  }
}

TEST_CASE("every cut through the frame is an error", "[client_hello]") {
  const std::string message = DocumentedHello().Message();
  ClientHello hello;
  for (size_t size = 0; size < message.size(); ++size) {
    CAPTURE(size);
    CHECK(ParseClientHello(std::string(message, 0, size), HelloTransport::kTcp, &hello) ==
          HelloError::kTruncated);
  }
  CHECK(ParseClientHello(message + "x", HelloTransport::kTcp, &hello) == HelloError::kTrailing);
  std::string other = message;
  other[0] = 2;
  CHECK(ParseClientHello(other, HelloTransport::kTcp, &hello) == HelloError::kNotClientHello);
  HelloParts parts;
  parts.session_id = std::string(33, 's');
  CHECK(ParseClientHello(parts.Message(), HelloTransport::kTcp, &hello) == HelloError::kBadLength);
  parts = {};
  parts.ciphers.clear();
  CHECK(ParseClientHello(parts.Message(), HelloTransport::kTcp, &hello) == HelloError::kBadLength);
}

TEST_CASE("a hello comes out of a stream cut at every byte, over any records", "[client_hello]") {
  const std::string message = DocumentedHello().Message();
  for (const size_t record : {size_t{1}, size_t{3}, size_t{4}, size_t{5}, size_t{100}, size_t{16384}}) {
    const std::string stream = Records(message, record) + "what follows";
    for (size_t cut = 0; cut <= stream.size(); cut += record < 100 ? 7 : 1) {
      CAPTURE(record, cut);
      HelloReader reader;
      reader.Read(std::string(stream, 0, cut));
      CHECK(reader.Read(std::string(stream, cut)) == HelloState::kHello);
      CHECK(reader.message() == message);
    }
    HelloReader by_bytes;
    for (size_t i = 0; by_bytes.state() == HelloState::kMore; ++i) by_bytes.Read(stream.substr(i, 1));
    CHECK(by_bytes.state() == HelloState::kHello);
    CHECK(Ja4(by_bytes.hello(), HelloTransport::kTcp) == "t13d1516h2_8daaf6152771_e5627efa2ab1");
    by_bytes.Reset();
    CHECK(by_bytes.Read(stream) == HelloState::kHello);
  }
}

TEST_CASE("behind CONNECT requests a hello is found, wherever they are cut", "[client_hello]") {
  const std::string request = "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example\r\n\r\n";
  const std::string stream = request + request + Records(DocumentedHello().Message(), 100);
  for (size_t cut = 0; cut <= stream.size(); ++cut) {
    HelloReader reader;
    reader.Read(std::string(stream, 0, cut));
    CAPTURE(cut);
    CHECK(reader.Read(std::string(stream, cut)) == HelloState::kHello);
  }
  CHECK(ReadWhole(request) == HelloState::kMore);
  CHECK(ReadWhole(request + "GET /") == HelloState::kNotTls);
  CHECK(ReadWhole("CONNECTED") == HelloState::kNotTls);
  CHECK(ReadWhole("CONNECT " + std::string(HelloReader::kConnectBytesMax, 'x')) == HelloState::kNotTls);
}

TEST_CASE("what is no ClientHello is said by name", "[client_hello]") {
  using namespace std::string_literals;
  CHECK(ReadWhole("GET /login HTTP/1.1\r\n") == HelloState::kNotTls);
  CHECK(ReadWhole("\x16\x02\x01"s) == HelloState::kNotTls);
  CHECK(ReadWhole("\x16\x03\x01\x00\x00"s) == HelloState::kNotTls);
  CHECK(ReadWhole("\x16\x03\x01\x40\x01"s) == HelloState::kNotTls);
  CHECK(ReadWhole("\x17\x03\x03\x00\x20"s) == HelloState::kOtherRecord);
  CHECK(ReadWhole("\x15\x03\x03\x00\x02"s) == HelloState::kOtherRecord);
  CHECK(ReadWhole("\x16\x03\x03\x00\x04\x02"s) == HelloState::kOtherMessage);
  CHECK(ReadWhole("\x80\x2e\x01\x03\x01\x00\x15"s) == HelloState::kSsl2);
  CHECK(ReadWhole("\x80\x2e\x01\x00\x02\x00\x15"s) == HelloState::kSsl2);
  CHECK(ReadWhole("\x80\x2e\x04"s) == HelloState::kNotTls);
  CHECK(ReadWhole("\x16\x03\x01\x00\x04\x01\x00\x00\x00"s) == HelloState::kBroken);
  // A hello that another record breaks into.
  CHECK(ReadWhole("\x16\x03\x01\x00\x02\x01\x00\x17\x03\x03\x00\x05"s) == HelloState::kBroken);
}

TEST_CASE("a hello is collected up to its ceiling, and not beyond", "[client_hello]") {
  HelloParts parts;
  parts.With(21, std::string(kHelloBytesMax - 200, '\0'));
  const std::string message = parts.Message();
  REQUIRE(message.size() <= kHelloBytesMax);
  CHECK(ReadWhole(Records(message)) == HelloState::kHello);
  HelloReader reader;
  using namespace std::string_literals;
  CHECK(reader.Read("\x16\x03\x01\x00\x04\x01\x01\x00\x00"s) == HelloState::kTooLong);
}

TEST_CASE("what others send for JA3 and JA4 is looked at", "[client_hello]") {
  CHECK(IsJa4("t13d1516h2_8daaf6152771_e5627efa2ab1"));
  CHECK(IsJa4("qs3i000000_000000000000_000000000000"));
  CHECK_FALSE(IsJa4("t13d1516h2_8daaf6152771_e5627efa2ab"));
  CHECK_FALSE(IsJa4("t13d1516h2_8DAAF6152771_e5627efa2ab1"));
  CHECK_FALSE(IsJa4("t13x1516h2_8daaf6152771_e5627efa2ab1"));
  CHECK_FALSE(IsJa4("-"));
  CHECK(IsJa3("ada70206e40642a3e4461f35503241d5"));
  CHECK_FALSE(IsJa3("ada70206e40642a3e4461f35503241d"));
  CHECK_FALSE(IsJa3("ADA70206e40642a3e4461f35503241d5"));
}

}  // namespace
}  // namespace stockade
