#include "adapters/firewall/webhook_text.h"

#include <algorithm>
#include <map>

#include "engine/event/printable_text.h"
#include "engine/text.h"

namespace stockade {
namespace {

// PagerDuty cuts a summary at 1024 characters, Slack refuses a block beyond 3000. Lines are at most some 600 bytes.
constexpr size_t kSummaryBytesMax = 1000;
constexpr size_t kBlockBytesMax = 2900;

// A message for people, before it takes a tool's form.
struct Message {
  std::string title;
  std::vector<std::string> lines;  // plain text
  int64_t time_ms = 0;
  std::string kind;
  bool serious = false;
};

std::string_view Cut(std::string_view text, size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  size_t size = bytes_max;
  // Not inside a character.
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) --size;
  return text.substr(0, size);
}

// In Slack's mrkdwn <, > and & are markup (a mention of everybody is "<!channel>"); Mattermost takes "@all" in any text, and
// "[text](link)", and both make a link of what looks like one.
std::string ForChat(std::string_view text) {
  constexpr std::string_view kNothing = "\xe2\x80\x8b";  // ZERO WIDTH SPACE
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    switch (c) {
      case '&':
        out.append("&amp;");
        break;
      case '<':
        out.append("&lt;");
        break;
      case '>':
        out.append("&gt;");
        break;
      case '`':
      case '*':
      case '_':
      case '~':
      case '[':
      case ']':
      case '!':
      case '#':
      case '|':
      case '\\':
        Append(&out, std::string_view(&c, 1), kNothing);
        break;
      case '@':
        Append(&out, "@", kNothing);
        break;
      case '.':
      case ':':
        // Between a letter and a letter it would begin or be a link: example.com, http://…
        out.push_back(c);
        if (i + 1 < text.size() && !(text[i + 1] >= '0' && text[i + 1] <= '9') && text[i + 1] != ' ')
          out.append(kNothing);
        break;
      default:
        out.push_back(c);
    }
  }
  return out;
}

std::string WhatHappens(const Decision& decision) {
  const std::string_view kind = decision.action == Action::kChallenge ? Name(decision.challenge_kind)
                                : decision.action == Action::kLock
                                    ? (decision.all_lanes ? std::string_view("all lanes") : "unfamiliar lane")
                                    : std::string_view();
  return kind.empty() ? std::string(Name(decision.action)) : Concat(Name(decision.action), " (", kind, ")");
}

std::string Line(const Order& order) {
  const Decision& decision = *order.decision;
  std::string line = Concat(order.kind == Order::Kind::kRelease ? "released: " : "", WhatHappens(decision),
                            " ", Name(decision.scope), " ", PrintableText(decision.value));
  if (order.kind == Order::Kind::kEnforce) Append(&line, ", until ", FormatTimeMs(decision.until_ms));
  if (!decision.rule.empty()) Append(&line, ", by ", PrintableText(decision.rule));
  return line;
}

Message OfBatch(std::span<const Order> orders, int64_t time_ms) {
  std::map<std::string, size_t> counts;  // "block ip" → 3
  std::map<std::string, size_t> rules;
  for (const Order& order : orders) {
    ++counts[Concat(order.kind == Order::Kind::kRelease ? "release of " : "", Name(order.decision->action),
                    " ", Name(order.decision->scope))];
    if (!order.decision->rule.empty()) ++rules[PrintableText(order.decision->rule)];
  }
  Message message;
  message.time_ms = time_ms;
  message.kind = "decisions";
  message.serious = std::any_of(orders.begin(), orders.end(), [](const Order& order) {
    return order.kind == Order::Kind::kEnforce && order.decision->action == Action::kLock;
  });
  message.title = Concat("Stockade: ", orders.size(), orders.size() == 1 ? " decision" : " decisions");
  const char* before = " (";
  for (const auto& [what, count] : counts) {
    Append(&message.title, before, count, " × ", what);
    before = ", ";
  }
  message.title += ")";
  std::string by = "Rules: ";
  size_t named = 0;
  for (const auto& [rule, count] : rules) {
    if (named == kNamedMax) {
      Append(&by, " and ", rules.size() - named, " more");
      break;
    }
    Append(&by, named == 0 ? "" : ", ", rule, " (", count, ")");
    ++named;
  }
  if (named > 0) message.lines.push_back(by);
  for (const Order& order : orders.first(std::min(orders.size(), kNamedMax)))
    message.lines.push_back(Line(order));
  if (orders.size() > kNamedMax)
    message.lines.push_back(Concat("… and ", orders.size() - kNamedMax, " more"));
  return message;
}

Message OfAlarm(const Alarm& alarm) {
  Message message;
  message.time_ms = alarm.time_ms;
  message.kind = alarm.kind;
  message.serious = true;
  message.title = Concat("Stockade alarm: ", PrintableText(alarm.kind));
  message.lines.push_back(PrintableLine(Cut(alarm.text, kSummaryBytesMax)));
  if (!alarm.rule.empty()) message.lines.push_back(Concat("Rule: ", PrintableText(alarm.rule)));
  return message;
}

