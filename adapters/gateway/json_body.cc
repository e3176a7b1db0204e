#include "adapters/gateway/json_body.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "engine/text.h"

namespace stockade {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;

// A parser with room for a body, wiped after each use. Kept per thread: making one costs more than parsing a login.
// One that had to grow beyond kKeptBytes is given up again.
class WipedParser {
 public:
  LoginReadError Parse(std::string_view body, element* root) {
    if (body.size() > capacity_ || parser_ == nullptr) {
      capacity_ = std::max(body.size(), kFirstBytes);
      parser_ = std::make_unique<simdjson::dom::parser>();
      text_ = std::make_unique<char[]>(capacity_ + simdjson::SIMDJSON_PADDING);
      if (parser_->allocate(capacity_, kJsonDepthMax) != simdjson::SUCCESS) {
        capacity_ = 0;
        parser_.reset();
        return LoginReadError::kBadBody;
      }
    }
    size_ = body.size();
    std::copy(body.begin(), body.end(), text_.get());
    std::fill_n(text_.get() + size_, simdjson::SIMDJSON_PADDING, '\0');
    const auto parsed = parser_->parse(text_.get(), size_, /*realloc_if_needed=*/false);
    if (parsed.error() != simdjson::SUCCESS) return LoginReadError::kBadBody;
    *root = parsed.value_unsafe();
    return LoginReadError::kNone;
  }
  void Wipe() noexcept {
    if (parser_ == nullptr) return;
    explicit_bzero(text_.get(), size_);
    // simdjson writes each string behind its length, at most 5/3 of the text in all and a block beyond it, and a
    // number into the tape, at most a word for each byte of the text and two around it (document::allocate).
    auto& document = parser_->doc;
    if (document.string_buf != nullptr)
      explicit_bzero(document.string_buf.get(), 5 * size_ / 3 + simdjson::SIMDJSON_PADDING);
    if (document.tape != nullptr) explicit_bzero(document.tape.get(), (size_ + 2) * sizeof(document.tape[0]));
    size_ = 0;
    if (capacity_ <= kKeptBytes) return;
    parser_.reset();
    text_.reset();
    capacity_ = 0;
  }

 private:
  static constexpr size_t kFirstBytes = size_t{4} << 10;
  static constexpr size_t kKeptBytes = size_t{256} << 10;

  std::unique_ptr<simdjson::dom::parser> parser_;
  std::unique_ptr<char[]> text_;
  size_t capacity_ = 0;
  size_t size_ = 0;
};

std::string_view View(const element& text) {
  return {text.get_c_str().value_unsafe(), text.get_string_length().value_unsafe()};
}

class JsonReader {
 public:
  explicit JsonReader(FoundValue* value) : value_(*value) {}

  // `path` is what is left of it; empty: this is the value. Adds what it finds to the value.
  LoginReadError ReadDotted(const element& node, std::string_view path) {
    if (node.type() == element_type::OBJECT) {
      const simdjson::dom::object object = node.get_object().value_unsafe();
      for (const simdjson::dom::key_value_pair& member : object) {
        const std::string_view name(member.key.data(), member.key.size());
        if (!absl::StartsWithIgnoreCase(ToAbsl(path), ToAbsl(name))) continue;
        if (path.size() != name.size() && path[name.size()] != '.') continue;
        const bool exact = path.starts_with(name);
        const LoginReadError error =
            path.size() == name.size()
                ? TakeMember(member.value, exact)
                : Below(exact, [&] { return ReadDotted(member.value, path.substr(name.size() + 1)); });
        if (error != LoginReadError::kNone) return error;
      }
      return LoginReadError::kNone;
    }
    if (node.type() != element_type::ARRAY) return LoginReadError::kNone;
    const size_t dot = std::min(path.find('.'), path.size());
    const auto item = ItemAt(node, path.substr(0, dot));
    if (item.error() != simdjson::SUCCESS) return LoginReadError::kNone;
    return dot == path.size() ? TakeMember(item.value_unsafe(), true)
                              : ReadDotted(item.value_unsafe(), path.substr(dot + 1));
  }

