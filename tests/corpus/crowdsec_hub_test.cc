// CrowdSec hub's scenario tests: upstream's logs through our readers, an equivalent correlation over them,
// and the addresses that it alerts on against those that overflow upstream. One row a case of logins; a case
// without a row, and an address that one side has alone, stands with its reason in log_disagreements.yaml.
#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <iostream>
#include <map>
#include <set>

#include <re2/re2.h>

#include "absl/strings/str_split.h"
#include "engine/event/address.h"
#include "engine/text.h"
#include "tests/corpus/known_disagreements.h"
#include "tests/corpus/rule_run.h"

namespace stockade {
namespace {

// Upstream's buckets in our words: capacity C leaking one in L is C + 1 within C·L (see
// crowdsec_bucket_test.cc). Nearly every login scenario of the hub has capacity 5 and leakspeed 10s; andreasbrett's leak one in a
// minute. Where a test names fewer events of an overflow than six, that is the count.
struct Bucket {
  int count;          // C + 1
  int span_s;         // C·L
  const char* field;  // value_count over it; null: event_count
};
constexpr Bucket kFast = {6, 50, nullptr};
constexpr Bucket kFastUsers = {6, 50, "user.name"};
constexpr Bucket kMinutes = {6, 300, nullptr};
constexpr Bucket kMinutesUsers = {6, 300, "user.name"};
constexpr Bucket kAtOnce = {1, 1, nullptr};
constexpr Bucket kSlow = {4, 3 * 3600, nullptr};

struct Row {
  const char* folder;
  const char* format;
  const char* selection;  // of the base rule
  std::vector<Bucket> buckets;
  std::map<std::string, std::string> paths;  // NDJSON
  std::map<std::string, Outcome> words;
  bool sorted = false;  // upstream put lines of other days behind one another: they are read in order of time
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
      {"apache-guacamole_bf", "apache_guacamole", kFailure, {kFast}, {}, {}},
      {"authelia-bf", "authelia", kFailure, {kFast, kFastUsers}, {}, {}, true},
      {"baikal-bf", "baikal", kFailure, {kMinutes, kMinutesUsers}, {}, {}, true},
      {"couchdb-logs", "couchdb", kFailure, {kFast, {11, 600, nullptr}}, {}, {}},
      {"cpanel-bf", "cpanel", kFailure, {kFast}, {}, {}},
      {"exchange-imap-bf", "exchange_imap", kFailure, {kFast}, {}, {}},
      {"exchange-smtp-bf", "exchange_smtp", kFailure, {kFast}, {}, {}},
      {"fireflyiii-bf", "fireflyiii", kFailure, {kFast, kFastUsers}, {}, {}},
      {"fortinet-vpn-bf", "fortigate_vpn", kFailure, {kFast}, {}, {}},
      {"freeswitch-bf", "freeswitch", kFailure, {kFast}, {}, {}},
      {"immich-bf", "immich", kFailure, {kFast}, {}, {}},
      {"jellyseerr-bf", "jellyseerr", kFailure, {kFast}, {}, {}},
      {"kasm-bruteforce", "kasm", kFailure, {{4, 30, nullptr}}, {}, {}},
      {"keycloak-slow-bf", "keycloak", kFailure, {{11, 600, nullptr}, {11, 600, "user.name"}}, {}, {}},
      {"lemonldap-ng-bf", "lemonldap_ng", kFailure, {kFast, kFastUsers}, {}, {}},
      {"litespeed-admin-bf", "litespeed", kFailure, {kFast}, {}, {}},
      {"mailu-admin-bf", "mailu_admin", kFailure, {kAtOnce}, {}, {}},
      {"miniflux-bf", "miniflux", kFailure, {kFast, kFastUsers}, {}, {}},
      {"mongodb-bf", "mongodb", kFailure, {kFast}, {}, {}},
      {"navidrome-bf", "navidrome", kFailure, {kFast}, {}, {}},
      {"ntfy-bf", "ntfy", kFailure, {kFast}, {}, {}},
      {"paperless-ngx-bf", "paperless_ngx", kFailure, {kMinutes, kMinutesUsers}, {}, {}},
      {"pgsql-logs", "postgresql", kFailure, {kFast}, {}, {}},
      {"proxmox-bf", "proxmox", kFailure, {kFast, kFastUsers}, {}, {}},
      {"prowlarr-bf", "servarr", kFailure, {kFast}, {}, {}},
      {"pterodactyl-wings-bf", "pterodactyl_wings", kFailure, {{9, 3600, nullptr}}, {}, {}, true},
      {"radarr-bf", "servarr", kFailure, {kFast}, {}, {}},
      {"sabnzbd-bf", "sabnzbd", kFailure, {{4, 30, nullptr}, {11, 600, nullptr}}, {}, {}},
      {"sonarr-bf", "servarr", kFailure, {kFast}, {}, {}},
      {"stirling-pdf-bf", "stirling_pdf", kFailure, {{4, 30, nullptr}}, {}, {}},
      {"teamspeak-bf", "teamspeak3", kFailure, {{3, 30, nullptr}}, {}, {}},
      {"technitium-bf", "technitium", kFailure, {kFast}, {}, {}},
      {"webmin-bf", "webmin", kFailure, {kMinutes, kMinutesUsers}, {}, {}},
      {"windows-bf", "windows", kFailure, {kFast}, {}, {}},
      {"zimbra-bf", "zimbra", kFailure, {kFast, kFastUsers}, {}, {}},
      {"nginx-http-generic-bf", "combined", kFailure, {kFast}, {}, {}},
      {"apiscp-bf", "combined", kFailure, {kFast}, {}, {}},
      {"http-generic-bf", "combined", kFailure, {kFast}, {}, {}},
      {"nextcloud-bf",
       "ndjson",
       "{message|contains: [Login failed, Bruteforce attempt, Trusted domain error]}",
       {kFast},
       {{"@timestamp", "time"}, {"source.ip", "remoteAddr"}},
       {}},
      {"sftpgo-bf", "sftpgo", kFailure, {{4, 30, nullptr}}, {}, {}},
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

// The lines of a log that are attempts, in order of their times.
std::string InOrderOfTime(const std::string& file, const SourceOptions& options) {
  const std::vector<std::string> files = {file};
  auto opened = OpenInputs(files, options);
  REQUIRE(opened.ok());
  std::vector<std::string> lines;
  const std::string text = ReadText(file);
  for (const absl::string_view line : absl::StrSplit(text, '\n')) lines.emplace_back(line);
  std::vector<std::pair<int64_t, std::string>> ordered;
  Batch batch;
  while (true) {
    const auto more = opened->source->Read(&batch);
    REQUIRE(more.ok());
    if (!*more) break;
    for (const Record& record : batch.records)
      if (record.ok()) ordered.emplace_back(record.event.attempt.time_ns, lines[record.line - 1]);
  }
  std::stable_sort(ordered.begin(), ordered.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::string sorted;
  for (const auto& [time, line] : ordered) Append(&sorted, line, "\n");
  return sorted;
}

// The addresses that overflow in a case in scenarios about logins; in all of them where `any`. Nothing if no scenario is.
std::optional<std::set<std::string>> Overflowing(const std::string& assertions, bool any) {
  std::map<std::string, bool> is_login;  // by the number of the result
  std::string number, text;
  re2::StringPiece rest(assertions);
  while (RE2::FindAndConsume(&rest, R"re(results\[(\d+)\]\.Overflow\.Alert\.GetScenario\(\) == "([^"]*)")re",
                             &number, &text)) {
    is_login[number] = RE2::PartialMatch(text, "(?i)bf|brute|enum|login");
  }
  any = any && std::none_of(is_login.begin(), is_login.end(), [](const auto& one) { return one.second; });
  std::set<std::string> addresses;
  const auto find = [&](const char* pattern, bool address_first) {
    rest = re2::StringPiece(assertions);
    while (address_first ? RE2::FindAndConsume(&rest, pattern, &text, &number)
                         : RE2::FindAndConsume(&rest, pattern, &number, &text)) {
      if (any || is_login[number]) addresses.insert(Folded(text));
    }
  };
  find(R"re("([0-9a-fA-F:.]+)" in results\[(\d+)\]\.Overflow\.GetSources)re", true);
  find(R"re(results\[(\d+)\]\.Overflow\.Sources\["([0-9a-fA-F:.]+)"\])re", false);
  // Some assertions name no sources, only the events that overflowed.
  if (addresses.empty())
    find(
        R"re(results\[(\d+)\]\.Overflow\.Alert\.Events\[\d+\]\.GetMeta\("source_ip"\) == "([0-9a-fA-F:.]+)")re",
        false);
  if (any) return addresses;
  for (const auto& [result, login] : is_login)
    if (login) return addresses;
  return std::nullopt;
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
  KnownDisagreements known("scenarios", "log_disagreements.yaml");
  std::map<std::string, std::pair<int, int>> groups;  // format → agreed, compared
  int out_of_reach = 0, no_login = 0;
  for (const std::string& name : cases) {
    const std::string assertions = ReadText(Concat(*folder, "/", name, "/scenario.assert"));
    const auto found = rows.find(name);
    const std::optional<std::set<std::string>> expected = Overflowing(assertions, found != rows.end());
    if (found == rows.end()) {
      if (expected) known.Note(name, "out of reach", "");
      ++(expected ? out_of_reach : no_login);
      continue;
    }
    const std::string config = ReadText(Concat(*folder, "/", name, "/config.yaml"));
    const std::string log = Match(config, R"((?m)^log_file: *"?([^"\s]+))");
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
    const std::string file = Concat(*folder, "/", name, "/", log);
    const bool sorted = found->second->sorted;
    const RuleRun run = RunRules(RulesOf(*found->second), {}, sorted ? "" : file,
                                 sorted ? InOrderOfTime(file, options) : "", options, Feeding::kObserveAll);
    const std::set<std::string> alerted = run.AlertedSources();
    const std::string seen = Concat(run.verdicts.size(), " attempts read, ", run.unreadable, " unreadable");
    const std::set<std::string> overflowing = expected.value_or(std::set<std::string>());
    for (const std::string& address : overflowing)
      if (!alerted.contains(address)) known.Note(name, Concat("not here: ", address), seen);
    for (const std::string& address : alerted)
      if (!overflowing.contains(address)) known.Note(name, Concat("only here: ", address), seen);
    auto& [agreed, compared] = groups[found->second->format];
    ++compared;
    agreed += alerted == overflowing ? 1 : 0;
  }
  known.CheckAllUsed();
  int agreed = 0, compared = 0;
  for (const auto& [format, counts] : groups) {
    std::cout << "crowdsec-hub " << format << ": agree " << counts.first << " of " << counts.second << "\n";
    agreed += counts.first;
    compared += counts.second;
  }
  std::cout << "crowdsec-hub: agree " << agreed << " of " << compared << ", " << out_of_reach
            << " login scenarios out of reach, " << no_login << " scenarios that are not about logins\n";
}

}  // namespace
}  // namespace stockade
