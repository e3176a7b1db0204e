#include "adapters/certificate/ocsp_memory.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "adapters/certificate/openssl_owned.h"
#include "engine/status.h"

namespace stockade {

std::optional<OcspMemory::Key> OcspMemory::KeyOf(const X509* certificate, const X509* issuer) {
  const ClearErrorsAtEnd clear;
  const std::unique_ptr<EVP_MD_CTX, FreeBy<EVP_MD_CTX_free>> digest(EVP_MD_CTX_new());
  Key key;
  // A part of one length each, so that no two certificates are one text.
  const auto add = [&](const unsigned char* bytes, size_t size) {
    return EVP_DigestUpdate(digest.get(), bytes, size) == 1;
  };
  unsigned char hash[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  const ASN1_INTEGER* serial = X509_get0_serialNumber(certificate);
  const bool good = digest != nullptr && EVP_DigestInit_ex(digest.get(), EVP_sha256(), nullptr) == 1 &&
                    X509_NAME_digest(X509_get_subject_name(issuer), EVP_sha256(), hash, &size) == 1 &&
                    add(hash, size) && X509_pubkey_digest(issuer, EVP_sha256(), hash, &size) == 1 &&
                    add(hash, size) &&
                    add(ASN1_STRING_get0_data(serial), static_cast<size_t>(ASN1_STRING_length(serial))) &&
                    EVP_DigestFinal_ex(digest.get(), key.data(), nullptr) == 1;
  if (!good) return std::nullopt;
  return key;
}

OcspMemory::Entry& OcspMemory::At(const Key& key) {
  if (const auto found = by_key_.find(key); found != by_key_.end()) {
    entries_.splice(entries_.begin(), entries_, found->second);
    return entries_.front();
  }
  if (entries_.size() >= std::max<size_t>(answers_max_, 1)) {
    by_key_.erase(entries_.back().key);
    entries_.pop_back();
  }
  entries_.emplace_front().key = key;
  by_key_.emplace(key, entries_.begin());
  return entries_.front();
}

OcspMemory::Known OcspMemory::Find(const Key& key, int64_t now_s) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return {};
  entries_.splice(entries_.begin(), entries_, found->second);
  const Entry& entry = entries_.front();
  const bool in_force = entry.status != OcspStatus::kUnknown && now_s <= entry.until_s;
  if (in_force) return {entry.status, entry.why, entry.until_s, false};
  const bool silent = entry.silent_from_s <= now_s && now_s <= entry.silent_until_s;
  const int64_t until_s = silent ? entry.silent_until_s : 0;
  if (entry.status == OcspStatus::kRevoked) return {OcspStatus::kRevoked, entry.why, until_s, !silent};
  return {OcspStatus::kUnknown, silent ? entry.silence : std::string(), until_s, !silent};
}

void OcspMemory::Put(const Key& key, const OcspAnswer& answer, int64_t now_s) {
  STOCKADE_CHECK(answer.status != OcspStatus::kUnknown);
  const std::lock_guard<std::mutex> lock(mutex_);
  Entry& entry = At(key);
  const bool counts =
      entry.status == OcspStatus::kRevoked || (entry.status == OcspStatus::kGood && now_s <= entry.until_s);
  const bool older =
      answer.from_s < entry.from_s || (answer.from_s == entry.from_s && answer.status < entry.status);
  // Whoever brought it would bring it again at once.
  if (counts && older)
    return Silence(&entry, "the answer is older than one that is known", now_s, now_s + kOcspSilenceSeconds);
  const bool newly_revoked = answer.status == OcspStatus::kRevoked && entry.status != OcspStatus::kRevoked;
  entry.status = answer.status;
  entry.why = answer.why;
  entry.from_s = answer.from_s;
  entry.until_s = answer.until_s;
  entry.silence.clear();
  entry.silent_until_s = -1;
  if (newly_revoked) epoch_.fetch_add(1, std::memory_order_release);
}

void OcspMemory::PutSilence(const Key& key, std::string why, int64_t now_s, int64_t until_s) {
  const std::lock_guard<std::mutex> lock(mutex_);
  Silence(&At(key), std::move(why), now_s, until_s);
}

void OcspMemory::Silence(Entry* entry, std::string why, int64_t now_s, int64_t until_s) {
  entry->silence = std::move(why);
  entry->silent_from_s = now_s;
  entry->silent_until_s = until_s;
}

size_t OcspMemory::size() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return entries_.size();
}

}  // namespace stockade
