// The forms of Envoy, AWS and Traefik by their exact bytes, and HAProxy's contradictions (its real bytes are in
// haproxy_certificate_test.cc): what is read, what a client could have written into it, and what goes on.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "adapters/certificate/from_header.h"
#include "adapters/certificate/structured_field.h"
#include "engine/text.h"

namespace stockade {
namespace {

using From = CertificateEvidence::From;
using Form = CertificateForm;

struct HeadField {
  std::string name, value;
};

// Bytes whose base64 holds "+", "/" and "=".
constexpr std::string_view kLeaf = "MIIBqDCCAU6gAwIBAgIBBzAKBggqhkjOPQQDAjA6FI/3YC8OthxM4+k1M6aEEg==";
constexpr std::string_view kIssuer = "AAECAwQFBgcICQ==";

std::string Bytes(std::string_view base64) {
  std::string bytes;
  REQUIRE(DecodeBase64(base64, &bytes));
  return bytes;
}

// As each proxy escapes PEM.
std::string Pem(std::string_view base64, std::string_view escaped) {
  const std::string pem = Concat("-----BEGIN CERTIFICATE-----\n", base64, "\n-----END CERTIFICATE-----\n");
  std::string text;
  for (const char c : pem) {
    if (escaped.find(c) == std::string_view::npos) {
      text.push_back(c);
    } else {
      constexpr char kDigits[] = "0123456789ABCDEF";
      text += {'%', kDigits[c >> 4], kDigits[c & 15]};
    }
  }
  return text;
}
// Envoy: absl::StrReplaceAll of these five. AWS: all but + = / and what is unreserved.
std::string EnvoyPem(std::string_view base64) {
  return Pem(base64, "\n +/=");
}
std::string AwsPem(std::string_view base64) {
  return Pem(base64, "\n ");
}

CertificateEvidence Read(Form form, const std::vector<HeadField>& fields) {
  return ReadCertificateFields(form, fields);
}
CertificateEvidence Envoy(const std::string& value) {
  return Read(Form::kEnvoy, {{"x-forwarded-client-cert", value}});
}
CertificateEvidence Haproxy(const std::vector<std::string>& values) {
  const char* names[] = {"x-ssl-client-der", "x-ssl-client-verify", "x-ssl-client-used",
                         "x-ssl-client-chain-der"};
  std::vector<HeadField> fields;
  for (size_t i = 0; i < values.size(); ++i) fields.push_back({names[i], values[i]});
  return Read(Form::kHaproxy, fields);
}

void CheckShown(const CertificateEvidence& evidence, const std::vector<std::string_view>& certificates) {
  REQUIRE(evidence.from == From::kHeader);
  CHECK(evidence.leaf_der == Bytes(certificates[0]));
  REQUIRE(evidence.chain_der.size() == certificates.size() - 1);
  for (size_t i = 1; i < certificates.size(); ++i) CHECK(evidence.chain_der[i - 1] == Bytes(certificates[i]));
}
void CheckMalformed(const CertificateEvidence& evidence) {
  CHECK(evidence.from == From::kMalformed);
  CHECK(evidence.leaf_der.empty());
  CHECK(evidence.chain_der.empty());
}

TEST_CASE("of Envoy's elements the last is ours", "[certificate]") {
  const std::string leaf = EnvoyPem(kLeaf), issuer = EnvoyPem(kIssuer);
  const std::string hash = "Hash=468ed33be74eee6556d90c0149c1309e9ba61d6425303443c0748a02dd8de688";
  const std::string subject = R"(Subject="CN=\"quoted\", a\\,O=x;y=z")";
  CHECK(Read(Form::kEnvoy, {}).from == From::kNone);
  CheckShown(Envoy(Concat("By=spiffe://edge;", hash, ";Cert=\"", leaf, "\";", subject,
                          ";URI=http://testclient.lyft.com;DNS=a.example;DNS=b.example")),
             {kLeaf});
  CheckShown(Envoy(Concat("Chain=\"", leaf, issuer, "\"")), {kLeaf, kIssuer});
  CheckShown(Envoy(Concat("cert=\"", leaf, "\";CHAIN=\"", leaf, issuer, "\"")), {kLeaf, kIssuer});
  CheckShown(Envoy(Concat("Cert=", leaf)), {kLeaf});
  // What stands in front may be a client's.
  CheckShown(Envoy(Concat("Cert=\"", issuer, "\",", hash, ";Cert=\"", leaf, "\"")), {kLeaf});
  CheckShown(Envoy(Concat(hash, ";", subject, ", ", hash, ";", subject, ";Cert=\"", leaf, "\"")), {kLeaf});
  // Unlike this, in which no certificate is ours.
  CheckMalformed(Envoy(Concat("Cert=\"", leaf, "\",", hash)));
}

TEST_CASE("nobody who writes an element, or a name into his certificate, decides where Envoy's begins",
          "[certificate]") {
  const std::string leaf = EnvoyPem(kLeaf), stolen = EnvoyPem(kIssuer);
  const std::string own = Concat(",Hash=1;Cert=\"", leaf, "\";Subject=\"CN=me\";URI=");
  for (const std::string& in_front :
       {Concat("Cert=\"", stolen, "\";Subject=\""), Concat("Cert=\"", stolen, "\";Subject=\"\\"),
        Concat("Cert=\"", stolen, "\";Subject=a\""), std::string("\""), std::string("x"), std::string(""),
        std::string(";"), Concat("Cert=\"", stolen, "\""), Concat("Cert=\"", stolen, "\";By=")}) {
    INFO(in_front);
    const CertificateEvidence evidence = Envoy(in_front + own);
    if (evidence.from != From::kMalformed) CheckShown(evidence, {kLeaf});
  }
  for (const std::string& name : {Concat("x,Hash=1;Cert=\"", stolen, "\""), Concat("x;Cert=\"", stolen, "\""),
                                  Concat("x;Chain=\"", stolen, "\""), std::string("x\"")}) {
    INFO(name);
    CheckMalformed(Envoy(Concat("Hash=1;Cert=\"", leaf, "\";URI=", name)));
    CheckMalformed(Envoy(Concat("Hash=1;URI=", name)));
    CheckMalformed(Envoy(Concat("Hash=1;DNS=", name)));
  }
}

TEST_CASE("what Envoy does not write is malformed", "[certificate]") {
  const std::string leaf = EnvoyPem(kLeaf), issuer = EnvoyPem(kIssuer);
  const std::string quoted = Concat("Cert=\"", leaf, "\"");
  std::vector<std::string> cases = {
      "",
      ",",
      "Cert",
      "Cert=",
      "Cert=\"\"",
      "=x",
      "[{\"Hash\":\"1\"}]",
      "Hash=1",
      quoted + ";",
      quoted + ",",
      quoted + " ",
      quoted + "x",
      quoted + ";" + quoted,
      Concat("Cert=\"", leaf),
      Concat("Cert=\"", leaf, issuer, "\""),
      Concat(quoted, ";Chain=\"", issuer, leaf, "\""),
      Concat(quoted, ";Chain=\"\""),
      Concat("Cert=\"", Pem("AAA", "\n "), "\""),
      Concat("Cert=\"x", leaf, "\""),
      Concat("Cert=\"%", "\""),
      std::string(100000, ','),
      std::string(100000, '"'),
  };
  std::string many;
  for (size_t i = 0; i < kCertificateChainMax + 2; ++i) many += leaf;
  cases.push_back(Concat("Chain=\"", many, "\""));
  cases.push_back(Concat("Cert=\"", Pem(std::string(kCertificateBytesMax / 3 * 4 + 4, 'A'), "\n "), "\""));
  for (const std::string& value : cases) {
    INFO(value.substr(0, 200));
    CheckMalformed(Envoy(value));
  }
  CheckMalformed(
      Read(Form::kEnvoy, {{"X-Forwarded-Client-Cert", quoted}, {"X-Forwarded-Client-Cert", quoted}}));
}

TEST_CASE("an AWS load balancer's plus is a plus, and its two modes are never one request's",
          "[certificate]") {
  const std::string leaf = AwsPem(kLeaf), issuer = AwsPem(kIssuer);
  CHECK(leaf.find('+') != std::string::npos);
  const std::string whole = "X-Amzn-Mtls-Clientcert", alone = "X-Amzn-Mtls-Clientcert-Leaf";
  CHECK(Read(Form::kAwsAlb, {}).from == From::kNone);
  CHECK(Read(Form::kAwsAlb, {{"X-Amzn-Mtls-Clientcert-Subject", "CN=a"}}).from == From::kNone);
  CheckShown(Read(Form::kAwsAlb, {{whole, leaf}}), {kLeaf});
  CheckShown(Read(Form::kAwsAlb, {{whole, leaf + issuer}}), {kLeaf, kIssuer});
  CheckShown(Read(Form::kAwsAlb, {{alone, leaf}}), {kLeaf});
  CheckShown(Read(Form::kAwsAlb, {{alone, EnvoyPem(kLeaf)}}), {kLeaf});
  CheckMalformed(Read(Form::kAwsAlb, {{alone, leaf + issuer}}));
  CheckMalformed(Read(Form::kAwsAlb, {{alone, leaf}, {whole, leaf}}));
  CheckMalformed(Read(Form::kAwsAlb, {{whole, leaf}, {whole, leaf}}));
  for (const std::string& value : {std::string(), std::string("-"), leaf + "x", leaf + "%zz"}) {
    INFO(value);
    CheckMalformed(Read(Form::kAwsAlb, {{whole, value}}));
    CheckMalformed(Read(Form::kAwsAlb, {{alone, value}}));
  }
}

TEST_CASE("Traefik's certificates are base64 with commas between, escaped or not", "[certificate]") {
  const auto read = [](const std::string& value) {
    return Read(Form::kTraefik, {{"X-Forwarded-Tls-Client-Cert", value}});
  };
  CHECK(Read(Form::kTraefik, {{"X-Forwarded-Tls-Client-Cert-Info", "Subject=\"CN=a\""}}).from == From::kNone);
  const std::string leaf(kLeaf), issuer(kIssuer);
  std::string escaped;  // url.QueryEscape
  for (const char c : leaf)
    escaped += c == '+' ? "%2B" : c == '/' ? "%2F" : c == '=' ? "%3D" : std::string(1, c);
  CheckShown(read(leaf), {kLeaf});
  CheckShown(read(escaped), {kLeaf});
  CheckShown(read(leaf + "," + issuer), {kLeaf, kIssuer});
  CheckShown(read(escaped + "," + issuer), {kLeaf, kIssuer});
  CheckShown(read(escaped + "%2C" + issuer), {kLeaf, kIssuer});
  std::string many = leaf;
  for (size_t i = 0; i < kCertificateChainMax + 1; ++i) many += "," + issuer;
  for (const std::string& value :
       {std::string(), std::string(","), leaf + ",", "," + leaf, leaf + ", " + issuer, leaf + "%",
        leaf.substr(1), EnvoyPem(kLeaf), many, std::string(200000, ',')}) {
    INFO(value.substr(0, 200));
    CheckMalformed(read(value));
  }
}

TEST_CASE("HAProxy's fields contradict themselves nowhere", "[certificate]") {
  const std::string leaf = "MAMCAQE=", issuer = "MAMCAQI=";  // SEQUENCE { INTEGER 1 }
  CHECK(Haproxy({}).from == From::kNone);
  CHECK(Haproxy({"", "0", "0", ""}).from == From::kNone);
  CheckShown(Haproxy({leaf}), {leaf});
  CheckShown(Haproxy({leaf, "0", "1"}), {leaf});
  CheckShown(Haproxy({leaf, "0", "1", issuer}), {leaf, issuer});
  CheckShown(Haproxy({leaf, "0", "1", "MAMCAQEwAwIBAg=="}), {leaf, issuer});
  CHECK(Haproxy({leaf, "0", "1"}).refused_by_front.empty());
  CHECK(Haproxy({leaf, "18", "1"}).refused_by_front.empty());  // no anchor for it: ours to judge
  CHECK(Haproxy({leaf, "20", "1"}).refused_by_front.empty());
  CHECK(Haproxy({leaf, "23", "1"}).refused_by_front == "certificate revoked");
  CHECK(Haproxy({leaf, "10", "1"}).refused_by_front == "certificate has expired");
  CHECK_FALSE(Haproxy({leaf, "9999", "1"}).refused_by_front.empty());
  for (const std::vector<std::string>& values : std::vector<std::vector<std::string>>{
           {"", "0", "1"},
           {"", "10", "0"},
           {"", "0", "0", issuer},
           {leaf, "0", "0"},
           {leaf, "0", "2"},
           {leaf, "x", "1"},
           {leaf, "-1", "1"},
           {leaf, "99999999999", "1"},
           {leaf, "0", "1", "MAMCAQ=="},
           {leaf, "0", "1", "AgEB"},
           {leaf, "0", "1", "MIA="},
           {leaf, "0", "1", "MIP//w=="},
           {leaf, "0", "1", "!"},
           {"%30", "0", "1"},
           {"MAMCAQE", "0", "1"},
           {std::string(kCertificateBytesMax * 2, 'A'), "0", "1"},
       }) {
    INFO(values[0].substr(0, 100) << " " << values[1] << " " << values[2]);
    CheckMalformed(Haproxy(values));
  }
  CheckMalformed(Read(Form::kHaproxy, {{"X-SSL-Client-DER", leaf}, {"X-SSL-Client-DER", leaf}}));
}

TEST_CASE("only the fields of the form that is set go on, and only from a listed peer", "[certificate]") {
  const std::vector<std::pair<Form, std::string>> fields = {
      {Form::kEnvoy, "X-Forwarded-Client-Cert"},      {Form::kHaproxy, "X-SSL-Client-DER"},
      {Form::kHaproxy, "X-SSL-Client-Chain-DER"},     {Form::kHaproxy, "X-SSL-Client-Used"},
      {Form::kAwsAlb, "X-Amzn-Mtls-Clientcert"},      {Form::kAwsAlb, "X-Amzn-Mtls-Clientcert-Leaf"},
      {Form::kTraefik, "X-Forwarded-Tls-Client-Cert"}};
  for (size_t i = 0; i < kCertificateFormNames.size(); ++i) {
    const auto form = static_cast<Form>(i);
    CHECK(ParseCertificateForm(kCertificateFormNames[i]) == form);
    for (const auto& [own, name] : fields) {
      INFO(kCertificateFormNames[i] << " " << name);
      CHECK(IsCertificateField(name));
      CHECK(MayPassOn(name, form, true) == (own == form));
      CHECK_FALSE(MayPassOn(name, form, false));
    }
  }
  CHECK_FALSE(MayPassOn("X_Forwarded_Client_Cert", Form::kEnvoy, true));
  CHECK_FALSE(MayPassOn("X-Amzn-Mtls-Clientcert-Subject", Form::kAwsAlb, true));
}

}  // namespace
}  // namespace stockade
