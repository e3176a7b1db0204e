#include "adapters/client_hello/quic_hello.h"

#include <algorithm>

#include "adapters/client_hello/quic_long_header.h"
#include "adapters/client_hello/wire_cursor.h"

namespace stockade {
namespace {

constexpr size_t kConnectionIdBytesMax = 20;
constexpr size_t kMessageHead = 4;
// A packet number of 4 bytes and the 16 that hide it (RFC 9001 §5.4.2): with less it opens under no key.
constexpr size_t kInitialBytesMin = 20;

// Types of long headers; version 2 counts them from another begin.
enum class LongType : uint8_t { kInitial, kZeroRtt, kHandshake, kRetry };
LongType TypeOf(uint8_t first, bool is_two) noexcept {
  const uint8_t type = first >> 4 & 3;
  return static_cast<LongType>(is_two ? (type + 3) & 3 : type);
}

// RFC 9000 §16: the length is in the first two bits.
bool TakeVarint(WireCursor* cursor, uint64_t* number) noexcept {
  if (cursor->empty()) return false;
  const uint8_t first = static_cast<uint8_t>(cursor->left().front());
  const int width = 1 << (first >> 6);
  if (!cursor->TakeNumber(static_cast<size_t>(width), number)) return false;
  *number &= (uint64_t{1} << (8 * width - 2)) - 1;
  return true;
}

enum Frame : uint64_t { kPadding = 0, kPing = 1, kAck = 2, kAckEcn = 3, kCrypto = 6, kClose = 0x1c };

bool SkipAck(WireCursor* cursor, bool has_ecn) noexcept {
  uint64_t number = 0, ranges = 0;
  if (!TakeVarint(cursor, &number) || !TakeVarint(cursor, &number) || !TakeVarint(cursor, &ranges) ||
      !TakeVarint(cursor, &number))
    return false;
  // Each takes two bytes at least: what claims more ends with the packet.
  for (uint64_t i = 0; i < ranges; ++i)
    if (!TakeVarint(cursor, &number) || !TakeVarint(cursor, &number)) return false;
  return !has_ecn ||
         (TakeVarint(cursor, &number) && TakeVarint(cursor, &number) && TakeVarint(cursor, &number));
}

}  // namespace

ClientHello QuicHelloReader::hello() const noexcept {
  ClientHello hello;
  if (state_ == HelloState::kHello) ParseClientHello(message_, HelloTransport::kQuic, &hello);
  return hello;
}

HelloState QuicHelloReader::Read(std::string_view datagram) {
  if (state_ != HelloState::kMore) return state_;
  tried_keys_ = false;
  while (state_ == HelloState::kMore && !datagram.empty() && TakePacket(&datagram)) {
  }
  if (state_ == HelloState::kMore && ++datagrams_ >= kDatagramsMax) state_ = HelloState::kNotTls;
  // Nothing of the first datagram is QUIC as we read it: nor will the next be.
  if (state_ == HelloState::kMore && datagrams_ == 1 && version_ == 0) state_ = HelloState::kNotTls;
  return state_;
}

bool QuicHelloReader::TakePacket(std::string_view* datagram) {
  const std::string_view whole = *datagram;
  const std::optional<QuicLongHeader> header = ReadQuicLongHeader(whole);
  // Version 0: a server negotiates.
  if (!header || header->version == 0) return false;
  if (version_ == 0) version_ = header->version;
  const QuicVersion version = FindQuicVersion(header->version);
  const std::string_view connection_id = header->destination_id;
  if (!version.is_known || connection_id.size() > kConnectionIdBytesMax) return false;
  const LongType type = TypeOf(header->first, version.is_two);
  if (type == LongType::kRetry) return false;
  WireCursor cursor(header->rest);
  uint64_t length = 0;
  if (type == LongType::kInitial) {
    uint64_t token_bytes = 0;
    std::string_view token;
    if (!TakeVarint(&cursor, &token_bytes) || !cursor.Take(token_bytes, &token)) return false;
  }
  if (!TakeVarint(&cursor, &length) || length > cursor.left().size()) return false;
  const size_t number_at = whole.size() - cursor.left().size();
  const size_t end = number_at + length;
  if (type == LongType::kInitial) TakeInitial(version, connection_id, whole.substr(0, end), number_at);
  *datagram = whole.substr(end);
  return true;
}

void QuicHelloReader::TakeInitial(const QuicVersion& version, std::string_view connection_id,
                                  std::string_view packet, size_t number_at) {
  if (packet.size() - number_at < kInitialBytesMin) return;
  if (!has_keys_ || !keys_.Open(packet, number_at, &payload_)) {
    // Packets of one datagram have one connection id (RFC 9000 §12.2): what does not open under its key is nobody's.
    if (tried_keys_ || derivations_ == kDerivationsMax) return;
    tried_keys_ = true;
    ++derivations_;
    QuicInitialKeys keys;
    if (!keys.Derive(version, connection_id) || !keys.Open(packet, number_at, &payload_)) return;
    // After a Retry the hello begins anew; before one, what did not open left nothing.
    keys_ = keys;
    has_keys_ = true;
    message_.clear();
    pieces_.clear();
  }
  TakeFrames(payload_);
}

void QuicHelloReader::TakeFrames(std::string_view payload) {
  for (WireCursor cursor(payload); !cursor.empty() && state_ == HelloState::kMore;) {
    uint64_t type = 0, offset = 0, size = 0;
    std::string_view bytes;
    if (!TakeVarint(&cursor, &type)) return;
    switch (type) {
      case kPadding:
      case kPing:
        break;
      case kAck:
      case kAckEcn:
        if (!SkipAck(&cursor, type == kAckEcn)) return;
        break;
      case kCrypto:
        if (!TakeVarint(&cursor, &offset) || !TakeVarint(&cursor, &size) || !cursor.Take(size, &bytes))
          return;
        Place(offset, bytes);
        break;
      default:
        // CONNECTION_CLOSE, or what RFC 9000 §17.2.2 forbids in an Initial: nothing of use follows.
        return;
    }
  }
  Judge();
}

// What was there first stays: the server has read it.
void QuicHelloReader::Place(uint64_t offset, std::string_view bytes) {
  if (bytes.empty()) return;
  if (offset > kHelloBytesMax || bytes.size() > kHelloBytesMax - offset) {
    state_ = HelloState::kTooLong;
    return;
  }
  const Piece piece{static_cast<size_t>(offset), static_cast<size_t>(offset) + bytes.size()};
  if (message_.size() < piece.end) message_.resize(piece.end);
  Piece joined = piece;
  size_t free_from = piece.begin;
  std::vector<Piece> kept;
  kept.reserve(pieces_.size() + 1);
  const auto copy = [&](size_t begin, size_t end) {
    if (begin < end) bytes.copy(message_.data() + begin, end - begin, begin - piece.begin);
  };
  for (const Piece& known : pieces_) {
    if (known.end < piece.begin || known.begin > piece.end) {
      kept.push_back(known);
      continue;
    }
    copy(free_from, std::min(known.begin, piece.end));
    free_from = std::max(free_from, known.end);
    joined = {std::min(joined.begin, known.begin), std::max(joined.end, known.end)};
  }
  copy(free_from, piece.end);
  kept.insert(
      std::find_if(kept.begin(), kept.end(), [&](const Piece& other) { return other.begin > joined.begin; }),
      joined);
  pieces_ = std::move(kept);
  if (pieces_.size() > kPiecesMax) {
    state_ = HelloState::kBroken;
    error_ = HelloError::kTruncated;
  }
}

void QuicHelloReader::Judge() {
  if (state_ != HelloState::kMore || pieces_.empty() || pieces_.front().begin != 0) return;
  const std::string_view there = std::string_view(message_).substr(0, pieces_.front().end);
  if (there.front() != 1) {
    state_ = HelloState::kOtherMessage;
    return;
  }
  if (there.size() < kMessageHead) return;
  const size_t wanted = kMessageHead + WireNumbers(there.substr(2))[0] +
                        (static_cast<size_t>(static_cast<uint8_t>(there[1])) << 16);
  if (wanted > kHelloBytesMax) {
    state_ = HelloState::kTooLong;
    return;
  }
  if (there.size() < wanted) return;
  message_.resize(wanted);
  ClientHello hello;
  error_ = ParseClientHello(message_, HelloTransport::kQuic, &hello);
  state_ = error_ == HelloError::kNone ? HelloState::kHello : HelloState::kBroken;
}

}  // namespace stockade
