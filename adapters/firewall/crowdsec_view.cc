#include "adapters/firewall/crowdsec_view.h"

#include <algorithm>
#include <charconv>
#include <iterator>

#include "adapters/firewall/crowdsec_wire.h"
#include "adapters/firewall/small_network.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

// What one second may add to the ids before they would not rise across a restart any more. Seconds since 1970 above it stay
// exact in the doubles of Lua and JavaScript until the year 2242.
constexpr int kIdsPerSecondBits = 20;
// Decisions one batch may hold: a few milliseconds of the mutex.
constexpr size_t kBatchMax = 10'000;
// A state file smaller than this is not worth a rewrite.
constexpr uint64_t kStateBytesMin = uint64_t{1} << 20;
// More than this many tellings again in waiting, and new ones are left out: some 150 MiB.
constexpr size_t kLapsesMax = size_t{1} << 20;

uint64_t NumberOf(std::string_view decision_id) {
  uint64_t number = 0;
  std::from_chars(decision_id.data(), decision_id.data() + decision_id.size(), number, 16);
  return number;
}

}  // namespace

CrowdsecView::CrowdsecView(int64_t now_ms)
    : last_id_(std::max<int64_t>(now_ms / 1000, 0) << kIdsPerSecondBits) {}

Capabilities CrowdsecView::capabilities() const {
  constexpr uint8_t kSources =
      Capabilities::Bit(Scope::kIp) | Capabilities::Bit(Scope::kRange) | Capabilities::Bit(Scope::kAsn);
  Capabilities capabilities;
  for (const Action action : {Action::kBlock, Action::kChallenge, Action::kThrottle})
    capabilities.scopes[static_cast<int>(action)] = kSources;
  capabilities.scopes[static_cast<int>(Action::kLock)] = Capabilities::Bit(Scope::kAccount);
  capabilities.expires = true;
  capabilities.lists = true;
  capabilities.batch_max = kBatchMax;
  return capabilities;
}

absl::Status CrowdsecView::Open(const std::string& state_file, int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  state_ = std::make_unique<CrowdsecState>(state_file);
  told_to_anybody_ = UINT64_MAX;  // all of it was, perhaps
  RETURN_IF_ERROR(state_->Read([&](const Order& order) {
    // What is over by now, or what an older or newer program carried, is nothing to go on from.
    if (order.kind == Order::Kind::kEnforce) {
      Enforce(*order.decision, now_ms).IgnoreError();
    } else {
      Release(OrderKey::Of(*order.decision), now_ms);
    }
  }));
  told_to_anybody_ = last_number_;
  return RewriteState(now_ms);
}

// What stands, and before it what was released or had another time and may be held still: what a bouncer's kernel lets go
// while another decision stands there must be told again after a restart, too.
absl::Status CrowdsecView::RewriteState(int64_t now_ms) {
  std::string lines;
  const auto append = [&](const OrderKey& key, int64_t until_ms, uint64_t decision_id,
                          std::string_view scenario, bool ended) {
    Decision decision;
    decision.scope = key.scope;
    decision.action = key.action;
    decision.challenge_kind = key.challenge_kind;
    decision.all_lanes = key.all_lanes;
    decision.value = key.value;
    decision.until_ms = until_ms;
    decision.id = absl::StrCat(absl::Hex(decision_id, absl::kZeroPad16));
    decision.rule = scenario.substr(kCrowdsecOrigin.size() + 1);
    AppendStateLine({Order::Kind::kEnforce, &decision}, &lines);
    if (ended) AppendStateLine({Order::Kind::kRelease, &decision}, &lines);
  };
  absl::flat_hash_set<std::pair<std::string_view, int64_t>> ends;
  for (const auto& [number, ended] : ended_) {
    if (ended.until_ms <= now_ms) continue;
    append(ended.key, ended.until_ms, ended.decision_id, ended.scenario, true);
    ends.insert({ended.key.value, ended.until_ms});
  }
  for (const auto& [due_ms, lapse] : lapses_) {
    // Read again it is a release, which brings the same lapse.
    OrderKey key;
    key.scope = lapse.scope;
    key.value = lapse.value;
    if (lapse.at_ms > now_ms && lapse.scope != Scope::kAccount &&
        ends.insert({lapse.value, lapse.at_ms}).second)
      append(key, lapse.at_ms, 0, Concat(kCrowdsecOrigin, "/"), true);
  }
  for (const auto& [number, entry] : by_telling_)
    append(*entry->key, entry->until_ms, entry->decision_id, entry->scenario, false);
  RETURN_IF_ERROR(state_->Rewrite(lines));
  state_is_whole_ = true;
  state_bytes_whole_ = lines.size();
  return absl::OkStatus();
}

// Before it is told: what a crash then leaves too much is released by delivery's next look.
void CrowdsecView::Record(std::span<const Order> orders, int64_t now_ms) {
  if (state_ == nullptr) return;
  absl::Status recorded;
  // One that missed a batch is written anew, with it.
  if (!state_is_whole_ || state_->bytes() > kStateBytesMin + 4 * state_bytes_whole_)
    recorded = RewriteState(now_ms);
  if (recorded.ok()) {
    std::string lines;
    for (const Order& order : orders) AppendStateLine(order, &lines);
    recorded = state_->Append(lines);
  }
  if (recorded.ok()) return;
  state_is_whole_ = false;
  ++state_failures_;
}

