#include "adapters/certificate/from_header.h"

#include <string>

#include "adapters/certificate/structured_field.h"

namespace stockade {
namespace {

constexpr std::string_view kClientCert = "client-cert";
constexpr std::string_view kClientCertChain = "client-cert-chain";
constexpr std::string_view kNginxCert = "x-ssl-client-cert";
constexpr std::string_view kNginxVerify = "x-ssl-client-verify";

// Whole names, then beginnings of names: nginx and ingress-nginx ($ssl_client_* under both habits), Envoy, Traefik, AWS
// ALB, Apache and HAProxy examples.
constexpr std::string_view kNames[] = {kClientCert, kClientCertChain, "x-forwarded-client-cert",
                                       "x-client-cert", "x-client-certificate"};
constexpr std::string_view kBeginnings[] = {"x-ssl-client-", "ssl-client-", "x-ssl-cert",
                                            "x-forwarded-tls-client-cert", "x-amzn-mtls-clientcert"};

// What nginx answers where it has no anchors to judge by, in the words of OpenSSL 1.1 and 3; the reasons that its own
// optional_no_ca lets pass (ngx_ssl_verify_error_optional).
constexpr std::string_view kNoAnchorReasons[] = {"self signed certificate",
                                                 "self signed certificate in certificate chain",
                                                 "self-signed certificate",
                                                 "self-signed certificate in certificate chain",
                                                 "unable to get local issuer certificate",
                                                 "unable to verify the first certificate",
                                                 "certificate not trusted"};

char Folded(char c) noexcept {
  if (c >= 'A' && c <= 'Z') return static_cast<char>(c + 32);
  return c == '_' ? '-' : c;
}
bool BeginsFolded(std::string_view text, std::string_view start) noexcept {
  if (text.size() < start.size()) return false;
  for (size_t i = 0; i < start.size(); ++i)
    if (Folded(text[i]) != start[i]) return false;
  return true;
}
// Exact but for case: "_" is not "-" where a field is believed.
bool IsName(std::string_view text, std::string_view name) noexcept {
  return text.size() == name.size() && BeginsFolded(text, name) && text.find('_') == std::string_view::npos;
}

CertificateEvidence Malformed() {
  CertificateEvidence evidence;
  evidence.from = CertificateEvidence::From::kMalformed;
  return evidence;
}

int HexDigit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// "+" is itself here: nginx escapes a space as %20, and base64 has plus signs.
bool PercentDecoded(std::string_view text, std::string* out) {
  out->reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out->push_back(text[i]);
      continue;
    }
    if (text.size() - i < 3) return false;
    const int high = HexDigit(text[i + 1]);
    const int low = HexDigit(text[i + 2]);
    if (high < 0 || low < 0) return false;
    out->push_back(static_cast<char>(high << 4 | low));
    i += 2;
  }
  return true;
}

// One block of PEM (RFC 7468 §5.1) and nothing around it.
bool ReadPem(std::string_view text, std::string* der) {
  constexpr std::string_view kBegin = "-----BEGIN CERTIFICATE-----";
  constexpr std::string_view kEnd = "-----END CERTIFICATE-----";
  while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
  if (!text.starts_with(kBegin) || !text.ends_with(kEnd) || text.size() < kBegin.size() + kEnd.size())
    return false;
  text.remove_prefix(kBegin.size());
  text.remove_suffix(kEnd.size());
  if (!text.starts_with('\n') && !text.starts_with("\r\n")) return false;
  if (!text.ends_with('\n')) return false;
  std::string base64;
  base64.reserve(text.size());
  for (const char c : text)
    if (c != '\n' && c != '\r') base64.push_back(c);
  return DecodeBase64(base64, der);
}

// Percent signs, line ends and base64 of the largest certificate: at worst every byte of its PEM is escaped.
constexpr size_t kEscapedBytesMax = kCertificateBytesMax * 5;

}  // namespace

std::optional<CertificateForm> ParseCertificateForm(std::string_view name) noexcept {
  if (name == "none") return CertificateForm::kNone;
  if (name == "rfc9440") return CertificateForm::kRfc9440;
  if (name == "nginx") return CertificateForm::kNginx;
  return std::nullopt;
}

