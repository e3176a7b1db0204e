// What a login shows of certificates, as the reader of logins finds it: signatures with the text they must be over, bare
// certificates, and fields of which nobody can say what they are. What they are worth is judged elsewhere.
#include <catch2/catch.hpp>
#include <vector>

#include "adapters/certificate/signed_text.h"
#include "adapters/gateway/login_exchange.h"
#include "engine/text.h"

namespace stockade {
namespace {

using Fault = CertificateEvidence::Fault;
using Fields = std::vector<HeaderField>;
using From = ValueSource::From;

EndpointSettings Signed() {
  EndpointSettings endpoint;
  endpoint.name = "portal";
  endpoint.path = "/login";
  endpoint.account = {{From::kBody, "user"}};
  endpoint.password = {{From::kBody, "pass"}};
  endpoint.signature.emplace();
  endpoint.signature->value = {{From::kBody, "sig"}, {From::kHeader, "X-Signature"}};
  endpoint.signature->timestamp = {{From::kBody, "ts"}};
  endpoint.signature->nonce = {{From::kBody, "nonce"}};
  endpoint.signature->ocsp = {{From::kBody, "ocsp"}};
  endpoint.bare_certificate = {{From::kBody, "cert"}};
  endpoint.fold_account_case = true;
  return endpoint;
}

LoginClaim Read(std::string_view body, const char* type = "application/x-www-form-urlencoded",
                const EndpointSettings& endpoint = Signed(), std::string_view header = "") {
  const auto exchange = LoginExchange::Create({endpoint}, HashKey{1, 2});
  REQUIRE(exchange.ok());
  Fields fields = {{"Content-Type", type}};
  if (!header.empty()) fields.push_back({"X-Signature", header});
  LoginClaim claim;
  CHECK((*exchange)->ReadRequest(0, RequestView{"POST", "/login", fields}, body, &claim) ==
        LoginReadError::kNone);
  CHECK(claim.has_account);
  return claim;
}

TEST_CASE("a signature comes with the text it must be over, the account as it was typed",
          "[gateway][login]") {
  const std::string body = "user=Alice%20&pass=x&sig=TUlJ%2BA%3D%3D&ts=1714953600&nonce=n-12345678";
  const LoginClaim claim = Read(body);
  CHECK(claim.account == "alice");
  REQUIRE(claim.signature.has_value());
  CHECK(claim.signature->signature == "TUlJ+A==");
  CHECK(claim.signature->text == "Alice \n1714953600\nn-12345678");
  CHECK(claim.signature->timestamp == "1714953600");
  CHECK(claim.signature->nonce == "n-12345678");
  CHECK(claim.signature->fault == Fault::kNone);
  CHECK_FALSE(claim.bare_certificate.has_value());

  const LoginClaim json =
      Read(R"({"user":"Alice","pass":"x","sig":"AAAA","ts":1714953600123,"nonce":"n","cert":null})",
           "application/json");
  REQUIRE(json.signature.has_value());
  CHECK(json.signature->text == "Alice\n1714953600123\nn");
  CHECK_FALSE(json.bare_certificate.has_value());

  EndpointSettings piped = Signed();
  piped.signature->over = "{nonce}|{account}|{timestamp}";
  CHECK(Read("user=a&ts=1&nonce=n", "application/x-www-form-urlencoded", piped, "AAAA").signature->text ==
        "n|a|1");
  EndpointSettings unsigned_one = Signed();
  unsigned_one.signature.reset();
  unsigned_one.bare_certificate.clear();
  const LoginClaim ignored = Read(body + "&cert=x", "application/x-www-form-urlencoded", unsigned_one);
  CHECK_FALSE(ignored.signature.has_value());
  CHECK_FALSE(ignored.bare_certificate.has_value());
}

TEST_CASE("where nothing is signed there is no signature, and where nobody can say what is, a faulty one",
          "[gateway][login]") {
  CHECK_FALSE(Read("user=a&ts=1714953600&nonce=n-12345678").signature.has_value());
  CHECK_FALSE(Read("user=a&sig=&ts=&nonce=&cert=").signature.has_value());
  CHECK_FALSE(Read("user=a&sig=&ts=&nonce=&cert=").bare_certificate.has_value());
  const auto fault = [](const std::string& body) {
    const LoginClaim claim = Read(body);
    REQUIRE(claim.signature.has_value());
    return claim.signature->fault;
  };
  CHECK(fault("user=a&sig=AAAA&sig=BBBB&ts=1&nonce=n") == Fault::kUnreadable);
  CHECK(fault("user=a&sig=AAAA&ts=1&ts=2&nonce=n") == Fault::kUnreadable);
  CHECK(fault("user=a&sig=AAAA&ts=1&nonce=n&nonce=m") == Fault::kUnreadable);
  CHECK(fault("user=a&sig=AA;AA&ts=1&nonce=n") == Fault::kUnreadable);
  CHECK(fault("user=a&ts=1&nonce=n&sig=" + std::string(kSignatureTextBytesMax + 1, 'A')) ==
        Fault::kUnreadable);
  CHECK(fault("user=a&sig=AAAA&nonce=n&ts=" + std::string(kTimestampBytesMax + 1, '1')) ==
        Fault::kUnreadable);
  CHECK(fault("user=a&sig=AAAA&ts=1&nonce=" + std::string(kNonceBytesMax + 1, 'n')) == Fault::kUnreadable);
  CHECK(fault("user=a&sig=AAAA&ts=1%0A2&nonce=n") == Fault::kIncomplete);  // one text, two logins
  CHECK(fault("sig=AAAA&ts=1&nonce=n&user=" + std::string(kSignedTextBytesMax, 'a')) == Fault::kIncomplete);
  CHECK(fault("user=a&sig=AAAA") == Fault::kNone);  // whose timestamp is empty, and is refused for that

  // An OCSP response is no proof: where nobody can say what it is there is none.
  const auto ocsp = [](const std::string& body) {
    const LoginClaim claim = Read("user=a&sig=AAAA&ts=1&nonce=n" + body);
    REQUIRE(claim.signature.has_value());
    CHECK(claim.signature->fault == Fault::kNone);
    return claim.signature->ocsp;
  };
  CHECK(ocsp("&ocsp=MIIB%2BA") == "MIIB+A");
  CHECK(ocsp("").empty());
  CHECK(ocsp("&ocsp=AAAA&ocsp=BBBB").empty());
  CHECK(ocsp("&ocsp=" + std::string(kOcspResponseTextBytesMax + 1, 'A')).empty());

  CHECK(Read("user=a&cert=AAAA").bare_certificate == "AAAA");
  CHECK(Read("user=a&cert=AAAA&cert=BBBB").bare_certificate == "");
  CHECK(Read("user=a&cert=" + std::string(kBareCertificateTextBytesMax + 1, 'A')).bare_certificate == "");
}

TEST_CASE("a text to be signed that could be two is refused with endpoint and key", "[gateway][login]") {
  EndpointSettings endpoint = Signed();
  endpoint.signature->over = "{account}{timestamp}{nonce}";
  const auto exchange = LoginExchange::Create({endpoint}, HashKey{1, 2});
  REQUIRE_FALSE(exchange.ok());
  CHECK_THAT(std::string(FromAbsl(exchange.status().message())),
             Catch::Contains("endpoints[0] (portal).signature.over: has nothing between"));
}

}  // namespace
}  // namespace stockade
