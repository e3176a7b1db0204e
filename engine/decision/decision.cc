#include "engine/decision/decision.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstring>

#include "engine/text.h"

namespace stockade {
namespace {

constexpr int64_t kMsPerDay = 86'400'000;

void AppendPadded(int64_t number, int width, std::string* out) {
  char digits[20];
  int size = 0;
  for (; number > 0 || size < width; number /= 10) digits[size++] = static_cast<char>('0' + number % 10);
  while (size > 0) out->push_back(digits[--size]);
}

// The length of the well-formed UTF-8 character at the front (Unicode 15, table 3-7), or 0.
size_t CharacterSize(std::string_view text) noexcept {
  const auto byte = [&](size_t i) noexcept { return static_cast<unsigned char>(text[i]); };
  const auto continues = [&](size_t i, unsigned low, unsigned high) noexcept {
    return i < text.size() && byte(i) >= low && byte(i) <= high;
  };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return continues(1, 0x80, 0xbf) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const unsigned low = first == 0xe0 ? 0xa0 : 0x80;
    const unsigned high = first == 0xed ? 0x9f : 0xbf;
    return continues(1, low, high) && continues(2, 0x80, 0xbf) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const unsigned low = first == 0xf0 ? 0x90 : 0x80;
    const unsigned high = first == 0xf4 ? 0x8f : 0xbf;
    return continues(1, low, high) && continues(2, 0x80, 0xbf) && continues(3, 0x80, 0xbf) ? 4 : 0;
  }
  return 0;
}

void AppendKey(std::string_view key, std::string* out) {
  Append(out, out->back() == '{' ? "\"" : ",\"", key, "\":");
}

// How many bytes at the begin of `text` stand in JSON as they are: ASCII without controls, quotes and backslashes. Eight
// at a time: a reason is written for every attempt that is stopped.
size_t PlainPrefix(std::string_view text) {
  constexpr uint64_t kOnes = 0x0101010101010101;
  constexpr uint64_t kHighs = 0x8080808080808080;
  // A byte of the result has its high bit set if that byte of `word` is zero; bytes above a zero may be set too, which
  // only sends them the slow way.
  const auto zero = [](uint64_t word) { return (word - kOnes) & ~word & kHighs; };
  size_t size = 0;
  while (size + 8 <= text.size()) {
    uint64_t word;
    std::memcpy(&word, text.data() + size, 8);
    const uint64_t below_space = (word - kOnes * 0x20) & ~word & kHighs;
    const uint64_t special = (word & kHighs) | below_space | zero(word ^ kOnes * '"') |
                             zero(word ^ kOnes * '\\') | zero(word ^ kOnes * 0x7f);
    if (special != 0) break;
    size += 8;
  }
  for (; size < text.size(); ++size) {
    const auto c = static_cast<unsigned char>(text[size]);
    if (c < 0x20 || c >= 0x7f || c == '"' || c == '\\') break;
  }
  return size;
}

void AppendText(std::string_view key, std::string_view value, std::string* out) {
  AppendKey(key, out);
  AppendJsonString(value, out);
}

// The shortest text that reads back as the same number: the same on every machine. JSON has no infinities.
void AppendNumber(std::string_view key, double value, std::string* out) {
  AppendKey(key, out);
  if (!std::isfinite(value)) {
    out->append("null");
    return;
  }
  std::array<char, 32> text;
  if (value == std::trunc(value) && std::abs(value) < 9e15) {
    const auto end = std::to_chars(text.data(), text.data() + text.size(), static_cast<int64_t>(value)).ptr;
    out->append(text.data(), end);
  } else {
    // Large whole numbers too: written as plain digits many readers take them for integers and refuse them.
    const auto format = std::abs(value) < 9e15 ? std::chars_format::general : std::chars_format::scientific;
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value, format).ptr;
    out->append(text.data(), end);
  }
}

void AppendEvidence(const Evidence& evidence, std::string* out) {
  // What somebody decided by hand rests on no event; the reason says why.
  if (evidence.first_ms == 0 && evidence.last_ms == 0 && evidence.title.empty() && evidence.group.empty()) {
    out->append("{}");
    return;
  }
  out->push_back('{');
  if (!evidence.title.empty()) AppendText("title", evidence.title, out);
  if (!evidence.via.empty()) AppendText("via", evidence.via, out);
  AppendNumber("value", evidence.value, out);
  if (evidence.at_least) Append(out, ",\"at_least\":true");
  if (evidence.estimated) Append(out, ",\"estimated\":true");
  if (!evidence.condition.empty()) AppendText("condition", evidence.condition, out);
  if (!evidence.counted_field.empty()) AppendText("field", evidence.counted_field, out);
  if (evidence.span_ms > 0) AppendText("span", FormatSpanMs(evidence.span_ms), out);
  AppendText("first", FormatTimeMs(evidence.first_ms), out);
  AppendText("last", FormatTimeMs(evidence.last_ms), out);
  if (!evidence.group.empty()) {
    AppendKey("group", out);
    out->push_back('{');
    for (const auto& [field, value] : evidence.group) {
      // A field name is a user's text like any other.
      if (out->back() != '{') out->push_back(',');
      AppendJsonString(field, out);
      out->push_back(':');
      AppendJsonString(value, out);
    }
    out->push_back('}');
  }
  if (!evidence.detector.empty()) {
    AppendText("detector", evidence.detector, out);
    AppendNumber("score", evidence.score, out);
    AppendNumber("threshold", evidence.threshold, out);
    AppendText("setting", evidence.setting, out);
    if (evidence.since_ms != 0) AppendText("since", FormatTimeMs(evidence.since_ms), out);
  }
  out->push_back('}');
}

}  // namespace

