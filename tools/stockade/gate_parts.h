// Everything that settings make of a running gate, read and made whole before any of it is used: at the start, and again at
// every reload. What cannot be made refuses the whole; then nothing has changed.
//
// Immutable; shared by whoever runs on it. Errors: settings, rules, patterns and certificates with their place; files that
// cannot be read.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "adapters/certificate/from_header.h"
#include "adapters/certificate/ocsp_client.h"
#include "adapters/certificate/ocsp_memory.h"
#include "adapters/certificate/verifier.h"
#include "adapters/gateway/login_exchange.h"
#include "adapters/gateway/proxy_state.h"
#include "adapters/gateway/verdict_dialects.h"
#include "tools/stockade/account_watch.h"
#include "tools/stockade/config_file.h"
#include "tools/stockade/crl_watch.h"
#include "tools/stockade/rule_pack.h"
#include "tools/stockade/run_log.h"

namespace stockade {

class GateCertificates;

// As given on the command line; what is given here wins over the settings, also after a reload.
struct RunOptions {
  std::string config_file;
  std::vector<std::string> rules;
  std::string mode;
};

struct GateParts {
  Config config;  // config.gateway is there
  std::shared_ptr<const LoadedRules> loaded;
  std::shared_ptr<const LoginExchange> exchange;
  std::shared_ptr<const CertificateVerifier> verifier;  // null: no anchors, nobody looks at certificates
  std::shared_ptr<CrlWatch> crls;                       // null: no revocation lists
  std::shared_ptr<AccountWatch> accounts;               // null: no table of accounts
  std::shared_ptr<OcspClient> ocsp;                     // null: no responder is asked
  CertificateForm certificate_form = CertificateForm::kNone;
  GeoDatabases geo;
  std::string service_token;
  std::string admin_token;
  std::string challenge_secret;  // empty: only the API reports
  // Of all that the engine decides by: settings and rules, byte for byte. Equal: a reload need not tell the engine, and a
  // record can still be replayed.
  std::string engine_text;

  const GatewaySettings& gateway() const { return *config.gateway; }
  // What fields the rules ask for beyond the known ones.
  std::shared_ptr<const FieldTable> fields() const { return {loaded, loaded->fields.get()}; }
  std::shared_ptr<const RuleSet> rules() const { return {loaded, loaded->rules.get()}; }
};

// What is amiss with revocation lists refuses nothing, and goes into `log`, which outlives the parts. `answers`: what
// responders have said, from parts to parts.
absl::StatusOr<std::shared_ptr<const GateParts>> MakeGateParts(const RunOptions& options, RunLog* log,
                                                               std::shared_ptr<OcspMemory> answers);

// The token of a file that the setting `key` names; empty for no file. Errors: one that cannot be read, or is easily guessed.
absl::StatusOr<std::string> ReadToken(const std::string& file, std::string_view key);

// What the proxy and the verdict service are handed; they hold on to the parts, and the others outlive them.
ProxyParts ProxyPartsOf(const std::shared_ptr<const GateParts>& parts, GateDesk* desk,
                        GateCertificates* certificates, UnreadAnswers* unread);
std::shared_ptr<const VerdictDialects> DialectsOf(const std::shared_ptr<const GateParts>& parts,
                                                  GateDesk* desk, GateCertificates* certificates,
                                                  VerdictCounters* counters);

}  // namespace stockade
