#include "adapters/firewall/haproxy_table.h"

#include <optional>

#include "adapters/firewall/haproxy_text.h"
#include "engine/event/printable_text.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {

absl::Status HaproxyTable::Apply(const HaproxyCall& call, std::span<const Change> changes) {
  if (changes.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::string tables, call.Ask("show table\n"));
  const size_t at = tables.find(Concat("# table: ", table_, ", type: "));
  if (at == std::string::npos) return HaproxyError("No such table", table_);
  const std::optional<bool> is_v6 =
      ParseTableIsV6(std::string_view(tables).substr(at, tables.find('\n', at) - at));
  if (!is_v6) {
    return absl::FailedPreconditionError(
        Concat("HAProxy's table ", table_, " holds no addresses; declare it with `type ipv6`"));
  }
  std::vector<std::string> commands;
  std::vector<bool> may_complain;
  absl::Status refused;
  for (const Change& change : changes) {
    if (change.address.is_v6() && !*is_v6) {
      refused = absl::InvalidArgumentError(Concat("HAProxy's table ", table_, " has `type ip` and takes no ",
                                                  change.address.ToString(),
                                                  "; declare it with `type ipv6`, which takes both"));
      continue;
    }
    // A table of IPv6 holds IPv4 as HAProxy converts it, mapped.
    const std::string key =
        Concat(table_, " key ", change.address.is_v4() && *is_v6 ? "::ffff:" : "", change.address.ToString());
    // An entry that a connection tracks cannot be cleared; at zero it means nothing.
    commands.push_back(Concat("set table ", key, " data.", counter_, change.enforce ? " 1" : " 0"));
    may_complain.push_back(false);
    if (!change.enforce) {
      commands.push_back(Concat("clear table ", key));
      may_complain.push_back(true);
    }
  }
  RETURN_IF_ERROR(call.Run(commands, [&](size_t i, std::string_view said) -> absl::Status {
    return may_complain[i] ? absl::OkStatus() : HaproxyError(said, table_);
  }));
  return refused;
}

absl::Status HaproxyTable::List(const HaproxyCall& call, std::vector<Enforced>* standing) {
  ASSIGN_OR_RETURN(const std::string answer,
                   call.Ask(Concat("show table ", table_, " data.", counter_, " gt 0\n")));
  if (!answer.starts_with("# table: ")) return HaproxyError(answer, table_);
  if (!answer.ends_with("\n\n"))
    return absl::UnavailableError(Concat(table_, ": HAProxy's list of it was cut short"));
  std::string_view rest = answer;
  while (!rest.empty()) {
    const size_t end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    if (line.empty() || line.starts_with('#')) continue;
    const std::optional<TableEntry> entry = ParseTableEntry(line, counter_);
    const std::optional<Address> address = entry ? Address::Parse(entry->key) : std::nullopt;
    if (!address) {
      return absl::UnavailableError(
          Concat(table_, ": HAProxy lists '", PrintableText(line), "', which is no entry with ", counter_));
    }
    if (entry->count == 0) continue;
    standing->push_back({KeyOf(Scope::kIp, action_, kFirstVariant, address->ToString()), 0});
  }
  return absl::OkStatus();
}

}  // namespace stockade
