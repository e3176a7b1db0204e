#include "adapters/gateway/chunk_reader.h"

#include <algorithm>
#include <string>

#include "absl/strings/match.h"
#include "adapters/gateway/head_reader.h"
#include "adapters/gateway/token.h"
#include "engine/event/digits.h"
#include "engine/text.h"

namespace stockade {
namespace {

constexpr std::string_view kErrorNames[] = {
    "none",         "bad_size",    "size_too_large",    "bad_extension",     "extension_too_long",
    "bad_line_end", "bad_trailer", "forbidden_trailer", "trailers_too_long",
};
static_assert(std::size(kErrorNames) == kChunkErrorCount);

// RFC 9110 §6.5.1: framing, routing, request modifiers, authentication, content format; and whatever says where a
// request comes from.
constexpr std::string_view kForbidden[] = {
    "authorization",
    "cache-control",
    "client-cert",
    "client-cert-chain",
    "connection",
    "content-encoding",
    "content-length",
    "content-range",
    "content-type",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "max-forwards",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "range",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "www-authenticate",
    "x-real-ip",
};

}  // namespace

std::string_view Name(ChunkError error) noexcept {
  return kErrorNames[static_cast<size_t>(error)];
}

bool IsForbiddenTrailer(std::string_view name) noexcept {
  // "_" and "-" are one to those who make variables of names.
  char folded[ChunkReader::kTrailerNameBytes];
  if (name.size() > sizeof folded) return false;
  std::transform(name.begin(), name.end(), folded, [](char byte) { return byte == '_' ? '-' : byte; });
  const absl::string_view text(folded, name.size());
  for (const absl::string_view beginning :
       {"x-forwarded-", "x-ssl-c", "ssl-client-", "x-client-cert", "x-amzn-mtls-"})
    if (absl::StartsWithIgnoreCase(text, beginning)) return true;
  return std::any_of(std::begin(kForbidden), std::end(kForbidden),
                     [text](std::string_view known) { return absl::EqualsIgnoreCase(text, ToAbsl(known)); });
}

ChunkPiece ChunkReader::Read(std::string_view bytes) noexcept {
  ChunkPiece piece;
  while (piece.consumed < bytes.size() && error_ == ChunkError::kNone && state_ != State::kDone) {
    if (state_ == State::kData) {
      const size_t take = static_cast<size_t>(std::min<uint64_t>(size_, bytes.size() - piece.consumed));
      piece.data = bytes.substr(piece.consumed, take);
      piece.consumed += take;
      size_ -= take;
      data_bytes_ += take;
      if (size_ == 0) state_ = State::kDataCr;
      return piece;
    }
    error_ = Take(bytes[piece.consumed]);
    if (error_ == ChunkError::kNone) ++piece.consumed;
  }
  return piece;
}

ChunkError ChunkReader::Take(char byte) noexcept {
  switch (state_) {
    case State::kSizeFirst:
      digits_ = 0;
      size_ = 0;
      extension_bytes_ = 0;
      if (HexDigit(byte) < 0) return ChunkError::kBadSize;
      state_ = State::kSize;
      [[fallthrough]];
    case State::kSize: {
      const int value = HexDigit(byte);
      if (value >= 0) {
        if (++digits_ > kSizeDigitsMax) return ChunkError::kSizeTooLarge;
        size_ = size_ * 16 + static_cast<uint64_t>(value);
        return size_ > static_cast<uint64_t>(INT64_MAX) ? ChunkError::kSizeTooLarge : ChunkError::kNone;
      }
      if (byte == ';') {
        state_ = State::kExtensionName;
        extension_bytes_ = 1;
        piece_bytes_ = 0;
        return limits_.extension_bytes == 0 ? ChunkError::kExtensionTooLong : ChunkError::kNone;
      }
      if (byte == '\n') return ChunkError::kBadLineEnd;
      if (byte != '\r') return ChunkError::kBadSize;
      state_ = State::kSizeLf;
      return ChunkError::kNone;
    }
    case State::kExtensionName:
    case State::kExtensionValue:
    case State::kExtensionToken:
    case State::kExtensionQuoted:
    case State::kExtensionEscape:
    case State::kExtensionQuotedEnd:
      return TakeExtension(byte);
    case State::kSizeLf:
      if (byte != '\n') return ChunkError::kBadLineEnd;
      state_ = size_ == 0 ? State::kTrailerFirst : State::kData;
      return ChunkError::kNone;
    case State::kDataCr:
      if (byte != '\r') return ChunkError::kBadLineEnd;
      state_ = State::kDataLf;
      return ChunkError::kNone;
    case State::kDataLf:
      if (byte != '\n') return ChunkError::kBadLineEnd;
      state_ = State::kSizeFirst;
      return ChunkError::kNone;
    case State::kTrailerFirst:
    case State::kTrailerName:
    case State::kTrailerValue:
    case State::kTrailerLf:
      return TakeTrailer(byte);
    case State::kLastLf:
      if (byte != '\n') return ChunkError::kBadLineEnd;
      state_ = State::kDone;
      return ChunkError::kNone;
    case State::kData:
    case State::kDone:
      break;
  }
  return ChunkError::kNone;
}

ChunkError ChunkReader::TakeExtension(char byte) noexcept {
  if (++extension_bytes_ > limits_.extension_bytes && byte != '\r') return ChunkError::kExtensionTooLong;
  if (byte == '\n') return ChunkError::kBadLineEnd;
  const std::string_view one(&byte, 1);
  const bool ends_value = byte == ';' || byte == '\r';
  switch (state_) {
    case State::kExtensionName:
    case State::kExtensionToken:
      if (IsToken(one)) {
        ++piece_bytes_;
        return ChunkError::kNone;
      }
      if (piece_bytes_ == 0) return ChunkError::kBadExtension;
      piece_bytes_ = 0;
      if (byte == '=' && state_ == State::kExtensionName) {
        state_ = State::kExtensionValue;
        return ChunkError::kNone;
      }
      break;
    case State::kExtensionValue:
      piece_bytes_ = 1;
      state_ = byte == '"' ? State::kExtensionQuoted : State::kExtensionToken;
      return byte == '"' || IsToken(one) ? ChunkError::kNone : ChunkError::kBadExtension;
    case State::kExtensionQuoted:
      if (byte == '"') state_ = State::kExtensionQuotedEnd;
      if (byte == '\\') state_ = State::kExtensionEscape;
      return IsFieldValue(one) ? ChunkError::kNone : ChunkError::kBadExtension;
    case State::kExtensionEscape:
      state_ = State::kExtensionQuoted;
      return IsFieldValue(one) ? ChunkError::kNone : ChunkError::kBadExtension;
    default:
      break;
  }
  if (!ends_value) return ChunkError::kBadExtension;
  piece_bytes_ = 0;
  state_ = byte == ';' ? State::kExtensionName : State::kSizeLf;
  return ChunkError::kNone;
}

ChunkError ChunkReader::TakeTrailer(char byte) noexcept {
  if (state_ == State::kTrailerFirst && byte == '\r') {
    state_ = State::kLastLf;
    return ChunkError::kNone;
  }
  if (++trailer_bytes_ > limits_.trailer_bytes) return ChunkError::kTrailersTooLong;
  const std::string_view one(&byte, 1);
  switch (state_) {
    case State::kTrailerFirst:
      trailer_name_bytes_ = 0;
      state_ = State::kTrailerName;
      [[fallthrough]];
    case State::kTrailerName:
      if (byte == ':') return EndTrailerName();
      if (!IsToken(one)) return byte == '\n' ? ChunkError::kBadLineEnd : ChunkError::kBadTrailer;
      if (trailer_name_bytes_ < kTrailerNameBytes) trailer_name_[trailer_name_bytes_] = byte;
      ++trailer_name_bytes_;
      return ChunkError::kNone;
    case State::kTrailerValue:
      if (byte == '\r') {
        state_ = State::kTrailerLf;
        return ChunkError::kNone;
      }
      if (byte == '\n') return ChunkError::kBadLineEnd;
      return IsFieldValue(one) ? ChunkError::kNone : ChunkError::kBadTrailer;
    default:  // kTrailerLf
      if (byte != '\n') return ChunkError::kBadLineEnd;
      state_ = State::kTrailerFirst;
      return ChunkError::kNone;
  }
}

ChunkError ChunkReader::EndTrailerName() noexcept {
  if (trailer_name_bytes_ == 0) return ChunkError::kBadTrailer;
  state_ = State::kTrailerValue;
  if (trailer_name_bytes_ <= kTrailerNameBytes && IsForbiddenTrailer({trailer_name_, trailer_name_bytes_}))
    return ChunkError::kForbiddenTrailer;
  return ChunkError::kNone;
}

}  // namespace stockade
