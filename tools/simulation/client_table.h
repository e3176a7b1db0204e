// What clients look like on the wire: user agent, JA4, order of headers. Customers have browsers and the broker's app, in
// shares as a Taiwanese portal sees them; attackers have tools, or a customer's very browser.
//
// A browser updates itself every four weeks: its user agent changes, its JA4 does not. The app has releases; the new one
// (AppRelease::kNew) has another TLS library, hence another JA4. JA4 values have the form of FoxIO's specification; those
// of browsers are the published ones where there are, the others are made up.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tools/simulation/chance.h"

namespace stockade {

// Views live as long as the table.
struct ClientPrint {
  std::string_view user_agent;
  std::string_view ja4;
  std::string_view header_order;
  std::string_view channel;  // web | app | api
};

enum class ClientKind : uint8_t { kComputer, kPhoneBrowser, kApp };
enum class AppRelease : uint8_t { kOld, kNew };
enum class AttackTool : uint8_t { kScript, kGo, kOldEdge, kChecker };

class ClientTable {
 public:
  static constexpr uint32_t kVersions = 6;  // of one browser, four weeks apart

  ClientTable();
  ClientTable(const ClientTable&) = delete;
  ClientTable& operator=(const ClientTable&) = delete;

  // The client of somebody: `pick` decides which browser, by its share; the same pick is the same browser. `version`:
  // how many updates it has had, cut to what there is.
  ClientPrint Customer(ClientKind kind, uint64_t pick, uint32_t version, AppRelease release) const noexcept;
  // An aggregator's program.
  ClientPrint Aggregator() const noexcept;
  ClientPrint Tool(AttackTool tool) const noexcept;
  // The same TLS and headers under one of 60 user agents.
  ClientPrint Rotated(AttackTool tool, Chance* chance) const noexcept;

 private:
  std::vector<std::array<std::string, kVersions>> agents_;  // of each row of the table
  std::vector<std::string> faked_;
};

}  // namespace stockade
