#include "adapters/firewall/nftables_commands.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_join.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

constexpr std::string_view kTablePrefix = "stockade";
// NFT_NAME_MAXLEN is 256, but whoever lists tables wants to read them.
constexpr size_t kTableNameBytesMax = 32;
constexpr int kPriorityMax = 300;

struct Hook {
  const char* name;
  uint32_t number;
};
constexpr Hook kHooks[] = {  // by NftablesHook
    {"prerouting", NF_INET_PRE_ROUTING},
    {"input", NF_INET_LOCAL_IN},
    {"forward", NF_INET_FORWARD}};

const Hook& Of(NftablesHook hook) {
  return kHooks[static_cast<size_t>(hook)];
}

// Rules are known again by their comments, which therefore say everything that settings decide about them.
struct Rule {
  std::string text;
  std::string comment;
};

std::string Mask(const NftablesLength& length) {
  std::array<uint8_t, 16> bytes{};
  for (size_t i = 0; i < length.bits; ++i) bytes[i / 8] = static_cast<uint8_t>(bytes[i / 8] | 0x80 >> i % 8);
  char text[INET6_ADDRSTRLEN];
  inet_ntop(length.v6 ? AF_INET6 : AF_INET, bytes.data(), text, sizeof text);
  return text;
}

std::vector<Rule> WantedRules(const NftablesOptions& options, std::span<const NftablesLength> lengths) {
  std::vector<Rule> rules;
  if (options.spare_loopback) rules.push_back({"iifname \"lo\" accept", "not loopback"});
  rules.push_back(
      {"icmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } accept",
       "not neighbour discovery"});
  if (!options.ports.empty()) {
    const std::string ports = absl::StrJoin(options.ports, ",");
    rules.push_back({"meta l4proto != { tcp, udp } accept", "only TCP and UDP"});
    rules.push_back({Concat("th dport != { ", ports, " } accept"), Concat("only ports ", ports)});
  }
  for (const NftablesLength& length : lengths) {
    const std::string set = length.Name();
    const bool single = length.bits == (length.v6 ? 128 : 32);
    const std::string match = Concat(length.v6 ? "ip6" : "ip", " saddr ",
                                     single ? std::string() : Concat("& ", Mask(length), " "), "@", set);
    switch (options.verdict) {
      case NftablesVerdict::kDrop:
        rules.push_back({Concat(match, " counter drop"), Concat("drop ", set)});
        break;
      case NftablesVerdict::kReject:
        rules.push_back(
            {Concat(match, " meta l4proto tcp counter reject with tcp reset"), Concat("reset ", set)});
        rules.push_back(
            {Concat(match, " counter reject with icmpx type admin-prohibited"), Concat("reject ", set)});
        break;
      case NftablesVerdict::kMark:
        rules.push_back({Concat(match, " counter meta mark set ", options.mark),
                         Concat("mark ", options.mark, " ", set)});
        break;
    }
  }
  return rules;
}

bool AreAsWanted(const NftablesOptions& options, const NftablesTable& table,
                 std::span<const NftablesLength> lengths) {
  if (!table.exists || table.chains.size() != options.hooks.size()) return false;
  const std::vector<Rule> wanted = WantedRules(options, lengths);
  return std::all_of(options.hooks.begin(), options.hooks.end(), [&](NftablesHook hook) {
    return std::any_of(table.chains.begin(), table.chains.end(), [&](const NftablesTable::Chain& chain) {
      return chain.name == Of(hook).name && chain.hook == Of(hook).number &&
             chain.priority == options.priority && chain.accepts &&
             std::equal(wanted.begin(), wanted.end(), chain.rules.begin(), chain.rules.end(),
                        [](const Rule& rule, const std::string& comment) { return rule.comment == comment; });
    });
  });
}

// Days and seconds, because nft reads no number of more than eight digits.
void AppendTimeout(int64_t timeout_ms, std::string* out) {
  constexpr int64_t kDayMs = int64_t{24} * 3600 * 1000;
  const int64_t cut_ms = std::min(timeout_ms, kNftablesTimeoutMsMax);
  Append(out, " timeout ");
  if (cut_ms >= kDayMs) Append(out, cut_ms / kDayMs, "d");
  Append(out, cut_ms % kDayMs / 1000, "s", cut_ms % 1000, "ms");
}

