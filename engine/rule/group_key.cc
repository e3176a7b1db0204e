#include "engine/rule/group_key.h"

#include <algorithm>
#include <cstring>

#include "engine/decision/target.h"
#include "engine/status.h"

namespace stockade {
namespace {

// An IPv4 network is never taken for an IPv6 one, nor either for a number.
Hash128 HashOf(const WordHash& words, const Address& address, int length) noexcept {
  const auto kind = static_cast<uint64_t>(address.bits() << 8 | length);
  return address.is_v4() ? words(address.v4(), 0, kind) : words(address.high(), address.low(), kind);
}

}  // namespace

uint16_t GroupKeys::SlotOf(FieldId field) {
  for (size_t i = 0; i < slots_.size(); ++i)
    if (slots_[i].field == field) return static_cast<uint16_t>(i);
  slots_.emplace_back();
  slots_.back().field = field;
  return static_cast<uint16_t>(slots_.size() - 1);
}

bool GroupKeys::Has(FieldId field) const noexcept {
  return std::any_of(slots_.begin(), slots_.end(), [field](const Slot& slot) { return slot.field == field; });
}

void GroupKeys::Begin(const LoginEvent& event) noexcept {
  event_ = &event;
  ++event_number_;
}

Hash128 GroupKeys::HashText(std::string_view text) noexcept {
  if (text.size() < kMemoBytesMin || text.size() > kMemoBytesMax) return SipHash128(key_, text);
  // Where in the memo: ends and length tell user agents apart well enough; a wrong slot only costs a hash.
  uint64_t head, middle, tail;
  std::memcpy(&head, text.data() + 8, 8);
  std::memcpy(&middle, text.data() + text.size() / 2, 8);
  std::memcpy(&tail, text.data() + text.size() - 8, 8);
  const uint64_t mixed =
      (head ^ (middle * 0x9e3779b97f4a7c15ULL) ^ (tail * 0xc2b2ae3d27d4eb4fULL)) + text.size();
  Remembered& place = memo_[(mixed * 0x9e3779b97f4a7c15ULL) >> 56];
  static_assert(kMemoSlots == 256);
  if (place.text == text) return place.hash;
  place.hash = SipHash128(key_, text);
  place.text.assign(text);
  return place.hash;
}

bool GroupKeys::Compute(FieldId field, Hash128* hash) noexcept {
  const Attempt& attempt = event_->attempt;
  switch (field) {
    case FieldId::kSourceIp:
      if (!attempt.source.present()) return false;
      *hash = HashOf(words_, attempt.source, attempt.source.bits());
      return true;
    case FieldId::kSourcePrefix: {
      if (!attempt.source.present()) return false;
      const Prefix around = SourcePrefix(attempt.source);
      *hash = HashOf(words_, around.address, around.length);
      return true;
    }
    case FieldId::kSourceAsn:
      if (attempt.asn == 0) return false;
      *hash = words_(attempt.asn, 0, 0);
      return true;
    case FieldId::kUserName:
      if (!attempt.has_account()) return false;
      *hash = HashText(attempt.account);
      return true;
    case FieldId::kSourceFingerprint: {
      if (attempt.ja4.data() == nullptr && attempt.user_agent.data() == nullptr) return false;
      *hash = fingerprints_.Of(attempt.ja4, attempt.user_agent,
                               [&] { return FingerprintHash(key_, attempt.ja4, attempt.user_agent); });
      return true;
    }
    default: {
      const FieldValue value = GetField(*event_, field, &scratch_);
      if (!value.present() || value.kind == FieldValue::Kind::kNull) return false;
      *hash = HashText(value.text);
      return true;
    }
  }
}

}  // namespace stockade
