#include "adapters/certificate/from_header.h"

#include <openssl/x509_vfy.h>

#include <algorithm>
#include <iterator>
#include <string>

#include "absl/strings/numbers.h"
#include "adapters/certificate/certificate_encoding.h"
#include "adapters/certificate/envoy_header.h"
#include "adapters/certificate/structured_field.h"
#include "engine/text.h"

namespace stockade {
namespace {

using Form = CertificateForm;
using Evidence = CertificateEvidence;

// Whole names, then beginnings of names: nginx, HAProxy and ingress-nginx ($ssl_client_* under both habits), Envoy,
// Traefik, AWS ALB, Apache examples.
constexpr std::string_view kNames[] = {"client-cert", "client-cert-chain", "x-forwarded-client-cert",
                                       "x-client-cert", "x-client-certificate"};
constexpr std::string_view kBeginnings[] = {"x-ssl-client-", "ssl-client-", "x-ssl-cert",
                                            "x-forwarded-tls-client-cert", "x-amzn-mtls-clientcert"};

// The leaf and all that may come with it.

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

Evidence Malformed() {
  return Faulty(Evidence::Fault::kUnreadable);
}

// Of all that was shown, the leaf first; each a certificate by its size, or none.
Evidence Shown(std::vector<std::string> ders) {
  if (ders.empty() || ders.size() > kCertificatesShownMax) return Malformed();
  for (const std::string& der : ders)
    if (der.empty() || der.size() > kCertificateBytesMax) return Malformed();
  Evidence evidence;
  evidence.from = Evidence::From::kHeader;
  evidence.leaf_der = std::move(ders.front());
  evidence.chain_der.assign(std::make_move_iterator(ders.begin() + 1), std::make_move_iterator(ders.end()));
  return evidence;
}

Evidence ShownInPem(std::string_view escaped, size_t count_max) {
  std::string pem;
  std::vector<std::string> ders;
  if (escaped.size() > kEscapedCertificateBytesMax * count_max || !DecodePercents(escaped, &pem) ||
      !ReadPemCertificates(pem, count_max, &ders)) {
    return Malformed();
  }
  return Shown(std::move(ders));
}

// Certificates in DER, one behind the other: by the length that the head of each says (X.690 §8.1.3). False where one
// ends beyond the text, or is larger than a certificate is.
bool SplitDer(std::string_view text, std::vector<std::string>* ders) {
  while (!text.empty()) {
    if (text.size() < 2 || text[0] != 0x30 || ders->size() == kCertificatesShownMax) return false;
    size_t length = static_cast<uint8_t>(text[1]);
    size_t head = 2;
    if (length >= 0x80) {
      const size_t count = length - 0x80;
      if (count == 0 || count > 2 || text.size() < 2 + count) return false;
      length = 0;
      for (size_t i = 0; i < count; ++i) length = length << 8 | static_cast<uint8_t>(text[2 + i]);
      head += count;
    }
    if (head + length > text.size() || head + length > kCertificateBytesMax) return false;
    ders->emplace_back(text.substr(0, head + length));
    text.remove_prefix(head + length);
  }
  return true;
}

// What HAProxy has no anchors for, as kNoAnchorReasons.
bool IsNoAnchorError(int error) noexcept {
  return error == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT || error == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN ||
         error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
         error == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE || error == X509_V_ERR_CERT_UNTRUSTED;
}

}  // namespace

struct CertificateFields::Row {
  Form form;
  std::string_view name;
  Part part;
};
// A form is its rows here and its Read function.
constexpr CertificateFields::Row CertificateFields::kRows[] = {
    {Form::kRfc9440, "client-cert", kLeaf},
    {Form::kRfc9440, "client-cert-chain", kChain},
    {Form::kNginx, "x-ssl-client-cert", kLeaf},
    {Form::kNginx, "x-ssl-client-verify", kVerify},
    {Form::kEnvoy, "x-forwarded-client-cert", kChain},
    {Form::kHaproxy, "x-ssl-client-der", kLeaf},
    {Form::kHaproxy, "x-ssl-client-chain-der", kChain},
    {Form::kHaproxy, "x-ssl-client-verify", kVerify},
    {Form::kHaproxy, "x-ssl-client-used", kUsed},
    {Form::kAwsAlb, "x-amzn-mtls-clientcert", kChain},
    {Form::kAwsAlb, "x-amzn-mtls-clientcert-leaf", kLeaf},
    {Form::kTraefik, "x-forwarded-tls-client-cert", kChain},
};

const CertificateFields::Row* CertificateFields::FindRow(Form form, std::string_view name) noexcept {
  const auto* const found = std::find_if(std::begin(kRows), std::end(kRows), [&](const Row& row) {
    return row.form == form && IsName(name, row.name);
  });
  return found == std::end(kRows) ? nullptr : found;
}

std::optional<CertificateForm> ParseCertificateForm(std::string_view name) noexcept {
  for (size_t i = 0; i < kCertificateFormNames.size(); ++i)
    if (kCertificateFormNames[i] == name) return static_cast<Form>(i);
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
  return peer_is_listed && CertificateFields::FindRow(form, name) != nullptr;
}

void CertificateFields::Add(std::string_view name, std::string_view value) {
  const Row* const row = FindRow(form_, name);
  if (row != nullptr) lines_[row->part].push_back(value);
}

CertificateEvidence CertificateFields::Read() const {
  const bool nothing =
      std::all_of(lines_.begin(), lines_.end(), [](const auto& lines) { return lines.empty(); });
  if (nothing) return {};
  // A list may stand in several lines (RFC 9110 §5.3), and of these fields RFC 9440 makes one a list.
  for (size_t part = 0; part < lines_.size(); ++part)
    if (lines_[part].size() > 1 && !(form_ == Form::kRfc9440 && part == kChain)) return Malformed();
  switch (form_) {
    case Form::kRfc9440:
      return ReadRfc9440();
    case Form::kNginx:
      return ReadNginx();
    case Form::kEnvoy:
      return ReadEnvoy();
    case Form::kHaproxy:
      return ReadHaproxy();
    case Form::kAwsAlb:
      return ReadAwsAlb();
    case Form::kTraefik:
      return ReadTraefik();
    case Form::kNone:
      break;
  }
  return {};
}

std::string_view CertificateFields::Only(Part part) const noexcept {
  return lines_[part].empty() ? std::string_view() : lines_[part][0];
}

CertificateEvidence CertificateFields::ReadRfc9440() const {
  std::string leaf;
  std::vector<std::string> chain;
  if (lines_[kLeaf].empty() || ReadByteSequence(Only(kLeaf), &leaf) != StructuredFieldError::kNone ||
      ReadByteSequenceList(lines_[kChain], kCertificateChainMax, &chain) != StructuredFieldError::kNone) {
    return Malformed();
  }
  chain.insert(chain.begin(), std::move(leaf));
  return Shown(std::move(chain));
}

CertificateEvidence CertificateFields::ReadNginx() const {
  const std::string_view escaped = Only(kLeaf);
  const std::string_view verify = Only(kVerify);
  // Without a certificate nginx sends NONE and no other field; behind an auth_request it may send both, empty.
  if (escaped.empty()) return verify.empty() || verify == "NONE" ? Evidence() : Malformed();
  constexpr std::string_view kFailed = "FAILED:";
  // FAILED alone is what nginx before 1.11.7 says.
  if (!verify.empty() && verify != "SUCCESS" && verify != "FAILED" && !verify.starts_with(kFailed))
    return Malformed();
  Evidence evidence = ShownInPem(escaped, 1);
  if (evidence.from == Evidence::From::kMalformed) return evidence;
  if (verify == "FAILED") evidence.refused_by_front = "no reason given";
  if (verify.starts_with(kFailed)) {
    const std::string_view reason = verify.substr(kFailed.size());
    bool no_anchor = false;
    for (const std::string_view known : kNoAnchorReasons) no_anchor = no_anchor || reason == known;
    if (!no_anchor) evidence.refused_by_front = reason.empty() ? "no reason given" : std::string(reason);
  }
  return evidence;
}

CertificateEvidence CertificateFields::ReadEnvoy() const {
  std::vector<std::string> ders;
  return ReadEnvoyCertificates(Only(kChain), &ders) ? Shown(std::move(ders)) : Malformed();
}

CertificateEvidence CertificateFields::ReadHaproxy() const {
  const std::string_view encoded = Only(kLeaf);
  const std::string_view verify = Only(kVerify);
  const std::string_view used = Only(kUsed);
  if (!used.empty() && used != "0" && used != "1") return Malformed();
  // Without a certificate HAProxy sets empty fields, says 0 for its use, and 0 for the error too.
  if (encoded.empty()) {
    const bool nothing = used != "1" && (verify.empty() || verify == "0") && Only(kChain).empty();
    return nothing ? Evidence() : Malformed();
  }
  int error = 0;
  if (used == "0" || (!verify.empty() && (!absl::SimpleAtoi(ToAbsl(verify), &error) || error < 0)))
    return Malformed();
  // Two digits of base64 are more than a byte.
  if (encoded.size() > kCertificateBytesMax * 2 ||
      Only(kChain).size() > kCertificateBytesMax * 2 * kCertificatesShownMax)
    return Malformed();
  std::string leaf, chain;
  std::vector<std::string> ders;
  if (!DecodeBase64(encoded, &leaf) || !DecodeBase64(Only(kChain), &chain) || !SplitDer(chain, &ders))
    return Malformed();
  // The chain begins with the leaf in some versions.
  if (ders.empty() || ders.front() != leaf) ders.insert(ders.begin(), std::move(leaf));
  Evidence evidence = Shown(std::move(ders));
  if (evidence.from == Evidence::From::kHeader && error != X509_V_OK && !IsNoAnchorError(error))
    evidence.refused_by_front = X509_verify_cert_error_string(error);
  return evidence;
}

CertificateEvidence CertificateFields::ReadAwsAlb() const {
  if (!lines_[kLeaf].empty() && !lines_[kChain].empty()) return Malformed();
  if (!lines_[kLeaf].empty()) return ShownInPem(Only(kLeaf), 1);
  return ShownInPem(Only(kChain), kCertificatesShownMax);
}

CertificateEvidence CertificateFields::ReadTraefik() const {
  std::string list;
  if (Only(kChain).size() > kEscapedCertificateBytesMax * kCertificatesShownMax ||
      !DecodePercents(Only(kChain), &list))
    return Malformed();
  std::vector<std::string> ders;
  for (size_t start = 0; start <= list.size();) {
    const size_t end = std::min(list.find(',', start), list.size());
    if (ders.size() == kCertificatesShownMax ||
        !DecodeBase64(std::string_view(list).substr(start, end - start), &ders.emplace_back())) {
      return Malformed();
    }
    start = end + 1;
  }
  return Shown(std::move(ders));
}

}  // namespace stockade
