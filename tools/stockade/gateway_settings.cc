#include "tools/stockade/gateway_settings.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "adapters/gateway/challenge_token.h"
#include "adapters/gateway/token.h"
#include "adapters/http/endpoint_address.h"
#include "engine/text.h"
#include "tools/stockade/gateway_section.h"

namespace stockade {
namespace {

constexpr size_t kSecretBytesMax = size_t{64} << 10;
// Threads that move bytes: more than a large machine has cores only switch.
constexpr int64_t kWorkersMax = 256;

class GatewayReader : GatewaySection {
 public:
  GatewayReader(GatewayFiles files, bool may_only_see, SettingsReader* reader)
      : GatewaySection(files, reader), may_only_see_(may_only_see) {}

  GatewaySettings Read(Node node, Path path) {
    GatewaySettings& all = settings_;
    reader_.ReadMap(
        node, path,
        {
            {"listen", [this](Node value, Path at) { ReadListeners(value, at); }},
            {"upstreams", [this](Node value, Path at) { ReadUpstreams(value, at); }},
            {"health_check", [this](Node value, Path at) { ReadHealthCheck(value, at); }, true},
            {"limits", [this](Node value, Path at) { ReadLimits(value, at); }, true},
            {"trusted_proxies",
             [&](Node value, Path at) {
               for (const auto& [network, item] : reader_.ReadNetworks(value, at))
                 all.trusted_proxies.push_back(network);
             }},
            Word("client_address_header", kAddressHeaders, &all.client_address_header),
            {"account_case",
             [&](Node value, Path at) {
               if (const auto word = reader_.ReadWord(value, at, kCases)) all.fold_account_case = *word == 1;
             }},
            {"endpoints",
             [&](Node value, Path at) { all.endpoints = ReadEndpointSettings(value, at, &reader_); }},
            {"answers",
             [&](Node value, Path at) { all.answers = ReadAnswersSettings(value, at, files_, &reader_); },
             true},
            {"challenges", [this](Node value, Path at) { ReadChallenges(value, at); }, true},
            {"certificates",
             [&](Node value, Path at) {
               all.certificates = ReadCertificateSettings(value, at, files_, &reader_);
             },
             true},
            {"tls_fingerprint", [this](Node value, Path at) { ReadTlsFingerprint(value, at); }, true},
            {"service", [this](Node value, Path at) { ReadService(value, at); }, true},
            {"admin", [this](Node value, Path at) { ReadAdmin(value, at); }, true},
            Number("workers", {1, kWorkersMax}, &all.workers),
        });
    for (EndpointSettings& endpoint : all.endpoints) endpoint.fold_account_case = all.fold_account_case;
    if (node.is_map()) CheckWhole(node, path);
    return std::move(settings_);
  }

 private:
  static constexpr std::array<std::string_view, 3> kAddressHeaders = {"x-forwarded-for", "forwarded", "none"};
  static constexpr std::array<std::string_view, 2> kCases = {"exact", "folded"};
  static constexpr std::array<std::string_view, 2> kClientCertificates = {"none", "optional"};
  static constexpr std::array<std::string_view, 2> kTlsVersions = {"1.2", "1.3"};

  Key Address(std::string_view name, Endpoint* endpoint) {
    return {name, [this, endpoint](Node value, Path at) { ReadAddress(value, at, endpoint); }};
  }
  // The name of a file that must be readable.
  Key File(std::string_view name, std::string* file) {
    return {name, [this, file](Node value, Path at) { ReadFile(value, at, file); }};
  }
  Key FieldName(std::string_view name, std::string* field) {
    return {name, [this, field](Node value, Path at) {
              const std::string* text = reader_.ReadText(value, at);
              if (text == nullptr) return;
              if (!IsToken(*text)) reader_.Error(value, at, "is no name of a header field");
              *field = *text;
            }};
  }
  // A file whose text others should not be able to read.
  Key Secret(std::string_view name, std::string* file) {
    return {name, [this, file](Node value, Path at) {
              const std::string* given = reader_.ReadText(value, at);
              if (given == nullptr) return;
              *file = reader_.Resolve(*given);
              if (files_ == GatewayFiles::kNotLookedAt) return;
              const absl::StatusOr<std::string> text = ReadWholeFile(*file, kSecretBytesMax);
              if (!text.ok()) {
                reader_.Error(value, at, FromAbsl(text.status().message()));
                return;
              }
              WarnIfOpen(value, at, *file);
              if (const auto secret = TokenSecret(*text); !secret.ok())
                reader_.Error(value, at, Concat(*file, ": ", FromAbsl(secret.status().message())));
            }};
  }

