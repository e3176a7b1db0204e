#include "adapters/certificate/ocsp_question.h"

#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "adapters/certificate/openssl_owned.h"
#include "engine/text.h"

namespace stockade {
namespace {

using OwnedRequest = std::unique_ptr<OCSP_REQUEST, FreeBy<OCSP_REQUEST_free>>;
using OwnedResponse = std::unique_ptr<OCSP_RESPONSE, FreeBy<OCSP_RESPONSE_free>>;
using OwnedBasic = std::unique_ptr<OCSP_BASICRESP, FreeBy<OCSP_BASICRESP_free>>;

// RFC 9654 §2.1: responders must take 16 to 32; older ones took up to 16 only.
constexpr int kNonceBytes = 16;

constexpr std::string_view kScheme = "http://";

bool IsHostCharacter(char c, bool bracketed) noexcept {
  const bool digit = (c >= '0' && c <= '9');
  const char lower = static_cast<char>(c | 0x20);
  if (bracketed) return digit || (lower >= 'a' && lower <= 'f') || c == ':' || c == '.';
  return digit || (lower >= 'a' && lower <= 'z') || c == '-' || c == '.' || c == '_';
}

}  // namespace

std::optional<ResponderUrl> ParseResponderUrl(std::string_view url) {
  const bool printable = std::all_of(url.begin(), url.end(), [](char c) { return c > 0x20 && c < 0x7f; });
  if (!printable || url.size() > kResponderUrlBytesMax) return std::nullopt;
  if (!absl::StartsWithIgnoreCase(ToAbsl(url), ToAbsl(kScheme))) return std::nullopt;
  url.remove_prefix(kScheme.size());
  if (url.find('#') != std::string_view::npos) return std::nullopt;
  ResponderUrl read;
  const size_t end = std::min(url.find_first_of("/?"), url.size());
  const std::string_view authority = url.substr(0, end);
  read.authority = authority;
  read.target = url.substr(end);
  if (!read.target.starts_with('/')) read.target.insert(0, 1, '/');

  const bool bracketed = authority.starts_with('[');
  const size_t close = bracketed ? authority.find(']') : 0;
  if (close == std::string_view::npos) return std::nullopt;
  const size_t colon = std::min(authority.find(':', close), authority.size());
  const std::string_view host = bracketed ? authority.substr(1, close - 1) : authority.substr(0, colon);
  const bool named = !host.empty() && std::all_of(host.begin(), host.end(), [bracketed](char c) {
    return IsHostCharacter(c, bracketed);
  });
  if (!named || (bracketed && colon != close + 1)) return std::nullopt;
  read.host = host;
  if (colon < authority.size()) {
    const std::string_view digits = authority.substr(colon + 1);
    uint32_t port = 0;
    const bool number = digits.find_first_not_of("0123456789") == std::string_view::npos &&
                        absl::SimpleAtoi(ToAbsl(digits), &port);
    if (!number || port == 0 || port > 65535) return std::nullopt;
    read.port = static_cast<uint16_t>(port);
  }
  return read;
}

std::string ResponderUrlOf(X509* certificate) {
  const ClearErrorsAtEnd clear;
  const std::unique_ptr<STACK_OF(OPENSSL_STRING), FreeBy<X509_email_free>> urls(X509_get1_ocsp(certificate));
  for (int i = 0; i < sk_OPENSSL_STRING_num(urls.get()); ++i) {
    std::string url = sk_OPENSSL_STRING_value(urls.get(), i);
    if (ParseResponderUrl(url)) return url;
  }
  return "";
}

std::string MakeOcspRequest(const X509* certificate, const X509* issuer, bool with_nonce) {
  const ClearErrorsAtEnd clear;
  const OwnedRequest request(OCSP_REQUEST_new());
  OCSP_CERTID* id = OCSP_cert_to_id(EVP_sha1(), certificate, issuer);
  if (request == nullptr || id == nullptr || OCSP_request_add0_id(request.get(), id) == nullptr) {
    OCSP_CERTID_free(id);
    return "";
  }
  // Random where no value is given.
  if (with_nonce && OCSP_request_add1_nonce(request.get(), nullptr, kNonceBytes) != 1) return "";
  unsigned char* bytes = nullptr;
  const int size = i2d_OCSP_REQUEST(request.get(), &bytes);
  if (size <= 0) return "";
  std::string der(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
  OPENSSL_free(bytes);
  return der;
}

bool BringsNonceOf(std::string_view request_der, std::string_view response_der) {
  const ClearErrorsAtEnd clear;
  const auto* at = reinterpret_cast<const unsigned char*>(request_der.data());
  const OwnedRequest request(d2i_OCSP_REQUEST(nullptr, &at, static_cast<long>(request_der.size())));
  at = reinterpret_cast<const unsigned char*>(response_der.data());
  const OwnedResponse response(d2i_OCSP_RESPONSE(nullptr, &at, static_cast<long>(response_der.size())));
  if (request == nullptr || response == nullptr) return false;
  const OwnedBasic basic(OCSP_response_get1_basic(response.get()));
  // 1: both have one, and it is the same.
  return basic != nullptr && OCSP_check_nonce(request.get(), basic.get()) == 1;
}

}  // namespace stockade
