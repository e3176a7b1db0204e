// CrowdsecView's answers: the live query and the stream. The table they are told from is crowdsec_view.cc's.
#include <algorithm>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "adapters/firewall/crowdsec_view.h"
#include "adapters/firewall/crowdsec_wire.h"
#include "adapters/firewall/small_network.h"
#include "engine/text.h"

namespace stockade {
namespace {

// Ten years; Go's durations end at 292, and nobody means a ban to the second beyond.
constexpr int64_t kSecondsMax = int64_t{3650} * 24 * 3600;

// Never 0: a time of zero is for ever to the Lua bouncers' cache.
int64_t SecondsLeft(int64_t until_ms, int64_t now_ms) {
  return std::clamp<int64_t>((until_ms - now_ms) / 1000, 1, kSecondsMax);
}
int64_t SecondsOver(int64_t ended_ms, int64_t now_ms) {
  return std::min<int64_t>((ended_ms - now_ms) / 1000, -1);
}

}  // namespace

// One reply under way.
struct CrowdsecView::Telling {
  const CrowdsecFilter& filter;
  const bool dedup;
  const bool expand;
  const int64_t now_ms;
  std::string news = {};
  std::string deleted = {};
  absl::flat_hash_set<std::string> deleted_values = {};                 // no `new` may name one
  absl::flat_hash_set<std::string> deleted_rows = {};                   // type, scope, value
  absl::flat_hash_set<std::pair<Address, std::string_view>> told = {};  // expanded, by type
  std::vector<OrderKey> held = {};

