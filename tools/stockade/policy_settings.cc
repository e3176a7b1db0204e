#include "tools/stockade/policy_settings.h"

#include "absl/strings/numbers.h"
#include "engine/text.h"

namespace stockade {
namespace {

using Node = const YamlNode&;
using Path = const std::string&;
using Key = SettingsReader::Key;

// "0.1%" or "0.001": a share of the customers, 0 to 1.
Key Share(SettingsReader* reader, std::string_view name, double* share) {
  return {name, [reader, share](Node node, Path path) {
            const std::string* text = reader->ReadText(node, path);
            if (text == nullptr) return;
            std::string_view number = *text;
            double unit = 1;
            if (number.ends_with('%')) {
              number.remove_suffix(1);
              unit = 0.01;
            }
            double value = 0;
            if (absl::SimpleAtod(ToAbsl(number), &value) && value * unit >= 0 && value * unit <= 1) {
              *share = value * unit;
            } else {
              reader->Error(node, path, Concat("\"", *text, "\" is no share; write 0.1% or 0.001"));
            }
          }};
}

}  // namespace

PolicySettings ReadPolicySettings(const YamlNode& node, const std::string& path, SettingsReader* reader,
                                  std::vector<RuleOnTrial>* on_trial) {
  PolicySettings policy;
  const auto number = [&](std::string_view name, SettingsReader::Range<int64_t> range, size_t* value) {
    return Key{name, [reader, range, value](Node item, Path at) {
                 if (const auto read = reader->ReadNumber(item, at, range))
                   *value = static_cast<size_t>(*read);
               }};
  };
  HarmLimits& harm = policy.harm;
  reader->ReadMap(
      node, path,
      {{"harm",
        [&](Node value, Path at) {
          reader->ReadMap(
              value, at,
              {Share(reader, "week", &harm.week_share), Share(reader, "decision", &harm.decision_share),
               Share(reader, "rule", &harm.rule_share), Share(reader, "minute", &harm.minute_share),
               number("customers_min", {0, 1'000'000}, &harm.customers_min)});
        },
        true},
       number("shared_accounts", {1, static_cast<int64_t>(ProvenCustomers::kSharedMax)},
              &policy.shared_accounts),
       {"shadow", [&](Node value, Path at) {
          for (const auto& [text, item] : reader->ReadTexts(value, at)) {
            policy.in_shadow.insert(text);
            on_trial->push_back({text, PlaceOf(*item, reader->file())});
          }
        }}});
  return policy;
}

std::optional<SqliteStoreOptions> ReadStoreSettings(const YamlNode& node, const std::string& path,
                                                    SettingsReader* reader, size_t* ledger_bytes) {
  // Below it a hundred decisions fit; above it nobody has the memory.
  constexpr SettingsReader::Range<uint64_t> kLedgerBytes = {uint64_t{1} << 20, uint64_t{64} << 30};
  constexpr SettingsReader::Range<absl::Duration> kRemember = {absl::Minutes(1), absl::Hours(24 * 366)};
  SqliteStoreOptions store;
  reader->ReadMap(node, path,
                  {{"path",
                    [&](Node value, Path at) {
                      if (const std::string* text = reader->ReadText(value, at))
                        store.path = reader->Resolve(*text);
                    }},
                   {"remember",
                    [&](Node value, Path at) {
                      if (const auto span = reader->ReadSpan(value, at, kRemember)) store.remember = *span;
                    }},
                   {"over_max",
                    [&](Node value, Path at) {
                      if (const auto read = reader->ReadNumber(value, at, {0, int64_t{1} << 26}))
                        store.over_max = static_cast<size_t>(*read);
                    }},
                   {"memory", [&](Node value, Path at) {
                      if (const auto bytes = reader->ReadBytes(value, at, kLedgerBytes))
                        *ledger_bytes = *bytes;
                    }}});
  if (!store.path.empty()) return store;
  if (node.Find("remember") != nullptr || node.Find("over_max") != nullptr)
    reader->Error(node, path, "names no `path`: without it decisions live in memory alone");
  return std::nullopt;
}

}  // namespace stockade
