// A SHA-256 as the key of a table: of certificates, keys and signatures, which are told apart by it alone.
//
// Pure; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace stockade {

using Sha256Digest = std::array<uint8_t, 32>;

// False where OpenSSL cannot hash: it has no memory.
bool Sha256(std::string_view bytes, Sha256Digest* digest) noexcept;

// A SHA-256 is as good a hash as any of its parts; nobody chooses it.
struct Sha256DigestHash {
  size_t operator()(const Sha256Digest& digest) const noexcept {
    size_t hash;
    std::memcpy(&hash, digest.data(), sizeof hash);
    return hash;
  }
};

}  // namespace stockade
