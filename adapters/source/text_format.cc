#include "adapters/source/text_format.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>

#include "adapters/source/field_text.h"
#include "engine/rule/finding.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

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
      ASSIGN_OR_RETURN(TextPattern pattern, ReadPattern(node, format.syslog_head));
      format.patterns.push_back(std::move(pattern));
    }
    return format;
  }

  absl::StatusOr<TextPattern> ReadPattern(const YAML::Node& node, bool syslog_head) {
    if (!node.IsMap() || !node["match"])
      return At(node.Mark(), "patterns: a pattern is a map with the key match");
    TextPattern pattern;
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
            pattern.groups.push_back(TextGroup{begin + static_cast<size_t>(number), kUnnamedField});
          DoubtGroup(name, node["match"].Mark());
          continue;
        }
        has_time = has_time || *id == FieldId::kTimestamp;
        has_outcome = has_outcome || *id == FieldId::kEventOutcome || *id == FieldId::kEventReason;
        pattern.groups.push_back(TextGroup{begin + static_cast<size_t>(number), *id});
      }
      begin += Captures(*expression);
    }
    if (!has_time)
      return At(node["match"].Mark(), "match: no group timestamp; without a time nothing can be counted");
    if (!has_outcome) return At(node.Mark(), "outcome: missing; say what a line of this pattern means");
    std::sort(pattern.groups.begin(), pattern.groups.end(),
              [](const TextGroup& a, const TextGroup& b) { return a.place < b.place; });
    return pattern;
  }

  absl::Status ReadExpression(const YAML::Node& node, TextPattern* pattern) {
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

}  // namespace

absl::StatusOr<TextFormat> ReadTextFormat(const SourceOptions& options, std::vector<FormatDoubt>* doubts) {
  FormatReader reader(options.format_file, options);
  absl::StatusOr<TextFormat> format = reader.Read();
  if (doubts != nullptr) *doubts = reader.TakeDoubts();
  return format;
}

}  // namespace stockade
