#include "tools/stockade/gate_parts.h"

#include <algorithm>
#include <atomic>
#include <iterator>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/time/clock.h"
#include "adapters/gateway/account_text.h"
#include "adapters/gateway/admin_service.h"
#include "adapters/gateway/challenge_token.h"
#include "adapters/gateway/login_way.h"
#include "adapters/http/endpoint_address.h"
#include "engine/status.h"
#include "engine/text.h"
#include "tools/stockade/certificate_options.h"
#include "tools/stockade/gate_certificates.h"

namespace stockade {
namespace {

// Of files that hold one secret.
constexpr size_t kSecretFileBytesMax = 4096;
constexpr size_t kSettingsBytesMax = size_t{16} << 20;

// Shorter tokens can be guessed over the network in the life of a gate.
constexpr size_t kTokenBytesMin = 16;

// Everything that decides, with its length in front of each piece.
absl::StatusOr<std::string> EngineText(const RunOptions& options, const Config& config,
                                       const std::vector<std::string>& rule_files) {
  std::string all;
  const auto add = [&all](std::string_view piece) { Append(&all, piece.size(), ":", piece); };
  ASSIGN_OR_RETURN(const std::string settings, ReadWholeFile(options.config_file, kSettingsBytesMax));
  add(settings);
  // The files of `allow` hold more that decides, and are read with the settings: taken as new each time.
  static std::atomic<uint64_t> reading{0};
  if (!config.allow_files.empty()) add(Concat("reading ", ++reading));
  for (const std::string& file : rule_files) {
    ASSIGN_OR_RETURN(const std::string text, ReadWholeFile(file, kYamlBytesMax));
    add(file);
    add(text);
  }
  return all;
}

}  // namespace

absl::StatusOr<std::string> ReadToken(const std::string& file, std::string_view key) {
  if (file.empty()) return std::string();
  ASSIGN_OR_RETURN(const std::string text, ReadWholeFile(file, kSecretFileBytesMax));
  std::string token(absl::StripAsciiWhitespace(text));
  const bool printable = std::all_of(token.begin(), token.end(), [](char c) { return c > 0x20 && c < 0x7f; });
  if (token.size() < kTokenBytesMin || !printable) {
    return absl::InvalidArgumentError(
        Concat(key, ": ", file, " must hold a token of at least ", kTokenBytesMin,
               " printable characters without spaces; make one with: openssl rand -hex 32"));
  }
  return token;
}

absl::StatusOr<std::shared_ptr<const GateParts>> MakeGateParts(const RunOptions& options, RunLog* log,
                                                               std::shared_ptr<OcspMemory> answers) {
  auto parts = std::make_shared<GateParts>();
  ASSIGN_OR_RETURN(parts->config, LoadConfig(options.config_file));
  Config& config = parts->config;
  // Live sources alone: nobody stands in front of anything.
  if (!config.gateway.has_value() && (!config.live_sources.empty() || config.capture.has_value()))
    config.gateway.emplace();
  if (!config.gateway.has_value()) {
    return absl::InvalidArgumentError(
        Concat(options.config_file,
               ": has no section `gateway` (where to listen, which upstreams, which "
               "requests are logins), no `sources` and no `capture`; man stockade.yaml says more"));
  }
  if (config.familiar.has_value() && HasPublicHashKey(config)) {
    // Refused and not warned of: a key that is set later makes the snapshot worthless, and somebody looks at a start.
    return absl::InvalidArgumentError(Concat(
        options.config_file,
        ": familiar: the snapshot would be sealed under the hash key that everybody knows: whoever can "
        "write it could make himself at home on any account, and whoever reads it could try names; set "
        "hash_key_file, made with: openssl rand -hex 16"));
  }
  if (!options.rules.empty()) config.rules = options.rules;
  if (!options.mode.empty()) {
    const auto* const found =
        std::find(std::begin(kModeNames), std::end(kModeNames), std::string_view(options.mode));
    if (found == std::end(kModeNames)) {
      return absl::InvalidArgumentError(Concat(
          "--mode: '", options.mode, "' is none of observe, protect, certificate-only, established-only"));
    }
    config.engine.mode = static_cast<Mode>(found - std::begin(kModeNames));
  }
  const GatewaySettings& gateway = *config.gateway;
  ASSIGN_OR_RETURN(LoadedRules loaded, LoadRules(config));
  parts->loaded = std::make_shared<LoadedRules>(std::move(loaded));
  ASSIGN_OR_RETURN(parts->engine_text, EngineText(options, config, parts->loaded->files));
  ASSIGN_OR_RETURN(parts->exchange, LoginExchange::Create(gateway.endpoints, config.engine.hash_key));
  const std::optional<CertificateForm> form = ParseCertificateForm(gateway.certificates.from_header);
  if (!form) {
    return absl::InvalidArgumentError(Concat("gateway.certificates.from_header: '",
                                             gateway.certificates.from_header, "' is none of ",
                                             kCertificateFormList));
  }
  parts->certificate_form = *form;
  if (!gateway.certificates.anchor_files.empty()) {
    if (!gateway.certificates.crl_paths.empty())
      parts->crls = std::make_shared<CrlWatch>(CrlOptionsOf(gateway.certificates), absl::Now(), log);
    if (!gateway.certificates.accounts_file.empty()) {
      ASSIGN_OR_RETURN(parts->accounts,
                       AccountWatch::Start(gateway.certificates.accounts_file, absl::Now(), log));
    }
    ASSIGN_OR_RETURN(parts->verifier,
                     CertificateVerifier::Create(VerifierOptionsOf(
                         gateway.certificates, parts->crls ? parts->crls->current() : nullptr,
                         parts->accounts ? parts->accounts->current() : nullptr, answers)));
    if (AsksResponders(gateway.certificates)) {
      ASSIGN_OR_RETURN(parts->ocsp,
                       OcspClient::Start(OcspClientOptionsOf(gateway.certificates), std::move(answers)));
    }
  }
  ASSIGN_OR_RETURN(parts->geo, OpenGeo(config.geo));
  ASSIGN_OR_RETURN(parts->service_token, ReadToken(gateway.service.token_file, "gateway.service.token_file"));
  ASSIGN_OR_RETURN(parts->admin_token, ReadToken(gateway.admin.token_file, "gateway.admin.token_file"));
  if (!gateway.challenges.secret_file.empty()) {
    ASSIGN_OR_RETURN(const std::string text,
                     ReadWholeFile(gateway.challenges.secret_file, kSecretFileBytesMax));
    const absl::StatusOr<std::string> secret = TokenSecret(text);
    if (!secret.ok())
      return absl::InvalidArgumentError(
          Concat("gateway.challenges.secret_file: ", gateway.challenges.secret_file, ": ",
                 FromAbsl(secret.status().message())));
    parts->challenge_secret = *secret;
  }
  if (IsSet(gateway.admin.at)) RETURN_IF_ERROR(ValidateAdminAddress(gateway.admin.at));
  return std::shared_ptr<const GateParts>(std::move(parts));
}

ProxyParts ProxyPartsOf(const std::shared_ptr<const GateParts>& parts, GateDesk* desk,
                        GateCertificates* certificates, UnreadAnswers* unread) {
  ProxyParts proxy;
  proxy.logins = parts->exchange;
  proxy.desk = desk;
  proxy.unread = unread;
  proxy.can_ask = CanAskBy(LoginWay::kProxy, parts->gateway());
  if (parts->verifier != nullptr) {
    proxy.check_certificate = [parts, certificates](const CertificateQuestion& question) {
      // Where a listed proxy forwards certificates, its fields alone say what came with the connection (from_header.h).
      const bool is_forwarded = parts->certificate_form != CertificateForm::kNone && question.peer_is_listed;
      return certificates->Find(*parts,
                                is_forwarded
                                    ? ReadCertificateFields(parts->certificate_form, question.request.fields)
                                    : question.shown,
                                question.endpoint, question.claim, question.client);
    };
  }
  if (!parts->challenge_secret.empty()) {
    proxy.check_challenge = [parts](std::string_view value) -> std::optional<PassedChallenge> {
      ChallengeToken token;
      if (ReadChallengeToken(value, parts->challenge_secret, absl::Now(), &token) != TokenError::kNone)
        return std::nullopt;
      return PassedChallenge{token.kind, AccountText(token.account, parts->gateway().fold_account_case)};
    };
  }
  return proxy;
}

std::shared_ptr<const VerdictDialects> DialectsOf(const std::shared_ptr<const GateParts>& parts,
                                                  GateDesk* desk, GateCertificates* certificates,
                                                  VerdictCounters* counters) {
  const GatewaySettings& gateway = parts->gateway();
  VerdictParts verdict;
  verdict.desk = desk;
  verdict.exchange = parts->exchange;
  verdict.answers = gateway.answers;
  verdict.can_ask = CanAskByWays(gateway);
  verdict.trusted_proxies = gateway.trusted_proxies;
  verdict.client_address =
      ParseForwardingField(gateway.client_address_header).value_or(ForwardingField::kNone);
  verdict.tls_fingerprint = gateway.tls_fingerprint;
  verdict.token = parts->service_token;
  verdict.hash_key = parts->config.engine.hash_key;
  verdict.fold_account_case = gateway.fold_account_case;
  if (parts->verifier != nullptr) {
    verdict.certificate = [parts, certificates](std::span<const HeaderField> fields,
                                                const EndpointSettings& endpoint, const LoginClaim& claim,
                                                const Address& client) -> CertificateFinding {
      if (parts->certificate_form == CertificateForm::kNone && !ShowsCertificates(endpoint))
        return CertificateStatus::kUnchecked;
      return certificates->Find(*parts, ReadCertificateFields(parts->certificate_form, fields), endpoint,
                                claim, client);
    };
    verdict.assessed_certificate = [parts, certificates](CertificateEvidence shown,
                                                         const EndpointSettings& endpoint,
                                                         const LoginClaim& claim, const Address& client) {
      return certificates->Find(*parts, std::move(shown), endpoint, claim, client);
    };
  }
  verdict.counters = counters;
  return std::make_shared<const VerdictDialects>(std::move(verdict));
}

}  // namespace stockade
