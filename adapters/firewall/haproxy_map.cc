#include "adapters/firewall/haproxy_map.h"

#include <algorithm>
#include <utility>

#include "engine/status.h"
#include "engine/text.h"

namespace stockade {

VariantMask HaproxyMap::MaskOf(std::string_view value) const noexcept {
  // An entry without a word of ours does what the map does, whoever wrote it.
  return ParseVariants(action_, value.substr(0, value.find(':'))).value_or(kFirstVariant);
}

absl::Status HaproxyMap::Read(const HaproxyCall& call, const MapState& state) {
  known_ = false;
  crooked_ = false;
  entries_.clear();
  ASSIGN_OR_RETURN(const std::string answer, call.Ask(Concat("show map ", map_, "\n")));
  // An empty map is an empty line. Asked by size: GCC 12 takes the bytes of a short string for uninitialised.
  const bool is_empty = answer.size() == 1 && answer.front() == '\n';
  if (!is_empty && !answer.starts_with("0x")) return HaproxyError(answer, map_);
  if (!is_empty && !answer.ends_with("\n\n"))
    return absl::UnavailableError(Concat(map_, ": HAProxy's list of it was cut short"));
  entries_.reserve(state.entries);
  std::string_view rest = answer;
  while (!rest.empty()) {
    const size_t end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    if (line.empty()) continue;
    const std::optional<MapEntry> entry = ParseMapEntry(line);
    const bool fresh = entry && entries_.try_emplace(std::string(entry->key), entry->value).second;
    crooked_ = crooked_ || !fresh;
  }
  state_ = state;
  known_ = true;
  return absl::OkStatus();
}

absl::Status HaproxyMap::List(const HaproxyCall& call, const MapState& state,
                              std::vector<Enforced>* standing) {
  RETURN_IF_ERROR(Read(call, state));
  for (const auto& [key, value] : entries_) {
    const Scope scope = holds_addresses_ ? ScopeOfAddress(key) : other_scope_;
    const VariantMask mask = MaskOf(value);
    for (const VariantMask variant : {kFirstVariant, kSecondVariant})
      if ((mask & variant) != 0) standing->push_back({KeyOf(scope, action_, variant, key), 0});
  }
  return absl::OkStatus();
}

HaproxyMap::Entries HaproxyMap::Wanted(std::span<const Change> changes) const {
  Entries wanted;
  for (const Change& change : changes) {
    // Two variants of one value are two orders, and one entry.
    const auto earlier = wanted.find(change.key.value);
    const auto standing = entries_.find(change.key.value);
    const std::string_view now = earlier != wanted.end()      ? std::string_view(earlier->second)
                                 : standing != entries_.end() ? std::string_view(standing->second)
                                                              : std::string_view();
    const VariantMask before = now.empty() ? VariantMask{0} : MaskOf(now);
    const VariantMask variant = VariantOf(change.key);
    const auto mask = static_cast<VariantMask>(change.enforce ? before | variant : before & ~variant);
    std::string value;
    if (mask != 0) {
      const size_t colon = now.find(':');
      const std::string named = change.enforce || colon == std::string_view::npos
                                    ? HaproxyValue(change.names)
                                    : std::string(now.substr(colon + 1));
      value = Concat(VariantName(action_, mask), ":", named);
    }
    wanted.insert_or_assign(change.key.value, std::move(value));
  }
  absl::erase_if(wanted, [this](const auto& entry) {
    const auto standing = entries_.find(entry.first);
    return standing == entries_.end() ? entry.second.empty() : entry.second == standing->second;
  });
  return wanted;
}

absl::Status HaproxyMap::Add(
    const HaproxyCall& call, std::string_view version,
    const std::vector<std::pair<std::string_view, std::string_view>>& entries) const {
  const std::string command = Concat("add map ", version, map_, " ");
  std::vector<std::string> spaced;  // keys that a payload cannot hold
  for (size_t i = 0; i < entries.size();) {
    std::string payload = Concat(command, "<<\n");
    const size_t empty = payload.size();
    for (; i < entries.size(); ++i) {
      const auto& [key, value] = entries[i];
      if (IsPayloadKey(key)) {
        if (payload.size() + key.size() + value.size() + 3 > kHaproxyLineBytesMax && payload.size() > empty)
          break;
        Append(&payload, key, " ", value, "\n");
      } else {
        std::string line = command;
        AppendHaproxyWord(key, &line);
        Append(&line, " ", value);
        spaced.push_back(std::move(line));
      }
    }
    if (payload.size() == empty) break;
    payload.push_back('\n');
    ASSIGN_OR_RETURN(const std::string answer, call.Ask(payload));
    if (answer != "\n") return HaproxyError(answer, map_);
  }
  return call.Run(spaced, [this](size_t, std::string_view said) { return HaproxyError(said, map_); });
}

absl::Status HaproxyMap::Walk(const HaproxyCall& call,
                              const std::vector<std::pair<std::string_view, std::string_view>>& entries,
                              bool* lost) const {
  std::vector<std::string> commands;
  commands.reserve(entries.size());
  for (const auto& [key, value] : entries) {
    std::string command = Concat(value.empty() ? "del map " : "set map ", map_, " ");
    AppendHaproxyWord(key, &command);
    if (!value.empty()) Append(&command, " ", value);
    commands.push_back(std::move(command));
  }
  return call.Run(commands, [this, lost](size_t, std::string_view said) -> absl::Status {
    if (said.find("not found") == std::string_view::npos) return HaproxyError(said, map_);
    *lost = true;
    return absl::OkStatus();
  });
}

absl::Status HaproxyMap::Rebuild(const HaproxyCall& call) {
  ASSIGN_OR_RETURN(const std::string answer, call.Ask(Concat("prepare map ", map_, "\n")));
  const std::optional<uint64_t> version = ParseNewVersion(answer);
  if (!version) return HaproxyError(answer, map_);
  std::vector<std::pair<std::string_view, std::string_view>> all;
  all.reserve(entries_.size());
  for (const auto& [key, value] : entries_) all.emplace_back(key, value);
  const std::string at = Concat("@", *version, " ");
  absl::Status status = Add(call, at, all);
  if (status.ok()) {
    // The old entries are taken away before it answers.
    const auto committed = call.Ask(Concat("commit map ", at, map_, "\n"));
    status = !committed.ok()      ? committed.status()
             : *committed != "\n" ? HaproxyError(*committed, map_)
                                  : absl::OkStatus();
  }
  if (!status.ok()) {
    // Half a version is not in force, and would be in the way of memory only until the next commit.
    (void)call.Ask(Concat("clear map ", at, map_, "\n"));
    return status;
  }
  state_.version = *version;
  crooked_ = false;
  return absl::OkStatus();
}

absl::Status HaproxyMap::Apply(const HaproxyCall& call, const MapState& state,
                               std::span<const Change> changes) {
  if (!known_ || state != state_) RETURN_IF_ERROR(Read(call, state));
  Entries wanted = Wanted(changes);
  if (wanted.empty() && !crooked_) return absl::OkStatus();
  std::vector<std::pair<std::string_view, std::string_view>> adds;
  std::vector<std::pair<std::string_view, std::string_view>> walks;
  bool rebuild = crooked_;
  for (const auto& [key, value] : wanted) {
    const bool stands = entries_.contains(key);
    (stands ? walks : adds).emplace_back(key, value);
    // Where `del map` and `set map` read a key, "#…" is the number of an entry.
    rebuild = rebuild || (stands && key.starts_with('#'));
  }
  rebuild = rebuild || walks.size() > kHaproxyWalksMax;
  known_ = false;  // until all of it stands
  if (!rebuild) {
    RETURN_IF_ERROR(Add(call, "", adds));
    RETURN_IF_ERROR(Walk(call, walks, &rebuild));
  }
  for (const auto& [key, value] : wanted) {
    if (value.empty()) {
      entries_.erase(key);
    } else {
      entries_.insert_or_assign(key, value);
    }
  }
  if (rebuild) RETURN_IF_ERROR(Rebuild(call));
  state_.entries = entries_.size();
  known_ = true;
  return absl::OkStatus();
}

}  // namespace stockade
