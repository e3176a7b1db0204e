#include "tools/tuning/labels.h"

#include <map>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "adapters/source/byte_reader.h"
#include "engine/rule/finding.h"
#include "engine/status.h"
#include "engine/text.h"
#include "simdjson.h"

namespace stockade {
namespace {

namespace od = simdjson::ondemand;

// A label as its line says it.
struct WrittenLabel {
  uint64_t line = 0;
  std::string_view who;
  std::string_view via;
  std::string_view kind;  // class
  std::string person;
  uint64_t campaign = 0;
  bool history = false;
  bool right = false;
  bool cover = false;
  bool on = false;
};

// Returns what is wrong, or nothing.
std::string Parse(od::parser* parser, std::string_view text, WrittenLabel* label) {
  od::document document;
  if (parser->iterate(text.data(), text.size(), text.size() + simdjson::SIMDJSON_PADDING).get(document))
    return "is no JSON";
  od::object object;
  if (document.get_object().get(object)) return "is no object of JSON";
  bool has_line = false;
  for (auto member : object) {
    std::string_view key;
    od::value value;
    if (member.unescaped_key().get(key) || member.value().get(value)) return "is no JSON";
    bool wrong = false;
    if (key == "line") {
      wrong = value.get_uint64().get(label->line);
      has_line = true;
    } else if (key == "who") {
      wrong = value.get_string().get(label->who);
    } else if (key == "via") {
      wrong = value.get_string().get(label->via);
    } else if (key == "class") {
      wrong = value.get_string().get(label->kind);
    } else if (key == "campaign") {
      wrong = value.get_uint64().get(label->campaign);
    } else if (key == "id") {
      od::json_type type;
      wrong = value.type().get(type) || (type != od::json_type::number && type != od::json_type::string);
      label->person = std::string(FromAbsl(absl::StripAsciiWhitespace(ToAbsl(value.raw_json_token()))));
    } else if (key == "history") {
      wrong = value.get_bool().get(label->history);
    } else if (key == "right") {
      wrong = value.get_bool().get(label->right);
    } else if (key == "cover") {
      wrong = value.get_bool().get(label->cover);
    } else if (key == "on") {
      label->on = true;
    }
    if (wrong) return Concat(Quoted(key), " has a value of another kind");
  }
  if (!has_line) return "has no line";
  if (label->who != "customer" && label->who != "attack")
    return Concat("who: ", Quoted(label->who), " is neither customer nor attack");
  return {};
}

class LabelReader {
 public:
  LabelReader(const EventLog& log, Labels* labels) : log_(log), labels_(*labels) {
    labels_.of.resize(log.size());
  }

  // Returns what is wrong, or nothing.
  std::string Take(const WrittenLabel& label) {
    size_t attempt = FirstAt(label.line);
    if (attempt == log_.size() || log_.line(attempt) != label.line) {
      ++labels_.without_attempt;
      return {};
    }
    AttemptLabel made;
    made.history = label.history;
    made.own_account = !label.on;
    if (label.who == "attack") {
      made.kind = label.cover ? AttemptKind::kCover : AttemptKind::kAttack;
      made.right = label.right;
      made.campaign = CampaignOf(label);
      if (made.campaign == 0) return Concat("there are more than ", Labels::kCampaignsMax, " campaigns");
    } else {
      made.kind = label.via.empty() ? AttemptKind::kCustomer : AttemptKind::kProgram;
      made.person = PersonOf(label, log_.account(attempt));
    }
    // One line may stand for several attempts.
    for (; attempt < log_.size() && log_.line(attempt) == label.line; ++attempt) {
      if (label.who == "customer") made.right = log_.outcome(attempt) == Outcome::kSuccess;
      labels_.of[attempt] = made;
    }
    next_ = attempt;
    return {};
  }

 private:
  // Labels mostly come in the order of their lines.
  size_t FirstAt(uint64_t line) const {
    if (next_ < log_.size() && log_.line(next_) == line && (next_ == 0 || log_.line(next_ - 1) != line))
      return next_;
    size_t begin = 0;
    for (size_t end = log_.size(); begin < end;) {
      const size_t middle = begin + (end - begin) / 2;
      if (log_.line(middle) < line) {
        begin = middle + 1;
      } else {
        end = middle;
      }
    }
    return begin;
  }
  uint16_t CampaignOf(const WrittenLabel& label) {
    const auto [found, added] =
        campaigns_.try_emplace({label.campaign, std::string(label.kind)}, labels_.campaigns.size() + 1);
    if (added) {
      if (labels_.campaigns.size() == Labels::kCampaignsMax) return 0;
      std::string name = label.campaign == 0 ? "" : std::to_string(label.campaign);
      Append(&name, name.empty() || label.kind.empty() ? "" : " ", label.kind);
      labels_.campaigns.push_back(name.empty() ? "attack" : name);
    }
    return static_cast<uint16_t>(found->second);
  }
  uint32_t PersonOf(const WrittenLabel& label, uint32_t account) {
    const std::string key = label.person.empty() ? Concat("account ", account) : label.person;
    const auto [found, added] = people_.try_emplace(key, static_cast<uint32_t>(labels_.account_of.size()));
    if (added) labels_.account_of.push_back(account);
    return found->second;
  }

  const EventLog& log_;
  Labels& labels_;
  size_t next_ = 0;
  std::map<std::pair<uint64_t, std::string>, size_t> campaigns_;
  absl::flat_hash_map<std::string, uint32_t> people_;
};

}  // namespace

absl::StatusOr<Labels> ReadLabels(const std::string& file, const EventLog& log) {
  ASSIGN_OR_RETURN(const std::unique_ptr<ByteReader> reader, ByteReader::Open(file));
  Labels labels;
  LabelReader label_reader(log, &labels);
  od::parser parser;
  Batch batch;
  uint64_t taken = 0;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, reader->NextBlock(&batch));
    if (!more) break;
    for (Line line; reader->NextLine(&line);) {
      if (line.text.empty() && !line.too_long) continue;
      WrittenLabel label;
      std::string wrong = line.too_long ? "is too long for a label" : Parse(&parser, line.text, &label);
      if (wrong.empty()) wrong = label_reader.Take(label);
      if (!wrong.empty())
        return absl::InvalidArgumentError(Concat(file, ":", line.number, ": ", wrong,
                                                 R"(; a label is {"line":17,"who":"customer","id":4711})"));
      ++taken;
    }
  }
  if (taken == labels.without_attempt && log.size() > 0) {
    return absl::InvalidArgumentError(
        Concat(file, ": not one of its ", taken, " labels names a line of the log that holds an attempt"));
  }
  for (const AttemptLabel& label : labels.of)
    labels.without_label += label.kind == AttemptKind::kUndecided ? 1 : 0;
  return labels;
}

}  // namespace stockade
