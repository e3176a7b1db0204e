#include "adapters/certificate/sha256.h"

#include <openssl/evp.h>

namespace stockade {

bool Sha256(std::string_view bytes, Sha256Digest* digest) noexcept {
  return EVP_Digest(bytes.data(), bytes.size(), digest->data(), nullptr, EVP_sha256(), nullptr) == 1;
}

}  // namespace stockade
