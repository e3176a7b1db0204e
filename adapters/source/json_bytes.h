// The two questions about bytes that reading a line of known shape (line_shapes.h) is left with: are these the
// bytes expected, and where does a string end. Sixteen bytes at a time where the processor has the instructions
// (SSE2, which every x86-64 has); elsewhere the portable forms, which tests hold against them.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace stockade {

// Bytes to be found at the begin of others, and which of them count: 0xff for each that does, else 0.
struct MaskedBytes {
  static constexpr size_t kBytes = 32;
  alignas(16) std::array<char, kBytes> bytes{};
  alignas(16) std::array<char, kBytes> mask{};
};

// Whether MaskedBytes::kBytes bytes at `at` fit the pattern.
inline bool FitsPortable(const MaskedBytes& pattern, const char* at) noexcept {
  for (size_t i = 0; i < MaskedBytes::kBytes; ++i)
    if (((at[i] ^ pattern.bytes[i]) & pattern.mask[i]) != 0) return false;
  return true;
}
inline bool Fits(const MaskedBytes& pattern, const char* at) noexcept {
#ifdef __SSE2__
  const auto difference = [&](size_t i) noexcept {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at + i));
    const __m128i wanted = _mm_load_si128(reinterpret_cast<const __m128i*>(pattern.bytes.data() + i));
    const __m128i mask = _mm_load_si128(reinterpret_cast<const __m128i*>(pattern.mask.data() + i));
    return _mm_and_si128(_mm_xor_si128(bytes, wanted), mask);
  };
  const __m128i any = _mm_or_si128(difference(0), difference(16));
  return _mm_movemask_epi8(_mm_cmpeq_epi8(any, _mm_setzero_si128())) == 0xffff;
#else
  return FitsPortable(pattern, at);
#endif
}

// How far behind its `end` FindStringStop may read.
inline constexpr size_t kStringStopPadding = 16;

// The first byte from `at` on at which the inside of a string is not plain: a quote, a backslash, a control
// character or one beyond ASCII. `end` or a place behind it if there is none before. Any `at` up to `end`;
// kStringStopPadding bytes behind `end` may be read, whatever they are.
inline const char* FindStringStopPortable(const char* at, const char* end) noexcept {
  for (; at < end; ++at) {
    const auto byte = static_cast<unsigned char>(*at);
    if (byte < 0x20 || byte >= 0x80 || byte == '"' || byte == '\\') break;
  }
  return at;
}

inline const char* FindStringStop(const char* at, const char* end) noexcept {
#ifdef __SSE2__
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i backslash = _mm_set1_epi8('\\');
  const __m128i last_control = _mm_set1_epi8(0x1f);
  constexpr uint32_t kAllPlain = 0xffff;
  do {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const __m128i ends = _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash));
    // Bytes from 0x80 on are negative: one comparison finds them and the control characters.
    const __m128i plain = _mm_andnot_si128(ends, _mm_cmpgt_epi8(bytes, last_control));
    if (const uint32_t stops = static_cast<uint32_t>(_mm_movemask_epi8(plain)) ^ kAllPlain; stops != 0)
      return at + std::countr_zero(stops);
    at += 16;
  } while (at < end);
  return at;
#else
  return FindStringStopPortable(at, end);
#endif
}

}  // namespace stockade
