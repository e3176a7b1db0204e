#include "tools/stockade/gateway_lint.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "adapters/certificate/account_table.h"
#include "adapters/gateway/login_way.h"
#include "adapters/gateway/path_match.h"
#include "adapters/http/endpoint_address.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

using From = ValueSource::From;

// Whether every status of `narrow` is one of `wide`.
bool Covers(const std::string& wide, const std::string& narrow) {
  if (wide.empty() || wide == narrow) return true;
  return wide.ends_with("xx") && !narrow.empty() && narrow[0] == wide[0];
}

// Whether wherever `later` holds, `earlier` does.
bool Covers(const OutcomeRule& earlier, const OutcomeRule& later) {
  const auto covers = [](const std::string& wide, const std::string& narrow) {
    return wide.empty() || wide == narrow;
  };
  return Covers(earlier.status, later.status) && covers(earlier.location, later.location) &&
         covers(earlier.body_matches, later.body_matches) &&
         (earlier.header.empty() || (absl::EqualsIgnoreCase(earlier.header, later.header) &&
                                     covers(earlier.header_matches, later.header_matches))) &&
         (earlier.json_path.empty() ||
          (earlier.json_path == later.json_path && covers(earlier.json_equals, later.json_equals)));
}

class GatewayLinter {
 public:
  GatewayLinter(const Config& config, std::string_view file, Findings* findings)
      : config_(config), gateway_(*config.gateway), file_(file), findings_(*findings) {}

  void Lint() {
    if (HasPublicHashKey(config_)) {
      Warn(config_.familiar ? "familiar" : "gateway",
           Concat("runs under the hash key that everybody knows; set hash_key_file, made with: openssl rand "
                  "-hex 16",
                  config_.familiar ? "; a start would refuse a snapshot under that key" : ""));
    }
    LintListeners();
    LintProxies();
    if (gateway_.endpoints.empty())
      Warn("gateway.endpoints", "names no login: every request passes, and nothing is decided");
    for (size_t i = 0; i < gateway_.endpoints.size(); ++i) LintEndpoint(i);
    LintChallenges();
    LintOcsp();
    if (gateway_.admin.at.port != 0 && gateway_.admin.token_file.empty()) {
      Warn("gateway.admin",
           "has no token_file: every process of this machine may switch the mode and drop decisions");
    }
  }

 private:
  // At the key itself or, where it was not written, at what it would stand in.
  void Warn(std::string path, std::string_view what) {
    const std::string key = path;
    while (true) {
      if (const auto place = config_.places.find(path); place != config_.places.end()) {
        findings_.Warn(place->second, key, what);
        return;
      }
      const size_t end = path.find_last_of(".[");
      if (end == std::string::npos) break;
      path.resize(end);
    }
    findings_.Warn(Place{std::string(file_), 1, 1}, key, what);
  }
  bool IsWritten(const std::string& path) const { return config_.places.contains(path); }

  void LintListeners() {
    bool asks = false;
    for (size_t i = 0; i < gateway_.listeners.size(); ++i) {
      const ListenerSettings& listener = gateway_.listeners[i];
      if (!listener.tls.has_value()) continue;
      asks = asks || listener.tls->ask_client_certificate;
    }
    if (asks && gateway_.certificates.anchor_files.empty())
      Warn("gateway.certificates", "has no anchors: no client certificate can be valid");
    if (asks && config_.engine.certificates.policy() == CertificatePolicy::kIgnored)
      Warn("certificates", "ignored, and a listener asks for client certificates");
    LintAccountTable();
    const bool in_login =
        std::any_of(gateway_.endpoints.begin(), gateway_.endpoints.end(), [](const auto& endpoint) {
          return endpoint.signature.has_value() || !endpoint.bare_certificate.empty();
        });
    const bool none = !asks && !in_login && gateway_.certificates.from_header == "none";
    if (none && config_.engine.certificates.policy() == CertificatePolicy::kRequired)
      Warn("certificates",
           "required, and no certificate can come: no listener asks for one, from_header is none, and no "
           "endpoint has a signature");
    for (size_t i = 0; i < gateway_.upstreams.size(); ++i) {
      const UpstreamSettings& upstream = gateway_.upstreams[i];
      if (upstream.tls.has_value() && !upstream.tls->verify && !IsLoopback(upstream.at)) {
        Warn(Concat("gateway.upstreams[", i, "].tls.verify"),
             "false: whoever answers at that address is sent the passwords");
      }
    }
  }

  // Every line of it, which a start would refuse.
  void LintAccountTable() {
    const std::string& file = gateway_.certificates.accounts_file;
    if (file.empty()) return;
    if (const auto table = AccountTable::Load(file); !table.ok())
      Warn("gateway.certificates.accounts",
           Concat(FromAbsl(table.status().message()), "; a start would refuse it"));
  }

