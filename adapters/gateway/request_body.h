// The body of a login request, told by its content type: one value at a time, whatever the body is.
//
// kUnknownType: no or another content type, a charset that is not UTF-8, a body that is packed (Content-Encoding), which
// hides from us what the application reads. kTwoValues: two content types that differ; a form field that stands in the
// query with another value. An empty body holds no value and is no error.
//
// Views into request and body, which must outlive it. One thread at a time.
#pragma once

#include <string>
#include <string_view>

#include "adapters/gateway/found_value.h"
#include "adapters/http/http_message.h"

namespace stockade {

class RequestBody {
 public:
  enum class Type : unsigned char { kNone, kForm, kMultipart, kJson, kUnreadable };

  RequestBody(const RequestView& request, std::string_view body);

  Type type() const noexcept { return type_; }
  // For kUnreadable the reason it is so.
  LoginReadError Read(std::string_view name, FoundValue* value) const;

 private:
  const RequestView& request_;
  const std::string_view body_;
  Type type_ = Type::kUnreadable;
  LoginReadError error_ = LoginReadError::kNone;
  std::string boundary_;
};

}  // namespace stockade