  LoginReadError ReadPointer(const element& node, std::string_view path) {
    if (path.empty()) return TakeMember(node, true);
    path.remove_prefix(1);
    const size_t slash = std::min(path.find('/'), path.size());
    const std::string wanted = Unescaped(path.substr(0, slash));
    path.remove_prefix(slash);
    if (node.type() == element_type::ARRAY) {
      const auto item = ItemAt(node, wanted);
      return item.error() == simdjson::SUCCESS ? ReadPointer(item.value_unsafe(), path)
                                               : LoginReadError::kNone;
    }
    if (node.type() != element_type::OBJECT) return LoginReadError::kNone;
    const simdjson::dom::object object = node.get_object().value_unsafe();
    for (const simdjson::dom::key_value_pair& member : object) {
      const std::string_view name(member.key.data(), member.key.size());
      if (!absl::EqualsIgnoreCase(ToAbsl(name), wanted)) continue;
      const LoginReadError error = Below(name == wanted, [&] { return ReadPointer(member.value, path); });
      if (error != LoginReadError::kNone) return error;
    }
    return LoginReadError::kNone;
  }

 private:
  // Runs `read` for the member of a key. Below a key that is only similar nothing is found, but what is there is
  // remembered: it must not stand beside a value.
  template <typename Read>
  LoginReadError Below(bool exact, const Read& read) {
    const bool outer = similar_;
    if (!exact) similar_ = true;
    const LoginReadError error = read();
    similar_ = outer;
    return error;
  }

  LoginReadError TakeMember(const element& node, bool exact) {
    FoundValue candidate;
    const bool is_value = TextOf(node, &candidate.text);
    if (similar_ || !exact) {
      if (value_.found)
        return is_value && candidate.text.view() == value_.text.view() ? LoginReadError::kNone
                                                                       : LoginReadError::kTwoValues;
      if (seen_similar_.found && candidate.text.view() != seen_similar_.text.view())
        return LoginReadError::kTwoValues;
      seen_similar_.found = true;
      seen_similar_.text.Swap(candidate.text);
      return LoginReadError::kNone;
    }
    if (seen_similar_.found && seen_similar_.text.view() != candidate.text.view())
      return LoginReadError::kTwoValues;
    if (is_value) return seen_nothing_ ? LoginReadError::kTwoValues : TakeValue(&candidate, &value_);
    seen_nothing_ = true;
    return value_.found ? LoginReadError::kTwoValues : LoginReadError::kNone;
  }

  // False for null, a list, an object.
  static bool TextOf(const element& node, SecretText* text) {
    switch (node.type()) {
      case element_type::STRING: {
        const std::string_view view = View(node);
        text->Reset(view.size());
        text->Append(view);
        return true;
      }
      case element_type::INT64:
        return NumberText(node.get_int64().value_unsafe(), text);
      case element_type::UINT64:
        return NumberText(node.get_uint64().value_unsafe(), text);
      case element_type::DOUBLE:
        return NumberText(node.get_double().value_unsafe(), text);
      case element_type::BOOL:
        text->Reset(0);
        text->Append(node.get_bool().value_unsafe() ? "true" : "false");
        return true;
      default:
        text->Reset(0);
        return false;
    }
  }
  template <typename Number>
  static bool NumberText(Number number, SecretText* text) {
    std::array<char, 40> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    text->Reset(digits.size());
    text->Append(std::string_view(digits.data(), static_cast<size_t>(end - digits.data())));
    explicit_bzero(digits.data(), digits.size());
    return true;
  }

  static simdjson::simdjson_result<element> ItemAt(const element& list, std::string_view index) {
    uint32_t number = 0;
    if (index.empty() || index.size() > 9 || !absl::SimpleAtoi(ToAbsl(index), &number)) {
      return simdjson::NO_SUCH_FIELD;
    }
    return list.get_array().value_unsafe().at(number);
  }

  static std::string Unescaped(std::string_view token) {
    std::string text;
    for (size_t i = 0; i < token.size(); ++i) {
      const bool escape =
          token[i] == '~' && i + 1 < token.size() && (token[i + 1] == '0' || token[i + 1] == '1');
      text.push_back(!escape ? token[i] : token[i + 1] == '0' ? '~' : '/');
      if (escape) ++i;
    }
    return text;
  }

  FoundValue& value_;
  FoundValue seen_similar_;    // under a key in another case
  bool similar_ = false;       // below such a key
  bool seen_nothing_ = false;  // null, a list or an object stood there
};

}  // namespace

LoginReadError ReadJsonValue(std::string_view body, std::string_view path, FoundValue* value) {
  thread_local WipedParser parser;
  value->Clear();
  element root;
  LoginReadError error = parser.Parse(body, &root);
  if (error == LoginReadError::kNone) {
    JsonReader reader(value);
    error = path.starts_with('/') ? reader.ReadPointer(root, path) : reader.ReadDotted(root, path);
  }
  parser.Wipe();
  return error;
}

}  // namespace stockade