absl::Status CrowdsecView::Apply(std::span<const Order> orders, int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  Advance(now_ms);
  Record(orders, now_ms);
  for (const Order& order : orders) {
    if (order.kind == Order::Kind::kRelease) {
      Release(OrderKey::Of(*order.decision), now_ms);
    } else {
      RETURN_IF_ERROR(Enforce(*order.decision, now_ms));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Enforced>> CrowdsecView::List(int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  Advance(now_ms);
  std::vector<Enforced> all;
  all.reserve(entries_.size());
  for (const auto& [key, entry] : entries_) all.push_back({key, entry.until_ms});
  return all;
}

absl::Status CrowdsecView::Enforce(const Decision& decision, int64_t now_ms) {
  OrderKey key = OrderKey::Of(decision);
  if (!capabilities().Carries(decision))
    return absl::InvalidArgumentError(Concat("decision ", decision.id, ": CrowdSec's bouncers carry no ",
                                             stockade::Name(decision.action), " of a ",
                                             stockade::Name(decision.scope)));
  Prefix prefix;
  if (NamesAddresses(key.scope)) {
    prefix = decision.prefix;
    if (!prefix.address.present()) prefix = Prefix::Parse(decision.value).value_or(Prefix());
    if (!prefix.address.present() || prefix.length > prefix.address.bits() ||
        (decision.scope == Scope::kIp && !prefix.is_single()))
      return absl::InvalidArgumentError(Concat("decision ", decision.id, ": \"", decision.value, "\" is no ",
                                               decision.scope == Scope::kIp ? "address" : "network"));
  }
  if (decision.until_ms <= now_ms) {
    Release(key, now_ms);
    return absl::OkStatus();
  }
  if (networks_.size() >= PrefixMap::kPrefixesMax && NamesAddresses(key.scope) && !networks_.Find(prefix))
    return absl::ResourceExhaustedError(
        Concat("no more than ", PrefixMap::kPrefixesMax, " networks are carried at once"));
  const auto [place, is_new] = entries_.try_emplace(std::move(key));
  Entry& entry = place->second;
  std::string scenario = Concat(kCrowdsecOrigin, "/", decision.rule);
  if (is_new) {
    entry.key = &place->first;
    entry.prefix = prefix;
    entry.scope = NamesAddresses(entry.key->scope) && prefix.is_single() ? Scope::kIp : entry.key->scope;
    const bool small =
        NamesAddresses(entry.key->scope) && !prefix.is_single() && AddressCount(prefix) <= kExpandedSize;
    entry.expands = small && expanded_addresses_ + AddressCount(prefix) <= kExpandedMax;
    if (entry.expands) {
      expanded_addresses_ += AddressCount(prefix);
      ++expanded_networks_;
    } else if (small) {
      ++unexpanded_;
    }
    ++standing_[static_cast<int>(entry.key->action)];
    Link(&entry);
  } else {
    if (entry.until_ms == decision.until_ms && entry.scenario == scenario)
      return absl::OkStatus();  // said before
    if (decision.until_ms != entry.until_ms) AddLapse(&entry);
    by_expiry_.erase({entry.until_ms, entry.id});
  }
  entry.scenario = std::move(scenario);
  entry.decision_id = NumberOf(decision.id);
  entry.until_ms = decision.until_ms;
  entry.id = ++last_id_;
  by_expiry_.emplace(std::pair(entry.until_ms, entry.id), &entry);
  Tell(&entry);
  return absl::OkStatus();
}

void CrowdsecView::Release(const OrderKey& key, int64_t now_ms) {
  const auto found = entries_.find(key);
  if (found != entries_.end()) End(&found->second, now_ms, now_ms);
}

void CrowdsecView::Tell(Entry* entry) {
  if (entry->told != 0) by_telling_.erase(entry->told);
  entry->told = ++last_number_;
  by_telling_.emplace(entry->told, entry);
}

void CrowdsecView::End(Entry* entry, int64_t ended_ms, int64_t now_ms) {
  // Whatever comes to stand there before the time told is over may be passed over by who holds it still.
  AddLapse(entry);
  const uint64_t number = ++last_number_;
  ended_by_until_.insert({entry->until_ms, number});
  Ended& ended = ended_[number];
  ended = {*entry->key,     entry->scope,       entry->prefix, std::move(entry->scenario),
           entry->id,       entry->decision_id, ended_ms,      now_ms,
           entry->until_ms, entry->expands};

  Unlink(entry);
  by_telling_.erase(entry->told);
  by_expiry_.erase({entry->until_ms, entry->id});
  --standing_[static_cast<int>(entry->key->action)];
  if (entry->expands) {
    expanded_addresses_ -= AddressCount(entry->prefix);
    --expanded_networks_;
  } else if (NamesAddresses(entry->key->scope) && !entry->prefix.is_single() &&
             AddressCount(entry->prefix) <= kExpandedSize) {
    --unexpanded_;
  }
  entries_.erase(entries_.find(ended.key));
  // A cache that knows values and no types forgets all of them with this one: the others are told again.
  TellAgain({ended.key.scope, ended.prefix, ended.key.value, 0, 0, ended.expands});
}

void CrowdsecView::Advance(int64_t now_ms) {
  while (!by_expiry_.empty() && by_expiry_.begin()->first.first <= now_ms)
    End(by_expiry_.begin()->second, by_expiry_.begin()->first.first, now_ms);
  while (!lapses_.empty() && lapses_.begin()->first <= now_ms) {
    Lapse lapse = std::move(lapses_.extract(lapses_.begin()).mapped());
    TellAgain(lapse);
    if (++lapse.tellings == std::size(kToldAgainMs)) continue;
    const int64_t next_ms = lapse.at_ms + kToldAgainMs[lapse.tellings];
    lapses_.emplace(next_ms, std::move(lapse));
  }
  Forget(now_ms);
}

void CrowdsecView::Forget(int64_t now_ms) {
  while (!ended_by_until_.empty()) {
    const auto [until_ms, number] = *ended_by_until_.begin();
    if (until_ms + kEndedKeptMs > now_ms && ended_.size() <= kEndedMax) return;
    if (until_ms > now_ms) ++forgotten_;
    ended_.erase(number);
    ended_by_until_.erase(ended_by_until_.begin());
  }
}

// The entry's time, as it is now, will be another.
void CrowdsecView::AddLapse(Entry* entry) {
  if (entry->told > told_to_anybody_ || lapses_.size() >= kLapsesMax) return;
  // One that is prolonged all the time is told again every half minute, not for each of its old expiries.
  constexpr int64_t kSharedMs = kToldAgainMs[1] - 2 * kToldAgainMs[0];
  if (entry->lapse_ms != 0 && entry->until_ms >= entry->lapse_ms &&
      entry->until_ms <= entry->lapse_ms + kSharedMs)
    return;
  entry->lapse_ms = entry->until_ms;
  lapses_.emplace(
      entry->until_ms + kToldAgainMs[0],
      Lapse{entry->key->scope, entry->prefix, entry->key->value, 0, entry->until_ms, entry->expands});
}

void CrowdsecView::TellAgain(const Lapse& lapse) {
  const uint64_t before = last_number_;
  std::vector<Entry*> again;
  OrderKey key;
  key.scope = lapse.scope;
  key.value = lapse.value;
  if (const Entries* const here = At(key, lapse.prefix)) again.assign(here->begin(), here->end());
  // Those that share an expanded address with it.
  if (lapse.expands || (NamesAddresses(key.scope) && lapse.prefix.is_single() && expanded_networks_ > 0)) {
    VisitAddresses(lapse.prefix, [&](const Address& address) {
      VisitAround(address, [&](Entry* entry) { again.push_back(entry); });
    });
  }
  for (Entry* const entry : again)
    if (entry->told <= before) Tell(entry);
}

void CrowdsecView::Link(Entry* entry) {
  if (!NamesAddresses(entry->key->scope)) {
    names_[Name(entry->key->scope, entry->key->value)].push_back(entry);
    return;
  }
  if (const std::optional<uint32_t> site = networks_.Find(entry->prefix)) {
    sites_[*site].push_back(entry);
    return;
  }
  if (free_sites_.empty()) {
    free_sites_.push_back(static_cast<uint32_t>(sites_.size()));
    sites_.emplace_back();
  }
  sites_[free_sites_.back()].push_back(entry);
  networks_.Insert(entry->prefix, free_sites_.back());
  free_sites_.pop_back();
}

void CrowdsecView::Unlink(Entry* entry) {
  if (!NamesAddresses(entry->key->scope)) {
    const auto named = names_.find(Name(entry->key->scope, entry->key->value));
    Entries& entries = named->second;
    entries.erase(std::find(entries.begin(), entries.end(), entry));
    if (entries.empty()) names_.erase(named);
    return;
  }
  const uint32_t site = *networks_.Find(entry->prefix);
  Entries& entries = sites_[site];
  entries.erase(std::find(entries.begin(), entries.end(), entry));
  if (!entries.empty()) return;
  networks_.Remove(entry->prefix);
  free_sites_.push_back(site);
}

const CrowdsecView::Entries* CrowdsecView::At(const OrderKey& key, const Prefix& prefix) const {
  if (NamesAddresses(key.scope)) {
    const std::optional<uint32_t> site = networks_.Find(prefix);
    return site ? &sites_[*site] : nullptr;
  }
  const auto named = names_.find(Name(key.scope, key.value));
  return named == names_.end() ? nullptr : &named->second;
}

CrowdsecView::Counts CrowdsecView::counts(int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  Advance(now_ms);
  Counts counts;
  std::copy(std::begin(standing_), std::end(standing_), counts.standing);
  counts.ended = ended_.size();
  counts.forgotten = forgotten_;
  counts.unexpanded = unexpanded_;
  counts.state_failures = state_failures_;
  return counts;
}

}  // namespace stockade
