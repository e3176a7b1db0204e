// Settings: every key that is known does something, every mistake is said with its place.
#include "tools/stockade/config_file.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

namespace stockade {
namespace {

Config Read(std::string_view text, Findings* findings) {
  return ReadConfig(text, "stockade.yaml", findings);
}

std::string Errors(std::string_view text) {
  Findings findings;
  Read(text, &findings);
  return std::string(findings.ToStatus().message());
}

TEST_CASE("an empty configuration is the default", "[config]") {
  for (const char* text : {"", "# nothing\n", "allow:\ninput:\n", "{}"}) {
    CAPTURE(text);
    Findings findings;
    const Config config = Read(text, &findings);
    CHECK(findings.all().empty());
    CHECK(config.engine.mode == Mode::kProtect);
    CHECK(config.engine.certificates == CertificatePolicy::kPreferred);
    CHECK(config.engine.memory_bytes == size_t{1} << 30);
    CHECK(config.engine.lateness_ms == kLatenessMsDefault);
    CHECK(config.rules == std::vector<std::string>{"shipped"});
    CHECK(config.source.format == "auto");
  }
}

TEST_CASE("a word of a certificate is answered as the settings say", "[config]") {
  Findings findings;
  // The policy counts wherever it stands.
  const Config config =
      Read("certificates: {expired: challenge, missing_from_owner: allow, missing: deny, policy: required}\n",
           &findings);
  CHECK(findings.ToStatus().ToString() == "OK");
  CertificateVerdicts asked(CertificatePolicy::kRequired);
  asked.Set(CertificateStatus::kExpired, VerdictKind::kChallenge);
  asked.SetMissingFromOwner(VerdictKind::kAllow);
  CHECK(config.engine.certificates == asked);
  CHECK(config.engine.certificates.Of(CertificateStatus::kRevoked) == VerdictKind::kDeny);
}

TEST_CASE("every key reaches its setting", "[config]") {
  Findings findings;
  const Config config = Read(R"(
mode: established-only
certificates: required
memory: 256MiB
lateness: 90s
hash_key: 000102030405060708090a0b0c0d0e0f
rules: [shipped]
placeholders: {vendor_accounts: [acme, "acme-*"], none: []}
allow:
  addresses: [192.0.2.0/24, 2001:db8::1]
  accounts: monitoring
input:
  format: ndjson
  timezone: Asia/Tokyo
  year: 2025
  fields: {user.name: actor.alternateId}
  outcomes: {INVALID_CREDENTIALS: bad_password}
  csv: {columns: {user.name: User ID}, delimiter: tab}
  access_log:
    login_paths: [/login, /auth/*, {regex: "/v[0-9]+/session"}]
    methods: [POST, PUT]
    basic: false
    outcomes: {302: success, 4xx: bad_password}
)",
                             &findings);
  CHECK(findings.ToStatus().ToString() == "OK");
  CHECK(config.engine.mode == Mode::kEstablishedOnly);
  CHECK(config.engine.certificates == CertificatePolicy::kRequired);
  CHECK(config.engine.memory_bytes == size_t{256} << 20);
  CHECK(config.engine.lateness_ms == 90'000);
  CHECK(config.engine.hash_key.k0 == HashKey::Parse("000102030405060708090a0b0c0d0e0f")->k0);
  CHECK(config.placeholders.at("vendor_accounts") == std::vector<std::string>{"acme", "acme-*"});
  CHECK(config.placeholders.at("none").empty());
  CHECK(config.engine.allowlist.size() == 3);
  CHECK(config.source.format == "ndjson");
  CHECK(config.source.time_zone.name() == "Asia/Tokyo");
  CHECK(config.source.year == 2025);
  CHECK(config.source.field_paths.at("user.name") == "actor.alternateId");
  CHECK(config.source.outcome_words.at("INVALID_CREDENTIALS") == Outcome::kBadPassword);
  CHECK(config.source.columns.at("user.name") == "User ID");
  CHECK(config.source.delimiter == '\t');
  const AccessLogOptions& access_log = config.source.access_log;
  REQUIRE(access_log.login_paths.size() == 3);
  CHECK(access_log.login_paths[0].match == AccessLogOptions::PathMatch::kExact);
  CHECK(access_log.login_paths[1].match == AccessLogOptions::PathMatch::kPrefix);
  CHECK(access_log.login_paths[1].text == "/auth/");
  CHECK(access_log.login_paths[2].match == AccessLogOptions::PathMatch::kRegex);
  CHECK(access_log.methods == std::vector<std::string>{"POST", "PUT"});
  CHECK_FALSE(access_log.basic);
  CHECK(access_log.outcomes.at("302") == Outcome::kSuccess);
}

TEST_CASE("what captures read by is told apart from the rest of the gateway", "[config]") {
  const auto text = [](std::string_view gateway) {
    Findings findings;
    return Read("gateway:\n" + std::string(gateway), &findings).capture_text;
  };
  const std::string before = text("  trusted_proxies: [10.0.0.0/8]\n");
  CHECK(text("  trusted_proxies: [10.0.0.0/8]\n  workers: 3\n") == before);
  CHECK(text("  trusted_proxies: [10.0.0.0/9]\n") != before);
  CHECK(text("  trusted_proxies: [10.0.0.0/8]\n  account_case: fold\n") != before);
}

TEST_CASE("a mistake is named with file, line, column and what would be right", "[config]") {
  struct Case {
    const char* text;
    const char* place;
    const char* says;
  };
  const Case cases[] = {
      {"moda: protect\n", "stockade.yaml:1:1: moda", "did you mean 'mode'"},
      {"mode: protekt\n", "stockade.yaml:1:7: mode", "did you mean 'protect'"},
      {"mode:\n", "stockade.yaml:1:1: mode", "has no value"},
      {"mode: [protect]\n", "stockade.yaml:1:7: mode", "must be a text"},
      {"certificates: optional\n", "stockade.yaml:1:15: certificates", "ignored, preferred, required"},
      {"certificates: {revoked: allow}\n", "stockade.yaml:1:25: certificates.revoked",
       "never goes on unasked"},
      {"certificates: {valid: deny}\n", "stockade.yaml:1:16: certificates.valid", "unknown key"},
      {"certificates: {policy: ignored, expired: deny}\n", "certificates", "are ignored"},
      {"memory: 256\n", "stockade.yaml:1:9: memory", "too little"},
      {"memory: lots\n", "stockade.yaml:1:9: memory", "write 256MiB"},
      {"lateness: 90\n", "stockade.yaml:1:11: lateness", "write 5m"},
      {"lateness: 2d\n", "stockade.yaml:1:11: lateness", "at most 24h"},
      {"hash_key: abc\n", "stockade.yaml:1:11: hash_key", "32 hexadecimal digits"},
      {"hash_key_file: /no/such/key\n", "stockade.yaml:1:16: hash_key_file", "No such file"},
      {"rules: [/no/such/rules]\n", "stockade.yaml:1:9: rules", "no such file or folder"},
      {"rules: []\n", "stockade.yaml:1:8: rules", "names no rules"},
      {"placeholders: [a]\n", "stockade.yaml:1:15: placeholders", "must be a map"},
      {"allow:\n  adresses: []\n", "stockade.yaml:2:3: allow.adresses", "did you mean 'addresses'"},
      {"allow: {addresses: [192.0.2.7/24]}\n", "stockade.yaml:1:21: allow.addresses",
       "did you mean '192.0.2.0/24'"},
      {"allow: {addresses: [localhost]}\n", "stockade.yaml:1:21: allow.addresses",
       "neither an address nor a network"},
      {"allow: {files: [/no/such/list]}\n", "stockade.yaml:1:17: allow.files", "No such file"},
      {"input: {timezone: Mars/Olympus}\n", "stockade.yaml:1:19: input.timezone", "no time zone"},
      {"input: {year: 1969}\n", "stockade.yaml:1:15: input.year", "1970"},
      {"input: {outcomes: {BAD: wrong_password}}\n", "stockade.yaml:1:25: input.outcomes.BAD",
       "bad_password"},
      {"input: {csv: {delimiter: ';;'}}\n", "stockade.yaml:1:26: input.csv.delimiter", "one character"},
      {"input: {access_log: {login_paths: [login]}}\n", "stockade.yaml:1:36: input.access_log.login_paths",
       "/login"},
      {"input: {access_log: {basic: 1}}\n", "stockade.yaml:1:29: input.access_log.basic", "false, true"},
      {"input: {format: xml}\n", "stockade.yaml:1:17: input.format", "xml"},
      {"input:\n  access_log:\n    outcomes: {4xx: bad_password, 999: success}\n",
       "stockade.yaml:3:35: input.access_log.outcomes", "999"},
      {"input: {access_log: {login_paths: [{regex: \"(\"}]}}\n",
       "stockade.yaml:1:44: input.access_log.login_paths", "missing"},
      {"input: {csv: {columns: {user.nmae: who}}}\n", "stockade.yaml:1:25: input.csv.columns", "user.nmae"},
      {"- mode\n", "stockade.yaml:1:1", "must be a map"},
      {"mode: protect\n---\nmode: observe\n", "stockade.yaml:3:1", "second document"},
      {"mode: protect\nmode: observe\n", "stockade.yaml:2:1", "mode"},
      {"mode: 'protect\n", "stockade.yaml:", ""},
  };
  for (const Case& each : cases) {
    CAPTURE(each.text);
    const std::string errors = Errors(each.text);
    CHECK_THAT(errors, Catch::Contains(each.place));
    CHECK_THAT(errors, Catch::Contains(each.says));
  }
}

TEST_CASE("all mistakes are reported, not only the first", "[config]") {
  Findings findings;
  Read("moda: protect\nmemory: lots\nallow: {adresses: [x]}\n", &findings);
  CHECK(findings.errors() == 3);
}

TEST_CASE("a secret key is not repeated in an error", "[config]") {
  CHECK_THAT(Errors("hash_key: 0102030405secret\n"), !Catch::Contains("secret"));
}

TEST_CASE("files are found beside the configuration that names them", "[config]") {
  namespace fs = std::filesystem;
  const fs::path folder = fs::temp_directory_path() / ("stockade_config_" + std::to_string(getpid()));
  fs::create_directories(folder / "ours");
  std::ofstream(folder / "key") << "000102030405060708090a0b0c0d0e0f\n";
  std::ofstream(folder / "allow.txt") << "# offices\n192.0.2.0/24\n\n2001:db8::1 # probe\n";
  std::ofstream(folder / "bad.txt") << "192.0.2.0/24\nnonsense\n";
  const std::string file = (folder / "stockade.yaml").string();
  Findings findings;
  const Config config =
      ReadConfig("hash_key_file: key\nrules: ours\nallow: {files: allow.txt}\n", file, &findings);
  CHECK(findings.errors() == 0);
  CHECK(config.engine.allowlist.size() == 2);
  CHECK(config.rules == std::vector<std::string>{(folder / "ours").string()});
  Findings wrong;
  ReadConfig("allow: {files: bad.txt}\n", file, &wrong);
  CHECK_THAT(std::string(wrong.ToStatus().message()), Catch::Contains("bad.txt:2:1: allow.files"));
  Findings both;
  ReadConfig("hash_key_file: key\nhash_key: 000102030405060708090a0b0c0d0e0f\n", file, &both);
  CHECK_THAT(std::string(both.ToStatus().message()), Catch::Contains("keep one of them"));
  fs::remove_all(folder);
}

}  // namespace
}  // namespace stockade
