#include "adapters/gateway/head_reader.h"

#include <array>
#include <cstring>

#include "absl/strings/match.h"
#include "adapters/gateway/token.h"
#include "engine/text.h"

namespace stockade {
namespace {

// One table for all classes of bytes: a look-up a byte and no branches that a stranger chooses.
enum ByteClass : uint8_t {
  kValueByte = 1,  // field-vchar, SP, HTAB
  kTargetByte =
      2,  // visible ASCII but "#": a fragment is never sent (RFC 9112 §3.2), and some cut there, some do not
  kHostByte = 4,  // unreserved, sub-delims, "%", ":", "[", "]" (RFC 3986 §3.2.2)
};

constexpr std::array<uint8_t, 256> MakeClasses() {
  std::array<uint8_t, 256> classes{};
  const auto add = [&classes](std::string_view bytes, uint8_t what) {
    for (const char byte : bytes) classes[static_cast<uint8_t>(byte)] |= what;
  };
  for (int byte = 0x21; byte < 0x7f; ++byte) {
    classes[static_cast<size_t>(byte)] |= kValueByte;
    if (byte != '#') classes[static_cast<size_t>(byte)] |= kTargetByte;
  }
  for (int byte = 0x80; byte < 0x100; ++byte) classes[static_cast<size_t>(byte)] |= kValueByte;
  add(" \t", kValueByte);
  add("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", kHostByte);
  add("-._~!$&'()*+,;=%:[]", kHostByte);
  return classes;
}
constexpr std::array<uint8_t, 256> kClasses = MakeClasses();

bool All(std::string_view bytes, uint8_t what) noexcept {
  uint8_t common = what;
  for (const char byte : bytes) common &= kClasses[static_cast<uint8_t>(byte)];
  return common == what;
}

bool Is(std::string_view text, std::string_view other) noexcept {
  return absl::EqualsIgnoreCase(ToAbsl(text), ToAbsl(other));
}

std::string_view Trim(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// By length first: few names come as far as a comparison.
FieldKind KindOf(std::string_view name) noexcept {
  switch (name.size()) {
    case 2:
      return Is(name, "te") ? FieldKind::kHopByHop : FieldKind::kOther;
    case 3:
      return Is(name, "via") ? FieldKind::kForwarding : FieldKind::kOther;
    case 4:
      return Is(name, "host") ? FieldKind::kHost : FieldKind::kOther;
    case 6:
      return Is(name, "expect") ? FieldKind::kExpect : FieldKind::kOther;
    case 7:
      if (Is(name, "upgrade")) return FieldKind::kUpgrade;
      return Is(name, "trailer") ? FieldKind::kTrailer : FieldKind::kOther;
    case 9:
      if (Is(name, "forwarded")) return FieldKind::kForwarding;
      // Some gateways fold "_" into "-" when they make variables of names; so both spellings are one name here.
      return Is(name, "x-real-ip") || Is(name, "x_real_ip") ? FieldKind::kForwarding : FieldKind::kOther;
    case 10:
      if (Is(name, "connection")) return FieldKind::kConnection;
      return Is(name, "keep-alive") ? FieldKind::kHopByHop : FieldKind::kOther;
    case 14:
      if (Is(name, "content-length")) return FieldKind::kContentLength;
      break;
    case 16:
      if (Is(name, "proxy-connection")) return FieldKind::kHopByHop;
      break;
    case 17:
      if (Is(name, "transfer-encoding")) return FieldKind::kTransferEncoding;
      break;
    case 18:
      if (Is(name, "proxy-authenticate")) return FieldKind::kHopByHop;
      break;
    case 19:
      if (Is(name, "proxy-authorization")) return FieldKind::kHopByHop;
      break;
    default:
      break;
  }
  if (name.size() > 12 && (name[0] == 'x' || name[0] == 'X') && (name[1] == '-' || name[1] == '_') &&
      Is(name.substr(2, 9), "forwarded") && (name[11] == '-' || name[11] == '_'))
    return FieldKind::kForwarding;
  return FieldKind::kOther;
}

// An authority as Host carries it: a name, an IPv4 address or a bracketed IPv6 address, and perhaps a port. User
// information is none of it (RFC 9110 §4.2.4).
bool IsAuthority(std::string_view host) noexcept {
  if (host.empty() || !All(host, kHostByte)) return false;
  std::string_view port;
  if (host[0] == '[') {
    const size_t close = host.find(']');
    if (close == std::string_view::npos || close < 3) return false;
    port = host.substr(close + 1);
    if (host.substr(1, close - 1).find_first_of("[]") != std::string_view::npos) return false;
  } else {
    if (host.find_first_of("[]") != std::string_view::npos) return false;
    const size_t colon = host.find(':');
    if (colon == 0) return false;
    port = colon == std::string_view::npos ? std::string_view() : host.substr(colon);
  }
  if (port.empty()) return true;
  if (port[0] != ':' || port.size() > 6) return false;
  return port.find_first_not_of("0123456789", 1) == std::string_view::npos;
}

// "HTTP/1.x" → kNone and the minor version.
HeadError ReadVersion(std::string_view text, int* minor) noexcept {
  if (!text.starts_with("HTTP/")) return HeadError::kBadLine;
  if (text.size() != 8 || text[6] != '.' || text[5] < '0' || text[5] > '9' || text[7] < '0' || text[7] > '9')
    return HeadError::kBadVersion;
  if (text[5] != '1' || text[7] > '1') return HeadError::kUnknownVersion;
  *minor = text[7] - '0';
  return HeadError::kNone;
}

}  // namespace

bool IsFieldValue(std::string_view value) noexcept {
  return All(value, kValueByte);
}

void HeadReader::Reset() noexcept {
  error_ = HeadError::kNone;
  begun_ = first_line_read_ = close_ = keep_ = has_encoding_ = expects_ = to_head_request_ = false;
  hosts_ = 0;
  line_begin_ = scanned_ = 0;
  method_ = target_ = host_ = upgrade_ = reason_ = {};
  lines_.clear();
  MessageHead& common = head();
  common.bytes = 0;
  common.minor_version = 1;
  common.framing = BodyFraming::kNone;
  common.content_length = 0;
  common.has_content_length = common.connection_upgrade = common.connection_lists_others = false;
  common.keep_alive = true;
  common.kinds.clear();
  request_.expect_continue = false;
  request_.upgrade = {};
}

HeadProgress HeadReader::Read(std::string_view bytes) {
  if (error_ != HeadError::kNone) return HeadProgress::kRefused;
  while (true) {
    const void* found = scanned_ < bytes.size()
                            ? std::memchr(bytes.data() + scanned_, '\n', bytes.size() - scanned_)
                            : nullptr;
    if (found == nullptr) {
      scanned_ = bytes.size();
      const std::string_view rest = bytes.substr(line_begin_);
      if (!begun_ && !rest.empty() && rest != "\r") begun_ = true;
      // The target's own limit is told apart from the head's while its line is still coming.
      if (!first_line_read_ && kind_ == Kind::kRequest &&
          rest.size() > limits_.target_bytes + kMethodBytesMax + 11)
        return Refuse(HeadError::kTargetTooLong);
      if (bytes.size() > limits_.header_bytes) return Refuse(HeadError::kTooLong);
      return HeadProgress::kMore;
    }
    const size_t lf = static_cast<size_t>(static_cast<const char*>(found) - bytes.data());
    if (lf + 1 > limits_.header_bytes) {
      return Refuse(!first_line_read_ && kind_ == Kind::kRequest && lf - line_begin_ > limits_.target_bytes
                        ? HeadError::kTargetTooLong
                        : HeadError::kTooLong);
    }
    if (lf == line_begin_ || bytes[lf - 1] != '\r') return Refuse(HeadError::kBareLf);
    const std::string_view line = bytes.substr(line_begin_, lf - 1 - line_begin_);
    HeadError error = HeadError::kNone;
    bool done = false;
    if (!first_line_read_) {
      if (line.empty()) {
        // A second empty line is noise.
        if (line_begin_ != 0 || kind_ == Kind::kResponse) return Refuse(HeadError::kBadLine);
      } else {
        begun_ = true;
        first_line_read_ = true;
        error =
            kind_ == Kind::kRequest ? ReadRequestLine(line, line_begin_) : ReadStatusLine(line, line_begin_);
      }
    } else if (line.empty()) {
      head().bytes = lf + 1;
      error = Finish(bytes);
      done = true;
    } else {
      error = ReadField(line, line_begin_);
    }
    if (error != HeadError::kNone) return Refuse(error);
    if (done) return HeadProgress::kDone;
    line_begin_ = scanned_ = lf + 1;
  }
}

HeadError HeadReader::ReadRequestLine(std::string_view line, size_t at) {
  const size_t first = line.find(' ');
  const size_t last = line.rfind(' ');
  if (line.find('\r') != std::string_view::npos) return HeadError::kBareCr;
  if (first == std::string_view::npos || first == last) return HeadError::kBadLine;
  const std::string_view method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, last - first - 1);
  HeadError error = ReadVersion(line.substr(last + 1), &request_.minor_version);
  if (error != HeadError::kNone) return error;
  if (!IsToken(method) || method.size() > kMethodBytesMax) return HeadError::kBadMethod;
  if (method == "CONNECT") return HeadError::kConnect;
  if (target.size() > limits_.target_bytes) return HeadError::kTargetTooLong;
  if (target.empty() || !All(target, kTargetByte)) return HeadError::kBadTarget;
  if (target[0] != '/' && !(target == "*" && method == "OPTIONS")) {
    const size_t scheme = target.find("://");
    if (scheme == std::string_view::npos ||
        !(Is(target.substr(0, scheme), "http") || Is(target.substr(0, scheme), "https")))
      return HeadError::kBadTarget;
  }
  method_ = {static_cast<uint32_t>(at), static_cast<uint32_t>(method.size())};
  target_ = {static_cast<uint32_t>(at + first + 1), static_cast<uint32_t>(target.size())};
  return HeadError::kNone;
}

HeadError HeadReader::ReadStatusLine(std::string_view line, size_t at) {
  HeadError error = ReadVersion(line.substr(0, 8), &response_.minor_version);
  if (error != HeadError::kNone) return error;
  // "HTTP/1.1 200 OK"; that the space before an empty reason is missing harms nobody.
  if (line.size() < 12 || line[8] != ' ' || (line.size() > 12 && line[12] != ' '))
    return HeadError::kBadStatus;
  int status = 0;
  for (const char digit : line.substr(9, 3)) {
    if (digit < '0' || digit > '9') return HeadError::kBadStatus;
    status = status * 10 + (digit - '0');
  }
  if (status < 100 || status > 599) return HeadError::kBadStatus;
  const std::string_view reason = line.size() > 13 ? line.substr(13) : std::string_view();
  if (reason.find('\r') != std::string_view::npos) return HeadError::kBareCr;
  if (!IsFieldValue(reason)) return HeadError::kControlByte;
  response_.view.status = status;
  reason_ = {static_cast<uint32_t>(at + std::min<size_t>(13, line.size())),
             static_cast<uint32_t>(reason.size())};
  return HeadError::kNone;
}

HeadError HeadReader::ReadField(std::string_view line, size_t at) {
  if (lines_.size() >= limits_.header_count) return HeadError::kTooManyFields;
  if (line[0] == ' ' || line[0] == '\t') return HeadError::kObsFold;
  const size_t colon = line.find(':');
  const std::string_view name = line.substr(0, colon);
  if (colon == std::string_view::npos || !IsToken(name)) {
    if (line.find('\r') != std::string_view::npos) return HeadError::kBareCr;
    if (colon != std::string_view::npos && colon > 0 && (name.back() == ' ' || name.back() == '\t'))
      return HeadError::kSpaceBeforeColon;
    return IsFieldValue(name) ? HeadError::kBadName : HeadError::kControlByte;
  }
  const std::string_view value = Trim(line.substr(colon + 1));
  if (!IsFieldValue(value))
    return value.find('\r') != std::string_view::npos ? HeadError::kBareCr : HeadError::kControlByte;
  Line field;
  field.name = {static_cast<uint32_t>(at), static_cast<uint32_t>(name.size())};
  field.value = {static_cast<uint32_t>(at + static_cast<size_t>(value.data() - line.data())),
                 static_cast<uint32_t>(value.size())};
  field.kind = KindOf(name);
  const HeadError error = field.kind == FieldKind::kOther ? HeadError::kNone : NoteField(&field, value);
  lines_.push_back(field);
  return error;
}

HeadError HeadReader::NoteField(Line* field, std::string_view value) {
  switch (field->kind) {
    case FieldKind::kHost:
      if (kind_ == Kind::kResponse) return HeadError::kNone;
      if (++hosts_ > 1) return HeadError::kTwoHosts;
      host_ = field->value;
      return IsAuthority(value) ? HeadError::kNone : HeadError::kBadHost;
    case FieldKind::kContentLength:
      return NoteLength(value);
    case FieldKind::kTransferEncoding:
      // A second one, or a list, would be read as a list of codings by some and as its last or first by others.
      if (has_encoding_ || !Is(value, "chunked")) return HeadError::kBadEncoding;
      has_encoding_ = true;
      return HeadError::kNone;
    case FieldKind::kConnection:
      return NoteConnection(value);
    case FieldKind::kUpgrade:
      upgrade_ = field->value;
      return HeadError::kNone;
    case FieldKind::kExpect:
      if (kind_ == Kind::kRequest && !Is(value, "100-continue")) return HeadError::kUnknownExpectation;
      expects_ = true;
      return HeadError::kNone;
    default:
      return HeadError::kNone;
  }
}

HeadError HeadReader::NoteLength(std::string_view value) {
  MessageHead& common = head();
  if (common.has_content_length) return HeadError::kTwoLengths;
  common.has_content_length = true;
  // 19 digits are below 10^19; what is above 2^63 - 1 some would read as negative.
  if (value.empty() || value.size() > 19) return HeadError::kBadLength;
  uint64_t length = 0;
  for (const char digit : value) {
    if (digit < '0' || digit > '9') return HeadError::kBadLength;
    length = length * 10 + static_cast<uint64_t>(digit - '0');
  }
  if (length > static_cast<uint64_t>(INT64_MAX)) return HeadError::kBadLength;
  common.content_length = length;
  return HeadError::kNone;
}

HeadError HeadReader::NoteConnection(std::string_view value) {
  MessageHead& common = head();
  while (!value.empty()) {
    const size_t comma = std::min(value.find(','), value.size());
    const std::string_view option = Trim(value.substr(0, comma));
    value.remove_prefix(std::min(comma + 1, value.size()));
    if (option.empty()) continue;
    if (Is(option, "close")) {
      close_ = true;
    } else if (Is(option, "keep-alive")) {
      keep_ = true;
    } else if (Is(option, "upgrade")) {
      common.connection_upgrade = true;
    } else {
      common.connection_lists_others = true;
    }
  }
  return HeadError::kNone;
}

HeadError HeadReader::Finish(std::string_view bytes) {
  MessageHead& common = head();
  if (has_encoding_ && common.has_content_length) return HeadError::kLengthAndEncoding;
  if (has_encoding_ && common.minor_version == 0) return HeadError::kEncodingInOldHttp;
  common.keep_alive = !close_ && (common.minor_version == 1 || keep_);
  const HeadError error = kind_ == Kind::kRequest ? FinishRequest(bytes) : FinishResponse();
  if (error != HeadError::kNone) return error;
  fields_.clear();
  for (const Line& line : lines_) {
    fields_.push_back({Of(bytes, line.name), Of(bytes, line.value)});
    common.kinds.push_back(line.kind);
  }
  if (kind_ == Kind::kRequest) {
    request_.view.fields = fields_;
  } else {
    response_.view.fields = fields_;
    response_.reason = Of(bytes, reason_);
  }
  return HeadError::kNone;
}

HeadError HeadReader::FinishRequest(std::string_view bytes) {
  if (hosts_ == 0 && request_.minor_version == 1) return HeadError::kNoHost;
  request_.view.method = Of(bytes, method_);
  request_.view.target = Of(bytes, target_);
  request_.host = Of(bytes, host_);
  const std::string_view target = request_.view.target;
  if (target[0] != '/' && target != "*") {
    const size_t begin = target.find("://") + 3;
    const std::string_view authority = target.substr(begin, target.find_first_of("/?", begin) - begin);
    if (!IsAuthority(authority)) return HeadError::kBadTarget;
    if (hosts_ > 0 && !Is(authority, request_.host)) return HeadError::kHostConflict;
    request_.host = authority;
  }
  if (has_encoding_) {
    request_.framing = BodyFraming::kChunked;
  } else if (request_.content_length > 0) {
    request_.framing = BodyFraming::kLength;
  }
  request_.expect_continue =
      expects_ && request_.minor_version == 1 && request_.framing != BodyFraming::kNone;
  request_.upgrade =
      request_.connection_upgrade && request_.minor_version == 1 ? Of(bytes, upgrade_) : std::string_view();
  return HeadError::kNone;
}

HeadError HeadReader::FinishResponse() {
  const int status = response_.view.status;
  if (status == 101) {
    response_.framing = BodyFraming::kTunnel;
  } else if (status < 200 || status == 204 || status == 304 || to_head_request_) {
    // RFC 9112 §6.3: whatever the fields say, there is no body. A 1xx or 204 with one would be answered by nobody
    // alike (RFC 9112 §6.1 forbids the fields there), so it is refused.
    if ((status < 200 || status == 204) && (has_encoding_ || response_.content_length > 0))
      return has_encoding_ ? HeadError::kBadEncoding : HeadError::kBadLength;
    response_.framing = BodyFraming::kNone;
  } else if (has_encoding_) {
    response_.framing = BodyFraming::kChunked;
  } else if (response_.has_content_length) {
    response_.framing = response_.content_length > 0 ? BodyFraming::kLength : BodyFraming::kNone;
  } else {
    response_.framing = BodyFraming::kUntilClose;
    response_.keep_alive = false;
  }
  return HeadError::kNone;
}

}  // namespace stockade
