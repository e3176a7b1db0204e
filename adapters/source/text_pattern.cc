#include "adapters/source/text_pattern.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <iterator>

#include "adapters/source/field_text.h"
#include "adapters/source/line_source.h"
#include "adapters/source/registry.h"
#include "adapters/source/syslog_line.h"
#include "adapters/source/timestamp.h"
#include "engine/rule/finding.h"
#include "engine/text.h"
#include "re2/re2.h"

namespace stockade {
namespace {

// A named group: where it stands among what all expressions of its pattern capture.
struct Group {
  size_t place = 0;
  FieldId field;
};

struct Pattern {
  std::vector<std::unique_ptr<re2::RE2>> match;  // a line is of the pattern if it fits them all
  std::vector<Group> groups;
  std::optional<Outcome> outcome;
  std::optional<std::string> time;  // instead of the file's
  bool ignore = false;
  std::vector<std::pair<FieldId, std::string>> set;
};

size_t Captures(const re2::RE2& expression) {
  return static_cast<size_t>(expression.NumberOfCapturingGroups()) + 1;
}

struct TextFormat {
  std::string title;
  std::string time = "iso8601";
  bool syslog_head = false;
  std::vector<std::string> programs;
  absl::TimeZone zone;
  std::vector<Pattern> patterns;
};

// Reads a format file; everything yaml-cpp throws ends here.
class FormatReader {
 public:
  FormatReader(const std::string& file, const SourceOptions& options) : file_(file), options_(options) {}

  // After Read.
  std::vector<FormatDoubt> TakeDoubts() { return std::move(doubts_); }

  absl::StatusOr<TextFormat> Read() {
    std::ifstream in(file_, std::ios::binary);
    if (!in) return absl::NotFoundError(Concat(file_, ": the format file cannot be read"));
    const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    try {
      return ReadDocument(YAML::Load(text));
    } catch (const YAML::Exception& error) {
      return At(error.mark, error.msg);
    }
  }

 private:
  absl::Status At(const YAML::Mark& mark, std::string_view what) const {
    if (mark.is_null()) return absl::InvalidArgumentError(Concat(file_, ": ", what));
    return absl::InvalidArgumentError(Concat(file_, ":", mark.line + 1, ":", mark.column + 1, ": ", what));
  }

  absl::StatusOr<TextFormat> ReadDocument(const YAML::Node& root) {
    if (!root.IsMap()) return At(root.Mark(), "a format file is a map with the key patterns");
    TextFormat format;
    format.zone = options_.time_zone;
    for (const auto& entry : root) {
      const std::string key = entry.first.as<std::string>();
      const YAML::Node& value = entry.second;
      if (key == "title") {
        format.title = value.as<std::string>();
      } else if (key == "time") {
        format.time = value.as<std::string>();
        if (const std::string problem = TimeProblem(format.time); !problem.empty())
          return At(value.Mark(), problem);
      } else if (key == "head") {
        if (value.as<std::string>() != "syslog")
          return At(value.Mark(), "head: the only head there is is syslog");
        format.syslog_head = true;
      } else if (key == "programs") {
        for (const YAML::Node& program : value) format.programs.push_back(program.as<std::string>());
      } else if (key == "zone") {
        if (!absl::LoadTimeZone(value.as<std::string>(), &format.zone)) {
          return At(value.Mark(), Concat("zone: there is no time zone ", value.as<std::string>()));
        }
      } else if (key != "patterns") {
        return At(entry.first.Mark(),
                  Concat("there is no key ", key, "; there are title, time, head, programs, zone, patterns"));
      }
    }
    const YAML::Node patterns = root["patterns"];
    if (!patterns || !patterns.IsSequence() || patterns.size() == 0) {
      const YAML::Mark mark = patterns ? patterns.Mark() : root.Mark();
      return At(mark, "patterns: a list of at least one pattern is needed");
    }
    for (const YAML::Node& node : patterns) {
      ASSIGN_OR_RETURN(Pattern pattern, ReadPattern(node, format.syslog_head));
      format.patterns.push_back(std::move(pattern));
    }
    return format;
  }

