// Initial packets of any frames: the bytes are sealed as a client seals them, so that what is behind the encryption is
// reached, and given as they are too. Whatever order pieces come in, no more is kept than may be, and a hello is a hello.
#include <cstdlib>
#include <string>

#include "adapters/client_hello/client_fingerprint.h"
#include "adapters/client_hello/quic_hello.h"
#include "tests/adapters/client_hello/sealed_initial.h"

namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

void Judge(const stockade::QuicHelloReader& reader) {
  Require(reader.message().size() <= stockade::kHelloBytesMax);
  if (reader.state() != stockade::HelloState::kHello) return;
  Require(stockade::IsJa4(FingerprintOf(reader.hello(), stockade::HelloTransport::kQuic).ja4));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kBytesMax = 16384;
  if (size == 0 || size > kBytesMax) return 0;
  const std::string bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  stockade::QuicHelloReader raw;
  raw.Read(bytes);
  raw.Read(bytes);
  Judge(raw);
  // The first byte says how many packets the rest is cut into, and of which version.
  stockade::QuicHelloReader sealed;
  const size_t piece = bytes.size() / (data[0] % 5 + 1U) + 1;
  const uint32_t version = (data[0] & 0x80) != 0 ? 0x6b3343cf : 1;
  uint32_t number = 0;
  for (size_t at = 0; at < bytes.size(); at += piece)
    sealed.Read(stockade::SealedInitial(version, "identity", "", number++, bytes.substr(at, piece)));
  Judge(sealed);
  return 0;
}
