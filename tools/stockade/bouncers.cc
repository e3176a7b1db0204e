// stockade bouncers: the keys by which CrowdSec's bouncers and machines ask a running gate for decisions.
#include <algorithm>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/time/clock.h"
#include "adapters/firewall/api_keys.h"
#include "engine/status.h"
#include "engine/text.h"
#include "tools/stockade/command.h"
#include "tools/stockade/config_file.h"
#include "tools/stockade/json_writer.h"
#include "tools/stockade/program.h"

namespace stockade {
namespace {

constexpr std::string_view kBouncersFooter = R"(
  add NAME      makes a key and shows it, this once; kept is only its hash. With --machine: for an agent or cscli, which
                may hand decisions in where `take_alerts` is set; a bouncer's key only reads
  list          names, roles and when they were made
  revoke NAME   from the next request on the key is refused; what the bouncer enforces stands there until it ends

A running gate sees the change by itself.

Examples:
  stockade bouncers add edge-1 -c stockade.yaml
  stockade bouncers list --keys-file /etc/stockade/bouncers.keys
  stockade bouncers revoke edge-1 -c stockade.yaml

Exit codes: 0 fine · 2 wrong arguments or settings, a name that is taken or not there, or a file that cannot be written
)";

// keys_file of the settings' crowdsec firewall; the first one where there are several.
absl::StatusOr<std::string> KeysFile(const std::string& config_file, const std::string& keys_file) {
  if (!keys_file.empty()) return keys_file;
  if (config_file.empty())
    return absl::InvalidArgumentError("says not which keys: write -c stockade.yaml or --keys-file FILE");
  ASSIGN_OR_RETURN(const Config config, LoadConfig(config_file, GatewayFiles::kNotLookedAt));
  for (const FirewallSettings& firewall : config.firewalls)
    if (const auto* crowdsec = std::get_if<CrowdsecOptions>(&firewall.kind)) return crowdsec->keys_file;
  return absl::InvalidArgumentError(
      Concat(config_file,
             ": no firewall of kind crowdsec; add one to `firewalls`: "
             "- crowdsec: {address: \"127.0.0.1:8080\", keys_file: bouncers.keys}"));
}

int ListKeys(const std::string& file, bool json, Console& console) {
  const absl::StatusOr<std::vector<ApiKeyEntry>> keys = ListApiKeys(file);
  if (!keys.ok()) return Fail(console, FromAbsl(keys.status().message()));
  size_t width = 4;
  for (const ApiKeyEntry& key : *keys) width = std::max(width, key.name.size());
  if (!json) console.out << PadRight("NAME", width + 2) << PadRight("ROLE", 9) << "MADE\n";
  for (const ApiKeyEntry& key : *keys) {
    const std::string made = FormatTimeMs(key.created_ms);
    if (json) {
      std::string line = "{\"name\":";
      AppendJsonString(key.name, &line);
      Append(&line, ",\"role\":\"", Name(key.role), "\",\"made\":\"", made, "\"}\n");
      console.out << line;
    } else {
      console.out << PadRight(key.name, width + 2) << PadRight(Name(key.role), 9) << made << "\n";
    }
  }
  return kExitFine;
}

}  // namespace

int RunBouncers(std::span<const std::string> arguments, Console& console) {
  std::string config_file;
  std::string keys_file;
  std::string name;
  bool machine = false;
  bool json = false;
  CLI::App app("Keys by which CrowdSec's bouncers ask this gate for decisions.", "stockade bouncers");
  app.require_subcommand(1);
  const auto add_where = [&](CLI::App* word) {
    word->add_option("-c,--config", config_file, "Settings (stockade.yaml)")->type_name("FILE");
    word->add_option("--keys-file", keys_file, "The file of keys itself, instead")->type_name("FILE");
  };
  CLI::App* const add = app.add_subcommand("add", "Make a key and show it, this once");
  add->add_option("NAME", name, "A name for it, as edge-1")->required();
  add->add_flag("--machine", machine, "For an agent or cscli instead of a bouncer");
  CLI::App* const list = app.add_subcommand("list", "Names, roles and when they were made");
  list->add_flag("--json", json, "A line of JSON each");
  CLI::App* const revoke = app.add_subcommand("revoke", "Refuse a key from now on");
  revoke->add_option("NAME", name, "Whose")->required();
  for (CLI::App* const word : {add, list, revoke}) add_where(word);
  app.footer(std::string(kBouncersFooter));
  if (const std::optional<int> done = ParseArguments(&app, arguments, console)) return *done;

  const absl::StatusOr<std::string> file = KeysFile(config_file, keys_file);
  if (!file.ok()) return Fail(console, FromAbsl(file.status().message()));
  if (list->parsed()) return ListKeys(*file, json, console);
  if (revoke->parsed()) {
    const absl::Status status = RevokeApiKey(*file, name);
    if (!status.ok()) return Fail(console, FromAbsl(status.message()));
    console.out << "revoked: " << name << " is refused from its next request on\n";
    return kExitFine;
  }
  const absl::StatusOr<std::string> key = AddApiKey(
      *file, name, machine ? ApiKeyRole::kMachine : ApiKeyRole::kBouncer, absl::ToUnixMillis(absl::Now()));
  if (!key.ok()) return Fail(console, FromAbsl(key.status().message()));
  console.err << "the key of " << name << ", shown this once (api_key of its configuration):\n";
  console.out << *key << "\n";
  return kExitFine;
}

}  // namespace stockade
