// Any request to the verdict service: whatever stands in it, the reply is one that the dialect knows, and no field of it
// holds a line end. The bytes: "METHOD TARGET", then fields, an empty line, the body.
#include <memory>
#include <string>
#include <vector>

#include "adapters/gateway/verdict_dialects.h"
#include "engine/status.h"

namespace stockade {
namespace {

// Says something different each time, and repeats what the client typed, as rules' reasons do.
class EchoDesk final : public GateDesk {
 public:
  GateAnswer Assess(const Attempt& attempt) override {
    ++calls_;
    GateAnswer answer;
    answer.kind = static_cast<VerdictKind>(calls_ % 4);
    answer.challenge_kind = static_cast<ChallengeKind>(calls_ / 4 % 2);
    answer.reaches = answer.kind == VerdictKind::kAllow;
    answer.reason = std::string(attempt.account) + std::string(attempt.user_agent);
    answer.ticket = answer.reaches ? calls_ : 0;
    answer.in_trouble = calls_ % 7 == 0;
    return answer;
  }
  void Observe(uint64_t, Outcome) override {}
  void Abandon(uint64_t) override {}
  void NoteChallengePassed(ChallengeKind, std::string_view, const Address&, std::string_view) override {}

 private:
  uint64_t calls_ = 0;
};

const VerdictDialects& Dialects() {
  static const VerdictDialects* const dialects = [] {
    EndpointSettings portal;
    portal.name = "portal";
    portal.path = "/login";
    portal.methods = {"POST", "GET"};
    portal.account = {{ValueSource::From::kBody, "user"}, {ValueSource::From::kCookie, "who"}};
    portal.password = {{ValueSource::From::kBody, "pass"}};
    auto exchange = LoginExchange::Create({portal}, HashKey{1, 2});
    STOCKADE_CHECK(exchange.ok());
    VerdictParts parts;
    parts.desk = new EchoDesk;
    parts.exchange = std::move(*exchange);
    parts.counters = new VerdictCounters;
    return new VerdictDialects(std::move(parts));
  }();
  return *dialects;
}

std::string_view TakeLine(std::string_view* text) {
  const size_t end = text->find('\n');
  const std::string_view line = text->substr(0, end);
  text->remove_prefix(end == std::string_view::npos ? text->size() : end + 1);
  return line;
}

void Ask(std::string_view text) {
  const std::string_view first = TakeLine(&text);
  const size_t space = first.find(' ');
  std::vector<HeaderField> fields;
  while (!text.empty()) {
    const std::string_view line = TakeLine(&text);
    if (line.empty()) break;
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    std::string_view value = line.substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);
    fields.push_back({line.substr(0, colon), value});
  }
  std::string body(text);
  ServiceRequest request;
  request.head.method = first.substr(0, space);
  request.head.target = space == std::string_view::npos ? std::string_view() : first.substr(space + 1);
  request.head.fields = fields;
  request.body = std::span<char>(body.data(), body.size());
  request.is_local = true;
  const ServiceReply reply = *Dialects().Reply(request, {});
  STOCKADE_CHECK(reply.status >= 200 && reply.status <= 599);
  if (request.head.path() == "/auth-request")
    STOCKADE_CHECK(reply.status == 204 || reply.status == 401 || reply.status == 403);
  for (const auto& [name, value] : reply.headers) {
    STOCKADE_CHECK(value.find('\n') == std::string::npos && value.find('\r') == std::string::npos);
    STOCKADE_CHECK(value.find('\0') == std::string::npos);
  }
}

}  // namespace
}  // namespace stockade

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  stockade::Ask(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
