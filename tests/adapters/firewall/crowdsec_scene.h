// What tests of the CrowdSec server share: decisions, orders, and replies as a bouncer reads them.
#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/firewall/crowdsec_view.h"
#include "engine/text.h"
#include "simdjson.h"

namespace stockade {

inline constexpr int64_t kCrowdsecNow = 1'790'000'000'000;

inline Decision CrowdsecDecision(Action action, Scope scope, std::string value, int64_t until_ms,
                                 std::string rule = "many_accounts") {
  Decision decision;
  decision.id = "00ab12cd34ef5678";
  decision.time_ms = kCrowdsecNow;
  decision.action = action;
  decision.scope = scope;
  if (scope == Scope::kIp || scope == Scope::kRange) decision.prefix = *Prefix::Parse(value);
  decision.value = std::move(value);
  decision.until_ms = until_ms;
  decision.rule = std::move(rule);
  return decision;
}
inline Decision Ban(std::string value, int64_t until_ms, std::string rule = "many_accounts") {
  const Scope scope = value.find('/') == std::string::npos ? Scope::kIp : Scope::kRange;
  return CrowdsecDecision(Action::kBlock, scope, std::move(value), until_ms, std::move(rule));
}

inline void Enforce(CrowdsecView* view, const std::vector<Decision>& decisions, int64_t now_ms) {
  std::vector<Order> orders;
  for (const Decision& decision : decisions) orders.push_back({Order::Kind::kEnforce, &decision});
  const absl::Status applied = view->Apply(orders, now_ms);
  INFO(applied.ToString());
  REQUIRE(applied.ok());
}
inline void Release(CrowdsecView* view, const Decision& decision, int64_t now_ms) {
  const Order order{Order::Kind::kRelease, &decision};
  REQUIRE(view->Apply({&order, 1}, now_ms).ok());
}

// "ban Ip 203.0.113.9 59m58s stockade/many_accounts", of each decision of a JSON array.
inline std::vector<std::string> ReadRows(const simdjson::dom::array& array) {
  std::vector<std::string> rows;
  for (const simdjson::dom::element row : array) {
    std::string text;
    for (const char* const member : {"type", "scope", "value", "duration", "scenario"}) {
      INFO(member);
      std::string_view value;
      REQUIRE(row[member].get(value) == simdjson::SUCCESS);
      Append(&text, text.empty() ? "" : " ", value);
    }
    std::string_view origin;
    REQUIRE(row["origin"].get(origin) == simdjson::SUCCESS);
    CHECK(origin == "stockade");
    int64_t id;
    REQUIRE(row["id"].get(id) == simdjson::SUCCESS);
    rows.push_back(std::move(text));
  }
  return rows;
}
inline std::vector<std::string> ReadLive(const std::string& body) {
  if (body == "null") return {};
  simdjson::dom::parser parser;
  simdjson::dom::array array;
  REQUIRE(parser.parse(body).get(array) == simdjson::SUCCESS);
  return ReadRows(array);
}

struct StreamRows {
  std::vector<std::string> news;
  std::vector<std::string> deleted;
};
// Also that no value is in both lists.
inline StreamRows ReadStream(const std::string& body) {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  REQUIRE(parser.parse(body).get(root) == simdjson::SUCCESS);
  simdjson::dom::array news;
  simdjson::dom::array deleted;
  REQUIRE(root["new"].get(news) == simdjson::SUCCESS);
  REQUIRE(root["deleted"].get(deleted) == simdjson::SUCCESS);
  for (const simdjson::dom::element ended : deleted) {
    std::string_view value;
    REQUIRE(ended["value"].get(value) == simdjson::SUCCESS);
    for (const simdjson::dom::element added : news) {
      std::string_view other;
      REQUIRE(added["value"].get(other) == simdjson::SUCCESS);
      INFO(value);
      CHECK(other != value);
    }
  }
  return {ReadRows(news), ReadRows(deleted)};
}

// A bouncer that asks the view itself.
class ViewBouncer {
 public:
  explicit ViewBouncer(CrowdsecView* view, bool expand = false) : view_(*view), expand_(expand) {}
  StreamRows Pull(int64_t now_ms) {
    CrowdsecView::Told told = view_.Stream(filter, cursor_, dedup, expand_, now_ms);
    cursor_ = std::move(told.cursor);
    return ReadStream(told.body);
  }
  CrowdsecFilter filter{
      .scopes = static_cast<uint8_t>(Capabilities::Bit(Scope::kIp) | Capabilities::Bit(Scope::kRange)),
      .type = {},
      .our_origin = true,
      .scenarios_containing = {},
      .scenarios_not_containing = {}};
  bool dedup = true;

 private:
  CrowdsecView& view_;
  const bool expand_;
  CrowdsecCursor cursor_;
};

}  // namespace stockade
