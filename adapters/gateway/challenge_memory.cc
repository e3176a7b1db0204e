#include "adapters/gateway/challenge_memory.h"

#include <cstring>
#include <utility>

namespace stockade {
namespace {

void AppendBytes(uint64_t number, std::string* out) {
  char bytes[sizeof number];
  std::memcpy(bytes, &number, sizeof number);
  out->append(bytes, sizeof bytes);
}

}  // namespace

// Parts of fixed size first, and the device with its length: no two passers have one key.
std::string ChallengeMemory::KeyOf(ChallengeKind kind, const Passer& who) {
  std::string key;
  key.reserve(40 + who.device.size() + who.account.size());
  key.push_back(static_cast<char>(kind));
  key.push_back(who.source.present() ? (who.source.is_v4() ? '4' : '6') : '-');
  if (who.source.present()) {
    const Address network = SourcePrefix(who.source).address;
    AppendBytes(network.high(), &key);
    AppendBytes(network.low(), &key);
  }
  AppendBytes(who.device.size(), &key);
  key.append(who.device).append(who.account);
  return key;
}

void ChallengeMemory::Forget(Entries::iterator entry) {
  index_.erase(absl::string_view(entry->key));
  entries_.erase(entry);
}

void ChallengeMemory::Note(ChallengeKind kind, const Passer& who, int64_t until_ns) {
  std::string key = KeyOf(kind, who);
  if (const auto found = index_.find(absl::string_view(key)); found != index_.end()) {
    found->second->until_ns = until_ns;
    entries_.splice(entries_.end(), entries_, found->second);
    return;
  }
  if (entries_.size() == kRememberedMax) {
    ++pushed_out_;
    Forget(entries_.begin());
  }
  entries_.push_back({std::move(key), until_ns});
  const auto last = std::prev(entries_.end());
  index_.emplace(absl::string_view(last->key), last);
}

ChallengeMemory::Index::const_iterator ChallengeMemory::FindStanding(ChallengeKind asked, const Passer& who,
                                                                     int64_t now_ns) const {
  const auto find = [&](ChallengeKind kind) {
    const auto found = index_.find(absl::string_view(KeyOf(kind, who)));
    return found != index_.end() && now_ns < found->second->until_ns ? found : index_.end();
  };
  if (entries_.empty()) return index_.end();
  const auto same = find(asked);
  if (same != index_.end() || asked != ChallengeKind::kHuman) return same;
  return find(ChallengeKind::kIdentity);
}

bool ChallengeMemory::Knows(ChallengeKind asked, const Passer& who, int64_t now_ns) const {
  return FindStanding(asked, who, now_ns) != index_.end();
}

bool ChallengeMemory::Take(ChallengeKind asked, const Passer& who, int64_t now_ns) {
  // What is over makes room, whoever asks: mostly one or two, for they were noted in order of time.
  while (!entries_.empty() && entries_.front().until_ns <= now_ns) Forget(entries_.begin());
  const auto found = FindStanding(asked, who, now_ns);
  if (found == index_.end()) return false;
  Forget(found->second);
  return true;
}

}  // namespace stockade