void AppendSlack(const Message& message, std::string* out) {
  std::string text = Concat("*", ForChat(message.title), "*");
  std::string section = text;
  for (const std::string& line : message.lines) {
    const std::string chat = Concat("\n", ForChat(line));
    text += chat;
    // What would be cut could be cut inside an escape.
    if (section.size() + chat.size() <= kBlockBytesMax) section += chat;
  }
  out->append("{\"text\":");
  AppendJsonString(text, out);
  out->append(",\"blocks\":[{\"type\":\"section\",\"text\":{\"type\":\"mrkdwn\",\"text\":");
  AppendJsonString(section, out);
  out->append("}}]}");
}

// Text runs, unlike text blocks, know no markup.
void AppendTeams(const Message& message, std::string* out) {
  const auto run = [out](std::string_view text, bool title) {
    out->append("{\"type\":\"RichTextBlock\",\"inlines\":[{\"type\":\"TextRun\",\"text\":");
    AppendJsonString(text, out);
    out->append(title ? ",\"weight\":\"bolder\"}]}" : "}]}");
  };
  out->append(
      "{\"type\":\"message\",\"attachments\":[{\"contentType\":\"application/vnd.microsoft.card.adaptive\","
      "\"contentUrl\":null,\"content\":{\"$schema\":\"http://adaptivecards.io/schemas/adaptive-card.json\","
      "\"type\":\"AdaptiveCard\",\"version\":\"1.4\",\"body\":[");
  run(message.title, true);
  for (const std::string& line : message.lines) {
    out->push_back(',');
    run(line, false);
  }
  out->append("]}}]}");
}

void AppendPagerduty(const Message& message, const WebhookEnvelope& envelope, std::string* out) {
  std::string summary = message.title;
  if (!message.lines.empty()) Append(&summary, ": ", message.lines.front());
  out->append("{\"routing_key\":");
  AppendJsonString(envelope.routing_key, out);
  out->append(",\"event_action\":\"trigger\",\"dedup_key\":");
  AppendJsonString(envelope.id, out);
  out->append(",\"client\":\"Stockade\",\"payload\":{\"summary\":");
  AppendJsonString(Cut(summary, kSummaryBytesMax), out);
  Append(out, ",\"source\":\"stockade\",\"severity\":\"", message.serious ? "error" : "warning",
         "\",\"timestamp\":\"", FormatTimeMs(message.time_ms), "\",\"class\":");
  AppendJsonString(message.kind, out);
  out->append(",\"custom_details\":{\"lines\":[");
  for (size_t i = 0; i < message.lines.size(); ++i) {
    if (i > 0) out->push_back(',');
    AppendJsonString(message.lines[i], out);
  }
  out->append("]}}}");
}

std::string InForm(WebhookFormat format, const WebhookEnvelope& envelope, const Message& message) {
  std::string out;
  switch (format) {
    case WebhookFormat::kStockade:
      break;
    case WebhookFormat::kSlack:
      AppendSlack(message, &out);
      break;
    case WebhookFormat::kTeams:
      AppendTeams(message, &out);
      break;
    case WebhookFormat::kPagerduty:
      AppendPagerduty(message, envelope, &out);
      break;
  }
  return out;
}

void AppendEnvelope(const WebhookEnvelope& envelope, std::string* out) {
  out->append("{\"stockade\":{\"version\":1,\"id\":");
  AppendJsonString(envelope.id, out);
  Append(out, ",\"time\":\"", FormatTimeMs(envelope.time_ms), "\"}");
}

}  // namespace

std::string OrderJson(const Order& order) {
  return Concat("{\"order\":\"", order.kind == Order::Kind::kEnforce ? "enforce" : "release",
                "\",\"decision\":", ToJson(*order.decision), "}");
}

std::string StockadeBody(const WebhookEnvelope& envelope, std::span<const std::string> orders) {
  std::string out;
  AppendEnvelope(envelope, &out);
  out.append(",\"orders\":[");
  for (size_t i = 0; i < orders.size(); ++i) Append(&out, i == 0 ? "" : ",", orders[i]);
  out.append("]}");
  return out;
}

std::string BatchMessage(WebhookFormat format, const WebhookEnvelope& envelope,
                         std::span<const Order> orders) {
  return InForm(format, envelope, OfBatch(orders, envelope.time_ms));
}

std::string AlarmMessage(WebhookFormat format, const WebhookEnvelope& envelope, const Alarm& alarm) {
  if (format != WebhookFormat::kStockade) return InForm(format, envelope, OfAlarm(alarm));
  std::string out;
  AppendEnvelope(envelope, &out);
  Append(&out, ",\"alarm\":{\"time\":\"", FormatTimeMs(alarm.time_ms), "\",\"kind\":");
  AppendJsonString(alarm.kind, &out);
  out.append(",\"rule\":");
  AppendJsonString(alarm.rule, &out);
  out.append(",\"text\":");
  AppendJsonString(alarm.text, &out);
  out.append("}}");
  return out;
}

}  // namespace stockade
