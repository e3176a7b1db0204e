// What a file of decisions from elsewhere came to: those that can be taken, and what cannot, each with its place. One bad
// entry costs that entry; only a file that is none of its format at all is an error.
//
// Plain data.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "adapters/new_decision.h"

namespace stockade {

// Lists of a whole country are some ten MiB, a CERT's bundles less; everything is in memory while it is read.
inline constexpr size_t kExchangeBytesMax = size_t{256} << 20;
// An entry may stand for several decisions (a pattern of several addresses, a range that is no network).
inline constexpr size_t kExchangedMax = 2'000'000;
// Deeper is nobody's export: CrowdSec's alerts hold decisions, events and their metas, a bundle's objects extensions.
inline constexpr size_t kExchangeDepthMax = 64;
// More of them say nothing new; further ones are counted.
inline constexpr size_t kProblemsMax = 1000;

struct ExchangeProblem {
  size_t line = 0;  // as NewDecision::line
  std::string what;
};

struct Exchanged {
  std::vector<NewDecision> decisions;
  std::vector<ExchangeProblem> problems;  // the first kProblemsMax
  uint64_t refused = 0;                   // all of them
  uint64_t passed_over = 0;               // entries that are no decisions, and are not meant to be

  void Refuse(size_t line, std::string what) {
    ++refused;
    if (problems.size() < kProblemsMax) problems.push_back({line, std::move(what)});
  }
};

// What no reader can read, told before it tries: InvalidArgument for a file that is too large, compressed, or not UTF-8 as
// far as a glance shows (UTF-16 with its mark, zero bytes).
inline absl::Status CheckExchangedText(std::string_view text) {
  if (text.size() > kExchangeBytesMax) return absl::InvalidArgumentError("is larger than 256 MiB; split it");
  if (text.starts_with("\x1f\x8b") || text.starts_with("\x28\xb5\x2f\xfd") || text.starts_with("PK\x03\x04"))
    return absl::InvalidArgumentError("is compressed; unpack it first");
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff") ||
      text.find('\0') != std::string_view::npos)
    return absl::InvalidArgumentError("is no UTF-8 text (UTF-16, perhaps); save it as UTF-8");
  return absl::OkStatus();
}

// The text without the mark that some editors put in front of UTF-8.
inline std::string_view WithoutMark(std::string_view text) {
  return text.starts_with("\xef\xbb\xbf") ? text.substr(3) : text;
}

}  // namespace stockade
