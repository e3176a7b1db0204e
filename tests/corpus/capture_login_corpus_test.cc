// Requests and answers of captures that others have read before: zeek-traces (http.log), arkime-pcaps (http.*, user) and
// suricata-verify (http events). Every request is taken for a login here, its account being HTTP Basic's user or else its
// host, so that what is compared is what a login would be. Each disagreement has its reason in http_disagreements.yaml, and is
// printed with it; one without a reason fails. No answer may stand with a request that another reader gave another answer.
// Each skips, and says so, where its corpus is not present.
#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <iostream>
#include <map>
#include <set>
#include <sstream>

#include "adapters/capture/capture_source.h"
#include "engine/text.h"
#include "simdjson.h"
#include "tests/corpus/corpora.h"
#include "tests/corpus/known_disagreements.h"
#include "tests/read_text.h"
#include "yaml-cpp/yaml.h"

namespace stockade {
namespace {

namespace fs = std::filesystem;

struct Request {
  std::string method, host, path, account;
  int status = 0;
};

std::string Text(const Request& request) {
  return request.method + " " + request.host + " " + request.path + " " + std::to_string(request.status);
}

struct Reading {
  absl::Status status;
  std::vector<Request> requests;
  std::map<std::string, uint64_t> figures;

  // What was not followed, for who asks why something is missing.
  std::string Why() const {
    std::string why;
    for (const auto& [name, count] : figures) {
      const bool tells = name.starts_with("given_up") || name.starts_with("refused") || name == "gaps" ||
                         name == "logins_answer_lost" || name == "tunnels" || name == "logins_unanswered" ||
                         name == "connections_unknown" || name == "connections_mid_stream";
      if (tells && count > 0) why += " " + name + "=" + std::to_string(count);
    }
    return why.empty() ? " nothing given up" : why;
  }
};

CaptureReading Everything() {
  EndpointSettings endpoint;
  endpoint.name = "all";
  endpoint.methods = {"GET",         "POST",         "HEAD",  "PUT",     "DELETE",    "OPTIONS",  "PATCH",
                      "SEARCH",      "PROPFIND",     "TRACE", "MKCOL",   "COPY",      "MOVE",     "LOCK",
                      "UNLOCK",      "REPORT",       "BMOVE", "POLL",    "SUBSCRIBE", "NOTIFY",   "M-SEARCH",
                      "RPC_IN_DATA", "RPC_OUT_DATA", "BCOPY", "BDELETE", "BPROPFIND", "PROPPATCH"};
  endpoint.path_regex = "(?s).*";
  endpoint.account = {{ValueSource::From::kBasic, "user"}, {ValueSource::From::kHeader, "host"}};
  endpoint.password = {{ValueSource::From::kBasic, "password"}};
  CaptureReading reading;
  reading.logins = *LoginExchange::Create({endpoint}, HashKey{});
  reading.client_addresses =
      std::make_shared<ClientAddressReader>(std::span<const Prefix>(), ForwardingField::kNone);
  return reading;
}

Reading Read(const fs::path& path) {
  FieldTable fields;
  const FieldId method = *fields.Intern("http.request.method");
  const FieldId status = *fields.Intern("http.response.status_code");
  const FieldId host = *fields.Intern("url.domain");
  SourceOptions options;
  options.fields = &fields;
  Reading reading;
  auto bytes = ByteReader::Open(path.string());
  REQUIRE(bytes.ok());
  auto source = MakeCaptureSource(*std::move(bytes), options, Everything());
  reading.status = source.status();
  if (!source.ok()) return reading;
  Batch batch;
  while (true) {
    const absl::StatusOr<bool> more = (*source)->Read(&batch);
    reading.status = more.status();
    if (!more.ok() || !*more) break;
    for (const Record& record : batch.records) {
      Request& request = reading.requests.emplace_back();
      request.path = record.event.attempt.path;
      request.account = record.event.attempt.account;
      for (const ExtraField& extra : record.event.attempt.extra) {
        if (extra.id == method) request.method = extra.value.text;
        if (extra.id == host) request.host = extra.value.text;
        if (extra.id == status) request.status = static_cast<int>(extra.value.number);
      }
    }
  }
  for (const SourceFigure& figure : (*source)->figures()) reading.figures[figure.name] = figure.count;
  return reading;
}

std::string PathOf(std::string uri) {
  const size_t scheme = uri.find("://");
  if (scheme != std::string::npos && scheme < 8) {
    const size_t slash = uri.find('/', scheme + 3);
    uri = slash == std::string::npos ? "/" : uri.substr(slash);
  }
  return uri.substr(0, uri.find_first_of("?#"));
}

TEST_CASE("requests of zeek's traces are paired with the answers that zeek gave them", "[corpus]") {
  const fs::path folder = kCorpora / "zeek-traces";
  if (!fs::exists(folder / "index.json")) {
    WARN("zeek-traces is not here; skipped");
    return;
  }
  simdjson::dom::parser parser;
  const simdjson::dom::element index = parser.load((folder / "index.json").string());
  KnownDisagreements known("zeek-traces");
  int agreed = 0, only_zeek = 0, only_us = 0, other_answer = 0, no_request = 0;
  std::set<std::string> done;
  for (const simdjson::dom::element entry : index.get_array()) {
    const std::string trace{std::string_view(entry["trace"])};
    for (const simdjson::dom::element baseline : entry["baselines"].get_array()) {
      const fs::path log = folder / std::string(std::string_view(baseline["dir"])) / "http.log";
      if (!fs::exists(log) || trace.starts_with("tls/") || !done.insert(trace).second) continue;
      const Reading reading = Read(folder / "traces" / trace);
      REQUIRE(reading.status.ok());
      std::vector<Request> ours = reading.requests;
      std::istringstream lines(ReadText(log.string()));
      std::vector<std::string> names;
      for (std::string line; std::getline(lines, line);) {
        std::vector<std::string> cells;
        std::istringstream row(line);
        for (std::string cell; std::getline(row, cell, '\t');) cells.push_back(cell);
        if (line.starts_with("#fields")) names.assign(cells.begin() + 1, cells.end());
        // Some logs were cut to a few columns, and have their names in the first line.
        if (line.starts_with("ts\t") || line.starts_with("uid\t")) {
          names = cells;
          continue;
        }
        if (line.starts_with("#") || cells.size() < names.size()) continue;
        std::map<std::string, std::string> zeek;
        for (size_t i = 0; i < names.size(); ++i) zeek[names[i]] = cells[i] == "-" ? "" : cells[i];
        const bool says_method = zeek.contains("method");
        const Request wanted{zeek["method"], zeek["host"], PathOf(zeek["uri"]), zeek["username"],
                             std::atoi(zeek["status_code"].c_str())};
        // An answer without a request, or what zeek made of bytes that are neither.
        if (says_method && wanted.method.empty()) {
          ++no_request;
          continue;
        }
        const auto is_asked = [&](const Request& request) {
          return !says_method || (request.method == wanted.method && request.path == wanted.path);
        };
        auto found = std::find_if(ours.begin(), ours.end(), [&](const Request& request) {
          return is_asked(request) && request.status == wanted.status &&
                 (wanted.account.empty() || request.account == wanted.account);
        });
        if (found != ours.end()) {
          ++agreed;
          ours.erase(found);
          continue;
        }
        found = std::find_if(ours.begin(), ours.end(), is_asked);
        if (found != ours.end() && found->status != 0 && wanted.status != 0) {
          ++other_answer;
          std::cout << "  " << trace << ": zeek " << Text(wanted) << ", here " << Text(*found) << ":"
                    << reading.Why() << "\n";
          ours.erase(found);
          continue;
        }
        ++only_zeek;
        known.Note(trace,
                   "not here: " + Text(wanted) + (found != ours.end() ? " (here without an answer)" : ""),
                   reading.Why());
        if (found != ours.end()) ours.erase(found);
      }
      for (const Request& request : ours) {
        ++only_us;
        known.Note(trace, "only here: " + Text(request), reading.Why());
      }
    }
  }
  known.CheckAllUsed();
  std::cout << "zeek-traces: " << agreed << " requests as in http.log, " << only_zeek << " only there, "
            << only_us << " only here, " << other_answer << " with another answer, " << no_request
            << " rows there without a request\n";
  CHECK(agreed > 0);
  CHECK(other_answer == 0);
}

// The values of one key of all sessions of an expected file.
std::multiset<std::string> ArkimeValues(const simdjson::dom::element& file, std::string_view key) {
  std::multiset<std::string> values;
  for (const simdjson::dom::element session : file["sessions3"].get_array()) {
    simdjson::dom::element list;
    if (session["body"]["http"][key].get(list) != simdjson::SUCCESS || !list.is_array()) continue;
    for (const simdjson::dom::element value : list.get_array())
      values.insert(value.is_string() ? std::string(std::string_view(value)) : simdjson::minify(value));
  }
  return values;
}

TEST_CASE("requests of arkime's captures have the paths, answers and users that it found", "[corpus]") {
  const fs::path folder = kCorpora / "arkime-pcaps";
  if (!fs::exists(folder)) {
    WARN("arkime-pcaps is not here; skipped");
    return;
  }
  KnownDisagreements known("arkime-pcaps");
  std::map<std::string, std::pair<int, int>> agreement;  // key → found, expected
  std::vector<fs::path> files;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == ".test") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (const fs::path& expected : files) {
    simdjson::dom::parser parser;
    simdjson::dom::element file;
    if (parser.load(expected.string()).get(file) != simdjson::SUCCESS) continue;
    if (ArkimeValues(file, "method").empty()) continue;
    fs::path capture = expected;
    capture.replace_extension(".pcap");
    if (!fs::exists(capture)) continue;
    const Reading reading = Read(capture);
    std::map<std::string, std::set<std::string>> ours;
    for (const Request& request : reading.requests) {
      ours["method"].insert(request.method);
      ours["path"].insert(request.path);
      // With its port, and without.
      ours["host"].insert(request.host);
      ours["host"].insert(request.host.substr(0, request.host.find(':')));
      ours["statuscode"].insert(std::to_string(request.status));
      if (request.account != request.host) ours["user"].insert(request.account);
    }
    for (const std::string_view key : {"method", "path", "host", "statuscode", "user"}) {
      if (key == "user" && !expected.filename().string().starts_with("http")) continue;
      for (const std::string& value : ArkimeValues(file, key)) {
        auto& [found, all] = agreement[std::string(key)];
        ++all;
        if (ours[std::string(key)].contains(key == "path" ? PathOf(value) : value)) {
          ++found;
        } else {
          const std::string seen = reading.status.ok() ? reading.Why() : " " + reading.status.ToString();
          known.Note(capture.filename().string(), std::string(key) + " " + value.substr(0, 60), seen);
        }
      }
    }
  }
  known.CheckAllUsed();
  for (const auto& [key, counts] : agreement)
    std::cout << "arkime-pcaps: " << key << ": " << counts.first << " of " << counts.second << "\n";
  CHECK(agreement["path"].first > 0);
}

TEST_CASE("requests of suricata's captures are its http events", "[corpus]") {
  const fs::path folder = kCorpora / "suricata-verify";
  if (!fs::exists(folder / "index.json")) {
    WARN("suricata-verify is not here; skipped");
    return;
  }
  simdjson::dom::parser parser;
  const simdjson::dom::element index = parser.load((folder / "index.json").string());
  KnownDisagreements known("suricata-verify");
  int agreed = 0, checks = 0;
  for (const simdjson::dom::element entry : index.get_array()) {
    const std::string test{std::string_view(entry["test"])};
    const fs::path yaml = folder / test / "test.yaml";
    if (!fs::exists(yaml)) continue;
    YAML::Node root;
    try {
      root = YAML::LoadFile(yaml.string());
    } catch (const YAML::Exception&) {
      continue;
    }
    std::optional<Reading> reading;
    for (const YAML::Node& check : root["checks"]) {
      const YAML::Node filter = check["filter"];
      if (!filter || !filter["match"] || !filter["match"]["event_type"] || !filter["count"]) continue;
      const YAML::Node match = filter["match"];
      if (match["event_type"].as<std::string>() != "http" || filter["lt-version"]) continue;
      bool is_comparable = true;
      for (const auto& pair : match) {
        const auto key = pair.first.as<std::string>();
        is_comparable =
            is_comparable && (key == "event_type" || key == "http.url" || key == "http.status" ||
                              key == "http.hostname" || key == "http.http_method" || key == "proto" ||
                              key == "app_proto" || key == "pcap_cnt" || key == "src_ip" || key == "dest_ip");
      }
      if (!is_comparable) continue;
      if (!reading) reading = Read(folder / std::string(std::string_view(entry["pcap"])));
      const auto value = [&](const char* key) {
        return match[key] ? match[key].as<std::string>() : std::string();
      };
      const int count = static_cast<int>(
          std::count_if(reading->requests.begin(), reading->requests.end(), [&](const Request& request) {
            return (!match["http.url"] || request.path == PathOf(value("http.url"))) &&
                   (!match["http.status"] || request.status == std::atoi(value("http.status").c_str())) &&
                   (!match["http.hostname"] || request.host == value("http.hostname")) &&
                   (!match["http.http_method"] || request.method == value("http.http_method"));
          }));
      ++checks;
      const int wanted = filter["count"].as<int>();
      if (count == wanted) {
        ++agreed;
      } else {
        std::ostringstream what;
        what << YAML::Dump(match);
        std::string text = what.str();
        std::replace(text.begin(), text.end(), '\n', ' ');
        known.Note(test, Concat(wanted, " there, ", count, " here: ", text), reading->Why());
      }
    }
  }
  known.CheckAllUsed();
  std::cout << "suricata-verify: " << agreed << " of " << checks << " checks of http events\n";
  CHECK(agreed > 0);
}

}  // namespace
}  // namespace stockade
