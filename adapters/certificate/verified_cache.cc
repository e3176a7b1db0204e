#include "adapters/certificate/verified_cache.h"

#include <utility>

namespace stockade {

std::optional<VerifiedCertificate> VerifiedCache::Find(const Shown& shown, int64_t now_s,
                                                       RevocationEpochs epochs) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = by_leaf_.find(shown.leaf);
  if (found == by_leaf_.end() || found->second->shown.chain != shown.chain) return std::nullopt;
  const VerifiedCertificate& certificate = found->second->certificate;
  if (epochs != certificate.epochs) return std::nullopt;
  if (now_s < certificate.from_s || now_s > certificate.until_s) return std::nullopt;
  entries_.splice(entries_.begin(), entries_, found->second);
  return certificate;
}

void VerifiedCache::Put(const Shown& shown, VerifiedCertificate certificate) {
  if (entries_max_ == 0) return;
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = by_leaf_.find(shown.leaf);
  if (found != by_leaf_.end()) {
    found->second->shown.chain = shown.chain;
    found->second->certificate = std::move(certificate);
    entries_.splice(entries_.begin(), entries_, found->second);
    return;
  }
  if (entries_.size() == entries_max_) {
    by_leaf_.erase(entries_.back().shown.leaf);
    entries_.pop_back();
  }
  entries_.push_front(Entry{shown, std::move(certificate)});
  by_leaf_.emplace(shown.leaf, entries_.begin());
}

size_t VerifiedCache::size() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return entries_.size();
}

}  // namespace stockade