  absl::StatusOr<Pattern> ReadPattern(const YAML::Node& node, bool syslog_head) {
    if (!node.IsMap() || !node["match"])
      return At(node.Mark(), "patterns: a pattern is a map with the key match");
    Pattern pattern;
    for (const auto& entry : node) {
      const std::string key = entry.first.as<std::string>();
      const YAML::Node& value = entry.second;
      if (key == "match") {
        if (value.IsSequence()) {
          for (const YAML::Node& one : value) RETURN_IF_ERROR(ReadExpression(one, &pattern));
        } else {
          RETURN_IF_ERROR(ReadExpression(value, &pattern));
        }
        if (pattern.match.empty()) return At(value.Mark(), "match: a list of at least one expression");
      } else if (key == "time") {
        pattern.time = value.as<std::string>();
        if (const std::string problem = TimeProblem(*pattern.time); !problem.empty())
          return At(value.Mark(), problem);
      } else if (key == "ignore") {
        pattern.ignore = value.as<bool>();
      } else if (key == "outcome") {
        pattern.outcome = ParseOutcome(value.as<std::string>());
        if (!pattern.outcome.has_value()) {
          return At(value.Mark(), Concat("outcome: there is no outcome ", value.as<std::string>(),
                                         "; write success, bad_password, unknown_account, …"));
        }
      } else if (key == "set") {
        for (const auto& field : value) {
          const auto id = FindField(field.first.as<std::string>());
          if (!id.has_value()) {
            return At(field.first.Mark(), Concat("set: there is no field ", field.first.as<std::string>()));
          }
          LoginEvent scratch;
          const std::string text = field.second.as<std::string>();
          if (SetField(*id, text, &scratch) != ReadError::kNone) {
            return At(field.second.Mark(),
                      Concat("set: ", text, " is no value of ", field.first.as<std::string>()));
          }
          pattern.set.emplace_back(*id, text);
        }
      } else {
        return At(entry.first.Mark(), Concat("there is no key ", key,
                                             " in a pattern; there are match, outcome, time, set, ignore"));
      }
    }
    if (pattern.ignore) return pattern;
    bool has_time = syslog_head;
    bool has_outcome = pattern.outcome.has_value();
    size_t begin = 0;
    for (const auto& expression : pattern.match) {
      for (const auto& [name, number] : expression->NamedCapturingGroups()) {
        const auto id = FindGroup(name);
        // A field that only rules could ask for, and none does, is not kept; a name of two words without a dot
        // is a slip.
        if (!id.has_value()) {
          if (name.find('_') == std::string::npos) {
            return At(node["match"].Mark(),
                      Concat("match: the group ", name, " is no field; write source_ip, user_name, …"));
          }
          if (options_.fields != nullptr && options_.fields->keeps_unnamed())
            pattern.groups.push_back(Group{begin + static_cast<size_t>(number), kUnnamedField});
          DoubtGroup(name, node["match"].Mark());
          continue;
        }
        has_time = has_time || *id == FieldId::kTimestamp;
        has_outcome = has_outcome || *id == FieldId::kEventOutcome || *id == FieldId::kEventReason;
        pattern.groups.push_back(Group{begin + static_cast<size_t>(number), *id});
      }
      begin += Captures(*expression);
    }
    if (!has_time)
      return At(node["match"].Mark(), "match: no group timestamp; without a time nothing can be counted");
    if (!has_outcome) return At(node.Mark(), "outcome: missing; say what a line of this pattern means");
    std::sort(pattern.groups.begin(), pattern.groups.end(),
              [](const Group& a, const Group& b) { return a.place < b.place; });
    return pattern;
  }

  absl::Status ReadExpression(const YAML::Node& node, Pattern* pattern) {
    auto expression = std::make_unique<re2::RE2>(node.as<std::string>(), re2::RE2::Quiet);
    if (!expression->ok()) return At(node.Mark(), Concat("match: ", expression->error()));
    pattern->match.push_back(std::move(expression));
    return absl::OkStatus();
  }

  // Why no time is ever written as `time` says; empty: some may be.
  static std::string TimeProblem(std::string_view time) {
    if (time.find('%') != std::string_view::npos) return "";
    for (const std::string_view word : kTimeWords)
      if (time == word) return "";
    return Concat("time: ", Quoted(time),
                  " is none of iso8601, epoch, access_log, yearless, and no layout as \"%Y/%m/%d %H:%M:%S\"",
                  DidYouMean(Nearest(time, kTimeWords)));
  }

