// PROXY headers of any bytes: no prefix of an answer contradicts it, and what is behind a header does not matter.
#include "adapters/gateway/proxy_protocol.h"

#include <cstdlib>
#include <string>

namespace {

using stockade::ProxyHeaderError;
using stockade::ProxyHeaderState;

void Require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 2 * stockade::kProxyHeaderBytesMax) return 0;
  // Each prefix in a buffer of its own, so that a byte too far is seen.
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  const stockade::ProxyHeaderRead whole = stockade::ReadProxyHeader(bytes);
  Require((whole.state == ProxyHeaderState::kBroken) == (whole.error != ProxyHeaderError::kNone));
  if (whole.state == ProxyHeaderState::kMore)
    Require(whole.bytes > size && whole.bytes <= stockade::kProxyHeaderBytesMax);
  const size_t end = whole.state == ProxyHeaderState::kDone ? whole.bytes : size;
  Require(end <= size);
  const size_t step = end > 512 ? 37 : 1;
  for (size_t cut = 0; cut < end; cut += step) {
    const stockade::ProxyHeaderRead part = stockade::ReadProxyHeader(std::string(bytes, 0, cut));
    Require(part.state != ProxyHeaderState::kDone);
    if (whole.state == ProxyHeaderState::kBroken && part.state == ProxyHeaderState::kMore) continue;
    if (whole.state != ProxyHeaderState::kBroken)
      Require(part.state == ProxyHeaderState::kMore && part.bytes > cut);
  }
  if (whole.state == ProxyHeaderState::kDone) {
    const stockade::ProxyHeaderRead alone = stockade::ReadProxyHeader(std::string(bytes, 0, end));
    Require(alone.state == ProxyHeaderState::kDone && alone.bytes == end);
    Require(alone.header.peer == whole.header.peer && alone.header.peer_port == whole.header.peer_port);
  }
  return 0;
}
