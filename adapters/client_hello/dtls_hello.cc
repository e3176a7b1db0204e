#include "adapters/client_hello/dtls_hello.h"

#include "adapters/client_hello/client_hello.h"
#include "adapters/client_hello/wire_cursor.h"

namespace stockade {
namespace {

constexpr uint64_t kDtlsHandshake = 22;
constexpr size_t kEpochAndSequence = 8;
constexpr size_t kTypeAndLength = 4;

}  // namespace

std::string DtlsClientHello(std::string_view datagram) {
  WireCursor record(datagram);
  uint64_t type = 0, version = 0, sequence = 0, offset = 0, size = 0;
  std::string_view skipped, body, head, fragment;
  if (!record.TakeNumber(1, &type) || type != kDtlsHandshake || !record.TakeNumber(2, &version) ||
      version >> 8 != 0xfe || !record.Take(kEpochAndSequence, &skipped) || !record.TakeVector(2, &body))
    return {};
  WireCursor cursor(body);
  if (!cursor.Take(kTypeAndLength, &head) || !cursor.TakeNumber(2, &sequence) ||
      !cursor.TakeNumber(3, &offset) || !cursor.TakeNumber(3, &size) || !cursor.Take(size, &fragment))
    return {};
  std::string message(head);
  message.append(fragment);
  ClientHello hello;
  const bool is_whole =
      offset == 0 && ParseClientHello(message, HelloTransport::kDtls, &hello) == HelloError::kNone;
  return is_whole ? message : std::string();
}

}  // namespace stockade