  // Whether a network is told as addresses. A single address is one too where others may lie around it.
  bool Expands(const Prefix& prefix, bool expands, bool any_expanded) const {
    return expand && (expands || (any_expanded && prefix.is_single()));
  }
  static void Add(std::string* list, const CrowdsecRow& row) {
    if (!list->empty()) list->push_back(',');
    AppendCrowdsecRow(row, list);
  }
};

template <typename Row>
bool CrowdsecView::Takes(const CrowdsecFilter& filter, const OrderKey& key, const Row& row) {
  if ((filter.scopes & Capabilities::Bit(row.scope)) == 0 || !filter.our_origin) return false;
  if (!filter.type.empty() && filter.type != CrowdsecType(key)) return false;
  if (filter.scenarios_containing.empty() && filter.scenarios_not_containing.empty()) return true;
  const std::string name = absl::AsciiStrToLower(row.scenario);
  const auto holds = [&](const std::string& word) { return absl::StrContains(name, word); };
  const auto& wanted = filter.scenarios_containing;
  const auto& unwanted = filter.scenarios_not_containing;
  return (wanted.empty() || std::any_of(wanted.begin(), wanted.end(), holds)) &&
         std::none_of(unwanted.begin(), unwanted.end(), holds);
}

// Of those that bouncers take for one: equal in scope, type and value.
template <typename Row>
const CrowdsecView::Entry* CrowdsecView::LongestAt(const OrderKey& key, const Row& row,
                                                   const CrowdsecFilter& filter) const {
  const Entries* const here = At(key, row.prefix);
  if (here == nullptr) return nullptr;
  const Entry* longest = nullptr;
  for (const Entry* const entry : *here) {
    if (entry->scope == row.scope && CrowdsecType(*entry->key) == CrowdsecType(key) &&
        Takes(filter, *entry->key, *entry) && (longest == nullptr || entry->until_ms > longest->until_ms))
      longest = entry;
  }
  return longest;
}

const CrowdsecView::Entry* CrowdsecView::LongestOver(const Address& address, std::string_view type,
                                                     const CrowdsecFilter& filter) const {
  const Entry* longest = nullptr;
  VisitAround(address, [&](const Entry* entry) {
    if ((type.empty() || CrowdsecType(*entry->key) == type) && Takes(filter, *entry->key, *entry) &&
        (longest == nullptr || entry->until_ms > longest->until_ms))
      longest = entry;
  });
  return longest;
}

std::string CrowdsecView::Decisions(const CrowdsecQuestion& question, int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  Advance(now_ms);
  std::vector<const Entry*> found;
  const auto consider = [&](const Entry* entry) {
    if (entry->id <= question.id_above || (question.value && *question.value != entry->key->value) ||
        !Takes(question.filter, *entry->key, *entry))
      return;
    if (question.dedup && LongestAt(*entry->key, *entry, question.filter) != entry) return;
    found.push_back(entry);
  };
  if (question.network && question.contains) {
    const Prefix& asked = *question.network;
    networks_.VisitCovering(asked.address, [&](const PrefixMap::Match& match) {
      if (match.prefix.length > asked.length) return;
      for (const Entry* const entry : sites_[match.value]) consider(entry);
    });
  } else {
    for (const auto& [number, entry] : by_telling_) {
      if (question.network &&
          (!NamesAddresses(entry->key->scope) || entry->prefix.length < question.network->length ||
           !question.network->Contains(entry->prefix.address)))
        continue;
      consider(entry);
    }
  }
  std::sort(found.begin(), found.end(), [](const Entry* a, const Entry* b) { return a->id < b->id; });
  found.erase(found.begin(),
              found.begin() + static_cast<ptrdiff_t>(std::min<uint64_t>(question.offset, found.size())));
  if (found.size() > question.limit) found.resize(question.limit);
  if (found.empty()) return "null";
  std::string body;
  for (const Entry* const entry : found) {
    body.push_back(body.empty() ? '[' : ',');
    AppendCrowdsecRow({entry->id, entry->decision_id, CrowdsecType(*entry->key), CrowdsecScope(entry->scope),
                       entry->key->value, entry->scenario, SecondsLeft(entry->until_ms, now_ms)},
                      &body);
  }
  return body + "]";
}

void CrowdsecView::TellNew(const Entry& entry, Telling* telling) const {
  if (!Takes(telling->filter, *entry.key, entry)) return;
  const std::string_view type = CrowdsecType(*entry.key);
  if (telling->Expands(entry.prefix, entry.expands, expanded_networks_ > 0)) {
    bool held = false;
    VisitAddresses(entry.prefix, [&](const Address& address) {
      if (!telling->told.insert({address, type}).second) return;
      const std::string value = address.ToString();
      if (telling->deleted_values.contains(value)) {
        held = true;
        return;
      }
      const Entry* const longest = LongestOver(address, type, telling->filter);
      Telling::Add(&telling->news, {longest->id, longest->decision_id, type, CrowdsecScope(Scope::kIp), value,
                                    longest->scenario, SecondsLeft(longest->until_ms, telling->now_ms)});
    });
    if (held) telling->held.push_back(*entry.key);
    return;
  }
  if (telling->dedup && LongestAt(*entry.key, entry, telling->filter) != &entry) return;
  if (telling->deleted_values.contains(entry.key->value)) {
    telling->held.push_back(*entry.key);
    return;
  }
  Telling::Add(&telling->news,
               {entry.id, entry.decision_id, type, CrowdsecScope(entry.scope), entry.key->value,
                entry.scenario, SecondsLeft(entry.until_ms, telling->now_ms)});
}

// `again`: this bouncer was told, or never had it.
void CrowdsecView::TellEnded(const Ended& ended, bool again, Telling* telling) const {
  if (!Takes(telling->filter, ended.key, ended)) return;
  const std::string_view type = CrowdsecType(ended.key);
  const auto tell = [&](std::string_view scope, std::string_view value) {
    if (!telling->deleted_rows.insert(Concat(type, " ", scope, " ", value)).second) return;
    telling->deleted_values.emplace(value);
    Telling::Add(&telling->deleted, {ended.id, ended.decision_id, type, scope, value, ended.scenario,
                                     SecondsOver(ended.ended_ms, telling->now_ms)});
  };
  if (telling->Expands(ended.prefix, ended.expands, expanded_networks_ > 0)) {
    VisitAddresses(ended.prefix, [&](const Address& address) {
      if (LongestOver(address, again ? std::string_view() : type, telling->filter) == nullptr)
        tell(CrowdsecScope(Scope::kIp), address.ToString());
    });
    return;
  }
  if (LongestAt(ended.key, ended, telling->filter) != nullptr) return;
  if (again) {
    const Entries* const here = At(ended.key, ended.prefix);
    if (here != nullptr && std::any_of(here->begin(), here->end(), [&](const Entry* entry) {
          return Takes(telling->filter, *entry->key, *entry);
        }))
      return;
  }
  tell(CrowdsecScope(ended.scope), ended.key.value);
}

CrowdsecView::Told CrowdsecView::Stream(const CrowdsecFilter& filter, const CrowdsecCursor& from, bool dedup,
                                        bool expand, int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  Advance(now_ms);
  Telling telling{filter, dedup, expand, now_ms};
  const bool knows_nothing = from.through == 0;
  auto ended = ended_.upper_bound(from.through);
  while (ended != ended_.begin() && std::prev(ended)->second.noted_ms >= from.time_ms - kDeletedAgainMs)
    --ended;
  for (; ended != ended_.end(); ++ended) {
    if (knows_nothing && ended->second.until_ms + kEndedOverMs <= now_ms) continue;
    TellEnded(ended->second, knows_nothing || ended->first <= from.through, &telling);
  }

  for (const OrderKey& key : from.held) {
    const auto entry = entries_.find(key);
    // Told anew since, it comes below.
    if (entry != entries_.end() && entry->second.told <= from.through) TellNew(entry->second, &telling);
  }
  for (auto entry = by_telling_.upper_bound(from.through); entry != by_telling_.end(); ++entry)
    TellNew(*entry->second, &telling);

  told_to_anybody_ = last_number_;
  Told told;
  told.cursor = {last_number_, now_ms, std::move(telling.held)};
  told.body.reserve(telling.news.size() + telling.deleted.size() + 32);
  Append(&told.body, "{\"new\":[", telling.news, "],\"deleted\":[", telling.deleted, "]}");
  return told;
}

}  // namespace stockade
