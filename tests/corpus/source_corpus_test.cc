// The readers on real logs: json-test-suite (accepted, refused, no crash), linux-auth-log (addresses and
// counts), sshguard-parser-tests and crowdsec-hub-tests (the addresses their own parsers find),
// apache-access-sample and rba-sample. Each skips, and says so, where its corpus is not present.
#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <set>

#include "absl/strings/str_split.h"
#include "re2/re2.h"
#include "tests/adapters/source/read_all.h"
#include "tests/corpus/corpora.h"
#include "tests/corpus/known_disagreements.h"
#include "tests/read_text.h"

namespace stockade {
namespace {

namespace fs = std::filesystem;

SourceOptions In2026(std::string_view format) {
  SourceOptions options = test::Format(format);
  options.reference_time = absl::FromCivil(absl::CivilSecond(2026, 12, 31, 0, 0, 0), absl::UTCTimeZone());
  return options;
}

std::set<std::string> Sources(const test::ReadResult& result) {
  std::set<std::string> out;
  for (const auto& record : result.records) {
    if (record.ok() && record.attempt().source.present() && record.outcome() != Outcome::kSuccess) {
      out.insert(record.attempt().source.ToString());
    }
  }
  return out;
}

// A document of the suite as one line: JSON lines have no line ends inside. Nothing where one cannot be taken
// out without changing what is tested (inside a string, or where it is all there is).
std::optional<std::string> OneLine(std::string text) {
  if (text.find('\n') == std::string::npos && text.find('\r') == std::string::npos) return text;
  if (std::count(text.begin(), text.end(), '"') % 2 != 0 || text.find('\\') != std::string::npos)
    return std::nullopt;
  bool inside = false;
  for (char& c : text) {
    if (c == '"') inside = !inside;
    if ((c == '\n' || c == '\r')) {
      if (inside) return std::nullopt;
      c = ' ';
    }
  }
  return text;
}

TEST_CASE("what json-test-suite accepts is JSON, what it refuses is not", "[corpus]") {
  if (Missing("json-test-suite")) return;
  int accepted = 0;
  int refused = 0;
  for (const auto& entry : fs::directory_iterator(kCorpora / "json-test-suite/test_parsing")) {
    const std::string name = entry.path().filename().string();
    const auto line = OneLine(ReadText(entry.path()));
    if (!line.has_value() || line->find_first_not_of(" \t\f\v") == std::string::npos) continue;
    CAPTURE(name);
    // Alone, and as a value that nobody asks for inside an event: there, too, it must be looked at.
    const auto alone = test::ReadText(*line, test::Format("ndjson"));
    const auto inside = test::ReadText(Concat(R"({"@timestamp":1,"x":)", *line, "}"), test::Format("ndjson"));
    const auto is_json = [](const test::ReadResult& result) {
      if (!result.status.ok() || result.records.size() != 1) return false;
      const ReadError error = result.records[0].error;
      return error != ReadError::kNotJson && error != ReadError::kNotUtf8 && error != ReadError::kTooDeep;
    };
    if (name.starts_with("y_")) {
      CHECK(is_json(alone));
      CHECK(is_json(inside));
      ++accepted;
    } else if (name.starts_with("n_")) {
      CHECK_FALSE(is_json(alone));
      // "}{", ",…" and the like may close our own object: what stands inside then is another document.
      if (line->find_first_of("{}") == std::string::npos) CHECK_FALSE(is_json(inside));
      ++refused;
    }
  }
  for (const auto& entry : fs::directory_iterator(kCorpora / "json-test-suite/test_transform")) {
    test::ReadText(ReadText(entry.path()), test::Format("ndjson"));
  }
  CHECK(accepted > 0);
  CHECK(refused > 0);
}

TEST_CASE("the auth.log of linux-auth-log holds the attempts a grep finds", "[corpus]") {
  if (Missing("linux-auth-log")) return;
  for (const auto& entry : fs::directory_iterator(kCorpora / "linux-auth-log")) {
    if (entry.path().extension() != ".log") continue;
    SourceOptions options;
    options.year = 2017;
    const auto result = test::ReadFiles({entry.path().string()}, options);
    REQUIRE(result.status.ok());
    CHECK(result.inputs[0].format == "sshd");
    CHECK(result.counters.unreadable() == 0);
    // By regular expression, the plain way: who was accepted, who failed, and how often.
    std::map<std::string, int> accepted;
    std::set<std::string> failed;
    const std::string text = ReadText(entry.path());
    for (const absl::string_view line : absl::StrSplit(text, '\n')) {
      re2::StringPiece address;
      const re2::StringPiece view(line.data(), line.size());
      static const re2::RE2 kAccepted(R"(: Accepted \S+ for \S+ from (\S+) port)");
      static const re2::RE2 kFailed(
          R"((?:: |\[ )(?:Failed \S+ for|Invalid user) .*from (\S+?)(?: port.*)?$)");
      if (re2::RE2::PartialMatch(view, kAccepted, &address)) ++accepted[std::string(address)];
      if (re2::RE2::PartialMatch(view, kFailed, &address)) failed.insert(std::string(address));
    }
    std::map<std::string, int> ours;
    for (const auto& record : result.records) {
      if (record.outcome() == Outcome::kSuccess) ++ours[record.attempt().source.ToString()];
    }
    CHECK(ours == accepted);
    const std::set<std::string> sources = Sources(result);
    CHECK(std::includes(sources.begin(), sources.end(), failed.begin(), failed.end()));
  }
}

TEST_CASE("sshguard's cases of logins are charged to the address sshguard charges", "[corpus]") {
  if (Missing("sshguard-parser-tests")) return;
  // What sshguard counts and is no login attempt: connections that never named an account.
  const auto is_connection = [](std::string_view line) {
    for (const std::string_view part : {"Did not receive identification",
                                        "Bad protocol version",
                                        "Connection closed by ",
                                        "Disconnected from ",
                                        "Unable to negotiate",
                                        "banner exchange",
                                        "fatal: Timeout before authentication",
                                        "Connection reset by",
                                        "no matching",
                                        "Protocol major versions differ",
                                        "Bad packet length",
                                        "Corrupted MAC",
                                        "Unable to authenticate",
                                        "exited before auth",
                                        "Exit before auth (",
                                        "Protocol error",
                                        "max auth",
                                        "kex",
                                        "Received disconnect",
                                        "Disconnecting: "}) {
      const size_t at = line.find(part);
      if (at != std::string_view::npos && line.find(" user ", at) == std::string_view::npos &&
          line.find("(user ", at) == std::string_view::npos) {
        return true;
      }
    }
    return false;
  };
  int judged = 0;
  for (const auto& entry : fs::directory_iterator(kCorpora / "sshguard-parser-tests")) {
    if (entry.path().extension() != ".txt" || entry.path().filename().string().starts_with("LICENSE"))
      continue;
    const std::string text = ReadText(entry.path());
    std::vector<std::string> lines;
    for (const absl::string_view line : absl::StrSplit(text, '\n')) {
      if (!line.empty() && !(line.size() >= 4 && line.substr(0, 4) == "####")) lines.emplace_back(line);
    }
    for (size_t i = 0; i + 2 < lines.size(); i += 3) {
      if (lines[i + 2] != "M") continue;
      const std::vector<std::string> words = absl::StrSplit(lines[i + 1], ' ');
      const bool attack = words.size() == 4;
      const int service = attack ? std::atoi(words[0].c_str()) : 0;
      if (attack && service != 100 && service != 101 && service != 350) continue;
      std::string line = lines[i];
      const std::string_view format = service == 350 ? "combined" : "sshd";
      if (format == "sshd" && is_connection(line)) continue;
      // Cases without a head get one: without a time there is no event.
      if (format == "sshd" && test::ReadText(line, In2026("sshd")).counters.unreadable() != 0) {
        line = Concat("May  1 10:11:12 host ", service == 101 ? "dropbear" : "sshd", "[1]: ", line);
      }
      CAPTURE(line, lines[i + 1]);
      auto result = test::ReadText(line, In2026(format));
      if (format == "combined" && !result.records.empty() &&
          result.records[0].error == ReadError::kBadTimestamp) {
        continue;  // a date before 1970
      }
      const std::set<std::string> sources = Sources(result);
      if (attack) {
        CHECK(sources == std::set<std::string>{Address::Parse(words[1])->ToString()});
        ++judged;
      } else if (line.find("sshd[") != std::string::npos) {
        CHECK(sources.empty());
      }
    }
  }
  CHECK(judged > 0);
}

TEST_CASE("the shipped formats charge sshguard's cases of other services to the address that it charges",
          "[corpus]") {
  if (Missing("sshguard-parser-tests")) return;
  struct Service {
    std::string_view format,
        program;  // program: of the syslog head that a case without one gets; empty: none
  };
  static const std::map<int, Service> kServices = {
      {210, {"dovecot", "dovecot"}},
      {240, {"exim", "exim"}},
      {260, {"postfix_sasl", "postfix/smtpd"}},
      {280, {"courier", "imapd"}},
      {310, {"proftpd", ""}},
      {320, {"pure_ftpd", "pure-ftpd"}},
      {330, {"vsftpd", ""}},
      {340, {"cockpit", "cockpit-session"}},
      {500, {"gitea", ""}},
      {600, {"mssql", ""}},
      {601, {"mysql", ""}},
      {700, {"proxmox", "pvedaemon"}},
  };
  KnownDisagreements known("sshguard", "log_disagreements.yaml");
  const std::string text = ReadText(kCorpora / "sshguard-parser-tests/tests-shared.txt");
  std::vector<std::string> lines;
  std::vector<size_t> numbers;
  size_t number = 0;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    if (line.empty() || (line.size() >= 4 && line.substr(0, 4) == "####")) continue;
    lines.emplace_back(line);
    numbers.push_back(number);
  }
  int agreed = 0;
  for (size_t i = 0; i + 2 < lines.size(); i += 3) {
    const std::vector<std::string> words = absl::StrSplit(lines[i + 1], ' ');
    if (words.size() != 4) continue;
    const auto service = kServices.find(std::atoi(words[0].c_str()));
    if (service == kServices.end()) continue;
    const auto& [format, program] = service->second;
    SourceOptions options = In2026("auto");
    options.format_file = Concat(STOCKADE_SOURCE_DIR, "/rules/formats/", format, ".yml");
    auto result = test::ReadText(lines[i] + "\n", options);
    if (!program.empty() && result.counters.unreadable() != 0)
      result = test::ReadText(Concat("May  1 10:11:12 host ", program, "[1]: ", lines[i], "\n"), options);
    if (Sources(result) == std::set<std::string>{Address::Parse(words[1])->ToString()}) {
      ++agreed;
    } else {
      known.Note(std::string(format), Concat("line ", numbers[i]), lines[i]);
    }
  }
  known.CheckAllUsed();
  std::cout << "sshguard: " << agreed << " cases of other services agree, " << known.explained()
            << " differences with their reasons\n";
  CHECK(agreed > 0);
}

TEST_CASE("crowdsec's hub tests of logins yield the addresses its own parsers find", "[corpus]") {
  if (Missing("crowdsec-hub-tests")) return;
  struct Case {
    std::string_view folder, format;  // a format of the registry, or a file of rules/formats
    std::string_view no_login;        // addresses whose lines match this made no login attempt
  };
  static const Case kCases[] = {
      {"vsftpd-bf", "vsftpd.yml", ""},
      {"vsftpd-logs", "vsftpd.yml", ""},
      {"proftpd-user-enum", "proftpd.yml", ""},
      {"proftpd-bf", "proftpd.yml", ""},
      {"dovecot-slow-bf", "dovecot.yml", ""},
      {"dovecot-slow-bf-user-enum", "dovecot.yml", ""},
      {"postfix-sasl-bf", "postfix_sasl.yml", ""},
      {"nextcloud-bf", "nextcloud.yml", "Bruteforce attempt|Trusted domain error"},
      {"gitea-logs", "gitea.yml", ""},
      {"vaultwarden-bf", "vaultwarden.yml", ""},
      {"jellyfin-syslog-bf", "jellyfin.yml", ""},
      {"pureftpd-bf", "pure_ftpd.yml", ""},
      {"synology-dsm-bf", "synology_dsm.yml", ""},
      {"opnsense-sshd", "sshd", ""},
      {"ssh-generic-test", "sshd", ""},
      {"ssh-bf", "sshd", ""},
      {"sshd-logs", "sshd", ""},
      {"grafana-bf", "grafana.yml", ""},
  };
  int judged = 0;
  for (const Case& c : kCases) {
    const fs::path folder = kCorpora / "crowdsec-hub-tests" / c.folder;
    if (!fs::exists(folder / "scenario.assert")) continue;
    CAPTURE(std::string(c.folder));
    std::string log;
    std::set<std::string> expected;
    for (const auto& entry : fs::directory_iterator(folder)) {
      if (entry.path().extension() == ".log") log = entry.path().string();
      if (entry.path().extension() != ".assert") continue;
      // Every address that a parse or an overflow names.
      const std::string text = ReadText(entry.path());
      re2::StringPiece rest(text);
      static const re2::RE2 kAddress(R"re((?:GetMeta\("source_ip"\)|Meta\["source_ip"\]) == "([^"]+)")re");
      std::string found;
      while (re2::RE2::FindAndConsume(&rest, kAddress, &found)) {
        if (const auto address = Address::Parse(found)) expected.insert(address->ToString());
      }
    }
    if (!c.no_login.empty()) {
      const re2::RE2 no_login(std::string(c.no_login));
      const std::string lines = ReadText(log);
      for (const absl::string_view line : absl::StrSplit(lines, '\n')) {
        if (!re2::RE2::PartialMatch({line.data(), line.size()}, no_login)) continue;
        for (auto it = expected.begin(); it != expected.end();) {
          it = line.find(*it) != absl::string_view::npos ? expected.erase(it) : std::next(it);
        }
      }
    }
    SourceOptions options = In2026("auto");
    if (c.format.ends_with(".yml")) {
      options.format_file = Concat(STOCKADE_SOURCE_DIR, "/rules/formats/", c.format);
    } else {
      options.format = std::string(c.format);
    }
    const auto result = test::ReadFiles({log}, options);
    INFO(result.status.ToString());
    REQUIRE(result.status.ok());
    std::set<std::string> ours;
    for (const auto& record : result.records) {
      if (record.ok() && record.attempt().source.present()) ours.insert(record.attempt().source.ToString());
    }
    std::set<std::string> missing;
    std::set_difference(expected.begin(), expected.end(), ours.begin(), ours.end(),
                        std::inserter(missing, missing.end()));
    CHECK(missing == std::set<std::string>{});
    ++judged;
  }
  CHECK(judged > 0);
}

TEST_CASE("ordinary web traffic holds hardly a login, and every line of it is read", "[corpus]") {
  if (Missing("apache-access-sample")) return;
  for (const auto& entry : fs::directory_iterator(kCorpora / "apache-access-sample")) {
    if (entry.path().extension() != ".log") continue;
    const auto result = test::ReadFiles({entry.path().string()}, SourceOptions());
    REQUIRE(result.status.ok());
    CHECK(result.inputs[0].format == "combined");
    CHECK(result.counters.unreadable() == 0);
    CHECK(result.records.size() * 1000 < result.counters.lines);
  }
}

TEST_CASE("the RBA data set is read by its own header", "[corpus]") {
  if (Missing("rba-sample")) return;
  const auto result =
      test::ReadFiles({(kCorpora / "rba-sample/rba-first-rows.csv").string()}, SourceOptions());
  REQUIRE(result.status.ok());
  CHECK(result.inputs[0].format == "csv");
  REQUIRE(result.records.size() == 19);
  CHECK(result.counters.unreadable() == 0);
  const Attempt& first = result.records[0].attempt();
  CHECK(first.time_ns == 1580733810772000000);
  CHECK(first.account == "-4324475583306591935");
  CHECK(first.source.ToString() == "10.0.65.171");
  CHECK(first.asn == 29695);
  CHECK(first.country == "NO");
  CHECK(result.records[0].outcome() == Outcome::kBadPassword);
  CHECK(result.records[2].outcome() == Outcome::kSuccess);
}

}  // namespace
}  // namespace stockade
