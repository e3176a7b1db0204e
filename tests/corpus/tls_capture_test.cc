// ClientHellos of captures, over TCP, QUIC and DTLS, held against what Arkime's and Suricata's own tests expect of the very
// same captures: JA3, JA4 and server name, connection by connection for Arkime, by counts for Suricata. What agrees is
// counted a field and printed; what does not is printed with its case, and is only let pass where a reason stands here.
#include <simdjson.h>
#include <yaml-cpp/yaml.h>

#include <catch2/catch.hpp>
#include <cstdio>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "adapters/capture/assembly.h"
#include "adapters/capture/packet_file.h"
#include "adapters/client_hello/client_fingerprint.h"
#include "adapters/client_hello/dtls_hello.h"
#include "adapters/client_hello/hello_reader.h"
#include "adapters/client_hello/quic_hello.h"
#include "engine/text.h"
#include "tests/corpus/corpora.h"

namespace stockade {
namespace {

namespace fs = std::filesystem;

// One hello, as both projects describe them.
struct Seen {
  std::string flow;  // "10.0.0.1:5000>10.0.0.2:443"
  HelloTransport transport = HelloTransport::kTcp;
  std::map<std::string, std::string> fields;  // ja3, ja3_text, ja4, ja4_r, sni
};

std::string FlowText(std::string_view source, uint64_t source_port, std::string_view destination,
                     uint64_t destination_port) {
  return Concat(source, ":", source_port, ">", destination, ":", destination_port);
}

std::string FlowText(const FlowEndpoint& source, const FlowEndpoint& destination) {
  return FlowText(source.address.ToString(), source.port, destination.address.ToString(), destination.port);
}

class Hellos final : public ConnectionListener {
 public:
  explicit Hellos(std::vector<Seen>* seen) : seen_(*seen) {}

  void Opened(const Connection&) override {}
  bool Bytes(const Connection& connection, Direction direction, std::string_view bytes, int64_t) override {
    // Where the capture began in the midst, who is client is a guess: whoever says hello is.
    HelloReader& reader = streams_[{connection.id, direction}];
    if (reader.state() != HelloState::kMore) return false;
    if (reader.Read(bytes) != HelloState::kHello) return reader.state() == HelloState::kMore;
    const bool from_client = direction == Direction::kFromClient;
    Note(FlowText(from_client ? connection.client : connection.server,
                  from_client ? connection.server : connection.client),
         reader.message(), HelloTransport::kTcp);
    return false;
  }
  void Gap(const Connection&, Direction, uint64_t, int64_t) override {}
  void Ended(const Connection&, Direction, int64_t) override {}
  void Closed(const Connection& connection, ConnectionClose, int64_t) override {
    streams_.erase({connection.id, Direction::kFromClient});
    streams_.erase({connection.id, Direction::kFromServer});
  }
  void Received(const Datagram& datagram) override {
    const std::string flow = FlowText(datagram.source, datagram.destination);
    if (const std::string message = DtlsClientHello(datagram.bytes); !message.empty())
      return Note(flow, message, HelloTransport::kDtls);
    QuicHelloReader& reader = quic_[flow];
    if (reader.state() != HelloState::kMore) return;
    if (reader.Read(datagram.bytes) == HelloState::kHello)
      Note(flow, reader.message(), HelloTransport::kQuic);
  }

 private:
  void Note(const std::string& flow, std::string_view message, HelloTransport transport) {
    ClientHello hello;
    REQUIRE(ParseClientHello(message, transport, &hello) == HelloError::kNone);
    Seen seen{flow, transport, {}};
    seen.fields["ja3"] = Ja3(hello);
    seen.fields["ja3_text"] = Ja3Text(hello);
    seen.fields["ja4"] = Ja4(hello, transport);
    seen.fields["ja4_r"] = Ja4Raw(hello, transport);
    const ClientFingerprint print = FingerprintOf(hello, transport);
    seen.fields["sni"] = print.server_name;
    seen.fields["alpn"] = print.alpn;
    int index = 0;
    VisitExtensions(hello, [&](uint16_t type, std::string_view) {
      seen.fields[Concat("extension ", index++)] = Concat(type);
    });
    seen_.push_back(std::move(seen));
  }

