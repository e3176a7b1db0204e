// JSON for the --json of a command: one value, members in the order they are written. Commas and quotes are
// its business; balance is the caller's. Text that is not UTF-8 is written with U+FFFD (AppendJsonString).
//
//   JsonWriter json;
//   json.BeginObject().Key("read").Count(12).Key("inputs").BeginList().Text("auth.log").EndList().EndObject();
//   out << json.text();
#pragma once

#include <string>
#include <string_view>

#include "adapters/store/ndjson_log.h"
#include "engine/decision/decision.h"

namespace stockade {

class JsonWriter {
 public:
  JsonWriter& BeginObject() { return Open('{'); }
  JsonWriter& EndObject() { return Close('}'); }
  JsonWriter& BeginList() { return Open('['); }
  JsonWriter& EndList() { return Close(']'); }
  JsonWriter& Key(std::string_view key) {
    Separate();
    AppendJsonString(key, &text_);
    text_.push_back(':');
    first_ = true;
    return *this;
  }
  JsonWriter& Text(std::string_view value) {
    Separate();
    AppendJsonString(value, &text_);
    return *this;
  }
  JsonWriter& Count(uint64_t value) { return Verbatim(std::to_string(value)); }
  JsonWriter& Number(double value) {
    Separate();
    AppendJsonNumber(value, &text_);
    return *this;
  }
  JsonWriter& Bool(bool value) { return Verbatim(value ? "true" : "false"); }
  JsonWriter& Null() { return Verbatim("null"); }
  // A value that is JSON already.
  JsonWriter& Verbatim(std::string_view json) {
    Separate();
    text_ += json;
    return *this;
  }

  const std::string& text() const noexcept { return text_; }

 private:
  void Separate() {
    if (!first_) text_.push_back(',');
    first_ = false;
  }
  JsonWriter& Open(char bracket) {
    Separate();
    text_.push_back(bracket);
    first_ = true;
    return *this;
  }
  JsonWriter& Close(char bracket) {
    text_.push_back(bracket);
    first_ = false;
    return *this;
  }

  std::string text_;
  bool first_ = true;  // nothing stands before the next value that would need a comma
};

}  // namespace stockade