  void LintProxies() {
    const bool trusts = !gateway_.trusted_proxies.empty();
    if (!trusts && IsWritten("gateway.client_address_header") && gateway_.client_address_header != "none")
      Warn("gateway.client_address_header", "is read from nobody: trusted_proxies is empty");
    if (!trusts && gateway_.certificates.from_header != "none")
      Warn("gateway.certificates.from_header", "is read from nobody: trusted_proxies is empty");
    const TlsFingerprintSettings& print = gateway_.tls_fingerprint;
    if (!trusts && !gateway_.listeners.empty() && !(print.ja3_header + print.ja4_header).empty())
      Warn("gateway.tls_fingerprint", "is read from nobody: trusted_proxies is empty");
    for (const Prefix& proxy : gateway_.trusted_proxies) {
      if (proxy.length == 0) {
        Warn("gateway.trusted_proxies",
             Concat(proxy.ToString(), " is everybody: any client may say that he is somebody else"));
      }
    }
  }

  void LintEndpoint(size_t index) {
    const EndpointSettings& endpoint = gateway_.endpoints[index];
    const std::string path = Concat("gateway.endpoints[", index, "]");
    LintReach(index, path);
    LintOutcomes(endpoint, path);
    LintProofs(endpoint, path);
    if (endpoint.on_engine_trouble == FailMode::kOpen)
      Warn(path + ".on_engine_trouble", "open: who brings the engine into trouble tries passwords unseen");
    if (endpoint.on_unreadable == FailMode::kOpen) {
      Warn(path + ".on_unreadable",
           "open: a login that is written so that we cannot read it, and the application can, passes unseen");
    }
    if (endpoint.password.empty()) {
      Warn(path + ".password", "is missing: one password tried on many accounts is not seen");
    }
    for (const ValueSource& source : endpoint.password) {
      if (source.from == From::kQuery)
        Warn(path + ".password", "stands in the query: access logs and histories keep it");
    }
    const bool reads_body =
        std::any_of(endpoint.account.begin(), endpoint.account.end(), [](const auto& source) {
          return source.from == From::kBody || source.from == From::kForm || source.from == From::kJson;
        });
    const auto& methods = endpoint.methods;
    if (reads_body && std::find(methods.begin(), methods.end(), "GET") != methods.end()) {
      Warn(path + ".methods",
           "GET has no body: showing the form counts as a login that cannot be read; delete it");
    }
  }

  void LintOcsp() {
    const bool brought =
        std::any_of(gateway_.endpoints.begin(), gateway_.endpoints.end(), [](const auto& endpoint) {
          return endpoint.signature.has_value() && !endpoint.signature->ocsp.empty();
        });
    if (!gateway_.certificates.ocsp.has_value()) return;
    const OcspSettings& ocsp = *gateway_.certificates.ocsp;
    if (gateway_.certificates.anchor_files.empty())
      Warn("gateway.certificates.ocsp", "asks about nobody: gateway.certificates has no anchors");
    if (ocsp.responders.empty() && !ocsp.from_certificate && !brought) {
      Warn("gateway.certificates.ocsp",
           "asks nobody: name responders, or set from_certificate; revocation is unknown but for lists");
    }
    if (ocsp.time > gateway_.certificates.queue.wait) {
      Warn("gateway.certificates.ocsp.time",
           "is more than gateway.certificates.wait, after which nobody waits for an answer any more");
    }
    if (ocsp.nonce && brought) {
      Warn("gateway.certificates.ocsp.nonce",
           "is asked of responders only: a response that a login brings is as old as its time allows");
    }
  }

  void LintProofs(const EndpointSettings& endpoint, const std::string& path) {
    const bool looked_at = !gateway_.certificates.anchor_files.empty();
    if (endpoint.signature.has_value() && !looked_at)
      Warn(path + ".signature", "is looked at by nobody: gateway.certificates has no anchors");
    if (endpoint.signature.has_value() && !endpoint.signature->ocsp.empty() &&
        !gateway_.certificates.ocsp.has_value())
      Warn(path + ".signature.ocsp", "is looked at by nobody: gateway.certificates has no ocsp");
    if (endpoint.bare_certificate.empty()) return;
    Warn(path + ".bare_certificate",
         looked_at
             ? "believes a certificate of which nobody proves to hold the key: who has seen it is let in "
               "as its owner"
             : "is looked at by nobody: gateway.certificates has no anchors");
  }