  // No rule asks for it, which may be meant; a slip in the name of a known field is not.
  void DoubtGroup(const std::string& group, const YAML::Mark& mark) {
    std::vector<std::string> spellings;
    for (const std::string_view name : kKnownFieldNames) {
      spellings.emplace_back(name);
      std::replace(spellings.back().begin(), spellings.back().end(), '.', '_');
    }
    const std::vector<std::string_view> names(spellings.begin(), spellings.end());
    const std::string_view nearest = Nearest(group, names);
    if (nearest.empty()) return;
    doubts_.push_back(
        {mark.line + 1, mark.column + 1, "match",
         Concat("no rule asks for the group ", group, ", so it is not kept", DidYouMean(nearest))});
  }

  std::optional<FieldId> FindField(const std::string& name) const {
    if (const auto known = FindKnownField(name)) return known;
    return options_.fields != nullptr ? options_.fields->Find(name) : std::nullopt;
  }

  // "user_agent_original" → user_agent.original; "source_ip_2" is a second group of source.ip.
  std::optional<FieldId> FindGroup(std::string_view group) const {
    if (group.size() > 2 && group[group.size() - 2] == '_' && group.back() >= '2' && group.back() <= '9') {
      if (const auto other = FindGroup(group.substr(0, group.size() - 2))) return other;
    }
    if (group == "timestamp") return FieldId::kTimestamp;
    const auto same = [&](std::string_view name) {
      return name.size() == group.size() &&
             std::equal(name.begin(), name.end(), group.begin(),
                        [](char a, char b) { return (a == '.' ? '_' : a) == b; });
    };
    for (size_t i = 0; i < kKnownFieldCount; ++i) {
      if (same(kKnownFieldNames[i])) return static_cast<FieldId>(i);
    }
    if (options_.fields == nullptr) return std::nullopt;
    for (const std::string& name : options_.fields->extra_names()) {
      if (same(name)) return options_.fields->Find(name);
    }
    return std::nullopt;
  }

  static constexpr std::array<std::string_view, 4> kTimeWords = {"iso8601", "epoch", "access_log",
                                                                 "yearless"};

  const std::string& file_;
  const SourceOptions& options_;
  std::vector<FormatDoubt> doubts_;
};

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
    for (const Pattern& pattern : format_.patterns) {
      size_t of_pattern = 0;
      for (const auto& expression : pattern.match) of_pattern += Captures(*expression);
      captures = std::max(captures, of_pattern);
    }
    matched_.resize(captures);
  }

 private:
  void ReadLine(const Line& line, Batch* batch) override;
  // Whether the text fits every expression; what they capture is then in matched_.
  bool Fits(const Pattern& pattern, std::string_view text);
  ReadError ReadMatch(const Pattern& pattern, Batch* batch, LoginEvent* event);
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

bool TextPatternSource::Fits(const Pattern& pattern, std::string_view text) {
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
  for (const Pattern& pattern : format_.patterns) {
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

ReadError TextPatternSource::ReadMatch(const Pattern& pattern, Batch* batch, LoginEvent* event) {
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
  for (const Group& group : pattern.groups) {
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
  ASSIGN_OR_RETURN(TextFormat format, FormatReader(options.format_file, options).Read());
  return std::make_unique<TextPatternSource>(std::move(bytes), std::move(format), options);
}

absl::Status CheckFormatFile(const SourceOptions& options, std::vector<FormatDoubt>* doubts) {
  FormatReader reader(options.format_file, options);
  RETURN_IF_ERROR(reader.Read().status());
  *doubts = reader.TakeDoubts();
  return absl::OkStatus();
}

absl::StatusOr<bool> LinesHaveSyslogHead(const SourceOptions& options) {
  if (options.format_file.empty()) {
    const SourceFormat* const format = FindSourceFormat(options.format);
    return format != nullptr && format->name == "sshd";
  }
  ASSIGN_OR_RETURN(const TextFormat format, FormatReader(options.format_file, options).Read());
  return format.syslog_head;
}

}  // namespace stockade
