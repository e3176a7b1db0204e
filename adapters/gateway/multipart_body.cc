#include "adapters/gateway/multipart_body.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "adapters/gateway/header_parameters.h"
#include "adapters/gateway/percent_text.h"
#include "adapters/gateway/token.h"
#include "engine/text.h"

namespace stockade {
namespace {

constexpr size_t kBoundaryBytesMax = 70;  // RFC 2046 §5.1.1
// Letters of RFC 2046's bchars without those that some parser ends a boundary at: space, comma, quotes, and what is no
// token but need not be quoted to be understood.
constexpr std::string_view kBoundaryMarks = "()+_./:=?-";

struct PartHead {
  std::string_view name;
  bool is_file = false;
  bool utf8 = true;
};

class MultipartReader {
 public:
  MultipartReader(std::string_view boundary, std::string_view name, FoundValue* value)
      : delimiter_(Concat("--", boundary)), wanted_(name), value_(*value) {}

  LoginReadError Read(std::string_view body) {
    if (!body.starts_with(delimiter_)) return LoginReadError::kBadBody;
    body.remove_prefix(delimiter_.size());
    while (!body.starts_with("--")) {
      if (!Consume(&body, "\r\n")) return LoginReadError::kBadBody;
      PartHead head;
      if (!ReadHead(&body, &head)) return LoginReadError::kBadBody;
      const size_t end = body.find(delimiter_);
      if (end == std::string_view::npos || end < 2 || body.substr(end - 2, 2) != "\r\n")
        return LoginReadError::kBadBody;
      const LoginReadError error = TakePart(head, body.substr(0, end - 2));
      if (error != LoginReadError::kNone) return error;
      body.remove_prefix(end + delimiter_.size());
    }
    body.remove_prefix(2);
    return body.empty() || body == "\r\n" ? LoginReadError::kNone : LoginReadError::kBadBody;
  }

 private:
  static bool Consume(std::string_view* text, std::string_view what) noexcept {
    if (!text->starts_with(what)) return false;
    text->remove_prefix(what.size());
    return true;
  }

  // The lines of a part's head and the empty one behind them.
  static bool ReadHead(std::string_view* body, PartHead* head) {
    bool named = false;
    while (!Consume(body, "\r\n")) {
      const size_t end = body->find("\r\n");
      if (end == std::string_view::npos) return false;
      const std::string_view line = body->substr(0, end);
      body->remove_prefix(end + 2);
      if (std::any_of(line.begin(), line.end(), [](char c) {
            return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
          }))
        return false;
      const size_t colon = std::min(line.find(':'), line.size());
      if (!IsToken(line.substr(0, colon)) || colon == line.size()) return false;
      const absl::string_view name = ToAbsl(line.substr(0, colon));
      const std::string_view value = FromAbsl(absl::StripAsciiWhitespace(ToAbsl(line.substr(colon + 1))));
      if (absl::EqualsIgnoreCase(name, "content-disposition")) {
        if (named || !ReadDisposition(value, head)) return false;
        named = true;
      } else if (absl::EqualsIgnoreCase(name, "content-type")) {
        const auto type = ReadParameters(value);
        if (!type) return false;
        const std::string_view charset = type->Find("charset");
        if (charset.data() != nullptr && !IsUtf8Charset(charset)) head->utf8 = false;
      } else if (absl::EqualsIgnoreCase(name, "content-transfer-encoding")) {
        if (!absl::EqualsIgnoreCase(ToAbsl(value), "7bit") &&
            !absl::EqualsIgnoreCase(ToAbsl(value), "8bit") &&
            !absl::EqualsIgnoreCase(ToAbsl(value), "binary"))
          return false;
      }
    }
    return named;
  }

  static bool ReadDisposition(std::string_view value, PartHead* head) {
    const auto disposition = ReadParameters(value);
    if (!disposition || !absl::EqualsIgnoreCase(ToAbsl(disposition->value), "form-data")) return false;
    head->name = disposition->Find("name");
    // RFC 7578 §4.2 forbids the extended forms; some parsers read them all the same.
    if (head->name.data() == nullptr || disposition->Find("name*").data() != nullptr ||
        disposition->Find("filename*").data() != nullptr)
      return false;
    head->is_file = disposition->Find("filename").data() != nullptr;
    return true;
  }

  LoginReadError TakePart(const PartHead& head, std::string_view content) {
    if (head.name == kCharsetField)
      return IsUtf8Charset(content) ? LoginReadError::kNone : LoginReadError::kUnknownType;
    // Browsers write a quote in a name as %22 and a line end as %0D%0A; some parsers decode all of it, some none.
    FoundValue decoded;
    if (!DecodeFormText(head.name, &decoded.text)) decoded.Clear();
    const NameRelation relation = CompareFieldNames(head.name, wanted_);
    const bool similar = relation == NameRelation::kSimilar ||
                         (relation == NameRelation::kOther &&
                          CompareFieldNames(decoded.text.view(), wanted_) != NameRelation::kOther);
    if (relation == NameRelation::kOther && !similar) return LoginReadError::kNone;
    if (similar || head.is_file) {
      similar_ = true;
      return value_.found ? LoginReadError::kTwoValues : LoginReadError::kNone;
    }
    if (similar_) return LoginReadError::kTwoValues;
    if (!head.utf8) return LoginReadError::kUnknownType;
    FoundValue candidate;
    candidate.text.Reset(content.size());
    candidate.text.Append(content);
    return TakeValue(&candidate, &value_);
  }

  const std::string delimiter_;
  const std::string_view wanted_;
  FoundValue& value_;
  bool similar_ = false;  // a part was there that some application takes for this field
};

}  // namespace

std::string MultipartBoundary(std::string_view content_type) {
  const auto type = ReadParameters(content_type);
  if (!type || !absl::EqualsIgnoreCase(ToAbsl(type->value), "multipart/form-data")) return "";
  const std::string_view boundary = type->Find("boundary");
  const bool safe =
      boundary.size() <= kBoundaryBytesMax && std::all_of(boundary.begin(), boundary.end(), [](char c) {
        return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
               kBoundaryMarks.find(c) != std::string_view::npos;
      });
  return safe ? std::string(boundary) : "";
}

LoginReadError ReadMultipartField(std::string_view body, std::string_view boundary, std::string_view name,
                                  FoundValue* value) {
  value->Clear();
  if (boundary.empty()) return LoginReadError::kBadBody;
  return MultipartReader(boundary, name, value).Read(body);
}

}  // namespace stockade
