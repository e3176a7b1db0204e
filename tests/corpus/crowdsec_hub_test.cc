// CrowdSec hub's scenario tests: upstream's logs through our readers, an equivalent correlation over them,
// and the addresses that it alerts on against those that overflow upstream. One row a case; a case without a
// row is counted under the reason why it is out of reach.
#include <catch2/catch.hpp>
#include <filesystem>
#include <iostream>
#include <map>
#include <set>

#include <re2/re2.h>

#include "engine/event/address.h"
#include "engine/text.h"
#include "tests/corpus/rule_run.h"

namespace stockade {
namespace {

// Upstream's buckets in our words: capacity C leaking one in L is C + 1 within C·L (see
// crowdsec_bucket_test.cc). Nearly every login scenario of the hub has capacity 5 and leakspeed 10s.
struct Bucket {
  int count;          // C + 1
  int span_s;         // C·L
  const char* field;  // value_count over it; null: event_count
};
constexpr Bucket kFast = {6, 50, nullptr};
constexpr Bucket kFastUsers = {6, 50, "user.name"};
constexpr Bucket kSlow = {4, 3 * 3600, nullptr};

struct Row {
  const char* folder;
  const char* format;
  const char* selection;  // of the base rule
  std::vector<Bucket> buckets;
  std::map<std::string, std::string> paths;  // NDJSON
  std::map<std::string, Outcome> words;
};
constexpr char kFailure[] = "{event.outcome: failure}";

const std::vector<Row>& Rows() {
  static const std::vector<Row> rows = {
      {"opnsense-sshd", "sshd", kFailure, {kFast, kFastUsers}, {}, {}},
      {"synology-dsm-bf", "sshd", kFailure, {kFast}, {}, {}},
      {"ssh-bf", "sshd", kFailure, {kFast, kFastUsers, {11, 600, nullptr}, {11, 600, "user.name"}}, {}, {}},
      {"ssh-slow-bf", "sshd", kFailure, {{11, 600, nullptr}, {11, 600, "user.name"}}, {}, {}},
      {"ssh-generic-test", "sshd", "{user.name|startswith: crowdsec-test-}", {{1, 1, nullptr}}, {}, {}},
      {"sshd-success-logs", "sshd", kFailure, {kFast}, {}, {}},
      {"vsftpd-bf", "vsftpd", kFailure, {kFast}, {}, {}},
      {"proftpd-bf", "proftpd", kFailure, {kFast}, {}, {}},
      {"proftpd-user-enum", "proftpd", kFailure, {kFastUsers}, {}, {}},
      {"vaultwarden-bf", "vaultwarden", kFailure, {kFast, kFastUsers}, {}, {}},
      {"pureftpd-bf", "pure_ftpd", kFailure, {kFast}, {}, {}},
      {"jellyfin-syslog-bf", "jellyfin", kFailure, {kFast}, {}, {}},
      {"postfix-sasl-bf", "postfix_sasl", kFailure, {{3, 600, nullptr}}, {}, {}},
      // melite/dovecot-slow-bf: capacity 3; its tests space their four failures by ten minutes.
      {"dovecot-slow-bf", "dovecot", kFailure, {kSlow}, {}, {}},
      {"dovecot-slow-bf-no-overlap", "dovecot", kFailure, {kSlow}, {}, {}},
      {"dovecot-slow-bf-user-enum", "dovecot", kFailure, {kSlow}, {}, {}},
      {"dovecot-time-based-bf", "dovecot", kFailure, {kSlow}, {}, {}},
      {"dovecot-time-based-bf-user-enum", "dovecot", kFailure, {kSlow}, {}, {}},
      {"apiscp-bf", "combined", kFailure, {kFast}, {}, {}},
      {"http-generic-bf", "combined", kFailure, {kFast}, {}, {}},
      {"nextcloud-bf",
       "ndjson",
       "{message|contains: [Login failed, Bruteforce attempt, Trusted domain error]}",
       {kFast},
       {{"@timestamp", "time"}, {"source.ip", "remoteAddr"}},
       {}},
      {"sftpgo-bf",
       "ndjson",
       "{sender: connection_failed}",
       {{4, 30, nullptr}},
       {{"@timestamp", "time"}, {"source.ip", "client_ip"}, {"user.name", "username"}},
       {}},
  };
  return rows;
}

std::string RulesOf(const Row& row) {
  std::string yaml =
      Concat("title: line\nname: line\nlogsource: {category: authentication}\ndetection:\n  selection: ",
             row.selection, "\n  condition: selection\n");
  int number = 0;
  for (const Bucket& bucket : row.buckets) {
    const std::string name = Concat("bucket", ++number);
    Append(&yaml, "---\ntitle: ", name, "\nname: ", name,
           "\ncorrelation:\n  type: ", bucket.field == nullptr ? "event_count" : "value_count",
           "\n  rules: [line]\n  group-by: [source.ip]\n  timespan: ", bucket.span_s, "s\n  condition: {");
    if (bucket.field != nullptr) Append(&yaml, "field: ", bucket.field, ", ");
    Append(&yaml, "gte: ", bucket.count, "}\n");
  }
  return yaml;
}

std::string Folded(const std::string& text) {
  const std::optional<Address> address = Address::Parse(text);
  return address ? address->ToString() : text;
}

std::string Match(const std::string& text, const char* pattern) {
  std::string found;
  RE2::PartialMatch(text, pattern, &found);
  return found;
}

TEST_CASE("the addresses that overflow in CrowdSec's login scenarios alert here", "[corpus]") {
  const auto folder = CorpusFolder("crowdsec-hub-tests");
  if (!folder) return;
  std::map<std::string, const Row*> rows;
  for (const Row& row : Rows()) rows[row.folder] = &row;
  std::set<std::string> cases;
  for (const auto& entry : std::filesystem::directory_iterator(*folder)) {
    if (std::filesystem::exists(entry.path() / "scenario.assert")) cases.insert(entry.path().filename());
  }
  std::map<std::string, std::pair<int, int>> groups;  // format → agreed, compared
  int needs_format = 0, no_login = 0;
  for (const std::string& name : cases) {
    const std::string assertions = ReadText(Concat(*folder, "/", name, "/scenario.assert"));
    const auto found = rows.find(name);
    if (found == rows.end()) {
      const bool login =
          RE2::PartialMatch(assertions, R"((?i)GetScenario\(\) == "[^"]*(bf|brute|enum|login))");
      ++(login ? needs_format : no_login);
      continue;
    }
    const std::string config = ReadText(Concat(*folder, "/", name, "/config.yaml"));
    const std::string log = Match(config, R"((?m)^log_file: *"?([^"\s]+))");
    std::set<std::string> expected;
    std::string address;
    re2::StringPiece rest(assertions);
    while (RE2::FindAndConsume(&rest, R"re("([0-9a-fA-F:.]+)" in results\[\d+\]\.Overflow\.GetSources)re",
                               &address)) {
      expected.insert(Folded(address));
    }
    rest = re2::StringPiece(assertions);
    while (RE2::FindAndConsume(&rest, R"re(Overflow\.Sources\["([0-9a-fA-F:.]+)"\])re", &address))
      expected.insert(Folded(address));
    // Some assertions name no sources, only the events that overflowed.
    rest = re2::StringPiece(assertions);
    const bool unnamed = expected.empty();
    while (unnamed &&
           RE2::FindAndConsume(&rest, R"re(GetMeta\("source_ip"\) == "([0-9a-fA-F:.]+)")re", &address)) {
      expected.insert(Folded(address));
    }
    SourceOptions options;
    // A format of ours, or one of the shipped format files for lines of text.
    const std::string format_file =
        Concat(STOCKADE_SOURCE_DIR, "/rules/formats/", found->second->format, ".yml");
    if (std::filesystem::exists(format_file)) {
      options.format_file = format_file;
    } else {
      options.format = found->second->format;
    }
    options.field_paths = found->second->paths;
    options.outcome_words = found->second->words;
    const RuleRun run = RunRules(RulesOf(*found->second), {}, Concat(*folder, "/", name, "/", log), "",
                                 options, Feeding::kObserveAll);
    auto& [agreed, compared] = groups[found->second->format];
    ++compared;
    agreed += run.AlertedSources() == expected ? 1 : 0;
    INFO(name << ": " << run.verdicts.size() << " attempts read, " << run.unreadable << " unreadable");
    CHECK(run.AlertedSources() == expected);
  }
  for (const auto& [format, counts] : groups) {
    std::cout << "crowdsec-hub " << format << ": agree " << counts.first << " of " << counts.second << "\n";
  }
  std::cout << "crowdsec-hub: out of reach: " << needs_format
            << " login scenarios over lines that need a format of the "
            << "user's own, " << no_login << " scenarios that are not about logins\n";
}

}  // namespace
}  // namespace stockade