// "add element inet stockade v4_24 { 192.0.2.0, … }"
template <typename Each>
void AppendElements(std::string_view verb, const NftablesOptions& options, const std::string& set,
                    std::span<const NftablesChange* const> changes, Each&& each, std::string* out) {
  if (changes.empty()) return;
  Append(out, verb, " element inet ", options.table, " ", set, " {");
  bool first = true;
  for (const NftablesChange* change : changes) {
    char text[Address::kTextBytesMax];
    Append(out, first ? " " : ", ", std::string_view(text, change->prefix.address.Format(text)));
    each(*change);
    first = false;
  }
  Append(out, " }\n");
}

}  // namespace

std::optional<NftablesLength> NftablesLength::OfName(std::string_view name) {
  const bool v6 = name.starts_with("v6_");
  if (!v6 && !name.starts_with("v4_")) return std::nullopt;
  int bits;
  if (!absl::SimpleAtoi(ToAbsl(name.substr(3)), &bits) || bits < 0 || bits > (v6 ? 128 : 32))
    return std::nullopt;
  const NftablesLength length{v6, static_cast<uint8_t>(bits)};
  if (length.Name() != name) return std::nullopt;
  return length;
}

std::string NftablesLength::Name() const {
  return Concat(v6 ? "v6_" : "v4_", static_cast<int>(bits));
}

std::optional<Prefix> NftablesLength::PrefixOf(std::span<const uint8_t> key) const {
  if (key.size() != (v6 ? 16u : 4u)) return std::nullopt;
  char text[INET6_ADDRSTRLEN];
  if (inet_ntop(v6 ? AF_INET6 : AF_INET, key.data(), text, sizeof text) == nullptr) return std::nullopt;
  const std::optional<Prefix> prefix = Prefix::Parse(Concat(text, "/", static_cast<int>(bits)));
  if (!prefix || Of(*prefix) != *this) return std::nullopt;
  return prefix;
}

absl::Status CheckNftablesOptions(const NftablesOptions& options) {
  const auto wrong = [](std::string_view key, std::string_view what) {
    return absl::InvalidArgumentError(Concat("nftables.", key, ": ", what));
  };
  const bool named = options.table.starts_with(kTablePrefix) && options.table.size() <= kTableNameBytesMax &&
                     std::all_of(options.table.begin(), options.table.end(), [](unsigned char c) {
                       return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '_';
                     });
  if (!named)
    return wrong("table", Concat("must begin with \"", kTablePrefix, "\", of a-z, 0-9 and _, at most ",
                                 kTableNameBytesMax, " bytes: the table is Stockade's alone"));
  if (options.hooks.empty()) return wrong("hooks", "names none; prerouting, input or forward is needed");
  for (size_t i = 0; i < options.hooks.size(); ++i)
    if (std::count(options.hooks.begin(), options.hooks.end(), options.hooks[i]) != 1)
      return wrong("hooks", Concat(Of(options.hooks[i]).name, " is named twice"));
  if (options.priority < -kPriorityMax || options.priority > kPriorityMax)
    return wrong("priority", Concat("must be from ", -kPriorityMax, " to ", kPriorityMax));
  if ((options.verdict == NftablesVerdict::kMark) != (options.mark != 0))
    return wrong("mark", "is needed with verdict mark, not 0, and with no other");
  if (options.ports.size() > kNftablesPortsMax)
    return wrong("ports", Concat("are more than ", kNftablesPortsMax, "; leave them out to block all"));
  for (const uint16_t port : options.ports)
    if (port == 0 || std::count(options.ports.begin(), options.ports.end(), port) != 1)
      return wrong("ports", "hold 0, or a port twice");
  if (options.elements_max == 0) return wrong("elements_max", "must be at least 1");
  return absl::OkStatus();
}

std::vector<NftablesLength> LengthsOf(const NftablesTable& table) {
  std::vector<NftablesLength> lengths;
  for (const NftablesTable::Set& set : table.sets)
    if (const auto length = NftablesLength::OfName(set.name)) lengths.push_back(*length);
  std::sort(lengths.begin(), lengths.end());
  return lengths;
}

