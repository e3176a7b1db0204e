#include "engine/rule/group_key.h"

#include <cstring>

#include "engine/status.h"

namespace stockade {

GroupKeys::GroupKeys(const HashKey& key, std::span<const FieldId> fields) : key_(key) {
  for (const FieldId field : fields) {
    const auto index = static_cast<size_t>(field);
    if (slot_of_.size() <= index) slot_of_.resize(index + 1);
    if (slot_of_[index] != 0) continue;
    slots_.emplace_back();
    slot_of_[index] = static_cast<uint16_t>(slots_.size());
  }
}

void GroupKeys::Begin(const LoginEvent& event) noexcept {
  event_ = &event;
  ++event_number_;
}

const Hash128* GroupKeys::Find(FieldId field) noexcept {
  const auto index = static_cast<size_t>(field);
  STOCKADE_DCHECK(index < slot_of_.size() && slot_of_[index] != 0);
  Slot& slot = slots_[slot_of_[index] - size_t{1}];
  if (slot.event != event_number_) {
    slot.event = event_number_;
    slot.present = Compute(field, &slot.hash);
  }
  return slot.present ? &slot.hash : nullptr;
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
  const auto hash_address = [&](const Address& address, int length) {
    const uint64_t bytes[3] = {
        address.high(), address.low(),
        static_cast<uint64_t>(address.is_v4() ? 4 : 6) << 8 | static_cast<uint64_t>(length)};
    return SipHash128(key_, bytes, sizeof bytes);
  };
  switch (field) {
    case FieldId::kSourceIp:
      if (!attempt.source.present()) return false;
      *hash = hash_address(attempt.source, attempt.source.bits());
      return true;
    case FieldId::kSourcePrefix: {
      if (!attempt.source.present()) return false;
      const Prefix prefix = SourcePrefix(attempt.source);
      *hash = hash_address(prefix.address, prefix.length);
      return true;
    }
    case FieldId::kSourceAsn:
      if (attempt.asn == 0) return false;
      *hash = SipHash128(key_, &attempt.asn, sizeof attempt.asn);
      return true;
    case FieldId::kSourceFingerprint: {
      if (attempt.ja4.data() == nullptr && attempt.user_agent.data() == nullptr) return false;
      *hash = Combine(SipHash128(key_, attempt.ja4), HashText(attempt.user_agent));
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
