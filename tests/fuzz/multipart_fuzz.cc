// The multipart reader on any bytes: the first line names the content type, the rest is the body. What it finds stands
// in the body as it is.
#include "adapters/gateway/multipart_body.h"

#include <algorithm>

#include "engine/status.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using stockade::LoginReadError;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t end = std::min(text.find('\n'), text.size());
  const std::string boundary = stockade::MultipartBoundary(text.substr(0, end));
  const std::string_view body = text.substr(std::min(end + 1, text.size()));
  for (const std::string_view used : {std::string_view(boundary), std::string_view("B")}) {
    stockade::FoundValue value;
    const LoginReadError error = stockade::ReadMultipartField(body, used, "user", &value);
    STOCKADE_CHECK(!used.empty() || error == LoginReadError::kBadBody);
    if (error != LoginReadError::kNone || !value.found) continue;
    STOCKADE_CHECK(body.find("\r\n" + std::string(value.text.view()) + "\r\n--" + std::string(used)) !=
                   std::string_view::npos);
    STOCKADE_CHECK(value.text.view().find("--" + std::string(used)) == std::string_view::npos);
  }
  return 0;
}
