#include "adapters/gateway/request_body.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "adapters/gateway/form_body.h"
#include "adapters/gateway/header_parameters.h"
#include "adapters/gateway/header_value.h"
#include "adapters/gateway/json_body.h"
#include "adapters/gateway/multipart_body.h"
#include "adapters/gateway/percent_text.h"
#include "engine/text.h"

namespace stockade {

RequestBody::RequestBody(const RequestView& request, std::string_view body) : request_(request), body_(body) {
  if (body.empty()) {
    type_ = Type::kNone;
    return;
  }
  error_ = LoginReadError::kUnknownType;
  for (const HeaderField& field : request.fields) {
    if (absl::EqualsIgnoreCase(ToAbsl(field.name), "content-encoding") &&
        !absl::EqualsIgnoreCase(ToAbsl(field.value), "identity"))
      return;
  }
  FoundValue written;
  if (ReadHeader(request.fields, "content-type", &written) == LoginReadError::kTwoValues) {
    error_ = LoginReadError::kTwoValues;
    return;
  }
  const auto type = ReadParameters(written.text.view());
  if (!written.found || !type) return;
  if (const std::string_view charset = type->Find("charset");
      charset.data() != nullptr && !IsUtf8Charset(charset))
    return;
  const std::string name = absl::AsciiStrToLower(ToAbsl(type->value));
  if (name == "application/x-www-form-urlencoded") {
    type_ = Type::kForm;
  } else if (name == "multipart/form-data") {
    type_ = Type::kMultipart;
    boundary_ = MultipartBoundary(written.text.view());
  } else if (name == "application/json" || name == "text/json" ||
             (absl::StartsWith(name, "application/") && absl::EndsWith(name, "+json"))) {
    type_ = Type::kJson;
  }
}

LoginReadError RequestBody::Read(std::string_view name, FoundValue* value) const {
  value->Clear();
  LoginReadError error = LoginReadError::kNone;
  switch (type_) {
    case Type::kNone:
      return LoginReadError::kNone;
    case Type::kUnreadable:
      return error_;
    case Type::kJson:
      return ReadJsonValue(body_, name, value);
    case Type::kForm:
      error = ReadFormField(body_, name, value);
      break;
    case Type::kMultipart:
      error = ReadMultipartField(body_, boundary_, name, value);
      break;
  }
  if (error != LoginReadError::kNone || !value->found || request_.query().empty()) return error;
  // Servlets and PHP's $_REQUEST know one set of parameters, of query and body together, and not which comes first.
  return AddFormField(request_.query(), name, value);
}

}  // namespace stockade
