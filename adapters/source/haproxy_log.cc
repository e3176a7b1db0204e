#include "adapters/source/haproxy_log.h"

#include <algorithm>
#include <array>

#include "engine/event/digits.h"

namespace stockade {
namespace {

constexpr size_t kHaproxyDateBytes = 24;  // "06/Feb/2009:12:14:14.655"

// Takes what stands before the next space, and the space.
std::string_view TakeWord(std::string_view* text) noexcept {
  const size_t end = std::min(text->find(' '), text->size());
  const std::string_view word = text->substr(0, end);
  text->remove_prefix(std::min(end + 1, text->size()));
  return word;
}

int TwoDigits(std::string_view text, size_t at) noexcept {
  if (!IsDigit(text[at]) || !IsDigit(text[at + 1])) return -1;
  return (text[at] - '0') * 10 + (text[at + 1] - '0');
}

bool HasSlashes(std::string_view text, ptrdiff_t least) noexcept {
  return std::count(text.begin(), text.end(), '/') >= least;
}

}  // namespace

std::optional<int64_t> ParseHaproxyDate(std::string_view text, const LocalZone& zone) noexcept {
  if (text.size() != kHaproxyDateBytes || text[2] != '/' || text[6] != '/' || text[11] != ':' ||
      text[14] != ':' || text[17] != ':' || text[20] != '.')
    return std::nullopt;
  const int century = TwoDigits(text, 7);
  const int year = TwoDigits(text, 9);
  const int hour = TwoDigits(text, 12);
  const int minute = TwoDigits(text, 15);
  const int second = TwoDigits(text, 18);
  const int tens = TwoDigits(text, 21);
  if (century < 0 || year < 0 || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 ||
      second > 60 || tens < 0 || !IsDigit(text[23]))
    return std::nullopt;
  const auto days = DaysSinceEpoch(century * 100 + year, ParseMonth(text.substr(3)), TwoDigits(text, 0));
  if (!days.has_value()) return std::nullopt;
  const int64_t civil = *days * 86400 + hour * 3600 + minute * 60 + second;
  return ToNanoseconds(zone.ToUtc(civil), (tens * 10 + (text[23] - '0')) * int64_t{1'000'000});
}

bool ParseHaproxyLogLine(std::string_view text, AccessLogLine* line) noexcept {
  // The first `[date] `: nothing of a client's stands before it.
  size_t open = 0;
  while (true) {
    open = text.find(" [", open);
    if (open == std::string_view::npos) return false;
    const size_t close = open + 2 + kHaproxyDateBytes;
    if (close + 1 < text.size() && text[close] == ']' && text[close + 1] == ' ' && text[open + 4] == '/')
      break;
    ++open;
  }
  *line = AccessLogLine{};
  line->date = text.substr(open + 2, kHaproxyDateBytes);
  std::string_view head = text.substr(0, open);
  const size_t space = head.rfind(' ');
  if (space != std::string_view::npos) head.remove_prefix(space + 1);
  const size_t port = head.rfind(':');
  if (port == std::string_view::npos) return false;
  line->host = head.substr(0, port);
  if (line->host.starts_with('[') && line->host.ends_with(']'))
    line->host = line->host.substr(1, line->host.size() - 2);

  std::string_view rest = text.substr(open + 2 + kHaproxyDateBytes + 2);
  TakeWord(&rest);                                    // frontend
  if (!HasSlashes(TakeWord(&rest), 1)) return false;  // backend/server
  if (!HasSlashes(TakeWord(&rest), 4)) return false;  // timers
  const std::string_view status = TakeWord(&rest);
  if (status.size() == 3 && std::all_of(status.begin(), status.end(), IsDigit)) {
    line->status = (status[0] - '0') * 100 + (status[1] - '0') * 10 + (status[2] - '0');
  } else if (status != "-1") {
    return false;
  }
  TakeWord(&rest);  // bytes
  TakeWord(&rest);  // captured cookies
  TakeWord(&rest);
  TakeWord(&rest);                                    // how it ended
  if (!HasSlashes(TakeWord(&rest), 4)) return false;  // connections
  TakeWord(&rest);                                    // queues
  // HAProxy writes quotes within captured headers and targets as #22.
  const size_t quote = rest.find('"');
  if (quote == std::string_view::npos || !rest.ends_with('"') || rest.size() < quote + 2) return false;
  line->request = rest.substr(quote + 1, rest.size() - quote - 2);
  return true;
}

Recognition RecognizeHaproxyLog(std::span<const std::string_view> lines, const SourceOptions&) {
  Recognition found;
  for (const std::string_view text : lines) {
    AccessLogLine line;
    found.matched += ParseHaproxyLogLine(text, &line) ? 1 : 0;
  }
  found.why = "are an HTTP log of HAProxy";
  return found;
}

}  // namespace stockade
