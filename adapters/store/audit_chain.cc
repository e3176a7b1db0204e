#include "adapters/store/audit_chain.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

constexpr std::string_view kMember = ",\"chain\":\"";
constexpr std::string_view kEnd = "\"}";
constexpr size_t kTailBytes = kMember.size() + kChainDigits + kEnd.size();

std::string ChainAfter(std::string_view previous, std::string_view json) {
  const std::string text = Concat(previous, "\n", json);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  // It fails only where OpenSSL has no memory; a log without a chain is no log.
  STOCKADE_CHECK(EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha256(), nullptr) == 1);
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string chain;
  for (size_t i = 0; i < kChainDigits / 2; ++i) {
    chain.push_back(kHex[digest[i] >> 4]);
    chain.push_back(kHex[digest[i] & 15]);
  }
  return chain;
}

std::optional<uint64_t> NumberOf(std::string_view line) noexcept {
  constexpr std::string_view kBegin = "{\"n\":";
  if (!line.starts_with(kBegin)) return std::nullopt;
  line.remove_prefix(kBegin.size());
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), number);
  // Behind it another member or the end: a number as 1.5 or 1e3 is none.
  const bool whole = error == std::errc() && end != line.data() + line.size() && (*end == ',' || *end == '}');
  return whole ? std::optional(number) : std::nullopt;
}

}  // namespace

std::string AppendChain(std::string_view previous, std::string_view json_without_chain) {
  STOCKADE_CHECK(previous.size() == kChainDigits && json_without_chain.ends_with('}') &&
                 NumberOf(json_without_chain).has_value());
  return Concat(json_without_chain.substr(0, json_without_chain.size() - 1), kMember,
                ChainAfter(previous, json_without_chain), kEnd);
}

std::string_view ChainOf(std::string_view line) noexcept {
  if (line.size() < kTailBytes) return {};
  const std::string_view tail = line.substr(line.size() - kTailBytes);
  if (!tail.starts_with(kMember) || !tail.ends_with(kEnd)) return {};
  const std::string_view chain = tail.substr(kMember.size(), kChainDigits);
  const bool hex = std::all_of(chain.begin(), chain.end(),
                               [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  return hex ? chain : std::string_view();
}

absl::Status AuditChainReader::Take(std::string_view line) {
  if (!status_.ok()) return status_;
  const uint64_t expected = number_ + 1;
  const std::optional<uint64_t> number = NumberOf(line);
  const std::string_view chain = ChainOf(line);
  if (!number || chain.empty()) {
    status_ = absl::DataLossError(
        Concat("line ", expected, " is none of an audit log: it has no number or no chain"));
  } else if (*number != expected) {
    status_ = absl::DataLossError(
        Concat("line ", *number, " stands where line ", expected, " must: lines are missing or were moved"));
  } else if (std::string json = Concat(line.substr(0, line.size() - kTailBytes), "}");
             ChainAfter(chain_, json) != chain) {
    status_ = absl::DataLossError(Concat(
        "line ", expected, " does not follow from the lines before it: it was changed, or one of them was"));
  }
  if (!status_.ok()) return status_;
  number_ = expected;
  chain_ = std::string(chain);
  return absl::OkStatus();
}

absl::Status VerifyChain(std::span<const std::string> lines) {
  AuditChainReader reader;
  for (const std::string& line : lines) RETURN_IF_ERROR(reader.Take(line));
  return absl::OkStatus();
}

}  // namespace stockade
