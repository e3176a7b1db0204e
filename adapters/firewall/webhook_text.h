// What a webhook is sent: orders for programs, and messages for people in the forms their tools read.
//
//   stockade    {"stockade":{"version":1,"id":"…","time":"…Z"},"orders":[{"order":"enforce","decision":{…}},…]}
//               of an alarm: {"stockade":{…},"alarm":{"time":"…Z","kind":"…","rule":"…","text":"…"}}
//               Decisions are as ToJson writes them; of a release, what is known of it, at least action, scope and value.
//   slack       Slack's incoming webhooks: `text` and `blocks` (Mattermost reads `text`)
//   teams       Microsoft Teams' workflows and incoming webhooks: an Adaptive Card
//   pagerduty   PagerDuty's Events API v2: a trigger
//
// Names that strangers chose stand in messages for people: they are made printable and cut, and whatever those tools would
// take for a mention, a link or markup is taken from them. One message a batch says how many of what, by which rules, and
// names kNamedMax of them.
//
// Pure, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/firewall/firewall.h"
#include "engine/decision/alarm.h"

namespace stockade {

enum class WebhookFormat : uint8_t { kStockade, kSlack, kTeams, kPagerduty };
inline constexpr std::string_view kWebhookFormatNames[] = {"stockade", "slack", "teams", "pagerduty"};

struct WebhookEnvelope {
  std::string_view id;
  int64_t time_ms = 0;
  std::string_view routing_key;  // of PagerDuty
};

// {"order":"enforce","decision":{…}}
std::string OrderJson(const Order& order);

// The body of a message with these orders, each an OrderJson.
std::string StockadeBody(const WebhookEnvelope& envelope, std::span<const std::string> orders);
// The body for people; not for kStockade.
std::string BatchMessage(WebhookFormat format, const WebhookEnvelope& envelope,
                         std::span<const Order> orders);
std::string AlarmMessage(WebhookFormat format, const WebhookEnvelope& envelope, const Alarm& alarm);

// Decisions that a message names one by one: what a person reads on a phone.
inline constexpr size_t kNamedMax = 10;

}  // namespace stockade
