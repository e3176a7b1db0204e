#include "adapters/certificate/from_tls.h"

#include <openssl/ssl.h>

#include "adapters/certificate/openssl_owned.h"
#include "adapters/certificate/path_floors.h"
#include "engine/event/printable_text.h"
#include "engine/text.h"

namespace stockade {
namespace {

// Whatever it is, the gate judges it. But for a key that only costs whoever uses it: the client's signature is checked
// with it next, on the event loop.
int TakeAnyCertificate(X509_STORE_CTX* context, void*) {
  const X509* const leaf = X509_STORE_CTX_get0_cert(context);
  const EVP_PKEY* const key = leaf == nullptr ? nullptr : X509_get0_pubkey(leaf);
  const int kind = key == nullptr ? EVP_PKEY_NONE : EVP_PKEY_get_base_id(key);
  if ((kind != EVP_PKEY_RSA && kind != EVP_PKEY_RSA_PSS) || !HasLongExponent(key)) return 1;
  X509_STORE_CTX_set_error(context, X509_V_ERR_EE_KEY_TOO_SMALL);
  return 0;
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