std::string ToJson(const Decision& decision) {
  std::string out;
  out.reserve(512);
  out.push_back('{');
  AppendText("time", FormatTimeMs(decision.time_ms), &out);
  AppendText("id", decision.id, &out);
  AppendText("action", Name(decision.action), &out);
  AppendText("scope", Name(decision.scope), &out);
  AppendText("value", decision.value, &out);
  AppendText("until", FormatTimeMs(decision.until_ms), &out);
  AppendText("rule", decision.rule, &out);
  AppendText("reason", decision.reason, &out);
  AppendKey("evidence", &out);
  AppendEvidence(decision.evidence, &out);
  if (!decision.campaign.empty()) AppendText("campaign", decision.campaign, &out);
  if (decision.action == Action::kChallenge) AppendText("kind", Name(decision.challenge_kind), &out);
  if (decision.repeat > 0) AppendNumber("repeat", decision.repeat, &out);
  if (decision.all_lanes) out.append(",\"all_lanes\":true");
  if (decision.shadow) out.append(",\"shadow\":true");
  out.push_back('}');
  return out;
}

std::string FormatTimeMs(int64_t time_ms) {
  int64_t days = time_ms / kMsPerDay;
  int64_t ms = time_ms % kMsPerDay;
  if (ms < 0) {
    ms += kMsPerDay;
    --days;
  }
  // Days to a civil date: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days.
  days += 719468;
  const int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  const int64_t day_of_era = days - era * 146097;
  const int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t shifted_month = (5 * day_of_year + 2) / 153;
  const int64_t day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
  const int64_t month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
  const int64_t year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);

  std::string out;
  out.reserve(24);
  if (year < 0) out.push_back('-');
  AppendPadded(year < 0 ? -year : year, 4, &out);
  out.push_back('-');
  AppendPadded(month, 2, &out);
  out.push_back('-');
  AppendPadded(day, 2, &out);
  out.push_back('T');
  AppendPadded(ms / 3'600'000, 2, &out);
  out.push_back(':');
  AppendPadded(ms / 60'000 % 60, 2, &out);
  out.push_back(':');
  AppendPadded(ms / 1000 % 60, 2, &out);
  out.push_back('.');
  AppendPadded(ms % 1000, 3, &out);
  out.push_back('Z');
  return out;
}

std::string FormatSpanMs(int64_t span_ms) {
  struct Unit {
    int64_t ms;
    std::string_view name;
  };
  static constexpr Unit kUnits[] = {{kMsPerDay, "d"}, {3'600'000, "h"}, {60'000, "m"}, {1000, "s"}};
  for (const Unit& unit : kUnits)
    if (span_ms != 0 && span_ms % unit.ms == 0) return Concat(span_ms / unit.ms, unit.name);
  return Concat(span_ms, "ms");
}

void AppendJsonString(std::string_view text, std::string* out) {
  out->push_back('"');
  while (!text.empty()) {
    const size_t plain = PlainPrefix(text);
    out->append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) break;
    const size_t size = CharacterSize(text);
    const auto c = static_cast<unsigned char>(text[0]);
    if (size == 0) {
      out->append("\xef\xbf\xbd");
    } else if (c == '"' || c == '\\') {
      out->push_back('\\');
      out->push_back(static_cast<char>(c));
    } else if (c == '\n') {
      out->append("\\n");
    } else if (c == '\r') {
      out->append("\\r");
    } else if (c == '\t') {
      out->append("\\t");
    } else if (c < 0x20 || c == 0x7f) {
      constexpr std::string_view kHex = "0123456789abcdef";
      out->append("\\u00");
      out->push_back(kHex[c >> 4]);
      out->push_back(kHex[c & 0xf]);
    } else {
      out->append(text.substr(0, size));
    }
    text.remove_prefix(size == 0 ? 1 : size);
  }
  out->push_back('"');
}

}  // namespace stockade
