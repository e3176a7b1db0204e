#include "adapters/certificate/nonce_memory.h"

#include <algorithm>
#include <string>

namespace stockade {

NonceMemory::Answer NonceMemory::Note(std::string_view key_der, std::string_view nonce, absl::Time until,
                                      absl::Time now) {
  Entry entry;
  entry.until_ns = absl::ToUnixNanos(until);
  bool hashed = Sha256(key_der, &entry.certificate);
  // The first part has one length, so no two pairs are one text.
  std::string both(reinterpret_cast<const char*>(entry.certificate.data()), entry.certificate.size());
  both += nonce;
  hashed = Sha256(both, &entry.nonce) && hashed;

  const std::lock_guard<std::mutex> lock(mutex_);
  Forget(absl::ToUnixNanos(now));
  if (nonces_.contains(entry.nonce)) return Answer::kSeen;
  if (until < now || entry.until_ns <= forgotten_until_ns_) return Answer::kPast;
  if (!hashed || nonces_.size() >= nonces_max_) {
    ++refused_full_;
    return Answer::kFull;
  }
  uint32_t& count = certificates_[entry.certificate];
  if (count >= kNoncesPerCertificateMax) {
    ++refused_too_many_;
    return Answer::kTooMany;
  }
  ++count;
  nonces_.insert(entry.nonce);
  by_end_.push(entry);
  return Answer::kNew;
}

void NonceMemory::Forget(int64_t now_ns) {
  while (!by_end_.empty() && by_end_.top().until_ns < now_ns) {
    const Entry& first = by_end_.top();
    forgotten_until_ns_ = std::max(forgotten_until_ns_, first.until_ns);
    nonces_.erase(first.nonce);
    const auto counted = certificates_.find(first.certificate);
    if (--counted->second == 0) certificates_.erase(counted);
    by_end_.pop();
  }
}

size_t NonceMemory::size() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return nonces_.size();
}

}  // namespace stockade
