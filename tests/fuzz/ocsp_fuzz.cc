// OCSP responses of any bytes, asked of a certificate and an issuer that are there: input as in certificate_fuzz, the leaf,
// the issuer and the response. Without the issuer's key nobody makes an answer, so only what the corpus holds may be one.
#include <cstdlib>
#include <string>
#include <string_view>

#include "adapters/certificate/ocsp_response.h"
#include "adapters/certificate/strict_der.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace stockade;
  const ClearErrorsAtEnd clear;
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  std::string parts[3];
  for (std::string& part : parts) {
    if (bytes.size() < 2) break;
    const size_t length =
        static_cast<size_t>(static_cast<unsigned char>(bytes[0])) << 8 | static_cast<unsigned char>(bytes[1]);
    part = bytes.substr(2, length);
    bytes.remove_prefix(std::min(bytes.size(), length + 2));
  }
  std::string why;
  const OwnedX509 leaf = ReadCertificate(parts[0], &why);
  const OwnedX509 issuer = ReadCertificate(parts[1], &why);
  if (leaf == nullptr || issuer == nullptr) return 0;
  OcspOptions options;
  options.age_max = absl::Hours(24 * 7);
  options.floors.sha1 = true;
  options.floors.rsa_bits_min = 1024;
  const int64_t now_s = 1488672000;  // 2017-03-05
  const OcspAnswer answer =
      ReadOcspResponse(parts[2], leaf.get(), issuer.get(), absl::FromUnixSeconds(now_s), options);
  if ((answer.status == OcspStatus::kUnknown) != (answer.until_s == 0)) std::abort();
  if (answer.status != OcspStatus::kUnknown && answer.until_s < now_s) std::abort();
  if ((answer.status == OcspStatus::kGood) != answer.why.empty()) std::abort();
  return 0;
}
