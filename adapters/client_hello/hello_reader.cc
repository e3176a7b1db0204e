#include "adapters/client_hello/hello_reader.h"

#include <algorithm>
#include <array>

namespace stockade {
namespace {

constexpr uint8_t kChangeCipherSpec = 20;
constexpr uint8_t kHandshakeRecord = 22;
constexpr uint8_t kHeartbeat = 24;
// RFC 8446 §5.1. A record of a hello is never encrypted, so nothing is added to it.
constexpr size_t kRecordBytesMax = size_t{1} << 14;
constexpr size_t kMessageHeadBytes = 4;
constexpr std::string_view kConnect = "CONNECT ";

}  // namespace

std::string_view Name(HelloState state) noexcept {
  static constexpr std::array<std::string_view, 8> kNames = {
      "more", "hello", "not_tls", "ssl2", "other_record", "other_message", "broken", "too_long"};
  return kNames[static_cast<size_t>(state)];
}

void HelloReader::Reset() {
  state_ = HelloState::kMore;
  error_ = HelloError::kNone;
  head_bytes_ = record_left_ = 0;
  in_connect_ = false;
  request_bytes_ = line_bytes_ = connect_bytes_ = 0;
  message_.clear();
}

ClientHello HelloReader::hello() const noexcept {
  ClientHello hello;
  if (state_ == HelloState::kHello) ParseClientHello(message_, HelloTransport::kTcp, &hello);
  return hello;
}

HelloState HelloReader::Read(std::string_view bytes) {
  while (state_ == HelloState::kMore && !bytes.empty()) {
    const bool is_first = message_.empty() && record_left_ == 0 && head_bytes_ == 0;
    if (in_connect_ || (is_first && bytes.front() == kConnect.front())) {
      state_ = TakeConnect(&bytes);
    } else {
      state_ = record_left_ == 0 ? TakeHead(&bytes) : TakeBody(&bytes);
    }
  }
  return state_;
}

// One request, to the empty line behind its fields.
HelloState HelloReader::TakeConnect(std::string_view* bytes) {
  in_connect_ = true;
  while (!bytes->empty()) {
    const char byte = bytes->front();
    bytes->remove_prefix(1);
    if (request_bytes_ < kConnect.size() && byte != kConnect[request_bytes_]) return HelloState::kNotTls;
    ++request_bytes_;
    if (++connect_bytes_ > kConnectBytesMax) return HelloState::kNotTls;
    if (byte == '\n' && line_bytes_ == 0) {
      in_connect_ = false;
      request_bytes_ = 0;
      return HelloState::kMore;
    }
    if (byte == '\n') {
      line_bytes_ = 0;
    } else if (byte != '\r') {
      ++line_bytes_;
    }
  }
  return HelloState::kMore;
}

// Each byte as soon as it is there: a stream that is none is known by its first.
HelloState HelloReader::JudgeHead() noexcept {
  const bool is_first = message_.empty();
  const uint8_t type = head_[0];
  // SSL 2: a length of 15 bits with the high bit set, then 1 for its ClientHello and the version.
  if (is_first && (type & 0x80) != 0) {
    if (head_bytes_ >= 3 && head_[2] != 1) return HelloState::kNotTls;
    if (head_bytes_ >= 4 && head_[3] != 3 && head_[3] != 0) return HelloState::kNotTls;
    if (head_bytes_ < kRecordHeadBytes) return HelloState::kMore;
    return head_[3] == 3 || head_[4] == 2 ? HelloState::kSsl2 : HelloState::kNotTls;
  }
  if (type < kChangeCipherSpec || type > kHeartbeat)
    return is_first ? HelloState::kNotTls : HelloState::kBroken;
  if (head_bytes_ >= 2 && head_[1] != 3) return is_first ? HelloState::kNotTls : HelloState::kBroken;
  if (head_bytes_ < kRecordHeadBytes) return HelloState::kMore;
  const size_t size = static_cast<size_t>(head_[3] << 8 | head_[4]);
  if (type != kHandshakeRecord) return is_first ? HelloState::kOtherRecord : HelloState::kBroken;
  // An empty one is no piece of a message (RFC 8446 §5.1), and a stream of them would never end.
  if (size == 0 || size > kRecordBytesMax) return is_first ? HelloState::kNotTls : HelloState::kBroken;
  return HelloState::kMore;
}

HelloState HelloReader::TakeHead(std::string_view* bytes) {
  while (head_bytes_ < kRecordHeadBytes && !bytes->empty()) {
    head_[head_bytes_++] = static_cast<uint8_t>(bytes->front());
    bytes->remove_prefix(1);
    const HelloState judged = JudgeHead();
    if (judged == HelloState::kBroken) error_ = HelloError::kTruncated;
    if (judged != HelloState::kMore) return judged;
  }
  if (head_bytes_ == kRecordHeadBytes) {
    record_left_ = static_cast<size_t>(head_[3] << 8 | head_[4]);
    head_bytes_ = 0;
  }
  return HelloState::kMore;
}

HelloState HelloReader::TakeBody(std::string_view* bytes) {
  // Head first, and no more than the message: what follows it is not ours.
  const auto wanted = [this]() -> size_t {
    if (message_.size() < kMessageHeadBytes) return kMessageHeadBytes;
    return kMessageHeadBytes + WireNumbers(std::string_view(message_).substr(2))[0] +
           (static_cast<size_t>(static_cast<uint8_t>(message_[1])) << 16);
  };
  const size_t taken = std::min({wanted() - message_.size(), record_left_, bytes->size()});
  message_.append(bytes->substr(0, taken));
  bytes->remove_prefix(taken);
  record_left_ -= taken;
  if (message_[0] != 1) return HelloState::kOtherMessage;
  if (message_.size() < kMessageHeadBytes) return HelloState::kMore;
  if (wanted() > kHelloBytesMax) return HelloState::kTooLong;
  if (message_.size() < wanted()) return HelloState::kMore;
  ClientHello hello;
  error_ = ParseClientHello(message_, HelloTransport::kTcp, &hello);
  return error_ == HelloError::kNone ? HelloState::kHello : HelloState::kBroken;
}

}  // namespace stockade