  // What an earlier endpoint takes.
  void LintReach(size_t index, const std::string& path) {
    const EndpointSettings& endpoint = gateway_.endpoints[index];
    if (endpoint.path.empty()) return;
    std::string begin = endpoint.path;
    if (begin.ends_with('*')) begin.pop_back();
    for (size_t i = 0; i < index; ++i) {
      const EndpointSettings& earlier = gateway_.endpoints[i];
      const bool methods =
          std::all_of(endpoint.methods.begin(), endpoint.methods.end(), [&](const auto& method) {
            return std::find(earlier.methods.begin(), earlier.methods.end(), method) != earlier.methods.end();
          });
      const bool covers = earlier.path.ends_with('*') || earlier.path == endpoint.path;
      const auto match = PathMatch::Create(earlier);
      if (!methods || !covers || !match.ok() || !match->Matches(begin)) continue;
      Warn(path + ".path", Concat("is never reached: endpoint ", Quoted(earlier.name), " takes it before"));
      return;
    }
  }

  void LintOutcomes(const EndpointSettings& endpoint, const std::string& path) {
    const std::vector<OutcomeRule>& rows = endpoint.outcomes;
    if (rows.empty()) {
      Warn(path + ".outcomes",
           "is missing: every outcome is unknown, and rules that count failures stay quiet; see stockade "
           "check --answer");
      return;
    }
    for (size_t later = 1; later < rows.size(); ++later) {
      for (size_t earlier = 0; earlier < later; ++earlier) {
        if (!Covers(rows[earlier], rows[later])) continue;
        Warn(Concat(path, ".outcomes[", later, "]"),
             Concat("can never hold: row ", earlier + 1, " holds wherever this one does, and comes first"));
        break;
      }
    }
    const auto says = [&](Outcome outcome) {
      return std::any_of(rows.begin(), rows.end(), [&](const auto& row) { return row.outcome == outcome; });
    };
    if (!says(Outcome::kSuccess))
      Warn(path + ".outcomes", "has no row for success: no customer ever becomes familiar");
    if (!says(Outcome::kBadPassword) && !says(Outcome::kUnknownAccount))
      Warn(path + ".outcomes", "has no row for bad_password: rules that count failures stay quiet");
    const bool body = std::any_of(rows.begin(), rows.end(), [](const OutcomeRule& row) {
      return !row.body_matches.empty() || !row.json_path.empty();
    });
    if (body && endpoint.answer_bytes == 0) Warn(path + ".answer_bytes", "0: no row about the body can hold");
  }

  // What is asked for here and cannot be, and is a denial then.
  void LintChallenges() {
    const CanAsk asked = config_.engine.detectors ? config_.engine.detectors->challenges : CanAsk::kBoth;
    // Where logins are only seen, or nothing is to be asked, nobody is asked for anything.
    if ((gateway_.listeners.empty() && !IsSet(gateway_.service.at)) || asked == CanAsk::kNeither) return;
    LintAnswer("challenge_human", gateway_.answers.challenge_human, AsksHuman(asked));
    LintAnswer("challenge_identity", gateway_.answers.challenge_identity, AsksIdentity(asked));
    if (gateway_.listeners.empty()) return;
    if (!ResultsComeBack(gateway_)) {
      Warn(IsWritten("detectors.challenges") ? "detectors.challenges" : "gateway.challenges",
           Concat(Name(asked),
                  ": nobody can report a challenge of the sidecar's as passed, so none is shown: "
                  "who would be challenged is denied; set gateway.challenges.secret_file or "
                  "gateway.service"));
    }
    const CanAsk can_ask = Narrowed(asked, CanAskBy(LoginWay::kProxy, gateway_));
    if (AsksIdentity(can_ask)) return;
    for (const std::string_view word : kCertificateNames) {
      const auto status = ParseCertificateStatus(word);
      const std::string path = Concat("certificates.", word);
      if (IsWritten(path) && config_.engine.certificates.Of(*status) == VerdictKind::kChallenge)
        Warn(path, "challenge: the sidecar can ask nobody who he is, so it is a denial");
    }
    if (gateway_.certificates.revocation_unknown == "challenge")
      Warn("gateway.certificates.revocation_unknown",
           "challenge: the sidecar can ask nobody who he is, so it is a denial");
  }

  void LintAnswer(std::string_view name, const AnswerSettings& answer, bool is_asked) {
    if (!is_asked || LeadsOn(answer, gateway_.answers.deny)) return;
    Warn(
        Concat("gateway.answers.", name),
        "leads nowhere: no redirect, no field of its own, no page; the sidecar, /forward-auth and /ext-authz "
        "do not ask for it then, and ask for the other kind or deny");
  }

  const Config& config_;
  const GatewaySettings& gateway_;
  const std::string_view file_;
  Findings& findings_;
};

}  // namespace

void LintGateway(const Config& config, std::string_view file, Findings* findings) {
  GatewayLinter(config, file, findings).Lint();
}

}  // namespace stockade
