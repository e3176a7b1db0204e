#include "adapters/gateway/gate_record.h"

#include <algorithm>
#include <charconv>

#include "absl/strings/ascii.h"
#include "engine/decision/decision.h"
#include "engine/limits.h"
#include "engine/rule/utf8.h"

namespace stockade {
namespace {

// Every text of an attempt, and where it stands in a record.
struct TextField {
  std::string_view Attempt::*member;
  FieldId id;
};
constexpr std::array<TextField, kAttemptTexts> kTextFields = {{
    {&Attempt::account, FieldId::kUserName},
    {&Attempt::user_agent, FieldId::kUserAgent},
    {&Attempt::ja3, FieldId::kJa3},
    {&Attempt::ja4, FieldId::kJa4},
    {&Attempt::path, FieldId::kUrlPath},
    {&Attempt::request_id, FieldId::kRequestId},
    {&Attempt::country, FieldId::kSourceCountry},
    {&Attempt::password_id, FieldId::kPasswordId},
    {&Attempt::device, FieldId::kDevice},
    {&Attempt::channel, FieldId::kChannel},
    {&Attempt::header_order, FieldId::kHeaderOrder},
    {&Attempt::tls_stack, FieldId::kTlsStack},
    {&Attempt::tls_mismatch, FieldId::kTlsMismatch},
}};
// A byte takes six at most when it is escaped (\u001b, or U+FFFD as itself: three).
static_assert((kAttemptTexts * kAttemptTextBytesMax + kExtraBytesMax) * 6 + 4096 < kLineBytesMax);

void AppendInteger(uint64_t number, std::string* out) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  out->append(digits, static_cast<size_t>(end - digits));
}

// FormatTimeMs with nine digits of fraction: the engine is given nanoseconds.
void AppendTime(int64_t time_ns, std::string* out) {
  std::string text = FormatTimeMs(time_ns / 1'000'000);
  text.pop_back();
  char digits[6];
  int64_t below = time_ns % 1'000'000;
  for (size_t i = sizeof digits; i-- > 0; below /= 10) digits[i] = static_cast<char>('0' + below % 10);
  out->append(",\"@timestamp\":\"").append(text).append(digits, sizeof digits).append("Z\"");
}

void AppendMember(FieldId id, std::string_view text, std::string* out) {
  out->append(",\"").append(kKnownFieldNames[static_cast<size_t>(id)]).append("\":");
  AppendJsonString(text, out);
}

void AppendNumbered(std::string_view what, uint64_t ticket, int64_t time_ns, std::string* out) {
  out->append("{\"stockade\":{\"").append(what).append("\":");
  AppendInteger(ticket, out);
  out->push_back('}');
  AppendTime(time_ns, out);
}

// What a reader takes for an id; anything else may be the password itself, and goes nowhere.
bool IsPasswordId(std::string_view text) noexcept {
  constexpr size_t kDigitsMin = 16;
  constexpr size_t kDigitsMax = 128;
  return text.size() >= kDigitsMin && text.size() <= kDigitsMax &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_isxdigit(static_cast<unsigned char>(c)); });
}

// A number as JSON spells it (RFC 8259 §6).
bool IsNumberText(std::string_view text) noexcept {
  size_t at = 0;
  const auto digits = [&] {
    const size_t begin = at;
    while (at < text.size() && absl::ascii_isdigit(static_cast<unsigned char>(text[at]))) ++at;
    return at - begin;
  };
  if (text.starts_with('-')) ++at;
  const bool leads_with_zero = at < text.size() && text[at] == '0';
  const size_t whole = digits();
  if (whole == 0 || (leads_with_zero && whole > 1)) return false;
  if (at < text.size() && text[at] == '.') {
    ++at;
    if (digits() == 0) return false;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    if (digits() == 0) return false;
  }
  return at == text.size();
}

void AppendValue(const FieldValue& value, std::string* out) {
  if (value.kind == FieldValue::Kind::kText) return AppendJsonString(value.text, out);
  out->append(value.text);
}

