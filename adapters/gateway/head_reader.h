// Reads the head of an HTTP/1.1 or 1.0 message (RFC 9112) strictly, as it comes in, and copies nothing: what it gives
// are views into the caller's bytes. It says where the body ends, whether the connection stays open, and what else a
// head means to whoever moves the bytes. The proxy reads with it, and so does whoever reads captures from the wire.
//
// Strict means: of two programs that read the same bytes, none may see another message than we do. What RFC 9112 lets a
// recipient mend is refused instead: bare LF, folded lines, white space before a colon, a second Content-Length even
// if it says the same, a transfer coding beside chunked. An answer of an upstream is read as strictly as a request:
// who sits behind us may be as confused as who sits in front.
//
//   HeadReader reader(HeadReader::Kind::kRequest, limits);
//   while (reader.Read(bytes) == HeadProgress::kMore) …   // append to bytes; they may move in memory, not change
//   reader.request()                                      // after kDone; views into the bytes of the last Read
//   reader.Reset()                                        // before the next message
//
// One pass over each byte however it is cut: ~0.4 µs for a browser's head. Memory: 40 bytes a field, kept between
// messages. Threads: none of its own; one reader is used by one thread at a time.
// Bad input: HeadError, never text of the sender's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "adapters/gateway/head_error.h"
#include "adapters/http/http_message.h"

namespace stockade {

// Where the body of a message ends.
enum class BodyFraming : uint8_t {
  kNone,        // there is none
  kLength,      // after content_length bytes, of which there is at least one
  kChunked,     // where chunk_reader.h says
  kUntilClose,  // with the connection (answers only)
  kTunnel,      // 101: from here on the bytes are no HTTP
};

// What a field is to us, so that whoever rewrites a head compares no names again.
enum class FieldKind : uint8_t {
  kOther,
  kHost,
  kContentLength,
  kTransferEncoding,
  kConnection,
  kUpgrade,
  kExpect,
  kHopByHop,  // Keep-Alive, Proxy-Connection, TE, Proxy-Authenticate, Proxy-Authorization (RFC 9110 §7.6.1, §11.7)
  kForwarding,  // Forwarded, Via, X-Forwarded-*, X-Real-IP
  kTrailer,     // Trailer: passes where the trailers do
};

struct HeadLimits {
  size_t header_bytes = size_t{32} << 10;  // first line and fields with their line ends, and the empty line
  size_t target_bytes = size_t{8} << 10;
  size_t header_count = 100;
};

// What request and answer have in common.
struct MessageHead {
  size_t bytes = 0;       // of the head, with an empty line before it and the one that ends it
  int minor_version = 1;  // 0 or 1
  BodyFraming framing = BodyFraming::kNone;
  uint64_t content_length = 0;  // as it was said; with kNone of an answer to HEAD too
  bool has_content_length = false;
  bool keep_alive = true;                // what this message says about its connection
  bool connection_upgrade = false;       // Connection lists "upgrade"
  bool connection_lists_others = false;  // Connection lists names beside close, keep-alive and upgrade
  std::vector<FieldKind> kinds;          // of each field
};
struct RequestHead : MessageHead {
  RequestView view;
  std::string_view host;         // the authority; empty only for HTTP/1.0 without Host
  std::string_view upgrade;      // Upgrade of an HTTP/1.1 request whose Connection says so, else empty
  bool expect_continue = false;  // of an HTTP/1.1 request with a body
};
struct ResponseHead : MessageHead {
  ResponseView view;
  std::string_view reason;
};

enum class HeadProgress : uint8_t { kMore, kDone, kRefused };

class HeadReader {
 public:
  enum class Kind : uint8_t { kRequest, kResponse };
  // No registered method is longer than UPDATEREDIRECTREF (17).
  static constexpr size_t kMethodBytesMax = 24;

  HeadReader(Kind kind, const HeadLimits& limits) : kind_(kind), limits_(limits) {}

  // Forgets the message; for the next one. A response needs to know what it answers: its method decides about a body.
  void Reset() noexcept;
  void ResetForAnswer(bool to_head_request) noexcept {
    Reset();
    to_head_request_ = to_head_request;
  }
  void set_limits(const HeadLimits& limits) noexcept { limits_ = limits; }

  // `bytes` begins where the message begins and holds all that has come of it; what it held in the last call must be
  // there unchanged, though it may lie elsewhere. Bytes behind the head are not looked at. One empty line before a
  // request is skipped (RFC 9112 §2.2).
  HeadProgress Read(std::string_view bytes);

  // After kRefused: why, and near which byte.
  HeadError error() const noexcept { return error_; }
  size_t error_offset() const noexcept { return line_begin_; }
  // Whether a byte of a message (and not of an empty line before it) has come.
  bool begun() const noexcept { return begun_; }
  // After kDone. The views live as long as the bytes of that call stay where they were.
  const RequestHead& request() const noexcept { return request_; }
  const ResponseHead& response() const noexcept { return response_; }

 private:
  struct Span {
    uint32_t begin = 0, size = 0;
  };
  struct Line {
    Span name, value;
    FieldKind kind = FieldKind::kOther;
  };

  HeadProgress Refuse(HeadError error) noexcept {
    error_ = error;
    return HeadProgress::kRefused;
  }
  HeadError ReadRequestLine(std::string_view line, size_t at);
  HeadError ReadStatusLine(std::string_view line, size_t at);
  HeadError ReadField(std::string_view line, size_t at);
  HeadError NoteField(Line* field, std::string_view value);
  HeadError NoteLength(std::string_view value);
  HeadError NoteConnection(std::string_view value);
  HeadError Finish(std::string_view bytes);
  HeadError FinishRequest(std::string_view bytes);
  HeadError FinishResponse();
  std::string_view Of(std::string_view bytes, Span span) const noexcept {
    return bytes.substr(span.begin, span.size);
  }
  MessageHead& head() noexcept {
    return kind_ == Kind::kRequest ? static_cast<MessageHead&>(request_) : response_;
  }

  Kind kind_;
  HeadLimits limits_;
  bool to_head_request_ = false;

  HeadError error_ = HeadError::kNone;
  bool begun_ = false;
  bool first_line_read_ = false;
  bool close_ = false, keep_ = false;  // what Connection said
  bool has_encoding_ = false;
  bool expects_ = false;
  int hosts_ = 0;
  size_t line_begin_ = 0;  // of the line that is being waited for
  size_t scanned_ = 0;     // bytes known to hold no LF
  Span method_, target_, host_, upgrade_, reason_;
  std::vector<Line> lines_;
  std::vector<HeaderField> fields_;
  RequestHead request_;
  ResponseHead response_;
};

// Whether every byte may stand in a field value: HTAB, SP, visible ASCII, obs-text.
bool IsFieldValue(std::string_view value) noexcept;

}  // namespace stockade
