// Owners of OpenSSL's objects, and its error queue, for the files that speak to it.
#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include <memory>
#include <string>

namespace stockade {

template <auto Free>
struct FreeBy {
  template <typename T>
  void operator()(T* object) const noexcept {
    Free(object);
  }
};
inline void FreeCertificateStack(STACK_OF(X509) * stack) noexcept {
  sk_X509_pop_free(stack, X509_free);
}

using OwnedX509 = std::unique_ptr<X509, FreeBy<X509_free>>;
using OwnedX509Store = std::unique_ptr<X509_STORE, FreeBy<X509_STORE_free>>;
using OwnedX509StoreContext = std::unique_ptr<X509_STORE_CTX, FreeBy<X509_STORE_CTX_free>>;
using OwnedCertificates = std::unique_ptr<STACK_OF(X509), FreeBy<FreeCertificateStack>>;
using OwnedBio = std::unique_ptr<BIO, FreeBy<BIO_free_all>>;

inline bool EncodeDer(const X509* certificate, std::string* der) {
  unsigned char* bytes = nullptr;
  const int size = i2d_X509(certificate, &bytes);
  if (size <= 0) return false;
  der->assign(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
  OPENSSL_free(bytes);
  return true;
}

// What OpenSSL complained of while a certificate was read must not lie in the thread's queue when the next SSL_read asks
// it what went wrong.
struct ClearErrorsAtEnd {
  ClearErrorsAtEnd() = default;
  ClearErrorsAtEnd(const ClearErrorsAtEnd&) = delete;
  ClearErrorsAtEnd& operator=(const ClearErrorsAtEnd&) = delete;
  ~ClearErrorsAtEnd() { ERR_clear_error(); }
};

}  // namespace stockade