// Several values of one field that follow one another are a list.
void AppendExtra(std::span<const ExtraField> extra, const FieldTable& fields, std::string* out) {
  for (size_t i = 0; i < extra.size();) {
    size_t end = i + 1;
    while (end < extra.size() && extra[end].id == extra[i].id) ++end;
    out->push_back(',');
    AppendJsonString(fields.Name(extra[i].id), out);
    out->append(end - i > 1 ? ":[" : ":");
    for (size_t k = i; k < end; ++k) {
      if (k > i) out->push_back(',');
      AppendValue(extra[k].value, out);
    }
    if (end - i > 1) out->push_back(']');
    i = end;
  }
}

void AppendAttemptMembers(const LoginEvent& event, std::string* out) {
  const Attempt& attempt = event.attempt;
  if (attempt.source.present()) AppendMember(FieldId::kSourceIp, attempt.source.ToString(), out);
  for (const TextField& field : kTextFields) {
    const std::string_view text = attempt.*field.member;
    if (text.data() != nullptr) AppendMember(field.id, text, out);
  }
  if (attempt.asn != 0) {
    out->append(",\"").append(kKnownFieldNames[static_cast<size_t>(FieldId::kSourceAsn)]).append("\":");
    AppendInteger(attempt.asn, out);
  }
  if (attempt.certificate_present) AppendMember(FieldId::kCertificate, Name(attempt.certificate), out);
  if (attempt.can_ask != CanAsk::kUnsaid) AppendMember(FieldId::kCanAsk, Name(attempt.can_ask), out);
  const ChallengeResults& challenge = event.aftermath.challenge;
  if (challenge.human != ChallengeResult::kAbsent || challenge.identity != ChallengeResult::kAbsent) {
    out->append(",\"login.challenge\":{");
    if (challenge.human != ChallengeResult::kAbsent) {
      out->append("\"human\":");
      AppendJsonString(Name(challenge.human), out);
    }
    if (challenge.identity != ChallengeResult::kAbsent) {
      out->append(challenge.human != ChallengeResult::kAbsent ? ",\"identity\":" : "\"identity\":");
      AppendJsonString(Name(challenge.identity), out);
    }
    out->push_back('}');
  }
}

}  // namespace

void AppendBeginLine(int64_t time_ns, std::string* out) {
  AppendNumbered("record", kRecordVersion, time_ns, out);
  out->push_back('}');
}

void AppendModeLine(int64_t time_ns, Mode mode, std::string* out) {
  out->append("{\"stockade\":{\"mode\":\"").append(Name(mode)).append("\"}");
  AppendTime(time_ns, out);
  out->push_back('}');
}

void AppendReloadLine(int64_t time_ns, std::string* out) {
  out->append("{\"stockade\":{\"reload\":true}");
  AppendTime(time_ns, out);
  out->push_back('}');
}

void AppendFamiliarLine(int64_t time_ns, const Hash128& snapshot, std::string* out) {
  HexBuffer buffer;
  out->append("{\"stockade\":{\"familiar\":\"").append(HexOf(snapshot, &buffer)).append("\"}");
  AppendTime(time_ns, out);
  out->push_back('}');
}

void AppendDecisionLine(std::string_view what, int64_t time_ns, const Decision& decision, std::string* out) {
  out->append("{\"stockade\":{\"").append(what).append("\":");
  AppendJsonString(ToJson(decision), out);
  out->push_back('}');
  AppendTime(time_ns, out);
  out->push_back('}');
}

void AppendEnforcingLine(int64_t time_ns, bool enforcing, std::string* out) {
  out->append(enforcing ? "{\"stockade\":{\"enforcing\":true}" : "{\"stockade\":{\"enforcing\":false}");
  AppendTime(time_ns, out);
  out->push_back('}');
}

