// Finds the ClientHello at the beginning of what a client sends over TCP, however it is cut: over records (RFC 8446 §5.1 lets a
// handshake message span them) and over segments.
//
//   kMore ─Read─► kMore … ─► kHello | any of the others; there it stays, and Read looks at nothing more
//
// Through an HTTP proxy TLS begins behind a CONNECT request (RFC 9110 §9.3.6): such requests are passed over, refused ones
// that are made again too, kConnectBytesMax of them.
//
// What is no TLS is said by name at the first byte that shows it, so that whoever collects can stop. Bytes of a stream that is
// joined in its middle are kNotTls or kOtherRecord, and never a hello that nobody sent.
//
// Memory: the hello's bytes, at most kHelloBytesMax, in one string. Cost: each byte is copied once. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "adapters/client_hello/client_hello.h"

namespace stockade {

enum class HelloState : uint8_t {
  kMore,    // so far it may be one
  kHello,   // it stands in message() and hello()
  kNotTls,  // no record of TLS
  kSsl2,  // a hello in the form of SSL 2 (RFC 5246 §E.2): no client of this decade; no fingerprint is defined
  kOtherRecord,   // TLS, and no handshake: an alert, data of a connection under way
  kOtherMessage,  // a handshake message that is no ClientHello, as what a server sends
  kBroken,        // error() says how
  kTooLong,       // longer than kHelloBytesMax
};
std::string_view Name(HelloState state) noexcept;

class HelloReader {
 public:
  // Of CONNECT requests, together: with credentials they have 1 KiB, and are made two or three times.
  static constexpr size_t kConnectBytesMax = size_t{16} << 10;

  // The next bytes of the stream, in order and without gaps.
  HelloState Read(std::string_view bytes);

  HelloState state() const noexcept { return state_; }
  // With kHello, until the next Reset or the end of this: the handshake message, and what stands in it.
  std::string_view message() const noexcept { return message_; }
  ClientHello hello() const noexcept;
  HelloError error() const noexcept { return error_; }
  // For another stream; keeps its memory.
  void Reset();

 private:
  HelloState TakeConnect(std::string_view* bytes);
  HelloState TakeHead(std::string_view* bytes);
  HelloState TakeBody(std::string_view* bytes);
  HelloState JudgeHead() noexcept;

  static constexpr size_t kRecordHeadBytes = 5;
  HelloState state_ = HelloState::kMore;
  HelloError error_ = HelloError::kNone;
  uint8_t head_[kRecordHeadBytes] = {};
  size_t head_bytes_ = 0;
  size_t record_left_ = 0;
  bool in_connect_ = false;
  size_t request_bytes_ = 0;  // of the CONNECT request under way
  size_t line_bytes_ = 0;     // of its line, without line ends
  size_t connect_bytes_ = 0;  // of all of them
  std::string message_;
};

}  // namespace stockade
