#include "tools/stockade/gateway_settings.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "adapters/certificate/account_binding.h"
#include "adapters/certificate/from_header.h"
#include "adapters/certificate/ocsp_question.h"
#include "adapters/certificate/path_floors.h"
#include "adapters/gateway/challenge_token.h"
#include "adapters/gateway/endpoint_address.h"
#include "adapters/gateway/miss_allowance.h"
#include "adapters/gateway/token.h"
#include "engine/text.h"

namespace stockade {
namespace {

// Of a file of certificates, a key, a secret: the bundle of all public authorities is 220 KiB.
constexpr size_t kPemBytesMax = size_t{4} << 20;
constexpr size_t kSecretBytesMax = size_t{64} << 10;
constexpr absl::Duration kSpanMin = absl::Milliseconds(1);
// Nothing in a gateway is worth waiting longer for.
constexpr absl::Duration kSpanMax = absl::Hours(24);
// Threads that move bytes: more than a large machine has cores only switch.
constexpr int64_t kWorkersMax = 256;

// Threads that verify: the same, and they would only take the cores from those that move bytes.
constexpr int64_t kCertificateThreadsMax = 64;
// Jobs that wait: a quarter of fewer would be nothing for a source over its rate; what more could hold only grows too old.
constexpr int64_t kCertificateQueueLeast = 16;
constexpr int64_t kCertificateQueueMax = 65'536;

// Authorities publish lists at least once a year, and responders sign at least as often.
constexpr absl::Duration kCrlAgeMost = absl::Hours(24 * 366);
// A login waits for it: who waits longer goes away, and one round trip round the world takes a third of a second.
constexpr SettingsReader::Range<absl::Duration> kOcspTime = {absl::Milliseconds(100), absl::Seconds(30)};

// "1.2.840.113549": at least two numbers. Whether OpenSSL knows it does not matter.
bool IsOid(std::string_view text) {
  bool digits = false;
  int dots = 0;
  for (const char c : text) {
    if (c >= '0' && c <= '9') {
      digits = true;
    } else if (c == '.' && digits) {
      digits = false;
      ++dots;
    } else {
      return false;
    }
  }
  return digits && dots > 0;
}

using Node = const YamlNode&;
using Path = const std::string&;
using Key = SettingsReader::Key;

class GatewayReader {
 public:
  GatewayReader(GatewayFiles files, SettingsReader* reader) : files_(files), reader_(*reader) {}

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
            {"certificates", [this](Node value, Path at) { ReadCertificates(value, at); }, true},
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
  static constexpr std::array<std::string_view, 3> kRevocationUnknownNames = {"refuse", "challenge",
                                                                              "accept"};
  // What a browser of 2005 has; shorter keys are broken at home.
  static constexpr int64_t kRsaBitsLeast = 1024;

