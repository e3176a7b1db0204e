#include "adapters/source/syslog_line.h"

#include <algorithm>

#include "engine/event/digits.h"

namespace stockade {
namespace {

void SkipSpaces(std::string_view* text) noexcept {
  while (!text->empty() && text->front() == ' ') text->remove_prefix(1);
}

// Takes the text up to the next space.
std::string_view Token(std::string_view* text) noexcept {
  const size_t end = std::min(text->find(' '), text->size());
  const std::string_view token = text->substr(0, end);
  text->remove_prefix(end);
  SkipSpaces(text);
  return token;
}

std::string_view Basename(std::string_view program) noexcept {
  const size_t slash = program.rfind('/');
  // "postfix/smtpd" is a name, "/usr/sbin/sshd" a path.
  return program.starts_with('/') && slash != std::string_view::npos ? program.substr(slash + 1) : program;
}

// "sshd[123]:" or "sshd:" → program and pid; false for a token that is no tag.
bool ParseTag(std::string_view tag, SyslogLine* line) noexcept {
  if (!tag.ends_with(':')) return false;
  tag.remove_suffix(1);
  line->pid = {};
  if (tag.ends_with(']')) {
    const size_t open = tag.rfind('[');
    if (open == std::string_view::npos) return false;
    line->pid = tag.substr(open + 1, tag.size() - open - 2);
    tag = tag.substr(0, open);
  }
  line->program = Basename(tag);
  return !line->program.empty();
}

// Structured data of RFC 5424: "-" or one or more "[…]", in which \] and quotes hide a bracket.
void SkipStructuredData(std::string_view* text) noexcept {
  if (text->starts_with('-')) {
    text->remove_prefix(1);
  } else {
    while (text->starts_with('[')) {
      size_t i = 1;
      bool quoted = false;
      for (; i < text->size(); ++i) {
        const char c = (*text)[i];
        if (c == '\\') {
          ++i;
        } else if (c == '"') {
          quoted = !quoted;
        } else if (c == ']' && !quoted) {
          break;
        }
      }
      text->remove_prefix(std::min(i + 1, text->size()));
    }
  }
  SkipSpaces(text);
  if (text->starts_with("\xEF\xBB\xBF")) text->remove_prefix(3);
}

// Behind stamp, host and a program: "6052 - - …" or "6052 id [sd] …", as RFC 5424 without its priority.
bool LooksLike5424(std::string_view program, std::string_view rest) noexcept {
  if (program.ends_with(':')) return false;
  const std::string_view pid = Token(&rest);
  if (pid != "-" && (pid.empty() || !std::all_of(pid.begin(), pid.end(), IsDigit))) return false;
  Token(&rest);
  return rest.starts_with("- ") || rest.starts_with('[');
}

}  // namespace

ReadError SyslogParser::ParseStamp(std::string_view text, int64_t* time_ns, size_t* used) {
  if (!last_stamp_.empty() && text.starts_with(last_stamp_) && text.size() > last_stamp_.size() &&
      text[last_stamp_.size()] == ' ') {
    *time_ns = last_time_;
    *used = last_stamp_.size();
    return ReadError::kNone;
  }
  std::optional<int64_t> time;
  if (text.empty()) return ReadError::kNotThisFormat;
  const bool has_month =
      ParseMonth(text) != 0 && text.size() > 4 && text[3] == ' ' && (IsDigit(text[4]) || text[4] == ' ');
  if (has_month) {
    time = dates_.Parse(text, used);
  } else if (text.size() > 10 && IsDigit(text[0]) && text[4] == '-' && text[7] == '-') {
    time = ParseIso8601(text, zone_, used);
  } else if (text.size() > 10 && std::all_of(text.begin(), text.begin() + 10, IsDigit)) {
    *used = std::min(text.find(' '), text.size());
    time = ParseEpoch(text.substr(0, *used));
  } else {
    return ReadError::kNotThisFormat;
  }
  if (!time.has_value()) return ReadError::kBadTimestamp;
  *time_ns = *time;
  // Only whole stamps without a year behind them may be compared as text.
  if (*used < text.size() && text[*used] == ' ' && *used <= 40 &&
      !(*used + 5 < text.size() && IsDigit(text[*used + 1]))) {
    last_stamp_.assign(text.substr(0, *used));
    last_time_ = *time;
  }
  return ReadError::kNone;
}

ReadError SyslogParser::Parse(std::string_view text, SyslogLine* line) {
  *line = SyslogLine{};
  bool is_5424 = false;
  if (text.starts_with('<')) {
    const size_t close = text.find('>');
    if (close == std::string_view::npos || close > 4) return ReadError::kNotThisFormat;
    text.remove_prefix(close + 1);
    is_5424 = text.starts_with("1 ");
    if (is_5424) text.remove_prefix(2);
  }
  size_t used = 0;
  if (const ReadError error = ParseStamp(text, &line->time_ns, &used); error != ReadError::kNone)
    return error;
  text.remove_prefix(used);
  SkipSpaces(&text);
  if (is_5424) {
    const std::string_view host = Token(&text);
    line->program = Basename(Token(&text));
    const std::string_view pid = Token(&text);
    Token(&text);  // the message id
    SkipStructuredData(&text);
    if (host != "-") line->host = host;
    if (pid != "-") line->pid = pid;
    line->message = text;
    return line->program.empty() ? ReadError::kNotThisFormat : ReadError::kNone;
  }
  const std::string_view first = Token(&text);
  if (!ParseTag(first, line)) {
    line->host = first;
    std::string_view tag = Token(&text);
    if (LooksLike5424(tag, text)) {
      line->program = Basename(tag);
      const std::string_view pid = Token(&text);
      Token(&text);
      SkipStructuredData(&text);
      if (pid != "-") line->pid = pid;
      line->message = text;
      return ReadError::kNone;
    }
    // busybox: "host auth.info sshd[1]: …"
    if (tag.find('.') != std::string_view::npos && !tag.ends_with(':')) tag = Token(&text);
    if (!ParseTag(tag, line)) {
      // "host last message repeated 3 times", or a program that writes no tag.
      line->message =
          std::string_view(tag.data(), static_cast<size_t>(text.data() + text.size() - tag.data()));
      return ReadError::kNone;
    }
  }
  line->message = text;
  return ReadError::kNone;
}

}  // namespace stockade