  void WarnIfOpen(Node value, Path path, const std::string& file) {
    struct stat about;
    if (stat(file.c_str(), &about) == 0 && (about.st_mode & S_IRWXO) != 0)
      reader_.Warn(value, path, Concat(file, " is open to everybody; chmod o= ", file));
  }
  bool Require(Node node, Path path, std::string_view key, std::string_view what) {
    if (node.Find(key) != nullptr) return true;
    reader_.Error(node, path, Concat(key, " is missing; ", what));
    return false;
  }

  // An address alone stands for an item that says nothing else.
  void ReadListeners(Node node, Path path) {
    reader_.ReadList(node, path, [this](Node item, Path at) {
      ListenerSettings listener;
      if (item.is_text()) {
        ReadAddress(item, at, &listener.at);
      } else {
        reader_.ReadMap(item, at,
                        {Address("address", &listener.at),
                         {"tls", [&](Node value, Path below) { ReadTls(value, below, &listener); }},
                         Bool("proxy_protocol", &listener.proxy_protocol)});
        Require(item, at, "address", "write address: 127.0.0.1:8443");
      }
      settings_.listeners.push_back(std::move(listener));
    });
  }
  void ReadTls(Node node, Path path, ListenerSettings* listener) {
    TlsSettings& tls = listener->tls.emplace();
    reader_.ReadMap(node, path,
                    {File("certificate", &tls.certificate_file),
                     {"key",
                      [&](Node value, Path at) {
                        if (ReadFile(value, at, &tls.key_file) && files_ == GatewayFiles::kMustBeReadable)
                          WarnIfOpen(value, at, tls.key_file);
                      }},
                     {"client_certificates",
                      [&](Node value, Path at) {
                        if (const auto word = reader_.ReadWord(value, at, kClientCertificates))
                          tls.ask_client_certificate = *word == 1;
                      }},
                     Word("minimum_version", kTlsVersions, &tls.minimum_version)});
    if (!node.is_map()) return;
    Require(node, path, "certificate", "name a PEM file with the whole chain");
    Require(node, path, "key", "name a PEM file with the private key");
  }

