#include "tools/stockade/capture_reading.h"

#include <sstream>
#include <utility>

#include "absl/time/clock.h"
#include "adapters/gateway/login_certificate.h"
#include "adapters/source/access_log.h"
#include "engine/status.h"
#include "engine/text.h"
#include "tools/stockade/account_watch.h"
#include "tools/stockade/certificate_options.h"
#include "tools/stockade/crl_watch.h"
#include "tools/stockade/run_log.h"

namespace stockade {
namespace {

using From = ValueSource::From;

// Where a login that failed is sent back to: the page with a word for it, or the form again.
constexpr std::string_view kBackAgainPattern =
    R"((?i)([?&#/_-](auth|login)?_?(error|err|fail|failed|failure|invalid|denied)\b)|((^|/)(log|sign)[-_]?(in|on)(\.[a-z]{2,5})?/?([?#]|$)))";

std::vector<ValueSource> Fields(std::initializer_list<std::string_view> names) {
  std::vector<ValueSource> sources;
  for (const std::string_view name : names) sources.push_back({From::kBody, std::string(name)});
  return sources;
}

OutcomeRule ByStatus(std::string_view status, Outcome outcome) {
  OutcomeRule rule;
  rule.status = status;
  rule.outcome = outcome;
  return rule;
}

void AddUsualOutcomes(std::vector<OutcomeRule>* rows) {
  OutcomeRule back = ByStatus("3xx", Outcome::kBadPassword);
  back.location = kBackAgainPattern;
  rows->push_back(std::move(back));
  rows->push_back(ByStatus("304", Outcome::kUnknown));
  rows->push_back(ByStatus("3xx", Outcome::kSuccess));
  // An interface answers in JSON whom it lets in; a form is shown again to whom it does not.
  OutcomeRule json = ByStatus("200", Outcome::kSuccess);
  json.header = "content-type";
  json.header_matches = "(?i)json";
  rows->push_back(std::move(json));
  rows->push_back(ByStatus("200", Outcome::kBadPassword));
  for (const std::string_view status : {"201", "202", "204"})
    rows->push_back(ByStatus(status, Outcome::kSuccess));
  for (const std::string_view status : {"400", "401", "403", "422"})
    rows->push_back(ByStatus(status, Outcome::kBadPassword));
  rows->push_back(ByStatus("423", Outcome::kAccountLocked));
  for (const std::string_view status : {"429", "503"}) rows->push_back(ByStatus(status, Outcome::kStopped));
}

// --login-path and input.access_log.login_paths are for requests, wherever they are seen.
std::vector<EndpointSettings> Endpoints(const Config& config) {
  if (config.gateway.has_value() && !config.gateway->endpoints.empty()) return config.gateway->endpoints;
  using PathMatch = AccessLogOptions::PathMatch;
  std::vector<EndpointSettings> endpoints;
  for (const AccessLogOptions::LoginPath& path : config.source.access_log.login_paths) {
    EndpointSettings endpoint = UsualEndpoint();
    endpoint.name = path.text;
    endpoint.path_regex.clear();
    if (path.match == PathMatch::kRegex) {
      endpoint.path_regex = path.text;
    } else {
      endpoint.path = path.match == PathMatch::kPrefix ? path.text + "*" : path.text;
    }
    endpoints.push_back(std::move(endpoint));
  }
  if (endpoints.empty()) endpoints.push_back(UsualEndpoint());
  return endpoints;
}

// Everything that a certificate is verified with, and what it needs while it lives.
struct FileVerifier {
  std::ostringstream log_text;
  RunLog log{&log_text};
  std::shared_ptr<CrlWatch> crls;
  std::shared_ptr<AccountWatch> accounts;
  std::shared_ptr<const CertificateVerifier> verifier;
};

absl::StatusOr<std::shared_ptr<const CertificateVerifier>> VerifierOf(const CertificateSettings& settings) {
  if (settings.anchor_files.empty()) return nullptr;
  auto files = std::make_shared<FileVerifier>();
  if (!settings.crl_paths.empty())
    files->crls = std::make_shared<CrlWatch>(CrlOptionsOf(settings), absl::Now(), &files->log);
  if (!settings.accounts_file.empty()) {
    ASSIGN_OR_RETURN(files->accounts, AccountWatch::Start(settings.accounts_file, absl::Now(), &files->log));
  }
  // Nobody is asked about what has long happened: responders say what holds now.
  ASSIGN_OR_RETURN(files->verifier, CertificateVerifier::Create(VerifierOptionsOf(
                                        settings, files->crls ? files->crls->current() : nullptr,
                                        files->accounts ? files->accounts->current() : nullptr,
                                        std::make_shared<OcspMemory>())));
  const CertificateVerifier* const verifier = files->verifier.get();
  return std::shared_ptr<const CertificateVerifier>(std::move(files), verifier);
}

CapturedCertificateCheck CheckOf(std::shared_ptr<const CertificateVerifier> verifier, CertificateForm form) {
  if (verifier == nullptr) return nullptr;
  auto memory = std::make_shared<CertificateMemory>();
  return [verifier = std::move(verifier), memory, form](const CapturedCertificate& shown) {
    // Where nothing could show one. Where a listed proxy would, who comes past it shows none, as at the gate.
    if (form == CertificateForm::kNone && !ShowsCertificates(shown.endpoint))
      return CertificateStatus::kUnchecked;
    const bool is_forwarded = form != CertificateForm::kNone && shown.peer_is_listed;
    CertificateEvidence evidence =
        is_forwarded ? ReadCertificateFields(form, shown.fields) : CertificateEvidence();
    const absl::Time then = absl::FromUnixNanos(shown.time_ns);
    if (const auto known = JudgeAtOnce(*verifier, evidence, shown.endpoint, shown.claim, then, memory.get()))
      return *known;
    ShownCertificate certificate(std::move(evidence), shown.endpoint, shown.claim, then);
    const CertificateStatus status = certificate.Look(*verifier, then, memory.get()).status;
    certificate.Count(status, memory.get());
    return status;
  };
}

}  // namespace

EndpointSettings UsualEndpoint() {
  EndpointSettings endpoint;
  endpoint.name = "login";
  endpoint.path_regex = Concat("(?s).*(?:", kLoginPathPattern, ").*");
  endpoint.account =
      Fields({"username", "user_name", "user", "login", "email", "userid", "user_id", "account", "uname",
              "log", "j_username", "_username", "identifier", "loginid", "login_id"});
  endpoint.account.push_back({From::kBasic, "user"});
  endpoint.password =
      Fields({"password", "passwd", "pass", "pwd", "j_password", "_password", "passwort", "secret"});
  endpoint.password.push_back({From::kBasic, "password"});
  AddUsualOutcomes(&endpoint.outcomes);
  return endpoint;
}

absl::StatusOr<CaptureReading> CaptureReadingOf(const Config& config) {
  std::shared_ptr<const CertificateVerifier> verifier;
  if (config.gateway.has_value()) {
    ASSIGN_OR_RETURN(verifier, VerifierOf(config.gateway->certificates));
  }
  return CaptureReadingOf(config, std::move(verifier));
}

absl::StatusOr<CaptureReading> CaptureReadingOf(const Config& config,
                                                std::shared_ptr<const CertificateVerifier> verifier) {
  const GatewaySettings gateway = config.gateway.value_or(GatewaySettings());
  CaptureReading reading;
  ASSIGN_OR_RETURN(reading.logins, LoginExchange::Create(Endpoints(config), config.engine.hash_key));
  reading.client_addresses = std::make_shared<ClientAddressReader>(
      gateway.trusted_proxies,
      ParseForwardingField(gateway.client_address_header).value_or(ForwardingField::kNone));
  reading.check_certificate =
      CheckOf(std::move(verifier),
              ParseCertificateForm(gateway.certificates.from_header).value_or(CertificateForm::kNone));
  reading.tls_fingerprint = gateway.tls_fingerprint;
  reading.capture.heads = {gateway.limits.header_bytes, gateway.limits.target_bytes,
                           static_cast<size_t>(gateway.limits.header_count)};
  reading.capture.chunks = {gateway.limits.chunk_extension_bytes, gateway.limits.trailer_bytes};
  return reading;
}

std::string CaptureReadingText(const Config& config) {
  if (config.gateway.has_value() && !config.gateway->endpoints.empty())
    return "logins are those of gateway.endpoints";
  if (!config.source.access_log.login_paths.empty())
    return "logins are what is sent to the login paths given, with fields of the usual names";
  return "logins are told by the usual paths and names of fields; gateway.endpoints says others";
}

}  // namespace stockade
