// Finds the ClientHello in what a client sends over QUIC: Initial packets opened (quic_keys.h), CRYPTO frames put in order,
// however many packets they are spread over and however shuffled (Chrome cuts its hello into a dozen pieces on purpose).
//
//   kMore ─Read─► kMore … ─► kHello | any of the others; there it stays
//
// Give it the datagrams of one flow from client to server, from the first seen. The key follows the connection id of the
// first Initial; after a Retry there is another, which is tried where the first opens nothing. What was not opened is
// passed over: a stranger's datagram with the same addresses hurts nobody, unless there are kDerivationsMax of them before the
// client's first. An Initial need not be the first of the flow.
//
// Memory: the hello's bytes, at most kHelloBytesMax, and kPiecesMax gaps in them. Looks at kDatagramsMax datagrams, then
// gives up (kNotTls). Cost: 18 µs for the first, 4 for each further; keys are derived once a datagram at most, and
// kDerivationsMax times in all, whatever is sent. Not thread-safe.
// Sources: RFC 9000 §17.2 (long headers), §12.2 (coalesced packets), §19 (frames); RFC 9001; RFC 9369.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/client_hello/hello_reader.h"
#include "adapters/client_hello/quic_keys.h"

namespace stockade {

class QuicHelloReader {
 public:
  // A hello of 64 KiB has 55 packets; clients that send more than one repeat them while they wait, a few times.
  static constexpr int kDatagramsMax = 128;
  static constexpr size_t kPiecesMax = 64;
  // The first key, the one after a Retry, and some for strangers' packets.
  static constexpr int kDerivationsMax = 4;

  // kNotTls: no QUIC, or only versions whose Initials cannot be read (gQUIC before Q046, drafts before 23).
  HelloState Read(std::string_view datagram);

  HelloState state() const noexcept { return state_; }
  // With kHello, until this ends: the handshake message. Views of hello() are into it.
  std::string_view message() const noexcept { return message_; }
  ClientHello hello() const noexcept;
  HelloError error() const noexcept { return error_; }
  // Of the first long header, 0 before: 1, 0x6b3343cf, or something else, as "Q050".
  uint32_t version() const noexcept { return version_; }
  int derivations() const noexcept { return derivations_; }

 private:
  struct Piece {
    size_t begin = 0, end = 0;
  };
  // One packet off the front; false: the rest of the datagram is nobody's.
  bool TakePacket(std::string_view* datagram);
  void TakeInitial(const QuicVersion& version, std::string_view connection_id, std::string_view packet,
                   size_t number_at);
  void TakeFrames(std::string_view payload);
  void Place(uint64_t offset, std::string_view bytes);
  void Judge();

  HelloState state_ = HelloState::kMore;
  HelloError error_ = HelloError::kNone;
  int datagrams_ = 0;
  uint32_t version_ = 0;
  bool has_keys_ = false;
  bool tried_keys_ = false;  // others, in the datagram at hand
  int derivations_ = 0;
  QuicInitialKeys keys_;
  std::string message_;        // with gaps, until state_ is kHello
  std::vector<Piece> pieces_;  // what of it is there: apart, ascending
  std::string payload_;
};

}  // namespace stockade
