#include "adapters/live/syslog_envelope.h"

#include <algorithm>

#include "adapters/source/syslog_line.h"
#include "engine/event/digits.h"
#include "engine/text.h"

namespace stockade {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::string_view kNil = "-";

std::string_view TakeField(std::string_view* text) noexcept {
  const size_t end = std::min(text->find(' '), text->size());
  const std::string_view field = text->substr(0, end);
  text->remove_prefix(std::min(end + 1, text->size()));
  return field;
}

std::string_view OrNull(std::string_view field) noexcept {
  return field == kNil || field.empty() ? std::string_view() : field;
}

std::string_view WithoutPath(std::string_view program) noexcept {
  const size_t slash = program.rfind('/');
  return program.starts_with('/') && slash != std::string_view::npos ? program.substr(slash + 1) : program;
}

// "<34>", up to "<191>".
bool TakePriority(std::string_view* text) noexcept {
  const size_t close = text->find('>');
  if (!text->starts_with('<') || close == std::string_view::npos || close < 2 || close > 4) return false;
  const std::string_view digits = text->substr(1, close - 1);
  if (!std::all_of(digits.begin(), digits.end(), IsDigit)) return false;
  text->remove_prefix(close + 1);
  return true;
}

// RFC 5424 §6.3: "-" or elements in brackets, whose values hide brackets behind quotes and backslashes. False: neither.
bool TakeStructuredData(std::string_view* text) noexcept {
  if (text->starts_with('-')) {
    text->remove_prefix(1);
    return true;
  }
  if (!text->starts_with('[')) return false;
  while (text->starts_with('[')) {
    bool is_quoted = false;
    size_t i = 1;
    for (; i < text->size(); ++i) {
      const char c = (*text)[i];
      if (is_quoted && c == '\\') {
        ++i;
      } else if (c == '"') {
        is_quoted = !is_quoted;
      } else if (c == ']' && !is_quoted) {
        break;
      }
    }
    if (i >= text->size()) return false;
    text->remove_prefix(i + 1);
  }
  return true;
}

// Behind "<PRI>1 ".
bool ReadFields5424(std::string_view text, const absl::TimeZone& zone, SyslogEnvelope* envelope) {
  const std::string_view stamp = TakeField(&text);
  SyslogEnvelope read = *envelope;
  if (stamp != kNil) {
    const auto time = ParseIso8601(stamp, LocalZone(zone));
    if (!time.has_value()) return false;
    read.time_ns = *time;
  }
  read.host = OrNull(TakeField(&text));
  const std::string_view program = OrNull(TakeField(&text));
  if (program.data() != nullptr) read.program = WithoutPath(program);
  read.pid = OrNull(TakeField(&text));
  TakeField(&text);  // message id
  if (!TakeStructuredData(&text)) return false;
  if (text.starts_with(' ')) text.remove_prefix(1);
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  read.message = text;
  *envelope = read;
  return true;
}

// "nginx: …", "haproxy[12]: …": a tag is at most 32 characters (RFC 3164 §4.1.3), a name and perhaps a pid.
bool TakeTag(std::string_view* text, SyslogEnvelope* envelope) noexcept {
  constexpr size_t kTagBytesMax = 48;  // some programs are longer
  const size_t colon = text->find(": ");
  if (colon == std::string_view::npos || colon == 0 || colon > kTagBytesMax) return false;
  std::string_view tag = text->substr(0, colon);
  std::string_view pid;
  if (tag.ends_with(']')) {
    const size_t open = tag.find('[');
    if (open == std::string_view::npos || open == 0) return false;
    pid = tag.substr(open + 1, tag.size() - open - 2);
    tag = tag.substr(0, open);
  }
  const bool is_name = std::all_of(tag.begin(), tag.end(), [](char c) {
    return IsDigit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' ||
           c == '.' || c == '/' || c == '(' || c == ')';
  });
  if (!is_name) return false;
  envelope->program = WithoutPath(tag);
  envelope->pid = OrNull(pid);
  text->remove_prefix(colon + 2);
  return true;
}

bool EndsLine(char c) noexcept {
  return c == '\n' || c == '\r' || c == '\0' || c == '\f' || c == '\v';
}

void AppendClean(std::string_view text, std::string* out) {
  const size_t at = out->size();
  out->append(text);
  std::replace_if(out->begin() + static_cast<ptrdiff_t>(at), out->end(), EndsLine, ' ');
}

}  // namespace

SyslogEnvelope ReadSyslogEnvelope(std::string_view packet, absl::Time received, const absl::TimeZone& zone) {
  while (!packet.empty() && EndsLine(packet.back())) packet.remove_suffix(1);
  SyslogEnvelope envelope;
  envelope.time_ns = absl::ToUnixNanos(received);
  std::string_view text = packet;
  const bool has_priority = TakePriority(&text);
  envelope.message = text;
  if (has_priority && text.starts_with("1 ") && ReadFields5424(text.substr(2), zone, &envelope))
    return envelope;
  // A head of RFC 3164, by the reader of syslog lines; without a date it is none.
  SyslogLine line;
  SyslogParser parser(YearlessDates(std::nullopt, received, zone), zone);
  if (parser.Parse(text, &line) == ReadError::kNone) {
    envelope.time_ns = line.time_ns;
    envelope.host = line.host;
    envelope.message = line.message;
    if (line.program.data() != nullptr) {
      envelope.program = line.program;
      envelope.pid = line.pid;
    }
    return envelope;
  }
  if (has_priority) TakeTag(&envelope.message, &envelope);
  return envelope;
}

void AppendSyslogMessage(const SyslogEnvelope& envelope, std::string* lines) {
  std::string_view message = envelope.message;
  // JSON in syslog says so in front (CEE Log Syntax).
  if (message.starts_with("@cee:")) message.remove_prefix(5);
  while (message.starts_with(' ')) message.remove_prefix(1);
  AppendClean(message, lines);
  lines->push_back('\n');
}

void AppendSyslogLine(const SyslogEnvelope& envelope, std::string* lines) {
  Append(lines,
         absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", absl::FromUnixNanos(envelope.time_ns), absl::UTCTimeZone()),
         " ");
  AppendClean(envelope.host.data() != nullptr ? envelope.host : kNil, lines);
  lines->push_back(' ');
  // A program without a name would make a name of what it says.
  AppendClean(envelope.program.data() != nullptr ? envelope.program : kNil, lines);
  if (envelope.pid.data() != nullptr) {
    lines->push_back('[');
    AppendClean(envelope.pid, lines);
    lines->push_back(']');
  }
  lines->append(": ");
  AppendClean(envelope.message, lines);
  lines->push_back('\n');
}

}  // namespace stockade