void AppendAttemptLine(uint64_t ticket, const LoginEvent& event, std::string* out) {
  AppendNumbered("attempt", ticket, event.attempt.time_ns, out);
  AppendAttemptMembers(event, out);
  // Of one that was let through nothing is known yet.
  if (ticket == 0) AppendMember(FieldId::kEventReason, Name(event.aftermath.outcome), out);
  out->push_back('}');
}

void AppendSeenLine(const LoginEvent& event, const FieldTable* fields, std::string* out) {
  AppendNumbered("seen", 1, event.attempt.time_ns, out);
  AppendAttemptMembers(event, out);
  if (fields != nullptr) AppendExtra(event.attempt.extra, *fields, out);
  AppendMember(FieldId::kEventReason, Name(event.aftermath.outcome), out);
  out->push_back('}');
}

void AppendOutcomeLine(uint64_t ticket, int64_t time_ns, Outcome outcome, std::string* out) {
  AppendNumbered("observe", ticket, time_ns, out);
  AppendMember(FieldId::kEventReason, Name(outcome), out);
  out->push_back('}');
}

void AppendAbandonLine(uint64_t ticket, int64_t time_ns, std::string* out) {
  AppendNumbered("abandon", ticket, time_ns, out);
  out->push_back('}');
}

std::string_view CleanText(std::string_view text, std::string* storage) {
  const bool ascii =
      std::none_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
  if (ascii && text.size() <= kAttemptTextBytesMax) [[likely]]
    return text;
  storage->clear();
  while (!text.empty()) {
    size_t size = 1;
    std::string_view piece = text.substr(0, 1);
    if (static_cast<unsigned char>(text[0]) >= 0x80) {
      size = DecodeUtf8(text).second;
      piece = size > 0 ? text.substr(0, size) : std::string_view("\xef\xbf\xbd");
    }
    if (storage->size() + piece.size() > kAttemptTextBytesMax) break;
    storage->append(piece);
    text.remove_prefix(std::max<size_t>(size, 1));
  }
  return *storage;
}

Attempt CleanAttempt(const Attempt& attempt, AttemptStorage* storage) {
  Attempt clean = attempt;
  clean.extra = {};
  for (size_t i = 0; i < kTextFields.size(); ++i) {
    const std::string_view text = attempt.*kTextFields[i].member;
    if (text.data() != nullptr) clean.*kTextFields[i].member = CleanText(text, &(*storage)[i]);
  }
  // As logs have it: "" and "-" name no country.
  if (clean.country.empty() || clean.country == "-") clean.country = {};
  if (clean.certificate != CertificateStatus::kUnchecked) clean.certificate_present = true;
  if (clean.can_ask == CanAsk::kBoth) clean.can_ask = CanAsk::kUnsaid;
  if (!IsPasswordId(clean.password_id)) clean.password_id = {};
  return clean;
}

void CleanExtra(std::span<const ExtraField> extra, const FieldTable& fields, std::vector<ExtraField>* clean,
                std::deque<std::string>* texts) {
  size_t left = kExtraBytesMax;
  for (ExtraField field : extra) {
    if (field.value.kind == FieldValue::Kind::kAbsent || field.id == kUnnamedField) continue;
    const size_t bytes = fields.Name(field.id).size() + field.value.text.size() + 8;
    if (bytes > left) continue;
    if (field.value.kind == FieldValue::Kind::kNumber && !IsNumberText(field.value.text))
      field.value = {FieldValue::Kind::kText, 0, field.value.text};
    if (field.value.kind == FieldValue::Kind::kText) {
      std::string storage;
      const std::string_view text = CleanText(field.value.text, &storage);
      // U+FFFD is longer than the byte that it stands for.
      if (text.size() > field.value.text.size() && bytes + text.size() - field.value.text.size() > left)
        continue;
      left -= text.size() > field.value.text.size() ? text.size() - field.value.text.size() : 0;
      if (text.data() != field.value.text.data()) field.value.text = texts->emplace_back(text);
    }
    left -= bytes;
    clean->push_back(field);
  }
}

}  // namespace stockade
