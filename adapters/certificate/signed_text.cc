#include "adapters/certificate/signed_text.h"

#include <algorithm>

#include "engine/event/printable_text.h"
#include "engine/text.h"

namespace stockade {
namespace {

constexpr std::array<std::string_view, 3> kSlotNames = {"{account}", "{timestamp}", "{nonce}"};

}  // namespace

absl::StatusOr<SignedText> SignedText::Parse(std::string_view form) {
  const auto refuse = [](const auto&... what) { return absl::InvalidArgumentError(Concat(what...)); };
  if (form.size() > kSignedTextBytesMax / 2)
    return refuse("is longer than ", kSignedTextBytesMax / 2, " bytes");
  // What stands so in a file is hardly ever what a program signs.
  if (form.find("\\n") != std::string_view::npos)
    return refuse("holds a backslash and an n, and no line end; write it in double quotes");
  SignedText text;
  size_t count = 0;
  while (true) {
    const size_t brace = std::min(form.find_first_of("{}"), form.size());
    text.literals_[count].assign(form.substr(0, brace));
    form.remove_prefix(brace);
    if (form.empty()) break;
    const auto* const found = std::find_if(kSlotNames.begin(), kSlotNames.end(),
                                           [&](std::string_view name) { return form.starts_with(name); });
    if (found == kSlotNames.end()) {
      return refuse("has ", PrintableText(form.substr(0, 20)),
                    " in it; what is filled in is {account}, {timestamp} and {nonce}");
    }
    const auto slot = static_cast<Slot>(found - kSlotNames.begin());
    const auto* const end = text.order_.begin() + count;
    if (std::find(text.order_.cbegin(), end, slot) != end) return refuse("has ", *found, " twice");
    if (count > 0 && text.literals_[count].empty()) {
      return refuse("has nothing between ", kSlotNames[static_cast<size_t>(text.order_[count - 1])], " and ",
                    *found, ": one text could be several; write \\n in double quotes, or | between them");
    }
    text.order_[count++] = slot;
    form.remove_prefix(found->size());
  }
  if (count != kSlots)
    return refuse("lacks one of {account}, {timestamp}, {nonce}: what is not signed could be anybody's");
  return text;
}

std::optional<std::string> SignedText::Fill(const Values& values) const {
  const std::array<std::string_view, kSlots> by_slot = {values.account, values.timestamp, values.nonce};
  size_t bytes = 0;
  for (const std::string_view value : by_slot) bytes += value.size();
  for (const std::string& literal : literals_) bytes += literal.size();
  if (bytes > kSignedTextBytesMax) return std::nullopt;
  for (size_t between = 1; between < kSlots; ++between) {
    for (const std::string_view value : {values.timestamp, values.nonce})
      if (value.find_first_of(literals_[between]) != std::string_view::npos) return std::nullopt;
  }
  std::string text;
  text.reserve(bytes);
  for (size_t i = 0; i < kSlots; ++i) {
    text += literals_[i];
    text += by_slot[static_cast<size_t>(order_[i])];
  }
  text += literals_[kSlots];
  return text;
}

}  // namespace stockade
