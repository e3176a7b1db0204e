#include "adapters/source/text_pattern.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "adapters/source/field_text.h"
#include "adapters/source/line_source.h"
#include "adapters/source/registry.h"
#include "adapters/source/syslog_line.h"
#include "adapters/source/text_format.h"
#include "adapters/source/timestamp.h"
#include "engine/text.h"
#include "re2/re2.h"

namespace stockade {
namespace {

class TextPatternSource final : public LineSource {
 public:
  TextPatternSource(std::unique_ptr<ByteReader> reader, TextFormat format, const SourceOptions& options)
      : LineSource(std::move(reader)),
        format_(std::move(format)),
        zone_(format_.zone),
        dates_(options.year, bytes().changed().value_or(options.reference_time), format_.zone,
               options.goes_on),
        syslog_(dates_, format_.zone),
        words_(LowerCaseWords(options.outcome_words)),
        hash_key_(options.hash_key) {
    size_t captures = 0;
    for (const TextPattern& pattern : format_.patterns) {
      size_t of_pattern = 0;
      for (const auto& expression : pattern.match) of_pattern += Captures(*expression);
      captures = std::max(captures, of_pattern);
    }
    matched_.resize(captures);
  }

 private:
  void ReadLine(const Line& line, Batch* batch) override;
  // Whether the text fits every expression; what they capture is then in matched_.
  bool Fits(const TextPattern& pattern, std::string_view text);
  ReadError ReadMatch(const TextPattern& pattern, Batch* batch, LoginEvent* event);
  std::optional<int64_t> ParseTime(const std::string& written, std::string_view text);

  const TextFormat format_;
  const LocalZone zone_;
  YearlessDates dates_;
  SyslogParser syslog_;
  const std::map<std::string, Outcome> words_;
  const HashKey hash_key_;
  std::vector<re2::StringPiece> matched_;
  FieldId wrong_ = FieldId::kFirstUnknown;  // of an error of ReadMatch: the field to blame
  std::vector<ExtraField> extra_;
};

std::optional<int64_t> TextPatternSource::ParseTime(const std::string& written, std::string_view text) {
  if (written == "iso8601") return ParseIso8601(text, zone_);
  if (written == "epoch") return ParseEpoch(text);
  if (written == "access_log") return ParseAccessLogDate(text);
  if (written == "yearless") {
    size_t used = 0;
    const auto time = dates_.Parse(text, &used);
    return used == text.size() ? time : std::nullopt;
  }
  absl::Time time;
  std::string error;
  if (!absl::ParseTime(written, ToAbsl(text), format_.zone, &time, &error)) return std::nullopt;
  const int64_t seconds = absl::ToUnixSeconds(time);
  return ToNanoseconds(seconds, absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds)));
}

bool TextPatternSource::Fits(const TextPattern& pattern, std::string_view text) {
  re2::StringPiece* captures = matched_.data();
  for (const auto& expression : pattern.match) {
    const size_t count = Captures(*expression);
    if (!expression->Match({text.data(), text.size()}, 0, text.size(), re2::RE2::UNANCHORED, captures,
                           static_cast<int>(count))) {
      return false;
    }
    captures += count;
  }
  return true;
}

void TextPatternSource::ReadLine(const Line& line, Batch* batch) {
  std::string_view text = line.text;
  SyslogLine head;
  if (format_.syslog_head) {
    if (const ReadError error = syslog_.Parse(text, &head); error != ReadError::kNone) {
      Fail(AddRecord(line, batch), error);
      return;
    }
    if (!format_.programs.empty() &&
        std::none_of(format_.programs.begin(), format_.programs.end(),
                     [&](const std::string& program) { return program == head.program; })) {
      CountOther();
      return;
    }
    text = head.message;
  }
  for (const TextPattern& pattern : format_.patterns) {
    if (!Fits(pattern, text)) continue;
    if (pattern.ignore) break;
    Record* const record = AddRecord(line, batch);
    record->event.attempt.time_ns = head.time_ns;
    const ReadError error = ReadMatch(pattern, batch, &record->event);
    if (error != ReadError::kNone) Fail(record, error, 0, wrong_);
    return;
  }
  CountOther();
}

ReadError TextPatternSource::ReadMatch(const TextPattern& pattern, Batch* batch, LoginEvent* event) {
  std::string_view outcome;
  std::string_view reason;
  bool has_time = format_.syslog_head;
  extra_.clear();
  wrong_ = FieldId::kFirstUnknown;
  const auto set = [&](FieldId field, std::string_view text) -> ReadError {
    if (field >= FieldId::kFirstUnknown) {
      FieldValue value{FieldValue::Kind::kText, 0, text};
      const char* const end = text.data() + text.size();
      const auto [stopped, failed] = std::from_chars(text.data(), end, value.number);
      if (failed == std::errc() && stopped == end && !text.empty()) value.kind = FieldValue::Kind::kNumber;
      extra_.push_back(ExtraField{field, value});
      return ReadError::kNone;
    }
    wrong_ = field;
    if (field == FieldId::kPasswordId) text = ToPasswordId(text, hash_key_, &batch->text);
    return SetField(field, text, event);
  };
  for (const auto& [field, text] : pattern.set) {
    if (const ReadError error = set(field, text); error != ReadError::kNone) return error;
  }
  for (const TextGroup& group : pattern.groups) {
    const re2::StringPiece& piece = matched_[group.place];
    if (piece.data() == nullptr) continue;
    const std::string_view text(piece.data(), piece.size());
    switch (group.field) {
      case FieldId::kTimestamp: {
        const auto time = ParseTime(pattern.time ? *pattern.time : format_.time, text);
        if (!time.has_value()) return ReadError::kBadTimestamp;
        event->attempt.time_ns = *time;
        has_time = true;
        break;
      }
      case FieldId::kEventOutcome:
        outcome = text;
        break;
      case FieldId::kEventReason:
        reason = text;
        break;
      default:
        if (const ReadError error = set(group.field, text); error != ReadError::kNone) return error;
    }
  }
  if (!has_time) return ReadError::kNoTimestamp;
  if (pattern.outcome.has_value()) {
    event->aftermath.outcome = *pattern.outcome;
  } else {
    const auto resolved = ResolveOutcome(outcome, reason, words_);
    wrong_ = FieldId::kEventOutcome;
    if (!resolved.has_value()) return ReadError::kBadValue;
    event->aftermath.outcome = *resolved;
  }
  event->attempt.extra = batch->extra.Copy(extra_);
  return ReadError::kNone;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Source>> MakeTextPatternSource(std::unique_ptr<ByteReader> bytes,
                                                              const SourceOptions& options) {
  ASSIGN_OR_RETURN(TextFormat format, ReadTextFormat(options, nullptr));
  return std::make_unique<TextPatternSource>(std::move(bytes), std::move(format), options);
}

absl::StatusOr<bool> LinesHaveSyslogHead(const SourceOptions& options) {
  if (options.format_file.empty()) {
    const SourceFormat* const format = FindSourceFormat(options.format);
    return format != nullptr && format->name == "sshd";
  }
  ASSIGN_OR_RETURN(const TextFormat format, ReadTextFormat(options, nullptr));
  return format.syslog_head;
}

}  // namespace stockade
