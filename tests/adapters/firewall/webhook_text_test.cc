// What webhooks are sent: JSON that others read, and messages for people in which nothing that a stranger chose is a
// mention, a link, markup or a second message.
#include "adapters/firewall/webhook_text.h"

#include <simdjson.h>

#include <catch2/catch.hpp>
#include <string>

#include "tests/adapters/firewall/orders.h"

namespace stockade {
namespace {

using Json = simdjson::dom::element;

struct Parsed {
  explicit Parsed(const std::string& text) {
    INFO(text);
    REQUIRE(parser.parse(text).get(root) == simdjson::SUCCESS);
  }
  std::string Text(const std::string& pointer) {
    std::string_view text;
    INFO(pointer);
    REQUIRE(root.at_pointer(pointer).get(text) == simdjson::SUCCESS);
    return std::string(text);
  }
  simdjson::dom::parser parser;
  Json root;
};

const WebhookEnvelope kEnvelope = {"00112233445566778899aabbccddeeff", kOrdersNowMs, "key"};
constexpr WebhookFormat kForPeople[] = {WebhookFormat::kSlack, WebhookFormat::kTeams,
                                        WebhookFormat::kPagerduty};

std::string MessageText(WebhookFormat format, const std::string& body) {
  Parsed json(body);
  if (format == WebhookFormat::kSlack) {
    CHECK(json.Text("/blocks/0/type") == "section");
    CHECK(json.Text("/blocks/0/text/type") == "mrkdwn");
    CHECK(json.Text("/blocks/0/text/text").size() <= 3000);
    return json.Text("/text");
  }
  if (format == WebhookFormat::kTeams) {
    CHECK(json.Text("/type") == "message");
    CHECK(json.Text("/attachments/0/contentType") == "application/vnd.microsoft.card.adaptive");
    CHECK(json.Text("/attachments/0/content/type") == "AdaptiveCard");
    std::string text;
    for (const Json block : json.root.at_pointer("/attachments/0/content/body").get_array()) {
      CHECK(std::string_view(block["type"]) == "RichTextBlock");
      Append(&text, std::string_view(block["inlines"].at(0)["text"]), "\n");
    }
    return text;
  }
  CHECK(json.Text("/routing_key") == "key");
  CHECK(json.Text("/event_action") == "trigger");
  CHECK(json.Text("/dedup_key") == kEnvelope.id);
  CHECK(json.Text("/payload/source") == "stockade");
  CHECK(json.Text("/payload/summary").size() <= 1024);
  std::string text = json.Text("/payload/summary") + "\n";
  for (const Json line : json.root.at_pointer("/payload/custom_details/lines").get_array())
    Append(&text, std::string_view(line), "\n");
  return text;
}

TEST_CASE("a program is sent its envelope and each order with the whole decision", "[webhook]") {
  const Decision block = Block("203.0.113.9");
  const Order enforce{Order::Kind::kEnforce, &block};
  const Order release{Order::Kind::kRelease, &block};
  const std::string orders[] = {OrderJson(enforce), OrderJson(release)};
  const std::string body = StockadeBody(kEnvelope, orders);
  CHECK(body == Concat("{\"stockade\":{\"version\":1,\"id\":\"00112233445566778899aabbccddeeff\",\"time\":\"",
                       "2025-11-26T20:00:00.000Z\"},\"orders\":[{\"order\":\"enforce\",\"decision\":",
                       ToJson(block), "},{\"order\":\"release\",\"decision\":", ToJson(block), "}]}"));
  Parsed json(body);
  CHECK(json.Text("/orders/0/decision/value") == "203.0.113.9");
  CHECK(json.Text("/orders/1/order") == "release");
}

TEST_CASE("people are told how many of what, by which rules, and the first of them", "[webhook]") {
  Orders orders;
  for (int i = 1; i <= 25; ++i) orders.Enforce(Block(Concat("203.0.113.", i)));
  orders.Enforce(MadeDecision(Action::kLock, Scope::kAccount, "alice"));
  for (const WebhookFormat format : kForPeople) {
    const std::string text = MessageText(format, BatchMessage(format, kEnvelope, orders));
    INFO(text);
    CHECK(text.find("26 decisions (25 × block ip, 1 × lock account)") != std::string::npos);
    CHECK(text.find("203.0.113.1, until 2025-11-26T20:15:00.000Z") != std::string::npos);
    CHECK(text.find("203.0.113.11") == std::string::npos);
    CHECK(text.find("16 more") != std::string::npos);
  }
}

TEST_CASE("an alarm is told in every form", "[webhook]") {
  const Alarm alarm = {kOrdersNowMs, "cap", "password_spray",
                       "one decision would have touched 12 % of customers"};
  for (const WebhookFormat format : kForPeople) {
    const std::string text = MessageText(format, AlarmMessage(format, kEnvelope, alarm));
    INFO(text);
    CHECK(text.find("alarm:") != std::string::npos);
    CHECK(text.find("12 % of customers") != std::string::npos);
  }
  Parsed json(AlarmMessage(WebhookFormat::kStockade, kEnvelope, alarm));
  CHECK(json.Text("/stockade/id") == kEnvelope.id);
  CHECK(json.Text("/alarm/kind") == "cap");
  CHECK(json.Text("/alarm/rule") == "password_spray");
  CHECK(json.Text("/alarm/time") == "2025-11-26T20:00:00.000Z");
}

TEST_CASE("what a stranger chose mentions nobody, links to nothing and ends no line", "[webhook]") {
  const std::string names[] = {"<!channel> <@U1234>",
                               "@all @channel @here",
                               "[log in](https://evil.example/x) https://evil.example www.evil.example",
                               "*bold* _it_ ~x~ `code` ```",
                               "a\nb\r\x1b[2J",
                               std::string("zero\0byte", 9),
                               "\xff\xfe",
                               "\"},{\"type\":\"x",
                               std::string(300, '<')};
  for (const std::string& name : names) {
    Orders orders;
    for (int i = 0; i < 40; ++i) {
      Decision lock = MadeDecision(Action::kLock, Scope::kAccount, name);
      lock.rule = Concat(name, i);
      orders.Enforce(lock);
    }
    for (const WebhookFormat format : kForPeople) {
      const std::string text = MessageText(format, BatchMessage(format, kEnvelope, orders));
      CHECK(text.find('\x1b') == std::string::npos);
      CHECK(text.find('\0') == std::string::npos);
      CHECK(text.find("a\nb") == std::string::npos);
    }
    const std::string chat =
        MessageText(WebhookFormat::kSlack, BatchMessage(WebhookFormat::kSlack, kEnvelope, orders));
    for (const char* bad :
         {"<", ">", "@all", "@channel", "@here", "](", "://", "www.e", "evil.example", "`code`", "_it_"})
      CHECK(chat.find(bad) == std::string::npos);
    MessageText(WebhookFormat::kPagerduty,
                AlarmMessage(WebhookFormat::kPagerduty, kEnvelope, {0, name, name, name}));
    MessageText(WebhookFormat::kSlack, AlarmMessage(WebhookFormat::kSlack, kEnvelope, {0, name, name, name}));
  }
}

}  // namespace
}  // namespace stockade
