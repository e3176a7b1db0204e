// The form reader on any bytes; what it finds, encoded as a browser would, reads back as the same value.
#include "adapters/gateway/form_body.h"

#include "engine/status.h"
#include "tests/adapters/gateway/random_text.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using stockade::LoginReadError;
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  for (const std::string_view name : {"user", "user_name", "user[name]"}) {
    stockade::FoundValue value;
    const LoginReadError error = stockade::ReadFormField(body, name, &value);
    if (error != LoginReadError::kNone || !value.found) continue;
    STOCKADE_CHECK(value.text.size() <= size);
    const std::string again =
        stockade::test::FormEncoded(name) + "=" + stockade::test::FormEncoded(value.text.view());
    stockade::FoundValue second;
    STOCKADE_CHECK(stockade::ReadFormField(again, name, &second) == LoginReadError::kNone);
    STOCKADE_CHECK(second.found && second.text.view() == value.text.view());
  }
  return 0;
}