bool IsCertificateField(std::string_view name) noexcept {
  for (const std::string_view whole : kNames)
    if (name.size() == whole.size() && BeginsFolded(name, whole)) return true;
  for (const std::string_view beginning : kBeginnings)
    if (BeginsFolded(name, beginning)) return true;
  return false;
}

bool MayPassOn(std::string_view name, CertificateForm form, bool peer_is_listed) noexcept {
  if (!IsCertificateField(name)) return true;
  if (!peer_is_listed) return false;
  if (form == CertificateForm::kRfc9440) return IsName(name, kClientCert) || IsName(name, kClientCertChain);
  return form == CertificateForm::kNginx && (IsName(name, kNginxCert) || IsName(name, kNginxVerify));
}

void CertificateFields::Add(std::string_view name, std::string_view value) {
  if (form_ == CertificateForm::kRfc9440) {
    if (IsName(name, kClientCert)) certificate_.push_back(value);
    if (IsName(name, kClientCertChain)) chain_.push_back(value);
  } else if (form_ == CertificateForm::kNginx) {
    if (IsName(name, kNginxCert)) certificate_.push_back(value);
    if (IsName(name, kNginxVerify)) verify_.push_back(value);
  }
}

CertificateEvidence CertificateFields::Read() const {
  switch (form_) {
    case CertificateForm::kRfc9440:
      return ReadRfc9440();
    case CertificateForm::kNginx:
      return ReadNginx();
    case CertificateForm::kNone:
      break;
  }
  return {};
}

CertificateEvidence CertificateFields::ReadRfc9440() const {
  if (certificate_.empty() && chain_.empty()) return {};
  if (certificate_.size() != 1) return Malformed();
  CertificateEvidence evidence;
  evidence.from = CertificateEvidence::From::kHeader;
  if (ReadByteSequence(certificate_[0], &evidence.leaf_der) != StructuredFieldError::kNone ||
      ReadByteSequenceList(chain_, kCertificateChainMax, &evidence.chain_der) !=
          StructuredFieldError::kNone) {
    return Malformed();
  }
  if (evidence.leaf_der.empty() || evidence.leaf_der.size() > kCertificateBytesMax) return Malformed();
  for (const std::string& der : evidence.chain_der)
    if (der.empty() || der.size() > kCertificateBytesMax) return Malformed();
  return evidence;
}

CertificateEvidence CertificateFields::ReadNginx() const {
  if (certificate_.size() > 1 || verify_.size() > 1) return Malformed();
  const std::string_view escaped = certificate_.empty() ? std::string_view() : certificate_[0];
  const std::string_view verify = verify_.empty() ? std::string_view() : verify_[0];
  // Without a certificate nginx sends NONE and no other field; behind an auth_request it may send both, empty.
  if (escaped.empty()) return verify.empty() || verify == "NONE" ? CertificateEvidence() : Malformed();
  constexpr std::string_view kFailed = "FAILED:";
  // FAILED alone is what nginx before 1.11.7 says.
  if (!verify.empty() && verify != "SUCCESS" && verify != "FAILED" && !verify.starts_with(kFailed))
    return Malformed();
  CertificateEvidence evidence;
  evidence.from = CertificateEvidence::From::kHeader;
  std::string pem;
  if (escaped.size() > kEscapedBytesMax || !PercentDecoded(escaped, &pem) ||
      !ReadPem(pem, &evidence.leaf_der) || evidence.leaf_der.empty() ||
      evidence.leaf_der.size() > kCertificateBytesMax) {
    return Malformed();
  }
  if (verify == "FAILED") evidence.refused_by_front = "no reason given";
  if (verify.starts_with(kFailed)) {
    const std::string_view reason = verify.substr(kFailed.size());
    bool no_anchor = false;
    for (const std::string_view known : kNoAnchorReasons) no_anchor = no_anchor || reason == known;
    if (!no_anchor) evidence.refused_by_front = reason.empty() ? "no reason given" : std::string(reason);
  }
  return evidence;
}

}  // namespace stockade
