// Streams of any bytes: wherever they are cut, the same is found; what is found is whole, and every view lies within it.
#include <cstdlib>
#include <string>

#include "adapters/client_hello/client_fingerprint.h"
#include "adapters/client_hello/dtls_hello.h"
#include "adapters/client_hello/hello_reader.h"

namespace {

using stockade::HelloState;

void Require(bool condition) {
  if (!condition) std::abort();
}

void RequireWithin(std::string_view view, std::string_view whole) {
  if (view.empty()) return;
  Require(view.data() >= whole.data() && view.data() + view.size() <= whole.data() + whole.size());
}

void Look(std::string_view message, stockade::HelloTransport transport) {
  stockade::ClientHello hello;
  if (stockade::ParseClientHello(message, transport, &hello) != stockade::HelloError::kNone) return;
  for (const std::string_view view : {hello.session_id, hello.compression_methods, hello.extensions,
                                      hello.point_formats, hello.alpn, hello.server_name, FirstAlpn(hello)})
    RequireWithin(view, message);
  const stockade::ClientFingerprint print = FingerprintOf(hello, transport);
  Require(stockade::IsJa3(print.ja3) && stockade::IsJa4(print.ja4));
  Require(Ja4Raw(hello, transport).starts_with(print.ja4.substr(0, 11)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 2 * stockade::kHelloBytesMax) return 0;
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  stockade::HelloReader whole;
  const HelloState state = whole.Read(bytes);
  Require(whole.message().size() <= stockade::kHelloBytesMax);
  if (state == HelloState::kHello) {
    Require(!whole.message().empty());
    Look(whole.message(), stockade::HelloTransport::kTcp);
  }
  // In pieces whose sizes the bytes themselves give, each in a buffer of its own.
  stockade::HelloReader cut;
  for (size_t at = 0; at < size;) {
    const size_t piece = std::min<size_t>(size - at, data[at] % 7 + 1U);
    cut.Read(std::string(bytes, at, piece));
    at += piece;
  }
  Require(cut.state() == state && cut.error() == whole.error());
  if (state == HelloState::kHello) Require(cut.message() == whole.message());
  Look(bytes, stockade::HelloTransport::kTcp);
  Look(bytes, stockade::HelloTransport::kDtls);
  if (const std::string message = stockade::DtlsClientHello(bytes); !message.empty())
    Look(message, stockade::HelloTransport::kDtls);
  return 0;
}
