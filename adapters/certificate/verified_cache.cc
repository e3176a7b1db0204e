#include "adapters/certificate/verified_cache.h"

#include <utility>

namespace stockade {

std::optional<VerifiedCertificate> VerifiedCache::Find(const Key& key, int64_t now_s,
                                                       RevocationEpochs epochs) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return std::nullopt;
  const VerifiedCertificate& certificate = found->second->certificate;
  if (epochs != certificate.epochs) return std::nullopt;
  if (now_s < certificate.from_s || now_s > certificate.until_s) return std::nullopt;
  entries_.splice(entries_.begin(), entries_, found->second);
  return certificate;
}

void VerifiedCache::Put(const Key& key, VerifiedCertificate certificate) {
  if (entries_max_ == 0) return;
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = by_key_.find(key);
  if (found != by_key_.end()) {
    found->second->certificate = std::move(certificate);
    entries_.splice(entries_.begin(), entries_, found->second);
    return;
  }
  if (entries_.size() == entries_max_) {
    by_key_.erase(entries_.back().key);
    entries_.pop_back();
  }
  entries_.push_front(Entry{key, std::move(certificate)});
  by_key_.emplace(key, entries_.begin());
}

size_t VerifiedCache::size() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return entries_.size();
}

}  // namespace stockade
