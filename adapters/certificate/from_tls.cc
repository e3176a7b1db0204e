#include "adapters/certificate/from_tls.h"

#include <openssl/ssl.h>

#include "adapters/certificate/openssl_owned.h"
#include "engine/event/printable_text.h"
#include "engine/text.h"

namespace stockade {
namespace {

int TakeAnyCertificate(X509_STORE_CTX*, void*) {
  return 1;
}

}  // namespace

absl::Status AskForClientCertificate(ssl_ctx_st* context, const std::vector<std::string>& anchor_files) {
  const ClearErrorsAtEnd clear;
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_cert_verify_callback(context, TakeAnyCertificate, nullptr);
  SSL_CTX_set_max_cert_list(context, kClientCertificateListBytesMax);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 0);
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
  STACK_OF(X509_NAME)* names = sk_X509_NAME_new_null();
  if (names == nullptr) return absl::ResourceExhaustedError("OpenSSL is out of memory");
  for (const std::string& file : anchor_files) {
    if (SSL_add_file_cert_subjects_to_stack(names, file.c_str()) == 1) continue;
    sk_X509_NAME_pop_free(names, X509_NAME_free);
    return absl::InvalidArgumentError(Concat("gateway.certificates.anchors: ", PrintableLine(file),
                                             ": cannot be read as certificates in PEM"));
  }
  SSL_CTX_set_client_CA_list(context, names);  // which takes them over
  return absl::OkStatus();
}

CertificateEvidence EvidenceOf(const ssl_st* connection) {
  const ClearErrorsAtEnd clear;
  CertificateEvidence evidence;
  X509* leaf = SSL_get0_peer_certificate(connection);
  if (leaf == nullptr) return evidence;
  evidence.from = CertificateEvidence::From::kTls;
  bool good = EncodeDer(leaf, &evidence.leaf_der);
  // A server's view of its client's chain does not hold the leaf.
  const STACK_OF(X509)* chain = SSL_get_peer_cert_chain(connection);
  for (int i = 0; i < sk_X509_num(chain); ++i)
    good = EncodeDer(sk_X509_value(chain, i), &evidence.chain_der.emplace_back()) && good;
  if (!good) return Faulty(CertificateEvidence::Fault::kUnreadable);
  return evidence;
}

}  // namespace stockade
