// What the readers of one kind of body give for one name, in a text that is wiped, because it may be a password. A reader is handed a name and says whether every application would read the same value under it; where
// two applications might differ it does not choose.
//
// Plain values; any thread, each its own.
#pragma once

#include <cstdint>
#include <string_view>

#include "adapters/secret_text.h"

namespace stockade {

enum class LoginReadError : uint8_t {
  kNone,
  kNoAccount,    // none of the endpoint's sources yields an account
  kBadBody,      // not what its content type says: broken JSON, form or multipart
  kUnknownType,  // a body of a type that no source of the endpoint reads
  kTwoValues,    // a field that stands twice with different values: which one will the application take?
};
std::string_view Name(LoginReadError error) noexcept;

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
