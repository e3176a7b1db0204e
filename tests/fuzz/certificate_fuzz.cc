// Certificates, CRLs and OCSP responses of any bytes. Input: one DER element, or parts, each behind its length in two bytes:
// the leaf, what is sent with it, the anchor; parts that are CRLs are the CRLs. An input that is one certificate is its own
// anchor. What is read is DER; an answer that is good holds at the time it was given for, and every answer says why.
#include <openssl/x509.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/certificate/certificate_path.h"
#include "adapters/certificate/crl_set.h"
#include "adapters/certificate/ocsp_response.h"
#include "adapters/certificate/strict_der.h"

namespace {

using namespace stockade;

constexpr int64_t kNowS = 1302825600;  // 2011-04-15, when NIST's test certificates are valid

void Require(bool condition) {
  if (!condition) std::abort();
}

std::vector<std::string> Parts(std::string_view bytes) {
  if (bytes.starts_with('\x30')) return {std::string(bytes)};
  std::vector<std::string> parts;
  while (bytes.size() >= 2 && parts.size() < 8) {
    const size_t size =
        static_cast<size_t>(static_cast<unsigned char>(bytes[0])) << 8 | static_cast<unsigned char>(bytes[1]);
    parts.emplace_back(bytes.substr(2, size));
    bytes.remove_prefix(std::min(bytes.size(), size + 2));
  }
  return parts;
}

template <typename Object, typename Encode>
bool EncodesTo(Object* object, Encode encode, const std::string& der) {
  unsigned char* bytes = nullptr;
  const int size = encode(object, &bytes);
  const bool same =
      size >= 0 && der == std::string_view(reinterpret_cast<char*>(bytes), static_cast<size_t>(size));
  OPENSSL_free(bytes);
  return same;
}

void Check(const PathAnswer& answer) {
  Require(answer.status != CertificateStatus::kUnchecked && answer.status != CertificateStatus::kMissing);
  const bool good = answer.status == CertificateStatus::kValid;
  Require(good || !answer.text.empty());
  if (good) Require(answer.from_s <= kNowS && kNowS <= answer.until_s);
  if (answer.status == CertificateStatus::kRevocationUnknown) Require(answer.revocation_unknown.has_value());
  Require(answer.status != CertificateStatus::kUnconfirmed);  // the policy is to refuse
  for (const char c : answer.text) Require(static_cast<unsigned char>(c) >= 0x20);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ClearErrorsAtEnd clear;
  std::vector<std::string> certificates;
  std::vector<std::string> lists;
  std::string why;
  for (std::string& part : Parts({reinterpret_cast<const char*>(data), size})) {
    if (OwnedCrl crl = ReadCrl(part, &why)) {
      Require(EncodesTo(crl.get(), i2d_X509_CRL, part));
      lists.push_back(std::move(part));
    } else {
      Require(!why.empty());
      certificates.push_back(std::move(part));
    }
  }
  CrlSetOptions crl_options;
  crl_options.floors.sha1 = true;
  const auto crls = CrlSet::FromDer(lists, crl_options);
  Require(crls->lists().size() + crls->problems().size() == lists.size());
  if (certificates.empty()) return 0;

  const OwnedX509 leaf = ReadCertificate(certificates.front(), &why);
  Require((leaf != nullptr) == why.empty());
  const std::string anchor = certificates.back();
  if (leaf == nullptr) return 0;
  Require(EncodesTo(leaf.get(), i2d_X509, certificates.front()));
  std::vector<OwnedX509> sent;
  for (size_t i = 1; i + 1 < certificates.size(); ++i)
    if (OwnedX509 one = ReadCertificate(certificates[i], &why)) sent.push_back(std::move(one));
  for (const bool loose : {false, true}) {
    CertificatePathOptions options;
    options.bare_anchors = loose;
    options.whole_profile = !loose;
    options.explicit_policy = !loose;
    options.purpose = loose ? CertificatePurpose::kAny : CertificatePurpose::kClientAuth;
    options.floors.sha1 = loose;
    options.floors.odd_serials = loose;
    options.floors.rsa_bits_min = loose ? 512 : 2048;
    options.floors.dsa_bits_min = loose ? 512 : 0;
    const auto paths = CertificatePaths::CreateFromDer({anchor}, {}, options);
    if (!paths.ok()) continue;
    const PathAnswer without = (*paths)->Verify(leaf.get(), sent, nullptr, kNowS);
    const PathAnswer with = (*paths)->Verify(leaf.get(), sent, crls.get(), kNowS);
    Check(without);
    Check(with);
    // CRLs make nobody good.
    if (with.status == CertificateStatus::kValid) Require(without.status == CertificateStatus::kValid);
    Require(!without.revocation_unknown.has_value());

    const OcspSources ocsp{std::make_shared<OcspMemory>(), {}, true};
    RevocationSources asked(crls.get());
    asked.ocsp = &ocsp;
    asked.brought = certificates.back();  // a certificate, which is no response
    const PathAnswer open = (*paths)->Verify(leaf.get(), sent, asked, kNowS);
    Check(open);
    Require(open.status == with.status);
    Require(ocsp.memory->size() == 0);
    Require(open.ask.empty() || open.status == CertificateStatus::kRevocationUnknown);
    for (const OcspQuestion& question : open.ask) {
      Require(ParseResponderUrl(question.url).has_value());
      Require(!question.certificate_der.empty() && !question.issuer_der.empty());
    }
  }
  if (const OwnedX509 issuer = ReadCertificate(anchor, &why)) {
    const OcspAnswer answer =
        ReadOcspResponse(certificates.back(), leaf.get(), issuer.get(), absl::FromUnixSeconds(kNowS), {});
    Require(answer.status == OcspStatus::kUnknown);
  }
  return 0;
}
