// What the readers of one kind of body give for one name, and the text it comes in: one that is wiped, because it may be
// a password. A reader is handed a name and says whether every application would read the same value under it; where
// two applications might differ it does not choose.
//
// Plain values; any thread, each its own.
#pragma once

#include <string.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

namespace stockade {

enum class LoginReadError : uint8_t {
  kNone,
  kNoAccount,    // none of the endpoint's sources yields an account
  kBadBody,      // not what its content type says: broken JSON, form or multipart
  kUnknownType,  // a body of a type that no source of the endpoint reads
  kTwoValues,    // a field that stands twice with different values: which one will the application take?
};
std::string_view Name(LoginReadError error) noexcept;

// A text whose every byte is overwritten before its memory goes back. Reset says how long it will become at most, so
// that growing leaves no copy behind.
class SecretText {
 public:
  // Above what a string holds inside itself: a swap would leave bytes of it there.
  static constexpr size_t kBytesMin = 32;

  SecretText() = default;
  ~SecretText() { Wipe(); }
  SecretText(const SecretText&) = delete;
  SecretText& operator=(const SecretText&) = delete;

  // Wipes, and makes room for `bytes_max` bytes.
  void Reset(size_t bytes_max) {
    Wipe();
    text_.reserve(std::max(bytes_max, kBytesMin));
  }
  void Append(char c) { text_.push_back(c); }
  void Append(std::string_view piece) { text_.append(piece); }
  void Swap(SecretText& other) noexcept { text_.swap(other.text_); }
  std::string_view view() const noexcept { return text_; }
  size_t size() const noexcept { return text_.size(); }

 private:
  void Wipe() noexcept {
    text_.resize(text_.capacity());
    explicit_bzero(text_.data(), text_.size());
    text_.clear();
  }

  std::string text_;
};

struct FoundValue {
  bool found = false;
  // A form's value with a bare ';' in it: some applications end the value there. What a password is counted by does
  // not change for that; an account is refused.
  bool separator_inside = false;
  SecretText text;

  void Clear() {
    found = false;
    separator_inside = false;
    text.Reset(0);
  }
};

// Takes `candidate` as a further value of the same name: kTwoValues if there was another.
inline LoginReadError TakeValue(FoundValue* candidate, FoundValue* value) {
  if (value->found) {
    return value->text.view() == candidate->text.view() ? LoginReadError::kNone : LoginReadError::kTwoValues;
  }
  value->found = true;
  value->text.Swap(candidate->text);
  return LoginReadError::kNone;
}

}  // namespace stockade
