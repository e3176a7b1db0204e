#include "engine/decision/target.h"

#include <algorithm>

#include "engine/limits.h"
#include "engine/text.h"

namespace stockade {

std::optional<TargetValue> TargetOf(const Attempt& attempt, Target target, const HashKey& key) {
  switch (target) {
    case Target::kSourceIp: {
      if (!attempt.source.present()) return std::nullopt;
      const Prefix single = Prefix::Around(attempt.source, attempt.source.bits());
      return TargetValue{Scope::kIp, single.ToString(), single};
    }
    case Target::kSourcePrefix: {
      if (!attempt.source.present()) return std::nullopt;
      const Prefix network = SourcePrefix(attempt.source);
      return TargetValue{Scope::kRange, network.ToString(), network};
    }
    case Target::kSourceAsn:
      if (attempt.asn == 0) return std::nullopt;
      return TargetValue{Scope::kAsn, Concat(attempt.asn), {}};
    case Target::kSourceFingerprint:
      if (!HasFingerprint(attempt)) return std::nullopt;
      return TargetValue{
          Scope::kFingerprint, ToHex(FingerprintHash(key, attempt.ja4, attempt.user_agent)), {}};
    case Target::kUserName: {
      if (!attempt.has_account()) return std::nullopt;
      AccountNameBuffer buffer;
      return TargetValue{Scope::kAccount, std::string(AccountName(attempt.account, key, &buffer)), {}};
    }
  }
  return std::nullopt;
}

Hash128 FingerprintHash(const HashKey& key, std::string_view ja4, std::string_view user_agent) noexcept {
  const HashPair both =
      SipHash128Two({key, ja4.data(), ja4.size()}, {key, user_agent.data(), user_agent.size()});
  return Combine(both.first, both.second);
}

std::string_view AccountName(std::string_view account, const HashKey& key,
                             AccountNameBuffer* buffer) noexcept {
  if (account.size() <= kPrintedFieldBytesMax) return account;
  HexBuffer hex;
  const std::string_view digits = HexOf(SipHash128(key, account), &hex);
  buffer->bytes[0] = '#';
  std::copy(digits.begin(), digits.end(), buffer->bytes + 1);
  return {buffer->bytes, sizeof buffer->bytes};
}

std::string CutText(std::string_view text, size_t bytes_max) {
  if (text.size() <= bytes_max) return std::string(text);
  constexpr std::string_view kEllipsis = "\u2026";
  size_t size = bytes_max - kEllipsis.size();
  // Not into the middle of a character: back over at most three continuation bytes.
  for (int back = 0; back < 3 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80; ++back) --size;
  std::string cut(text.substr(0, size));
  cut.append(kEllipsis);
  return cut;
}

std::string Printed(std::string_view text) {
  return CutText(text, kPrintedFieldBytesMax);
}

}  // namespace stockade
