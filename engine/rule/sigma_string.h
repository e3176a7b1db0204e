// Sigma's strings: text with the wildcards * (any number of characters) and ? (exactly one), and what the
// modifiers that rewrite text make of them.
//
// Escapes as the specification has them: `\*`, `\?` and `\\` stand for the character behind the backslash; a
// backslash before anything else, and one at the end, is an ordinary backslash. So `C:\Windows\*` ends in a
// plain star, `C:\Windows\\*` in a backslash and a wildcard.
//
// Load time only. Source: sigma-specification, "Sigma Rules Specification", section Value Modifiers and
// Escaping.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/rule/sigma_rule.h"

namespace stockade {

class SigmaString {
 public:
  // Reads a value as written in a rule. Never fails: every text is a Sigma string.
  static SigmaString Parse(std::string_view written);
  // A text without wildcards, whatever characters it holds.
  static SigmaString Literal(std::string_view text);

  bool has_wildcards() const noexcept;
  // No text and no wildcard: the value ''.
  bool empty() const noexcept { return pieces_.empty(); }

  // |windash: a dash that begins a word (an option such as -f or /f) also stands as "-", "/" and U+2013 to
  // U+2015.
  void AcceptAllDashes();
  // Every text this string stands for with its dashes spelled out. Only without wildcards. Nothing if there
  // would be more than `limit`.
  std::optional<std::vector<std::string>> Spellings(size_t limit) const;

  // Lets the text begin, end, or both, anywhere.
  void Relax(Test::TextRelation relation);

  // Fills pattern, literal, has_literal and text_relation of `test`. Wildcards at the ends become relations:
  // `adm*` is startswith `adm`, `*` alone is "contains nothing", which every text does. The pattern is an
  // expression over characters (UTF-8) in the part of the syntax that Hyperscan and RE2 share; it has the
  // literal only if comparing bytes, with the case of ASCII letters ignored where test->caseless says so,
  // gives the same answer.
  void Fill(Test* test) const;

 private:
  enum class Kind : uint8_t { kText, kAnyNumber, kOne, kDash };
  struct Piece {
    Kind kind;
    std::string text;  // kText; of a kDash the dash as written
  };
  void AppendText(std::string_view text);

  std::vector<Piece> pieces_;  // no two kText, no two kAnyNumber in a row
};

// `text` as an expression that matches exactly it.
std::string EscapePattern(std::string_view text);

// UTF-8 to UTF-16; `text` is valid UTF-8, as all text of a rule file is.
std::string EncodeUtf16(std::string_view text, bool big_endian, bool byte_order_mark);

// What `bytes` look like inside a longer text encoded in base64, for each of the three offsets they can stand
// at: the characters that depend on `bytes` alone. Those that would be empty are left out; fewer than 3 bytes
// are not seen at every offset.
std::vector<std::string> Base64Offsets(std::string_view bytes);

}  // namespace stockade