  std::vector<Seen>& seen_;
  std::map<std::pair<uint64_t, Direction>, HelloReader> streams_;
  std::map<std::string, QuicHelloReader> quic_;
};

std::vector<Seen> HellosOf(const fs::path& capture) {
  std::vector<Seen> seen;
  auto file = PacketFile::Open(capture.string());
  if (!file.ok()) return seen;
  Hellos hellos(&seen);
  Assembly assembly(AssemblyOptions{}, &hellos);
  for (Packet packet;;) {
    const auto more = (*file)->Next(&packet);
    if (!more.ok() || !*more) break;
    assembly.Take(packet);
  }
  assembly.Finish();
  return seen;
}

struct Agreement {
  int agreed = 0, explained = 0, open = 0;
};
using Agreements = std::map<std::string, Agreement>;

void Print(const char* corpus, const Agreements& all) {
  for (const auto& [group, count] : all)
    std::printf("%s %-9s %d agree, %d differ for a reason known, %d differ\n", corpus, group.c_str(),
                count.agreed, count.explained, count.open);
}

std::vector<std::string> Texts(const simdjson::dom::element& body, const char* path) {
  std::vector<std::string> texts;
  simdjson::dom::array values;
  if (body.at_pointer(path).get(values) != simdjson::SUCCESS) return texts;
  for (const simdjson::dom::element value : values) {
    std::string_view text;
    if (value.get(text) == simdjson::SUCCESS) texts.emplace_back(text);
  }
  return texts;
}

// Arkime's field of each of ours; it files a server name under the hosts.
const std::vector<std::pair<const char*, const char*>> kArkimeFields = {{"ja3", "/tls/ja3"},
                                                                        {"ja3_text", "/tls/ja3string"},
                                                                        {"ja4", "/tls/ja4"},
                                                                        {"ja4_r", "/tls/ja4_r"},
                                                                        {"sni", "/http/host"}};

// Why a session of these protocols differs: where TLS begins behind something else, no login comes of it.
const std::map<std::string, std::string> kArkimeReasons = {
    {"adb", "TLS begins within ADB, which we do not read"}};

TEST_CASE("hellos of Arkime's captures are read as Arkime's tests expect", "[corpus]") {
  if (Missing("arkime-pcaps")) return;
  Agreements all;
  simdjson::dom::parser parser;
  for (const auto& entry : fs::directory_iterator(kCorpora / "arkime-pcaps")) {
    if (entry.path().extension() != ".test") continue;
    const std::string name = entry.path().stem().string();
    const simdjson::padded_string text = simdjson::padded_string::load(entry.path().string());
    simdjson::dom::element document;
    simdjson::dom::array sessions;
    if (parser.parse(text).get(document) != simdjson::SUCCESS ||
        document["sessions3"].get(sessions) != simdjson::SUCCESS)
      continue;
    std::vector<Seen> seen;
    bool is_read = false;
    for (const simdjson::dom::element session : sessions) {
      const simdjson::dom::element body = session["body"];
      if (Texts(body, "/tls/ja4").empty()) continue;
      if (!is_read) seen = HellosOf(kCorpora / "arkime-pcaps" / (name + ".pcap"));
      is_read = true;
      const auto address = [&](const char* path) {
        return std::string(body.at_pointer(path).get_string().value());
      };
      const auto port = [&](const char* path) { return body.at_pointer(path).get_uint64().value(); };
      const std::string flow =
          FlowText(Address::Parse(address("/source/ip"))->ToString(), port("/source/port"),
                   Address::Parse(address("/destination/ip"))->ToString(), port("/destination/port"));
      for (const auto& [field, path] : kArkimeFields) {
        const std::vector<std::string> expected = Texts(body, path);
        if (expected.empty()) continue;
        std::set<std::string> ours;
        for (const Seen& one : seen)
          if (one.flow == flow) ours.insert(one.fields.at(field));
        bool agrees = true;
        for (const std::string& value : expected) agrees = agrees && ours.contains(value);
        Agreement& count = all[field];
        if (agrees) {
          ++count.agreed;
          continue;
        }
        std::string reason;
        for (const std::string& protocol : Texts(body, "/protocol"))
          if (const auto known = kArkimeReasons.find(protocol); known != kArkimeReasons.end())
            reason = known->second;
        (reason.empty() ? count.open : count.explained) += 1;
        std::printf("  %s %s %s: theirs %.60s, ours %.60s: %s\n", name.c_str(), flow.c_str(), field,
                    expected.front().c_str(), ours.empty() ? "none" : ours.begin()->c_str(),
                    reason.empty() ? "?" : reason.c_str());
      }
    }
  }
  Print("arkime-pcaps", all);
  for (const auto& [field, count] : all) {
    CAPTURE(field);
    CHECK(count.open == 0);
    CHECK(count.agreed > 0);
  }
}

// Suricata's path of each of ours.
const std::map<std::string, std::string> kSuricataFields = {
    {"tls.sni", "sni"},  {"tls.ja3.hash", "ja3"},  {"tls.ja3.string", "ja3_text"},  {"tls.ja4", "ja4"},
    {"quic.sni", "sni"}, {"quic.ja3.hash", "ja3"}, {"quic.ja3.string", "ja3_text"}, {"quic.ja4", "ja4"}};

// What Suricata calls the extensions of a QUIC hello, of those that stand in its tests.
const std::map<std::string, uint16_t> kSuricataExtensions = {
    {"server_name", 0}, {"status_request", 5}, {"supported_groups", 10}, {"alpn", 16}};

// Why a test differs: by its name, or because it has Suricata fail.
const std::map<std::string, std::string> kSuricataReasons = {
    {"tests/tcp-fastopen-10-syn-data-ignore",
     "one connection and one hello, sent again; its server answered under two sequence numbers, which are "
     "two flows to Suricata"}};
constexpr char kFailureSimulated[] = "Suricata is told to simulate that it fails, and drops the flow";

bool Lists(const YAML::Node& list, const std::string& wanted) {
  for (const YAML::Node& item : list)
    if (item.as<std::string>() == wanted) return true;
  return false;
}

// "quic.extensions[7].name" → 7; nothing of another form.
std::optional<int> ExtensionIndex(const std::string& key, const char* member) {
  int index = -1, end = 0;
  const std::string form = Concat("quic.extensions[%d].", member, "%n");
  if (std::sscanf(key.c_str(), form.c_str(), &index, &end) != 1 || static_cast<size_t>(end) != key.size())
    return std::nullopt;
  return index;
}

TEST_CASE("hellos of Suricata's captures are as many and as Suricata's tests expect", "[corpus]") {
  if (Missing("suricata-verify")) return;
  const fs::path folder = kCorpora / "suricata-verify";
  Agreements all;
  std::map<std::string, std::vector<Seen>> read;
  for (const YAML::Node& pair : YAML::LoadFile((folder / "index.json").string())) {
    const std::string test = pair["test"].as<std::string>();
    const std::string capture = pair["pcap"].as<std::string>();
    if (!fs::exists(folder / capture)) {
      std::printf("  %s: its capture is not there\n", test.c_str());
      continue;
    }
    const YAML::Node file = YAML::LoadFile((folder / test / "test.yaml").string());
    const bool is_simulated = file["requires"] && Lists(file["requires"]["features"], "QA_SIMULATION");
    for (const YAML::Node& check : file["checks"]) {
      const YAML::Node filter = check["filter"];
      if (!filter || !filter["match"] || !filter["count"]) continue;
      // What older versions said otherwise is not asked of us.
      if (filter["requires"] && filter["requires"]["lt-version"]) continue;
      std::map<std::string, std::string> wanted;
      std::map<int, std::string> extensions, values;
      std::string type;
      bool judged_whole = true;
      for (const auto& item : filter["match"]) {
        const std::string key = item.first.as<std::string>();
        if (!item.second.IsScalar()) {
          judged_whole = false;
        } else if (key == "event_type") {
          type = item.second.as<std::string>();
        } else if (const auto known = kSuricataFields.find(key); known != kSuricataFields.end()) {
          wanted[known->second] = item.second.as<std::string>();
        } else if (const auto named = ExtensionIndex(key, "name")) {
          extensions[*named] = item.second.as<std::string>();
        } else if (const auto valued = ExtensionIndex(key, "values[0]")) {
          values[*valued] = item.second.as<std::string>();
        } else if (key != "pcap_cnt") {
          judged_whole = false;
        }
      }
      // A ServerHello has extensions too; only a client's has these two.
      bool is_client = false;
      for (const auto& [index, extension] : extensions) {
        is_client = is_client || extension == "server_name" || extension == "alpn";
        const auto known = kSuricataExtensions.find(extension);
        if (known == kSuricataExtensions.end()) {
          judged_whole = false;
          continue;
        }
        wanted[Concat("extension ", index)] = Concat(known->second);
        if (values.contains(index) && extension == "server_name") wanted["sni"] = values[index];
        if (values.contains(index) && extension == "alpn") wanted["alpn"] = values[index];
      }
      if (!extensions.empty() && !is_client) continue;
      if ((type != "tls" && type != "quic") || wanted.empty()) continue;
      auto [found, is_new] = read.try_emplace(capture);
      if (is_new) found->second = HellosOf(folder / capture);
      int ours = 0;
      for (const Seen& seen : found->second) {
        const bool is_quic = seen.transport == HelloTransport::kQuic;
        bool matches = is_quic == (type == "quic");
        for (const auto& [field, value] : wanted) {
          const auto own = seen.fields.find(field);
          matches = matches && own != seen.fields.end() && own->second == value;
        }
        ours += matches ? 1 : 0;
      }
      const int theirs = filter["count"].as<int>();
      for (const auto& [field, value] : wanted) {
        Agreement& count = all[type + " " + (field.starts_with("extension") ? "extension" : field)];
        // With more asked than a hello says, there may be more hellos than events.
        if (ours == theirs || (!judged_whole && ours >= theirs)) {
          ++count.agreed;
          continue;
        }
        const auto named = kSuricataReasons.find(test);
        const std::string reason = is_simulated                      ? kFailureSimulated
                                   : named != kSuricataReasons.end() ? named->second
                                                                     : "";
        (reason.empty() ? count.open : count.explained) += 1;
        std::printf("  %s %s %s: theirs %d, ours %d: %s\n", test.c_str(), field.c_str(), value.c_str(),
                    theirs, ours, reason.empty() ? "?" : reason.c_str());
      }
    }
  }
  Print("suricata-verify", all);
  for (const auto& [field, count] : all) {
    CAPTURE(field);
    CHECK(count.open == 0);
  }
  CHECK_FALSE(all.empty());
}

}  // namespace
}  // namespace stockade
