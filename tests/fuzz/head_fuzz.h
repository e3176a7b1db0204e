// What both head fuzzers ask of the reader.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <string>

#include "adapters/gateway/head_reader.h"
#include "adapters/gateway/token.h"

namespace stockade {

inline void RequireHead(bool condition) {
  if (!condition) std::abort();
}

inline void FuzzHead(HeadReader::Kind kind, const uint8_t* data, size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  const HeadLimits limits{4096, 1024, 50};
  HeadReader whole(kind, limits);
  const HeadProgress result = whole.Read(bytes);

  // The same bytes in pieces, each time at another place in memory.
  HeadReader pieces(kind, limits);
  HeadProgress cut = HeadProgress::kMore;
  std::string so_far;
  for (size_t i = 0; i < size && cut == HeadProgress::kMore; ++i) {
    so_far = std::string(bytes, 0, i + 1);
    cut = pieces.Read(so_far);
  }
  RequireHead(size == 0 || cut == result);
  // Which of two limits is passed first may depend on the cut; that one is passed does not.
  const auto is_limit = [](HeadError error) {
    return error == HeadError::kTooLong || error == HeadError::kTargetTooLong;
  };
  if (!is_limit(whole.error())) RequireHead(pieces.error() == whole.error());
  if (result != HeadProgress::kDone) return;

  const bool is_request = kind == HeadReader::Kind::kRequest;
  const MessageHead& head = is_request ? static_cast<const MessageHead&>(whole.request()) : whole.response();
  const auto fields = is_request ? whole.request().view.fields : whole.response().view.fields;
  RequireHead(head.bytes <= size && head.bytes <= limits.header_bytes &&
              fields.size() <= limits.header_count);
  RequireHead(head.kinds.size() == fields.size());
  RequireHead(bytes.substr(head.bytes - 4, 4) == "\r\n\r\n");
  RequireHead(CountFields(fields, "content-length") + CountFields(fields, "transfer-encoding") <= 1);
  for (const HeaderField& field : fields) RequireHead(IsToken(field.name) && IsFieldValue(field.value));
  if (is_request) {
    RequireHead(head.minor_version == 0 || CountFields(fields, "host") == 1);
    RequireHead(whole.request().view.target.find_first_of(" \t\r\n#") == std::string_view::npos);
  }
  // A head that was accepted is accepted again without what stands behind it.
  HeadReader again(kind, limits);
  RequireHead(again.Read(std::string_view(bytes).substr(0, head.bytes)) == HeadProgress::kDone);
}

}  // namespace stockade
