// The section `gateway.certificates`: whom to trust, what of revocation, whose a certificate is, how it is judged.
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "adapters/certificate/account_binding.h"
#include "adapters/certificate/from_header.h"
#include "adapters/certificate/ocsp_question.h"
#include "adapters/certificate/path_floors.h"
#include "adapters/gateway/miss_allowance.h"
#include "tools/stockade/gateway_section.h"

namespace stockade {
namespace {

// Threads that verify: more than a large machine has cores would only take them from those that move bytes.
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

class CertificateReader : GatewaySection {
 public:
  CertificateReader(GatewayFiles files, SettingsReader* reader) : GatewaySection(files, reader) {}

  CertificateSettings Read(Node node, Path path) {
    CertificateSettings& certificates = settings_;
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
            if (const auto read = reader_.ReadSpan(value, at, {absl::Milliseconds(100), kCertificateWaitMax}))
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
    return std::move(settings_);
  }

 private:
  static constexpr std::array<std::string_view, 3> kRevocationUnknownNames = {"refuse", "challenge",
                                                                              "accept"};
  // What a browser of 2005 has; shorter keys are broken at home.
  static constexpr int64_t kRsaBitsLeast = 1024;

  void CheckAccountBinding(Node node, Path path) {
    const CertificateSettings& certificates = settings_;
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

  CertificateSettings settings_;
};

}  // namespace

CertificateSettings ReadCertificateSettings(const YamlNode& node, const std::string& path, GatewayFiles files,
                                            SettingsReader* reader) {
  return CertificateReader(files, reader).Read(node, path);
}

}  // namespace stockade
