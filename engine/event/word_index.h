// Finds a text among a few dozen words that are known when this is compiled, by its length and its ends: a look-up costs
// one comparison of texts where the word is there, and mostly none where it is not. The words are different, and live
// for ever.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <type_traits>

namespace stockade {

// Whether both are the same text; for short ones without a call.
constexpr bool IsSameWord(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  if (std::is_constant_evaluated() || a.size() < 4 || a.size() > 16) return a == b;
  // In two words that may overlap.
  const auto same = [&]<typename Word>(size_t at, Word) noexcept {
    Word of_a, of_b;
    std::memcpy(&of_a, a.data() + at, sizeof of_a);
    std::memcpy(&of_b, b.data() + at, sizeof of_b);
    return of_a == of_b;
  };
  if (a.size() >= 8) return same(0, uint64_t{}) && same(a.size() - 8, uint64_t{});
  return same(0, uint32_t{}) && same(a.size() - 4, uint32_t{});
}

template <size_t N>
class WordIndex {
 public:
  constexpr explicit WordIndex(const std::array<std::string_view, N>& words) : words_(words) {
    // From the last one on, so that of words in one slot the first is met first.
    for (size_t i = N; i-- > 0;) {
      uint8_t& first = first_[SlotOf(words[i])];
      next_[i] = first;
      first = static_cast<uint8_t>(i + 1);
    }
  }

  // Its index in the list; nothing for any other text. Exact: case counts.
  constexpr std::optional<size_t> Find(std::string_view text) const noexcept {
    for (size_t i = first_[SlotOf(text)]; i != 0; i = next_[i - 1])
      if (IsSameWord(words_[i - 1], text)) return i - 1;
    return std::nullopt;
  }

 private:
  static constexpr size_t kSlots = 64;
  static_assert(N < 256);

  static constexpr size_t SlotOf(std::string_view text) noexcept {
    if (text.empty()) return 0;
    const auto first = static_cast<unsigned char>(text.front());
    const auto last = static_cast<unsigned char>(text.back());
    return (text.size() * 11 + first * 3 + last) % kSlots;
  }

  std::array<std::string_view, N> words_;
  std::array<uint8_t, kSlots> first_{};  // index + 1; 0: none
  std::array<uint8_t, N> next_{};
};

}  // namespace stockade
