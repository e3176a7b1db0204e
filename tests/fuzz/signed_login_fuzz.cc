// Signed logins of any bytes: four lines of timestamp, nonce, text and base64 (or the bytes themselves, where it is none).
// Evidence is whole or it has a fault, and its certificates keep the limits. Base64 and bare certificates come along.
#include "adapters/certificate/signed_login.h"

#include <array>
#include <cstdlib>
#include <string>
#include <string_view>

#include "adapters/certificate/certificate_encoding.h"
#include "adapters/certificate/signed_text.h"

namespace {

using stockade::CertificateEvidence;
using From = CertificateEvidence::From;
using Fault = CertificateEvidence::Fault;

void Require(bool condition) {
  if (!condition) std::abort();
}

void Check(const CertificateEvidence& evidence, From good) {
  Require(evidence.from == good || evidence.from == From::kMalformed);
  Require((evidence.from == good) == (evidence.fault == Fault::kNone));
  Require((evidence.from == good) != evidence.leaf_der.empty());
  Require(evidence.leaf_der.size() <= stockade::kCertificateBytesMax);
  Require(evidence.chain_der.size() <= stockade::kCertificateChainMax);
  for (const std::string& der : evidence.chain_der)
    Require(!der.empty() && der.size() <= stockade::kCertificateBytesMax);
}

std::string Base64(std::string_view bytes) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    unsigned bits = 0;
    for (size_t k = 0; k < 3; ++k)
      bits = bits << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    for (size_t k = 0; k < 4 && i + k <= bytes.size(); ++k)
      text.push_back(kDigits[bits >> (18 - 6 * k) & 63]);
  }
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  std::array<std::string_view, 3> lines;
  for (std::string_view& line : lines) {
    line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
  }
  const auto [timestamp, nonce, form] = lines;
  stockade::SignedLogin shown;
  shown.timestamp = timestamp;
  shown.nonce = nonce;
  if (const auto text = stockade::SignedText::Parse(form); text.ok())
    shown.text = text->Fill({"alice", timestamp, nonce}).value_or("");
  const std::string encoded = Base64(rest);
  for (const std::string_view signature : {rest, std::string_view(encoded)}) {
    shown.signature = signature;
    const absl::Time now = absl::FromUnixSeconds(1714953600);
    absl::Time until;
    const CertificateEvidence evidence = stockade::ReadSignedLogin(shown, absl::Minutes(2), now, &until);
    Check(evidence, From::kSigned);
    if (evidence.from == From::kSigned) Require(until >= now && until <= now + absl::Minutes(4));
    Check(stockade::ReadBareCertificate(signature), From::kBare);
  }
  std::string bytes;
  if (rest.size() <= stockade::kSignatureBytesMax && !rest.empty())
    Require(stockade::DecodeSentBase64(encoded, stockade::kSignatureBytesMax, &bytes) && bytes == rest);
  return 0;
}
