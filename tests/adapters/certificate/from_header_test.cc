// Certificates in header fields: RFC 9440's own example, nginx's form, contradictions, and which names are taken off.
#include "adapters/certificate/from_header.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "engine/text.h"

namespace stockade {
namespace {

using From = CertificateEvidence::From;

struct Field {
  std::string name, value;
};

CertificateEvidence Rfc9440(const std::vector<Field>& fields) {
  return ReadCertificateFields(CertificateForm::kRfc9440, fields);
}
CertificateEvidence Nginx(const std::vector<Field>& fields) {
  return ReadCertificateFields(CertificateForm::kNginx, fields);
}

// "hello" under either envelope: the bytes are the verifier's business.
const std::string kSequence = ":aGVsbG8=:";
const std::string kEscaped = "-----BEGIN%20CERTIFICATE-----%0AaGVs%0AbG8%3D%0A-----END%20CERTIFICATE-----%0A";

// RFC 9440 appendix A, figure 2.
constexpr char kRfcExample[] =
    ":MIIBqDCCAU6gAwIBAgIBBzAKBggqhkjOPQQDAjA6MRswGQYDVQQKDBJMZXQncyBBdXRoZW50aWNhdGUxGzAZBgNVBAMMEkxBIEludGV"
    "ybWVkaWF0"
    "ZSBDQTAeFw0yMDAxMTQyMjU1MzNaFw0yMTAxMjMyMjU1MzNaMA0xCzAJBgNVBAMMAkJDMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE"
    "8YnXXfaUgmnM"
    "tOXU/IncWalRhebrXmckC8vdgJ1p5Be5F/"
    "3YC8OthxM4+k1M6aEAEFcGzkJiNy6J84y7uzo9M6NyMHAwCQYDVR0TBAIwADAfBgNVHSMEGDAWgBRm3WjL"
    "a38lbEYCuiCPct0ZaSED2DAOBgNVHQ8BAf8EBAMCBsAwEwYDVR0lBAwwCgYIKwYBBQUHAwIwHQYDVR0RAQH/"
    "BBMwEYEPYmRjQGV4YW1wbGUuY29tMAoG"
    "CCqGSM49BAMCA0gAMEUCIBHda/r1vaL6G3VliL4/Di6YK0Q6bMjeSkC3dFCOOB8TAiEAx/"
    "kHSB4urmiZ0NX5r5XarmPk0wmuydBVoU4hBVZ1yhk=:";

TEST_CASE("RFC 9440's fields are read", "[certificate]") {
  CHECK(Rfc9440({}).from == From::kNone);
  CHECK(Rfc9440({{"Host", "a"}}).from == From::kNone);
  const CertificateEvidence alone = Rfc9440({{"Host", "a"}, {"client-CERT", kRfcExample}});
  CHECK(alone.from == From::kHeader);
  CHECK(alone.leaf_der.size() == 428);
  CHECK(alone.leaf_der.starts_with("\x30\x82\x01\xa8"));
  CHECK(alone.chain_der.empty());
  const CertificateEvidence whole = Rfc9440(
      {{"Client-Cert", kSequence}, {"Client-Cert-Chain", ":YQ==:, :Yg==:"}, {"Client-Cert-Chain", ":Yw==:"}});
  CHECK(whole.from == From::kHeader);
  CHECK(whole.leaf_der == "hello");
  CHECK(whole.chain_der == std::vector<std::string>{"a", "b", "c"});
}

TEST_CASE("RFC 9440's fields that cannot be read or contradict each other are malformed", "[certificate]") {
  const std::vector<std::vector<Field>> cases = {
      {{"Client-Cert", ""}},
      {{"Client-Cert", "::"}},
      {{"Client-Cert", "aGVsbG8="}},
      {{"Client-Cert", kSequence}, {"Client-Cert", kSequence}},
      {{"Client-Cert", kSequence}, {"Client-Cert", ":YQ==:"}},
      {{"Client-Cert", kSequence + ", " + kSequence}},
      {{"Client-Cert-Chain", kSequence}},
      {{"Client-Cert", kSequence}, {"Client-Cert-Chain", "garbage"}},
      {{"Client-Cert", kSequence}, {"Client-Cert-Chain", "::"}},
      {{"Client-Cert", ":" + std::string(kCertificateBytesMax / 3 * 4 + 4, 'A') + ":"}},
      {{"Client-Cert", kSequence},
       {"Client-Cert-Chain", ":YQ==:,:YQ==:,:YQ==:,:YQ==:,:YQ==:,:YQ==:,:YQ==:,:YQ==:,:YQ==:"}},
  };
  for (const auto& fields : cases) {
    INFO(fields.back().name << ": " << fields.back().value);
    const CertificateEvidence evidence = Rfc9440(fields);
    CHECK(evidence.from == From::kMalformed);
    CHECK(evidence.leaf_der.empty());
    CHECK(evidence.chain_der.empty());
  }
}

TEST_CASE("nginx's fields are read", "[certificate]") {
  CHECK(Nginx({}).from == From::kNone);
  CHECK(Nginx({{"X-SSL-Client-Verify", "NONE"}}).from == From::kNone);
  CHECK(Nginx({{"X-SSL-Client-Verify", "NONE"}, {"X-SSL-Client-Cert", ""}}).from == From::kNone);
  const CertificateEvidence alone = Nginx({{"X-SSL-Client-Cert", kEscaped}});
  CHECK(alone.from == From::kHeader);
  CHECK(alone.leaf_der == "hello");
  const auto verified = [](const std::string& verify) {
    return Nginx({{"x-ssl-client-verify", verify}, {"x-ssl-client-cert", kEscaped}});
  };
  CHECK(verified("SUCCESS").leaf_der == "hello");
  CHECK(verified("SUCCESS").refused_by_front.empty());
  // optional_no_ca: nginx has nothing to judge by.
  CHECK(verified("FAILED:self-signed certificate").refused_by_front.empty());
  CHECK(verified("FAILED:unable to get local issuer certificate").refused_by_front.empty());
  CHECK(verified("FAILED:unable to verify the first certificate").refused_by_front.empty());
  CHECK(verified("FAILED:certificate revoked").refused_by_front == "certificate revoked");
  CHECK(verified("FAILED:certificate has expired").from == From::kHeader);
  CHECK(verified("FAILED:certificate has expired").refused_by_front == "certificate has expired");
  CHECK_FALSE(verified("FAILED:").refused_by_front.empty());
  CHECK_FALSE(verified("FAILED").refused_by_front.empty());
}

TEST_CASE("nginx's fields that cannot be read or contradict each other are malformed", "[certificate]") {
  const std::string begin = "-----BEGIN%20CERTIFICATE-----%0A", end = "%0A-----END%20CERTIFICATE-----%0A";
  const std::vector<std::vector<Field>> cases = {
      {{"X-SSL-Client-Verify", "SUCCESS"}},
      {{"X-SSL-Client-Verify", "FAILED:certificate revoked"}},
      {{"X-SSL-Client-Verify", "NONE"}, {"X-SSL-Client-Cert", kEscaped}},
      {{"X-SSL-Client-Verify", "success"}, {"X-SSL-Client-Cert", kEscaped}},
      {{"X-SSL-Client-Verify", "NONE"}, {"X-SSL-Client-Verify", "SUCCESS"}, {"X-SSL-Client-Cert", kEscaped}},
      {{"X-SSL-Client-Cert", kEscaped}, {"X-SSL-Client-Cert", kEscaped}},
      {{"X-SSL-Client-Cert", "garbage"}},
      {{"X-SSL-Client-Cert", begin + "aGVs*G8%3D" + end}},
      {{"X-SSL-Client-Cert", begin + "aGVsbG8" + end}},
      {{"X-SSL-Client-Cert", begin + end}},
      {{"X-SSL-Client-Cert", begin}},
      {{"X-SSL-Client-Cert", "-----BEGIN%20CERTIFICATE-----END%20CERTIFICATE-----"}},
      {{"X-SSL-Client-Cert", kEscaped + kEscaped}},  // two at once
      {{"X-SSL-Client-Cert", "x" + kEscaped}},
      {{"X-SSL-Client-Cert", kEscaped + "x"}},
      {{"X-SSL-Client-Cert", kEscaped + "%"}},
      {{"X-SSL-Client-Cert", kEscaped + "%0"}},
      {{"X-SSL-Client-Cert", kEscaped + "%zz"}},
      {{"X-SSL-Client-Cert", begin + "aGVs%00bG8%3D" + end}},
      {{"X-SSL-Client-Cert", begin + std::string(200000, 'A') + end}},
      {{"X-SSL-Client-Cert",
        "-----BEGIN%20RSA%20PRIVATE%20KEY-----%0AaGVs%0A-----END%20RSA%20PRIVATE%20KEY-----%0A"}},
  };
  for (const auto& fields : cases) {
    INFO(fields.back().name << ": " << fields.back().value.substr(0, 200));
    CHECK(Nginx(fields).from == From::kMalformed);
  }
}

TEST_CASE("only the form that is set is read", "[certificate]") {
  const std::vector<Field> both = {{"Client-Cert", kSequence}, {"X-SSL-Client-Cert", "garbage"}};
  CHECK(Rfc9440(both).leaf_der == "hello");
  CHECK(Nginx(both).from == From::kMalformed);
  CHECK(ReadCertificateFields(CertificateForm::kNone, both).from == From::kNone);
  CHECK(Nginx({{"X_SSL_Client_Cert", kEscaped}}).from == From::kNone);
  CHECK(ParseCertificateForm("rfc9440") == CertificateForm::kRfc9440);
  CHECK(ParseCertificateForm("nginx") == CertificateForm::kNginx);
  CHECK(ParseCertificateForm("none") == CertificateForm::kNone);
  CHECK_FALSE(ParseCertificateForm("NGINX").has_value());
}

TEST_CASE("fields about certificates go on only from a listed peer and in the form that is set",
          "[certificate]") {
  for (const char* name :
       {"Client-Cert", "client-cert-chain", "X-SSL-Client-Cert", "X-SSL-Client-Verify", "X-SSL-Client-S-DN",
        "ssl-client-verify", "ssl-client-subject-dn", "X_SSL_CLIENT_CERT", "Client_Cert",
        "X-Forwarded-Client-Cert", "X-Forwarded-Tls-Client-Cert-Info", "X-Amzn-Mtls-Clientcert-Leaf"}) {
    INFO(name);
    CHECK(IsCertificateField(name));
    CHECK_FALSE(MayPassOn(name, CertificateForm::kRfc9440, false));
    CHECK_FALSE(MayPassOn(name, CertificateForm::kNginx, false));
    CHECK_FALSE(MayPassOn(name, CertificateForm::kNone, true));
  }
  for (const char* name :
       {"Host", "Client", "Client-Certificates", "X-SSL", "Cookie", "", "X-Forwarded-For"}) {
    INFO(name);
    CHECK_FALSE(IsCertificateField(name));
    CHECK(MayPassOn(name, CertificateForm::kNone, false));
  }
  CHECK(MayPassOn("Client-Cert", CertificateForm::kRfc9440, true));
  CHECK_FALSE(MayPassOn("Client_Cert", CertificateForm::kRfc9440, true));
  CHECK_FALSE(MayPassOn("X-SSL-Client-Cert", CertificateForm::kRfc9440, true));
  CHECK(MayPassOn("X-SSL-Client-Verify", CertificateForm::kNginx, true));
  CHECK_FALSE(MayPassOn("X-SSL-Client-S-DN", CertificateForm::kNginx, true));
}

}  // namespace
}  // namespace stockade
