// Settings of decisions: what policy, store and firewalls say reaches its place, and every mistake is said with its place.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "tools/stockade/config_file.h"

namespace stockade {
namespace {

std::string DecisionErrors(std::string_view text) {
  Findings findings;
  ReadConfig(text, "/etc/stockade/stockade.yaml", &findings);
  return std::string(findings.ToStatus().message());
}

TEST_CASE("every key of decisions reaches its setting", "[config]") {
  Findings findings;
  const Config config = ReadConfig(R"(
memory: 1GiB
policy:
  harm: {week: 0.05%, decision: 0.2%, rule: 0.02, minute: 1%, customers_min: 5}
  shared_accounts: 4
  shadow: [many_accounts]
familiar: {snapshot: home, every: 90s}
geo: {asn: asn.mmdb, country: /geo/country.mmdb}
store: {path: s.db, remember: 2d, over_max: 10, memory: 64MiB}
firewalls:
  - nftables: {table: stockade_a, hooks: [input, forward], priority: -300, verdict: mark, mark: 7, ports: [443], loopback: true}
    delivery: {reconcile_interval: 1m, retry_first: 1s, resend: false}
  - name: second
    crowdsec: {address: "127.0.0.1:8080", keys_file: keys, state_file: state, take_alerts: true}
  - haproxy: {socket: "unix:/run/h.sock", maps: [{action: lock, holds: accounts, map: /etc/h.map}], value: rule}
  - webhook: {url: "https://soc.example/x", secret: s, actions: [block], scopes: [ip, range], batch_max: 7}
  - exec: {command: [/bin/true, a], each: batch, timeout: 2s, environment: {ZONE: dmz}}
  - file: {path: deny.conf, format: nginx_geo, after: [/bin/true], mode: "0600"}
  - gateway_lock: {url: "https://gw/{account}", secret: s, method: PUT}
)",
                                   "/etc/stockade/stockade.yaml", &findings);
  INFO(findings.ToStatus());
  REQUIRE(findings.errors() == 0);
  const PolicySettings& policy = config.engine.policy;
  CHECK(policy.harm.week_share == Approx(0.0005));
  CHECK(policy.harm.decision_share == Approx(0.002));
  CHECK(policy.harm.rule_share == Approx(0.02));
  CHECK(policy.harm.minute_share == Approx(0.01));
  CHECK(policy.harm.customers_min == 5);
  CHECK(policy.shared_accounts == 4);
  CHECK(policy.in_shadow.contains("many_accounts"));
  REQUIRE(config.familiar.has_value());
  CHECK(config.familiar->snapshot == "/etc/stockade/home");
  CHECK(config.familiar->every == absl::Seconds(90));
  CHECK(config.geo.files() == std::vector<std::string>{"/etc/stockade/asn.mmdb", "/geo/country.mmdb"});
  REQUIRE(config.store.has_value());
  CHECK(config.store->path == "/etc/stockade/s.db");
  CHECK(config.store->remember == absl::Hours(48));
  CHECK(config.store->over_max == 10);
  CHECK(config.engine.ledger_bytes == size_t{64} << 20);
  REQUIRE(config.firewalls.size() == 7);
  const auto& nft = std::get<NftablesOptions>(config.firewalls[0].kind);
  CHECK(nft.hooks == std::vector<NftablesHook>{NftablesHook::kInput, NftablesHook::kForward});
  CHECK(nft.verdict == NftablesVerdict::kMark);
  CHECK(nft.ports == std::vector<uint16_t>{443});
  CHECK_FALSE(nft.spare_loopback);
  CHECK(config.firewalls[0].delivery.reconcile_interval == absl::Minutes(1));
  CHECK_FALSE(config.firewalls[0].delivery.resend);
  CHECK(config.firewalls[1].name == "second");
  CHECK(std::get<CrowdsecOptions>(config.firewalls[1].kind).keys_file == "/etc/stockade/keys");
  CHECK(std::get<HaproxyOptions>(config.firewalls[2].kind).maps.at(0).holds ==
        HaproxyMapOptions::Holds::kAccounts);
  CHECK(std::get<WebhookOptions>(config.firewalls[3].kind).scopes ==
        std::vector<Scope>{Scope::kIp, Scope::kRange});
  CHECK(std::get<ExecOptions>(config.firewalls[4].kind).command.size() == 2);
  CHECK(std::get<ListFileOptions>(config.firewalls[5].kind).mode == 0600);
  CHECK(std::get<GatewayLockOptions>(config.firewalls[6].kind).method == "PUT");
}

TEST_CASE("what cannot be meant is refused with its place", "[config]") {
  CHECK(DecisionErrors("firewalls: [{}]").find("names no kind; one of nftables, crowdsec") !=
        std::string::npos);
  CHECK(DecisionErrors("firewalls: [{nftables: {}, exec: {command: [/bin/true]}}]")
            .find("more than one kind") != std::string::npos);
  CHECK(DecisionErrors("firewalls: [{nftables: {}}, {nftables: {}}]")
            .find("two firewalls are called nftables") != std::string::npos);
  CHECK(DecisionErrors("firewalls:\n  - nftables: {table: filter}").find(":2:") != std::string::npos);
  CHECK(DecisionErrors("firewalls: [{crowdsec: {address: \"127.0.0.1:1\"}}]").find("keys_file") !=
        std::string::npos);
  CHECK(DecisionErrors("firewalls: [{exec: {command: [rm]}}]").find("command") != std::string::npos);
  CHECK(DecisionErrors("firewalls: [{file: {path: x, mode: rw}}]").find("write 0640") != std::string::npos);
  CHECK(DecisionErrors("firewalls: [{webhook: {url: \"ftp://x/\"}}]").find("url") != std::string::npos);
  CHECK(DecisionErrors("firewalls: [{nftable: {}}]").find("did you mean 'nftables'") != std::string::npos);
  CHECK(DecisionErrors("policy: {harm: {rule: lots}}").find("is no share; write 0.1% or 0.001") !=
        std::string::npos);
  CHECK(DecisionErrors("policy: {harm: {rule: 101%}}").find("is no share") != std::string::npos);
  CHECK(DecisionErrors("policy: {shared_accounts: 9}").find("shared_accounts") != std::string::npos);
  CHECK(DecisionErrors("familiar: {every: 10m}").find("names no `snapshot`") != std::string::npos);
  CHECK(DecisionErrors("familiar: {snapshot: x, every: 1s}").find("familiar.every") != std::string::npos);
  CHECK(DecisionErrors("geo: {countri: x}").find("did you mean 'country'") != std::string::npos);
  CHECK(DecisionErrors("store: {remember: 7d}").find("names no `path`") != std::string::npos);
}

TEST_CASE("a name with a # is a name; a comment stands behind a space", "[config]") {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("stockade_allow_" + std::to_string(getpid()));
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "accounts") << "bob#2 # the second\n#nobody\n";
  Findings findings;
  const Config config =
      ReadConfig("allow: {account_files: [accounts]}\n", (folder / "stockade.yaml").string(), &findings);
  std::filesystem::remove_all(folder);
  REQUIRE(findings.errors() == 0);
  CHECK(config.allow_files.size() == 1);
  Attempt attempt;
  attempt.account = "bob#2";
  CHECK(config.engine.allowlist.Holds(attempt));
  attempt.account = "bob";
  CHECK_FALSE(config.engine.allowlist.Holds(attempt));
  CHECK(config.engine.allowlist.size() == 1);
}

}  // namespace
}  // namespace stockade