  template <size_t N>
  Key Word(std::string_view name, const std::array<std::string_view, N>& words, std::string* text) {
    return {name, [this, &words, text](Node value, Path at) {
              if (const auto word = reader_.ReadWord(value, at, words)) *text = words[*word];
            }};
  }
  template <typename Integer>
  Key Number(std::string_view name, SettingsReader::Range<int64_t> range, Integer* number) {
    return {name, [this, range, number](Node value, Path at) {
              if (const auto read = reader_.ReadNumber(value, at, range))
                *number = static_cast<Integer>(*read);
            }};
  }
  template <typename Integer>
  Key Bytes(std::string_view name, SettingsReader::Range<uint64_t> range, Integer* bytes) {
    return {name, [this, range, bytes](Node value, Path at) {
              if (const auto read = reader_.ReadBytes(value, at, range)) *bytes = static_cast<Integer>(*read);
            }};
  }
  Key Span(std::string_view name, absl::Duration* span) {
    return {name, [this, span](Node value, Path at) {
              if (const auto read = reader_.ReadSpan(value, at, {kSpanMin, kSpanMax})) *span = *read;
            }};
  }
  Key Bool(std::string_view name, bool* flag) {
    return {name, [this, flag](Node value, Path at) {
              if (const auto read = reader_.ReadBool(value, at)) *flag = *read;
            }};
  }
  Key Text(std::string_view name, std::string* text) {
    return {name, [this, text](Node value, Path at) {
              if (const std::string* read = reader_.ReadText(value, at)) *text = *read;
            }};
  }
  Key Address(std::string_view name, Endpoint* endpoint) {
    return {name, [this, endpoint](Node value, Path at) { ReadAddress(value, at, endpoint); }};
  }
  // The name of a file that must be readable.
  Key File(std::string_view name, std::string* file) {
    return {name, [this, file](Node value, Path at) { ReadFile(value, at, file); }};
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
  bool ReadFile(Node value, Path path, std::string* file) {
    const std::string* given = reader_.ReadText(value, path);
    if (given == nullptr) return false;
    *file = reader_.Resolve(*given);
    if (files_ == GatewayFiles::kNotLookedAt) return true;
    const absl::StatusOr<std::string> text = ReadWholeFile(*file, kPemBytesMax);
    if (!text.ok()) {
      reader_.Error(value, path, FromAbsl(text.status().message()));
    } else if (text->find("-----BEGIN ") == std::string::npos) {
      reader_.Error(value, path, Concat(*file, " holds no PEM; it begins with -----BEGIN"));
    } else {
      return true;
    }
    return false;
  }
  void ReadAddress(Node value, Path path, Endpoint* endpoint) {
    const std::string* text = reader_.ReadText(value, path);
    if (text == nullptr) return;
    absl::StatusOr<Endpoint> read = ParseEndpoint(*text);
    if (read.ok()) {
      *endpoint = *std::move(read);
    } else {
      reader_.Error(value, path, FromAbsl(read.status().message()));
    }
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
                    {{"response_header",
                      [&](Node value, Path at) {
                        const std::string* text = reader_.ReadText(value, at);
                        if (text == nullptr) return;
                        if (!IsToken(*text)) reader_.Error(value, at, "is no name of a header field");
                        challenges.response_header = *text;
                      }},
                     Secret("secret_file", &challenges.secret_file),
                     Span("remember", &challenges.remember)});
  }
  void ReadCertificates(Node node, Path path) {
    CertificateSettings& certificates = settings_.certificates;
    reader_.ReadMap(
        node, path,
        {{"anchors",
          [&](Node value, Path at) {
            reader_.ReadList(value, at, [&](Node item, Path below) {
              std::string file;
              if (ReadFile(item, below, &file)) certificates.anchor_files.push_back(file);
            });
          }},
         {"intermediates",
          [&](Node value, Path at) {
            reader_.ReadList(value, at, [&](Node item, Path below) {
              std::string file;
              if (ReadFile(item, below, &file)) certificates.intermediate_files.push_back(file);
            });
          }},
         {"crls",
          [&](Node value, Path at) {
            for (const auto& [path_given, node_given] : reader_.ReadTexts(value, at))
              ReadCrlPath(*node_given, at, path_given, &certificates.crl_paths);
          }},
         {"crl_age_max",
          [&](Node value, Path at) {
            if (const auto read = reader_.ReadSpan(value, at, {absl::Minutes(1), kCrlAgeMost}))
              certificates.crl_age_max = *read;
          }},
         {"ocsp", [&](Node value, Path at) { ReadOcsp(value, at, &certificates.ocsp.emplace()); }, true},
         Word("revocation_unknown", kRevocationUnknownNames, &certificates.revocation_unknown),
         {"revocation_unknown_of",
          [&](Node value, Path at) { ReadRevocationUnknownOf(value, at, &certificates); }},
         {"policies",
          [&](Node value, Path at) {
            for (const auto& [oid, node_given] : reader_.ReadTexts(value, at)) {
              if (!IsOid(oid))
                reader_.Error(*node_given, at, Concat(Quoted(oid), " is no OID in dots, as 2.5.29.32.0"));
              certificates.policies.push_back(oid);
            }
          }},
         Number("rsa_bits", {kRsaBitsLeast, kRsaBitsMax}, &certificates.rsa_bits),
         Number("threads", {1, kCertificateThreadsMax}, &certificates.queue.threads),
         Number("queue", {kCertificateQueueLeast, kCertificateQueueMax}, &certificates.queue.queue),
         {"wait",
          [&](Node value, Path at) {
            if (const auto read = reader_.ReadSpan(value, at, {absl::Milliseconds(100), absl::Seconds(30)}))
              certificates.queue.wait = *read;
          }},
         {"misses",
          [&](Node value, Path at) {
            MissRate& misses = certificates.queue.misses;
            reader_.ReadMap(value, at,
                            {Number("rate", {1, kMissRateMax}, &misses.rate),
                             Number("burst", {1, kMissBurstMax}, &misses.burst)});
          },
          true},
         {"known",
          [&](Node value, Path at) {
            if (const std::string* text = reader_.ReadText(value, at))
              certificates.known_file = reader_.Resolve(*text);
          }},
         Word("from_header", kCertificateFormNames, &certificates.from_header),
         Text("account", &certificates.account_from),
         Text("account_pattern", &certificates.account_pattern),
         Text("account_template", &certificates.account_template),
         {"accounts", [&](Node value, Path at) {
            const std::string* text = reader_.ReadText(value, at);
            if (text == nullptr) return;
            certificates.accounts_file = reader_.Resolve(*text);
            if (files_ == GatewayFiles::kNotLookedAt) return;
            if (access(certificates.accounts_file.c_str(), R_OK) != 0)
              reader_.Error(value, at, Concat(certificates.accounts_file, ": ", strerror(errno)));
          }}});
    CheckAccountBinding(node, path);
  }
  void CheckAccountBinding(Node node, Path path) {
    const CertificateSettings& certificates = settings_.certificates;
    const absl::StatusOr<AccountBinding> binding = AccountBinding::Create(
        certificates.account_from, certificates.account_pattern, certificates.account_template);
    if (!binding.ok()) {
      // "gateway.certificates.account_pattern: why": the place is that of the key.
      const std::string_view message = FromAbsl(binding.status().message());
      const size_t colon = message.find(": ");
      const std::string_view key = message.substr(0, colon).substr(message.substr(0, colon).rfind('.') + 1);
      const YamlNode* at = node.Find(key);
      reader_.Error(at == nullptr ? node : *at, Concat(path, ".", key), message.substr(colon + 2));
    }
    if (certificates.account_from == "none" && certificates.accounts_file.empty())
      reader_.Error(*node.Find("account"), Concat(path, ".account"),
                    "no certificate would speak for anybody; name a table by accounts");
  }
  void ReadCrlPath(Node node, Path path, const std::string& given, std::vector<std::string>* paths) {
    paths->push_back(reader_.Resolve(given));
    if (files_ == GatewayFiles::kNotLookedAt) return;
    if (access(paths->back().c_str(), R_OK) != 0)
      reader_.Error(node, path, Concat(paths->back(), ": ", strerror(errno)));
  }
  void ReadOcsp(Node node, Path path, OcspSettings* ocsp) {
    const auto span = [this](std::string_view name, SettingsReader::Range<absl::Duration> range,
                             absl::Duration* value) {
      return Key{name, [this, range, value](Node at, Path below) {
                   if (const auto read = reader_.ReadSpan(at, below, range)) *value = *read;
                 }};
    };
    reader_.ReadMap(node, path,
                    {{"responders", [&](Node value, Path at) { ReadResponders(value, at, ocsp); }},
                     Bool("from_certificate", &ocsp->from_certificate),
                     span("time", kOcspTime, &ocsp->time),
                     span("age_max", {absl::Minutes(1), kCrlAgeMost}, &ocsp->age_max),
                     Bool("nonce", &ocsp->nonce)});
  }
  void ReadResponders(Node node, Path path, OcspSettings* ocsp) {
    if (!node.is_map()) {
      reader_.Error(node, path, "names issuers: {\"CN=Customers,O=Bank\": \"http://ocsp.bank.example/\"}");
      return;
    }
    for (const YamlEntry& entry : node.entries) {
      const std::string at = Concat(path, ".", entry.key.text);
      const std::string* url = reader_.ReadText(entry.value, at);
      if (url == nullptr) continue;
      if (!ParseResponderUrl(*url)) {
        reader_.Error(entry.value, at,
                      Concat(Quoted(*url),
                             " is no URL of a responder, as http://ocsp.bank.example/; https is "
                             "not asked, its responses are signed"));
      }
      ocsp->responders[entry.key.text] = *url;
    }
  }
  void ReadRevocationUnknownOf(Node node, Path path, CertificateSettings* certificates) {
    if (!node.is_map()) {
      reader_.Error(node, path, "names issuers: {\"CN=Old CA,O=Bank\": accept}");
      return;
    }
    for (const YamlEntry& entry : node.entries) {
      const std::string at = Concat(path, ".", entry.key.text);
      if (const auto word = reader_.ReadWord(entry.value, at, kRevocationUnknownNames))
        certificates->revocation_unknown_of[entry.key.text] = kRevocationUnknownNames[*word];
    }
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
    if (!proxy && node.Find("listen") == nullptr && node.Find("service") == nullptr)
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

  const GatewayFiles files_;
  SettingsReader& reader_;
  GatewaySettings settings_;
};

}  // namespace

GatewaySettings ReadGatewaySettings(const YamlNode& node, const std::string& path, GatewayFiles files,
                                    SettingsReader* reader) {
  return GatewayReader(files, reader).Read(node, path);
}

}  // namespace stockade