NftablesState JudgeNftables(const NftablesOptions& options, const NftablesTable& table) {
  // The kernel does not wake a table and change its chains in one transaction.
  if (table.dormant) return NftablesState::kForeign;
  for (const NftablesTable::Chain& chain : table.chains)
    if (std::none_of(std::begin(kHooks), std::end(kHooks),
                     [&](const Hook& hook) { return chain.name == hook.name; }))
      return NftablesState::kForeign;
  for (const NftablesTable::Set& set : table.sets) {
    const auto length = NftablesLength::OfName(set.name);
    if (length && (set.flags != NFT_SET_TIMEOUT || set.key_bytes != (length->v6 ? 16 : 4) ||
                   set.size != options.elements_max))
      return NftablesState::kForeign;
  }
  return AreAsWanted(options, table, LengthsOf(table)) ? NftablesState::kEnforced : NftablesState::kRules;
}

std::string NftablesCommands(const NftablesOptions& options, const NftablesTable& table,
                             std::span<const NftablesChange> changes) {
  const std::string ours = Concat("inet ", options.table);
  std::string commands = Concat("add table ", ours, "\n");
  NftablesState state = JudgeNftables(options, table);
  std::vector<NftablesLength> lengths;
  if (state == NftablesState::kForeign)
    Append(&commands, "delete table ", ours, "\nadd table ", ours, "\n");
  else
    lengths = LengthsOf(table);

  std::map<NftablesLength, std::vector<const NftablesChange*>> by_length;
  for (const NftablesChange& change : changes)
    by_length[NftablesLength::Of(change.prefix)].push_back(&change);
  for (const auto& [length, of_length] : by_length) {
    const auto at = std::lower_bound(lengths.begin(), lengths.end(), length);
    if (at != lengths.end() && *at == length) continue;
    lengths.insert(at, length);
    Append(&commands, "add set ", ours, " ", length.Name(), " { type ", length.v6 ? "ipv6_addr" : "ipv4_addr",
           "; flags timeout; size ", options.elements_max, "; }\n");
    if (state == NftablesState::kEnforced) state = NftablesState::kRules;
  }

  if (state != NftablesState::kEnforced) {
    if (state == NftablesState::kRules) {
      // Of other hooks, too, if the options were others. All are emptied first: one that another jumps to cannot go.
      for (const NftablesTable::Chain& chain : table.chains)
        Append(&commands, "flush chain ", ours, " ", chain.name, "\n");
      for (const NftablesTable::Chain& chain : table.chains)
        Append(&commands, "delete chain ", ours, " ", chain.name, "\n");
    }
    const std::vector<Rule> rules = WantedRules(options, lengths);
    for (const NftablesHook hook : options.hooks) {
      const char* const name = Of(hook).name;
      Append(&commands, "add chain ", ours, " ", name, " { type filter hook ", name, " priority ",
             options.priority, "; policy accept; }\n");
      for (const Rule& rule : rules)
        Append(&commands, "add rule ", ours, " ", name, " ", rule.text, " comment \"", rule.comment, "\"\n");
    }
  }

  // An element may be there or not. To add one that is there keeps its old timeout on most kernels, and to delete one that is
  // not there fails the whole transaction (nft 1.0.6 has no `destroy`): added, it is there; deleted, it is not.
  const auto nothing = [](const NftablesChange&) {};
  for (auto& [length, of_length] : by_length) {
    const std::string set = length.Name();
    AppendElements("add", options, set, of_length, nothing, &commands);
    AppendElements("delete", options, set, of_length, nothing, &commands);
    std::erase_if(of_length, [](const NftablesChange* change) { return change->timeout_ms <= 0; });
    AppendElements(
        "add", options, set, of_length,
        [&commands](const NftablesChange& change) { AppendTimeout(change.timeout_ms, &commands); },
        &commands);
  }
  return commands;
}

std::string NftablesDelete(const NftablesOptions& options, const Prefix& prefix) {
  const NftablesChange change{prefix, 0};
  const NftablesChange* const one[] = {&change};
  std::string command;
  AppendElements(
      "delete", options, NftablesLength::Of(prefix).Name(), one, [](const NftablesChange&) {}, &command);
  return command;
}

}  // namespace stockade
