// CrowdSec hub's parser tests: of every line that upstream's parsers take for a login, the address and the account
// that they find in it, against what our formats read. Upstream's parsers look at failures, as a rule: successes that
// only we read are no difference. What one side finds alone, and a case that no format reads, stands with its reason in
// log_disagreements.yaml.
#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <iostream>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include <re2/re2.h>

#include "adapters/source/open_inputs.h"
#include "engine/event/address.h"
#include "engine/text.h"
#include "tests/corpus/known_disagreements.h"
#include "tests/corpus/rule_run.h"

namespace stockade {
namespace {

namespace fs = std::filesystem;

// Case → a file of rules/formats, or a format of the registry.
const std::map<std::string, std::string>& Formats() {
  static const std::map<std::string, std::string> formats = {
      {"apache-guacamole-logs", "apache_guacamole"},
      {"apache2-logs", "apache_error"},
      {"apereo-cas-audit-logs", "apereo_cas"},
      {"authelia-logs", "authelia"},
      {"baikal-logs", "baikal"},
      {"baserow-logs", "baserow"},
      {"bitwarden-logs", "bitwarden"},
      {"caddy-logs", "caddy"},
      {"calibre-web-logs", "calibre_web"},
      {"couchdb-logs", "couchdb"},
      {"cpanel-logs", "cpanel"},
      {"dockge-logs", "uptime_kuma"},
      {"emby-logs", "emby"},
      {"exchange-imap-logs", "exchange_imap"},
      {"exchange-smtp-logs", "exchange_smtp"},
      {"exim-syslog-logs", "exim"},
      {"fireflyiii-bf", "fireflyiii"},
      {"fortinet-vpn-bf", "fortigate_vpn"},
      {"geoip-enrich", "sshd"},
      {"gitea-logs", "gitea"},
      {"grafana-logs", "grafana"},
      {"hestiacp-logs", "hestiacp"},
      {"immich-bf", "immich"},
      {"immich-logs", "immich"},
      {"jellyfin-syslog-logs", "jellyfin"},
      {"litespeed-logs", "litespeed"},
      {"magento-extension-logs", "magento"},
      {"mailu-admin-logs", "mailu_admin"},
      {"mealie-logs", "mealie"},
      {"meshcentral-logs", "meshcentral"},
      {"opnsense-sshd", "sshd"},
      {"pgsql-logs", "postgresql"},
      {"proxmox-backup-auth-logs", "proxmox_backup"},
      {"proxmox-logs", "proxmox"},
      {"pterodactyl-wings", "pterodactyl_wings"},
      {"pureftpd-bf", "pure_ftpd"},
      {"qbittorrent-logs", "qbittorrent"},
      {"radarr-logs", "servarr"},
      {"redmine-logs", "redmine"},
      {"sftpgo-logs", "sftpgo"},
      {"smb-logs", "samba"},
      {"sshd-logs", "sshd"},
      {"stirling-pdf-logs", "stirling_pdf"},
      {"teamspeak-bf", "teamspeak3"},
      {"technitium-bf", "technitium"},
      {"vsftpd-logs", "vsftpd"},
      {"webmin-logs", "webmin"},
      {"zimbra-logs", "zimbra"},
  };
  return formats;
}

struct Parsed {
  std::string source, user;
  bool is_login = false;  // of upstream's
  bool failed = false;    // of ours
  std::string ToString() const { return user.empty() ? source : Concat(source, " ", user); }
};

std::string Folded(const std::string& text) {
  const std::optional<Address> address = Address::Parse(text);
  return address ? address->ToString() : text;
}

// The account that upstream means by a name: some parsers take quotes into it, or a word of the program's for nobody.
std::string Account(std::string name) {
  if (name == "undefined" || name == "N/A") return "";
  if (name.size() > 2 && name.front() == '\'' && name.back() == '\'') name = name.substr(1, name.size() - 2);
  return name;
}

// What upstream's parsers found of logins. `lines`: how many lines of the log they say anything of.
std::vector<Parsed> Upstream(const std::string& assertions, size_t* lines) {
  std::map<std::pair<std::string, std::string>, Parsed> events;  // by parser and number
  std::string parser, number, key, value;
  re2::StringPiece rest(assertions);
  while (RE2::FindAndConsume(
      &rest,
      R"re(results\["s01-parse"\]\["([^"]+)"\]\[(\d+)\]\.Evt\.Meta\["(\w+)"\] == "((?:[^"\\]|\\.)*)")re",
      &parser, &number, &key, &value)) {
    Parsed& event = events[{parser, number}];
    if (key == "source_ip") event.source = Folded(value);
    if (key == "target_user" || ((key == "user" || key == "username") && event.user.empty()))
      event.user = Account(value);
    if (key == "log_type" || key == "sub_type") {
      event.is_login |= RE2::PartialMatch(
          value, "(?i)auth|login|password|ssh_failed|bad_user|bad_mfa|bf-enum|wings_invalid|^vpn$");
    }
  }
  *lines = 0;
  size_t line = 0;
  rest = re2::StringPiece(assertions);
  while (RE2::FindAndConsume(&rest, R"re(results\["s00-raw"\]\["[^"]+"\]\[(\d+)\]\.Success)re", &line))
    *lines = std::max(*lines, line + 1);
  std::vector<Parsed> logins;
  for (const auto& [where, event] : events)
    if (event.is_login && !event.source.empty()) logins.push_back(event);
  return logins;
}

std::vector<Parsed> Ours(const std::string& file, const std::string& format, std::string* seen,
                         uint64_t* lines) {
  SourceOptions options;
  const std::string format_file = Concat(STOCKADE_SOURCE_DIR, "/rules/formats/", format, ".yml");
  if (fs::exists(format_file)) {
    options.format_file = format_file;
  } else {
    options.format = format;
  }
  options.year = 2024;
  const std::vector<std::string> files = {file};
  auto opened = OpenInputs(files, options);
  INFO(opened.status().ToString());
  REQUIRE(opened.ok());
  std::vector<Parsed> parsed;
  Batch batch;
  while (true) {
    const auto more = opened->source->Read(&batch);
    REQUIRE(more.ok());
    if (!*more) break;
    for (const Record& record : batch.records) {
      if (!record.ok() || !record.event.attempt.source.present()) continue;
      Parsed one;
      one.source = record.event.attempt.source.ToString();
      one.user = std::string(record.event.attempt.account);
      one.failed = record.event.aftermath.outcome != Outcome::kSuccess;
      parsed.push_back(std::move(one));
    }
  }
  // Failures first: that is what upstream's lines mostly are.
  std::stable_partition(parsed.begin(), parsed.end(), [](const Parsed& one) { return one.failed; });
  const SourceCounters& counters = opened->source->counters();
  *lines = counters.lines;
  *seen = Concat(counters.lines, " lines, ", counters.records, " attempts, ", counters.unreadable(),
                 " unreadable");
  return parsed;
}

TEST_CASE("of each login line the address and the account are those that CrowdSec's parsers find",
          "[corpus]") {
  const auto folder = CorpusFolder("crowdsec-hub-tests");
  if (!folder) return;
  std::set<std::string> cases;
  for (const auto& entry : fs::directory_iterator(*folder))
    if (fs::exists(entry.path() / "parser.assert")) cases.insert(entry.path().filename());
  KnownDisagreements known("parses", "log_disagreements.yaml");
  size_t compared = 0, agreed = 0, logins = 0;
  for (const std::string& name : cases) {
    size_t asserted = 0;
    const std::vector<Parsed> upstream =
        Upstream(ReadText(Concat(*folder, "/", name, "/parser.assert")), &asserted);
    if (upstream.empty()) continue;
    const auto format = Formats().find(name);
    if (format == Formats().end()) {
      known.Note(name, "out of reach", "");
      continue;
    }
    std::string log;
    RE2::PartialMatch(ReadText(Concat(*folder, "/", name, "/config.yaml")), R"((?m)^log_file: *"?([^"\s]+))",
                      &log);
    std::string seen;
    uint64_t lines = 0;
    std::vector<Parsed> ours = Ours(Concat(*folder, "/", name, "/", log), format->second, &seen, &lines);
    bool same = true;
    for (const Parsed& line : upstream) {
      // Where upstream names no account, any of ours will do.
      const auto found = std::find_if(ours.begin(), ours.end(), [&](const Parsed& one) {
        return one.source == line.source && (line.user.empty() || one.user == line.user);
      });
      ++logins;
      if (found != ours.end()) {
        ours.erase(found);
        continue;
      }
      same = false;
      known.Note(name, Concat("not here: ", line.ToString()), seen);
    }
    for (const Parsed& line : ours) {
      // Some assertions stop before the log does.
      if (!line.failed || asserted < lines) continue;
      same = false;
      known.Note(name, Concat("only here: ", line.ToString()), seen);
    }
    ++compared;
    agreed += same ? 1 : 0;
  }
  known.CheckAllUsed();
  std::cout << "crowdsec-hub parses: " << agreed << " of " << compared
            << " cases agree in all of their lines, " << logins << " logins compared, " << known.explained()
            << " differences with their reasons\n";
}

}  // namespace
}  // namespace stockade
