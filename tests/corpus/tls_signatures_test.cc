// The hellos of real browsers, built from the lists that curl-impersonate keeps of them, fingerprinted: JA3 as a third party
// measured it, extensions sorted where the browser shuffles them; JA4s that our own table of stacks knows for the browser
// that sent them; and no user agent there contradicted by its hello. Then the form of the JA3 project's own list.
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "adapters/client_hello/client_fingerprint.h"
#include "adapters/client_hello/stack_table.h"
#include "engine/text.h"
#include "tests/adapters/client_hello/hello_bytes.h"
#include "tests/corpus/corpora.h"

namespace stockade {
namespace {

namespace fs = std::filesystem;

// Where the file's list and its third party's hello are of different releases: Chrome 133 has a new number for
// application_settings, and the third party saw Chrome 131 (its user_agent says so).
const std::set<std::string> kOfAnotherRelease = {"chrome_133.0.6943.55.yaml"};

// RFC 8446 §4.2 and the IANA registry; application_settings and ECH as Chrome sends them.
const std::map<std::string, uint16_t> kExtensions = {{"GREASE", 0x0a0a},
                                                     {"server_name", 0},
                                                     {"status_request", 5},
                                                     {"supported_groups", 10},
                                                     {"ec_point_formats", 11},
                                                     {"signature_algorithms", 13},
                                                     {"application_layer_protocol_negotiation", 16},
                                                     {"signed_certificate_timestamp", 18},
                                                     {"padding", 21},
                                                     {"extended_master_secret", 23},
                                                     {"compress_certificate", 27},
                                                     {"record_size_limit", 28},
                                                     {"delegated_credentials", 34},
                                                     {"session_ticket", 35},
                                                     {"pre_shared_key", 41},
                                                     {"supported_versions", 43},
                                                     {"psk_key_exchange_modes", 45},
                                                     {"keyshare", 51},
                                                     {"application_settings", 17513},
                                                     {"application_settings_new", 17613},
                                                     {"encrypted_client_hello", 65037},
                                                     {"renegotiation_info", 65281}};

uint16_t NumberOf(const YAML::Node& node) {
  const std::string text = node.as<std::string>();
  constexpr std::string_view kVersion = "TLS_VERSION_1_";
  if (text == "GREASE") return 0x1a1a;
  if (text.starts_with(kVersion)) return static_cast<uint16_t>(0x0301 + (text[kVersion.size()] - '0'));
  return node.as<uint16_t>();
}

std::vector<uint16_t> NumbersOf(const YAML::Node& nodes) {
  std::vector<uint16_t> numbers;
  for (const YAML::Node& node : nodes) numbers.push_back(NumberOf(node));
  return numbers;
}

HelloParts PartsOf(const YAML::Node& hello) {
  HelloParts parts;
  parts.version = NumberOf(hello["handshake_version"]);
  parts.session_id = std::string(hello["session_id_length"].as<size_t>(), 's');
  parts.ciphers = NumbersOf(hello["ciphersuites"]);
  for (const YAML::Node& extension : hello["extensions"]) {
    const std::string type = extension["type"].as<std::string>();
    CAPTURE(type);
    const auto known = kExtensions.find(type);
    const uint16_t number = known != kExtensions.end() ? known->second : extension["type"].as<uint16_t>();
    if (number == kServerNameExtension) {
      parts.WithHost("login.example");
    } else if (number == kSupportedGroupsExtension) {
      parts.WithGroups(NumbersOf(extension["supported_groups"]));
    } else if (number == kSignatureAlgorithmsExtension) {
      parts.WithAlgorithms(NumbersOf(extension["sig_hash_algs"]));
    } else if (number == kAlpnExtension) {
      parts.WithAlpn(extension["alpn_list"].as<std::vector<std::string>>());
    } else if (number == kSupportedVersionsExtension) {
      parts.WithVersions(NumbersOf(extension["supported_versions"]));
    } else if (number == kPointFormatsExtension) {
      std::string formats;
      for (const uint16_t format : NumbersOf(extension["ec_point_formats"]))
        formats.push_back(static_cast<char>(format));
      parts.With(number, Vector(formats, 1));
    } else {
      parts.With(number, std::string(extension["length"] ? extension["length"].as<size_t>() : 0, '\0'));
    }
  }
  return parts;
}

std::string UserAgentOf(const YAML::Node& signature) {
  constexpr std::string_view kName = "user-agent: ";
  for (const YAML::Node& frame : signature["http2"]["frames"])
    for (const YAML::Node& header : frame["headers"])
      if (const std::string text = header.as<std::string>(); text.starts_with(kName))
        return text.substr(kName.size());
  return "";
}

// A JA3 text with its extensions in the order of their numbers.
std::string Sorted(const std::string& ja3_text) {
  std::vector<std::string> parts = absl::StrSplit(ja3_text, ',');
  std::vector<int> numbers;
  for (const auto& piece : absl::StrSplit(parts.at(2), '-')) {
    int number = 0;
    if (absl::SimpleAtoi(piece, &number)) numbers.push_back(number);
  }
  std::sort(numbers.begin(), numbers.end());
  parts[2] = absl::StrJoin(numbers, "-");
  return absl::StrJoin(parts, ",");
}

// The hello of which this is the JA3 text.
HelloParts PartsOfText(const std::string& ja3_text) {
  const std::vector<std::string> lists = absl::StrSplit(ja3_text, ',');
  const auto numbers = [&](size_t list) {
    std::vector<uint16_t> found;
    for (const auto& piece : absl::StrSplit(lists.at(list), '-')) {
      int number = 0;
      if (absl::SimpleAtoi(piece, &number)) found.push_back(static_cast<uint16_t>(number));
    }
    return found;
  };
  HelloParts parts;
  parts.version = numbers(0).at(0);
  parts.ciphers = numbers(1);
  for (const uint16_t type : numbers(2)) {
    std::string body;
    if (type == kSupportedGroupsExtension) body = Vector(Numbers(numbers(3)), 2);
    if (type == kPointFormatsExtension) {
      for (const uint16_t format : numbers(4)) body.push_back(static_cast<char>(format));
      body = Vector(body, 1);
    }
    parts.With(type, body);
  }
  return parts;
}

TEST_CASE("browsers have the JA3 that a third party measured, and a JA4 that says who they are", "[corpus]") {
  if (Missing("browser-tls-signatures")) return;
  int hashes = 0, texts = 0, measured = 0, known = 0, all = 0;
  for (const auto& entry : fs::directory_iterator(kCorpora / "browser-tls-signatures")) {
    if (entry.path().extension() != ".yaml") continue;
    const std::string name = entry.path().filename().string();
    CAPTURE(name);
    ++all;
    const YAML::Node file = YAML::LoadFile(entry.path().string());
    const std::string message = PartsOf(file["signature"]["tls_client_hello"]).Message();
    ClientHello hello;
    REQUIRE(ParseClientHello(message, HelloTransport::kTcp, &hello) == HelloError::kNone);
    CHECK_FALSE(hello.has_broken_extension);

    const std::string ja4 = Ja4(hello, HelloTransport::kTcp);
    const StackClaim claim = ClaimOf(UserAgentOf(file["signature"]));
    CHECK(claim != StackClaim::kNone);
    CHECK(StackTable::Shipped().MismatchOf(ja4, claim).empty());
    known += StackTable::Shipped().StackOf(ja4) == Name(claim) ? 1 : 0;

    const YAML::Node other = file["third_party"];
    if (!other) continue;
    ++measured;
    const std::string sorted = Sorted(Ja3Text(hello));
    const std::string theirs = other["ja3n_text"].as<std::string>();
    texts += sorted == theirs ? 1 : 0;
    CHECK((sorted == theirs || kOfAnotherRelease.contains(name)));
    if (sorted != theirs)
      std::printf("  %s: JA3 of the lists, sorted, is %s, of the third party's hello %s\n", name.c_str(),
                  sorted.c_str(), theirs.c_str());
    const std::string text = other["ja3_text"].as<std::string>();
    const std::string of_text = PartsOfText(text).Message();
    REQUIRE(ParseClientHello(of_text, HelloTransport::kTcp, &hello) == HelloError::kNone);
    CHECK(Ja3Text(hello) == text);
    hashes += Ja3(hello) == other["ja3_hash"].as<std::string>() ? 1 : 0;
  }
  std::printf(
      "browser-tls-signatures: %d hellos, %d of a stack the table names; of %d with a third party's JA3 "
      "%d texts agree (sorted), %d hashes\n",
      all, known, measured, texts, hashes);
  CHECK(hashes == measured);
  CHECK(all > 0);
}

TEST_CASE("the JA3 project's list holds what we take for JA3s", "[corpus]") {
  if (Missing("ja3-lists")) return;
  int rows = 0;
  for (const auto& entry : fs::directory_iterator(kCorpora / "ja3-lists")) {
    if (entry.path().extension() != ".csv") continue;
    std::ifstream lines(entry.path());
    for (std::string line; std::getline(lines, line);) {
      const std::string hash = line.substr(0, line.find(','));
      if (hash.empty() || hash.find_first_of("\" ") != std::string::npos) continue;
      CAPTURE(line);
      CHECK(IsJa3(hash));
      ++rows;
    }
  }
  std::printf("ja3-lists: %d rows\n", rows);
  CHECK(rows > 0);
}

}  // namespace
}  // namespace stockade
