// The JSON reader on any bytes: a second reading, with what the first left behind, says the same.
#include "adapters/gateway/json_body.h"

#include <string>

#include "engine/status.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using stockade::LoginReadError;
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  for (const std::string_view path : {"user", "a.b", "/a/b", "0", "/0/a.b", "/", "", "."}) {
    stockade::FoundValue value;
    const LoginReadError error = stockade::ReadJsonValue(body, path, &value);
    stockade::FoundValue second;
    STOCKADE_CHECK(stockade::ReadJsonValue(body, path, &second) == error);
    STOCKADE_CHECK(value.found == second.found && value.text.view() == second.text.view());
    // Inside one more object, and on one level more, it is the same JSON.
    if (error == LoginReadError::kBadBody || path != "user") continue;
    const std::string outer = "{\"x\":" + std::string(body) + "}";
    const LoginReadError inner = stockade::ReadJsonValue(outer, "x.user", &second);
    if (inner == LoginReadError::kBadBody) continue;  // too deep now
    STOCKADE_CHECK(inner == error);
    if (error == LoginReadError::kNone)
      STOCKADE_CHECK(value.found == second.found && value.text.view() == second.text.view());
  }
  return 0;
}
