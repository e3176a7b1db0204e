#include "engine/rule/group_key.h"

#include <algorithm>
#include <cstring>

#include "engine/decision/target.h"
#include "engine/status.h"

namespace stockade {
namespace {

// Of 8 or of 24 bytes: an IPv4 network is never taken for an IPv6 one.
struct AddressBytes {
  AddressBytes(const Address& address, int length) noexcept {
    if (address.is_v4()) {
      words[0] = uint64_t{address.v4()} << 8 | static_cast<uint64_t>(length);
      size = sizeof words[0];
    } else {
      words[0] = address.high();
      words[1] = address.low();
      words[2] = static_cast<uint64_t>(length);
      size = sizeof words;
    }
  }
  uint64_t words[3] = {};
  size_t size;
};

}  // namespace

uint16_t GroupKeys::SlotOf(FieldId field) {
  for (size_t i = 0; i < slots_.size(); ++i)
    if (slots_[i].field == field) return static_cast<uint16_t>(i);
  slots_.emplace_back();
  slots_.back().field = field;
  if (field == FieldId::kSourceIp) ip_slot_ = slots_.size() - 1;
  if (field == FieldId::kSourcePrefix) prefix_slot_ = slots_.size() - 1;
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

void GroupKeys::ComputeSource(FieldId field, Hash128* hash) noexcept {
  const Address& source = event_->attempt.source;
  const AddressBytes single(source, source.bits());
  const Prefix around = SourcePrefix(source);
  const AddressBytes network(around.address, around.length);
  if (ip_slot_ == kNoSlot || prefix_slot_ == kNoSlot) {
    const AddressBytes& asked = field == FieldId::kSourceIp ? single : network;
    *hash = SipHash128(key_, asked.words, asked.size);
    return;
  }
  const HashPair both = SipHash128Two({key_, single.words, single.size}, {key_, network.words, network.size});
  Slot& of_ip = slots_[ip_slot_];
  Slot& of_prefix = slots_[prefix_slot_];
  of_ip.event = of_prefix.event = event_number_;
  of_ip.present = of_prefix.present = true;
  of_ip.hash = both.first;
  of_prefix.hash = both.second;
  *hash = field == FieldId::kSourceIp ? both.first : both.second;
}

bool GroupKeys::Compute(FieldId field, Hash128* hash) noexcept {
  const Attempt& attempt = event_->attempt;
  switch (field) {
    case FieldId::kSourceIp:
    case FieldId::kSourcePrefix:
      if (!attempt.source.present()) return false;
      ComputeSource(field, hash);
      return true;
    case FieldId::kSourceAsn:
      if (attempt.asn == 0) return false;
      *hash = SipHash128(key_, &attempt.asn, sizeof attempt.asn);
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
