#include "adapters/gateway/form_body.h"

#include <algorithm>

#include "adapters/gateway/percent_text.h"

namespace stockade {
namespace {

// Cuts the text up to `separator` off the begin of `text`.
std::string_view Cut(std::string_view* text, char separator) noexcept {
  const size_t end = std::min(text->find(separator), text->size());
  const std::string_view piece = text->substr(0, end);
  text->remove_prefix(std::min(end + 1, text->size()));
  return piece;
}

class FormReader {
 public:
  FormReader(std::string_view name, FoundValue* value) : wanted_(name), value_(*value) {}

  LoginReadError Read(std::string_view body) {
    while (!body.empty()) {
      std::string_view pair = Cut(&body, '&');
      LoginReadError error = ReadPair(pair, /*behind_semicolon=*/false);
      Cut(&pair, ';');
      while (error == LoginReadError::kNone && !pair.empty()) {
        error = ReadPair(Cut(&pair, ';'), /*behind_semicolon=*/true);
      }
      if (error != LoginReadError::kNone) return error;
    }
    return LoginReadError::kNone;
  }

 private:
  LoginReadError ReadPair(std::string_view raw, bool behind_semicolon) {
    const size_t equals = std::min(raw.find('='), raw.size());
    const std::string_view raw_value = raw.substr(std::min(equals + 1, raw.size()));
    // What stands behind a ';' is most likely the rest of a value, and need not be well written.
    if (!DecodeFormText(raw.substr(0, equals), &name_))
      return behind_semicolon ? LoginReadError::kNone : LoginReadError::kBadBody;
    if (name_.view() == kCharsetField) {
      const bool read = DecodeFormText(raw_value, &candidate_.text);
      return read && IsUtf8Charset(candidate_.text.view()) ? LoginReadError::kNone
                                                           : LoginReadError::kUnknownType;
    }
    const NameRelation relation = CompareFieldNames(name_.view(), wanted_);
    if (relation == NameRelation::kOther) return LoginReadError::kNone;
    if (relation == NameRelation::kSimilar || behind_semicolon) {
      // Whoever takes this for the field reads another value than who does not; and a list is no value at all.
      similar_ = true;
      return value_.found ? LoginReadError::kTwoValues : LoginReadError::kNone;
    }
    if (similar_) return LoginReadError::kTwoValues;
    if (!DecodeFormText(raw_value, &candidate_.text)) return LoginReadError::kBadBody;
    if (raw_value.find(';') != std::string_view::npos) value_.separator_inside = true;
    return TakeValue(&candidate_, &value_);
  }

  const std::string_view wanted_;
  FoundValue& value_;
  FoundValue candidate_;
  SecretText name_;
  bool similar_ = false;  // a field was there that some application takes for this one
};

}  // namespace

LoginReadError ReadFormField(std::string_view body, std::string_view name, FoundValue* value) {
  value->Clear();
  return AddFormField(body, name, value);
}

LoginReadError AddFormField(std::string_view text, std::string_view name, FoundValue* value) {
  return FormReader(name, value).Read(text);
}

}  // namespace stockade
