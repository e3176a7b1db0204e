// A client's certificate as a listed proxy forwards it in header fields, read into evidence. Only for requests of listed
// peers: these fields are worth what their sender is, and the connection proves nothing about the certificate's key.
// Where a form is set and the peer is listed, this alone is the answer; a certificate on the peer's own TLS connection is
// the proxy's. For every other peer it is from_tls.h, and the fields are taken off.
//
// kRfc9440   Client-Cert: :base64 DER:   and   Client-Cert-Chain: a list of them, without the leaf (RFC 9440 §2).
// kNginx     X-SSL-Client-Cert: $ssl_client_escaped_cert (one PEM block, percent-encoded), and X-SSL-Client-Verify:
//            $ssl_client_verify (SUCCESS, NONE or FAILED:reason), to be set in nginx as
//              proxy_set_header X-SSL-Client-Cert   $ssl_client_escaped_cert;
//              proxy_set_header X-SSL-Client-Verify $ssl_client_verify;
//            nginx forwards no intermediates: they have to stand among the anchors. FAILED because nginx has no anchors
//            for it (optional_no_ca) is left to our own check; any other FAILED stands: nginx may know a revocation.
//
// kEnvoy     X-Forwarded-Client-Cert with Cert or Chain, of the last element (envoy_header.h).
// kHaproxy   X-SSL-Client-DER, -Used and -Verify, and where clients send intermediates -Chain-DER, to be set as
//              http-request set-header X-SSL-Client-DER       %[ssl_c_der,base64]
//              http-request set-header X-SSL-Client-Chain-DER %[ssl_c_chain_der,base64]
//              http-request set-header X-SSL-Client-Verify    %[ssl_c_verify]
//              http-request set-header X-SSL-Client-Used      %[ssl_c_used]
//            on a bind line with `verify optional`; `crt-ignore-err all ca-ignore-err all` lets a bad certificate come as
//            far as the login. -Verify is the number of OpenSSL's error; "no anchor for it" is left to our own check.
// kAwsAlb    X-Amzn-Mtls-Clientcert (passthrough: PEM of leaf and chain) or X-Amzn-Mtls-Clientcert-Leaf (verify), both
//            percent-encoded but for + / =; never both.
// kTraefik   X-Forwarded-Tls-Client-Cert of passTLSClientCert with pem: the base64 of each certificate without markers and
//            line ends, leaf first, "," between; percent-encoded or, as newer versions have it, not. Traefik sets the
//            field where it saw a certificate: elsewhere its entry point must take off what a client wrote.
//
// Only the fields of the form that is set are read: a proxy overwrites those it knows, and may pass the others on as the
// client sent them. Evidence is kMalformed where a field stands twice, cannot be read, is larger than a certificate is,
// or where two fields contradict each other (SUCCESS without a certificate, NONE with one, a chain without a leaf, ALB's
// two modes at once).
// Whether the bytes are a certificate at all is the verifier's to say.
//
// Cost: linear in the fields, one allocation a certificate. Any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "adapters/certificate/evidence.h"

namespace stockade {

enum class CertificateForm : uint8_t { kNone, kRfc9440, kNginx, kEnvoy, kHaproxy, kAwsAlb, kTraefik };
// In the order of the enum.
inline constexpr std::array<std::string_view, 7> kCertificateFormNames = {
    "none", "rfc9440", "nginx", "envoy", "haproxy", "aws_alb", "traefik"};
inline constexpr std::string_view kCertificateFormList =
    "none, rfc9440, nginx, envoy, haproxy, aws_alb, traefik";
// Of one of these names; nothing for any other text.
std::optional<CertificateForm> ParseCertificateForm(std::string_view name) noexcept;

// Whether a field of this name carries a client's certificate, or claims about one, in any form that a proxy or an
// application is known to use; case does not count, and "_" is "-" (CGI and WSGI make them one). Such fields are taken
// off a request whoever sent it, except those of the form that is set, from a listed peer: MayPassOn.
bool IsCertificateField(std::string_view name) noexcept;
// Whether a field of this name may go on to the application.
bool MayPassOn(std::string_view name, CertificateForm form, bool peer_is_listed) noexcept;

// Collects the fields of one request. Values are views that must live until Read has returned.
class CertificateFields {
 public:
  explicit CertificateFields(CertificateForm form) noexcept : form_(form) {}
  // To be called for every field, in order; keeps those of its form.
  void Add(std::string_view name, std::string_view value);
  CertificateEvidence Read() const;

 private:
  friend bool MayPassOn(std::string_view name, CertificateForm form, bool peer_is_listed) noexcept;

  // What a field of a form says; kChain where it may hold the leaf and more.
  enum Part : uint8_t { kLeaf, kChain, kVerify, kUsed };
  struct Row;
  static const Row kRows[];
  static const Row* FindRow(CertificateForm form, std::string_view name) noexcept;

  // The one line of a part; empty where it is not there.
  std::string_view Only(Part part) const noexcept;
  CertificateEvidence ReadRfc9440() const;
  CertificateEvidence ReadNginx() const;
  CertificateEvidence ReadEnvoy() const;
  CertificateEvidence ReadHaproxy() const;
  CertificateEvidence ReadAwsAlb() const;
  CertificateEvidence ReadTraefik() const;

  CertificateForm form_;
  std::array<std::vector<std::string_view>, 4> lines_;  // by Part
};

// For any range of fields that have `name` and `value`.
template <typename Fields>
CertificateEvidence ReadCertificateFields(CertificateForm form, const Fields& fields) {
  CertificateFields collected(form);
  for (const auto& field : fields) collected.Add(field.name, field.value);
  return collected.Read();
}

}  // namespace stockade