  void ReadUpstreams(Node node, Path path) {
    reader_.ReadList(node, path, [this](Node item, Path at) {
      UpstreamSettings upstream;
      if (item.is_text()) {
        ReadAddress(item, at, &upstream.at);
      } else {
        reader_.ReadMap(item, at,
                        {Address("address", &upstream.at),
                         {"tls",
                          [&](Node value, Path below) {
                            UpstreamTlsSettings& tls = upstream.tls.emplace();
                            reader_.ReadMap(value, below,
                                            {File("ca", &tls.ca_file), Text("server_name", &tls.server_name),
                                             Bool("verify", &tls.verify)});
                          },
                          true},
                         Number("connections_max", {1, 65535}, &upstream.connections_max)});
        Require(item, at, "address", "write address: 127.0.0.1:8080");
      }
      settings_.upstreams.push_back(std::move(upstream));
    });
  }
  void ReadHealthCheck(Node node, Path path) {
    HealthCheckSettings& check = settings_.health_check;
    reader_.ReadMap(node, path,
                    {{"path",
                      [&](Node value, Path at) {
                        const std::string* text = reader_.ReadText(value, at);
                        if (text == nullptr) return;
                        const bool printable = std::all_of(text->begin(), text->end(), [](char c) {
                          return static_cast<unsigned char>(c) > 0x20 && static_cast<unsigned char>(c) < 0x7f;
                        });
                        if (text->front() != '/' || !printable)
                          reader_.Error(value, at, "must be a path as /health, of printable ASCII");
                        check.path = *text;
                      }},
                     Span("interval", &check.interval),
                     Span("timeout", &check.timeout),
                     Number("failures_to_down", {1, 1000}, &check.failures_to_down),
                     Number("successes_to_up", {1, 1000}, &check.successes_to_up)});
  }
  void ReadLimits(Node node, Path path) {
    LimitSettings& limits = settings_.limits;
    constexpr uint64_t kKiB = 1024;
    constexpr uint64_t kMiB = kKiB * 1024;
    reader_.ReadMap(
        node, path,
        {Bytes("header_bytes", {kKiB, kMiB}, &limits.header_bytes),
         Number("header_count", {8, 10'000}, &limits.header_count),
         Bytes("target_bytes", {256, kMiB}, &limits.target_bytes),
         Bytes("body_bytes", {0, uint64_t{1} << 50}, &limits.body_bytes),
         Bytes("trailer_bytes", {0, kMiB}, &limits.trailer_bytes),
         Bytes("chunk_extension_bytes", {0, 16 * kKiB}, &limits.chunk_extension_bytes),
         Span("header_time", &limits.header_time), Span("idle_time", &limits.idle_time),
         Span("body_idle_time", &limits.body_idle_time),
         Bytes("body_rate_min", {0, kMiB}, &limits.body_rate_min), Span("connect_time", &limits.connect_time),
         Span("answer_time", &limits.answer_time), Span("tls_handshake_time", &limits.tls_handshake_time),
         Span("drain_time", &limits.drain_time), Number("connections", {1, 1'000'000}, &limits.connections),
         Number("connections_per_source", {1, 1'000'000}, &limits.connections_per_source),
         Number("requests_per_connection", {1, 1'000'000'000}, &limits.requests_per_connection)});
    if (limits.target_bytes > limits.header_bytes)
      reader_.Error(node, path, "target_bytes is more than header_bytes, of which it is a part");
  }
  void ReadChallenges(Node node, Path path) {
    ChallengeSettings& challenges = settings_.challenges;
    reader_.ReadMap(node, path,
                    {FieldName("response_header", &challenges.response_header),
                     Secret("secret_file", &challenges.secret_file), Span("remember", &challenges.remember)});
  }
  void ReadTlsFingerprint(Node node, Path path) {
    TlsFingerprintSettings& print = settings_.tls_fingerprint;
    reader_.ReadMap(node, path,
                    {FieldName("ja3_header", &print.ja3_header), FieldName("ja4_header", &print.ja4_header)});
    absl::AsciiStrToLower(&print.ja3_header);
    absl::AsciiStrToLower(&print.ja4_header);
  }
  void ReadService(Node node, Path path) {
    ServiceSettings& service = settings_.service;
    reader_.ReadMap(node, path, {Address("address", &service.at), Secret("token_file", &service.token_file)});
    if (!node.is_map() || !Require(node, path, "address", "write address: 127.0.0.1:8181")) return;
    if (!IsLoopback(service.at) && service.token_file.empty()) {
      reader_.Error(
          *node.Find("address"), Concat(path, ".address"),
          "can be reached from outside, and whoever reaches it may ask and report; set token_file, or "
          "listen on 127.0.0.1 or unix:…");
    }
  }
  void ReadAdmin(Node node, Path path) {
    AdminSettings& admin = settings_.admin;
    reader_.ReadMap(node, path, {Address("address", &admin.at), Secret("token_file", &admin.token_file)});
    if (!node.is_map() || !Require(node, path, "address", "write address: 127.0.0.1:9180")) return;
    if (!IsLoopback(admin.at)) {
      reader_.Error(*node.Find("address"), Concat(path, ".address"),
                    "must not be reached from outside; listen on 127.0.0.1, [::1] or unix:…");
    }
  }

  // What no key can say alone.
  void CheckWhole(Node node, Path path) {
    const bool proxy = !settings_.listeners.empty();
    // Endpoints alone say what logins are, for captures that are replayed.
    const bool only_sees =
        may_only_see_ || (node.Find("endpoints") != nullptr && node.Find("upstreams") == nullptr);
    if (!proxy && !only_sees && node.Find("listen") == nullptr && node.Find("service") == nullptr)
      reader_.Error(node, path,
                    "has neither listen nor service: nobody could ask; write listen: 127.0.0.1:8080");
    if (proxy && settings_.upstreams.empty() && node.Find("upstreams") == nullptr)
      reader_.Error(node, path, "has no upstreams: where do requests go? write upstreams: 127.0.0.1:8080");
    std::set<std::string> taken;
    const auto take = [&](const Endpoint& endpoint, const std::string& where) {
      if (!IsSet(endpoint)) return;
      if (taken.insert(ToString(endpoint)).second) return;
      const auto place = reader_.places().find(where);
      reader_.findings().Error(place != reader_.places().end() ? place->second : Place(), where,
                               Concat("somebody else here listens on ", ToString(endpoint), " already"));
    };
    for (size_t i = 0; i < settings_.listeners.size(); ++i)
      take(settings_.listeners[i].at, Concat(path, ".listen[", i, "]"));
    take(settings_.service.at, Concat(path, ".service.address"));
    take(settings_.admin.at, Concat(path, ".admin.address"));
  }

  const bool may_only_see_;
  GatewaySettings settings_;
};

}  // namespace

GatewaySettings ReadGatewaySettings(const YamlNode& node, const std::string& path, GatewayFiles files,
                                    bool may_only_see, SettingsReader* reader) {
  return GatewayReader(files, may_only_see, reader).Read(node, path);
}

}  // namespace stockade
