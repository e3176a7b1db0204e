#include "tools/simulation/attempt_lines.h"

#include <charconv>

#include "engine/decision/decision.h"
#include "tools/simulation/trading_day.h"

namespace stockade {
namespace {

void AppendNumber(uint64_t number, std::string* out) {
  char digits[20];
  const auto [end, failed] = std::to_chars(digits, digits + sizeof(digits), number);
  out->append(digits, end);
}

// The world's own texts need no escapes, but for what a table of user agents may come to hold one day.
void AppendMember(std::string_view key, std::string_view value, std::string* out) {
  if (out->back() != '{') out->push_back(',');
  out->push_back('"');
  out->append(key);
  out->append("\":");
  AppendJsonString(value, out);
}

}  // namespace

void AttemptLines::AppendTime(int64_t time_ms, std::string* out) {
  const int64_t minute = time_ms / kMinuteMs;
  if (minute != minute_) {
    minute_ = minute;
    minute_text_ = FormatTimeMs(minute * kMinuteMs).substr(0, 17);
  }
  const int64_t left = time_ms % kMinuteMs;
  const auto digit = [](int64_t value) { return static_cast<char>('0' + value % 10); };
  out->append(minute_text_);
  out->append(
      {digit(left / 10'000), digit(left / 1000), '.', digit(left / 100), digit(left / 10), digit(left), 'Z'});
}

void AttemptLines::AppendEvent(const SimulatedAttempt& login, const Settled& settled, std::string* out) {
  const Attempt& attempt = login.attempt;
  out->append(R"({"@timestamp":")");
  AppendTime(attempt.time_ns / 1'000'000, out);
  out->append(R"(","source":{"ip":")");
  char address[Address::kTextBytesMax];
  out->append(address, attempt.source.Format(address));
  out->push_back('"');
  if (attempt.asn != 0) {
    out->append(R"(,"as":{"number":)");
    AppendNumber(attempt.asn, out);
    out->append("}");
  }
  if (!attempt.country.empty()) {
    out->append(R"(,"geo":{)");
    AppendMember("country_iso_code", attempt.country, out);
    out->append("}");
  }
  out->append(R"(},"user":{)");
  AppendMember("name", attempt.account, out);
  out->append(R"(},"event":{)");
  AppendMember("outcome", CoarseOutcomeName(settled.outcome), out);
  AppendMember("reason", Name(settled.outcome), out);
  out->append(R"(},"user_agent":{)");
  AppendMember("original", attempt.user_agent, out);
  if (!attempt.ja4.empty()) {
    out->append(R"(},"tls":{"client":{)");
    AppendMember("ja4", attempt.ja4, out);
    out->append("}");
  }
  out->append(R"(},"url":{)");
  AppendMember("path", attempt.path, out);
  out->append(R"(},"login":{)");
  AppendMember("channel", attempt.channel, out);
  if (!attempt.password_id.empty()) AppendMember("password_id", attempt.password_id, out);
  if (!attempt.header_order.empty()) AppendMember("header_order", attempt.header_order, out);
  if (!attempt.device.empty()) AppendMember("device", attempt.device, out);
  if (attempt.certificate_present) AppendMember("certificate", Name(attempt.certificate), out);
  out->append(R"(,"challenge":{)");
  AppendMember("human", Name(login.challenge.human), out);
  AppendMember("identity", Name(login.challenge.identity), out);
  out->append("}}}");
}

void AttemptLines::AppendLabel(const SimulatedAttempt& login, std::string* out) {
  const Truth& truth = login.truth;
  out->append(R"({"line":)");
  AppendNumber(login.number, out);
  if (truth.who == Who::kAttack) {
    out->append(R"(,"who":"attack","class":")");
    out->append(Name(truth.attack));
    out->append(R"(","campaign":)");
    AppendNumber(truth.campaign, out);
    if (truth.cover) out->append(R"(,"cover":true)");
  } else {
    out->append(R"(,"who":"customer","id":)");
    AppendNumber(truth.customer, out);
    out->append(truth.history ? R"(,"history":true)" : R"(,"history":false)");
    if (truth.who == Who::kAggregator) out->append(R"(,"via":"aggregator")");
    if (truth.who == Who::kStaleClient) out->append(R"(,"via":"stale_client")");
  }
  if (truth.target != kNobody && truth.target != truth.customer && !truth.cover) {
    out->append(R"(,"on":)");
    AppendNumber(truth.target, out);
  }
  if (truth.right && truth.who == Who::kAttack && !truth.cover) out->append(R"(,"right":true)");
  out->push_back('}');
}

}  // namespace stockade
