#include "adapters/source/ndjson.h"

#include <charconv>
#include <cstring>
#include <limits>
#include <vector>

#include "adapters/source/field_paths.h"
#include "adapters/source/field_text.h"
#include "adapters/source/json_tokens.h"
#include "adapters/source/line_source.h"
#include "adapters/source/timestamp.h"

namespace stockade {
namespace {

bool IsSpace(char c) noexcept {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

class NdjsonSource final : public LineSource {
 public:
  NdjsonSource(std::unique_ptr<ByteReader> bytes, const SourceOptions& options)
      : LineSource(std::move(bytes)),
        paths_(options.field_paths, options.fields),
        words_(LowerCaseWords(options.outcome_words)),
        zone_(options.time_zone) {}

 private:
  using Node = FieldPaths::Node;

  void BeginBlock(std::string_view block) override;
  void ReadLine(const Line& line, Batch* batch) override;

  // Each reads one construct at at_, moves behind it, and fails by false with error_ set.
  bool ReadRecord();
  bool ReadObject(Node node, int depth);
  bool ReadArray(Node node, int depth);
  bool ReadValue(Node node, int depth);
  // The text of a string token; null data for none, with error_ set. Returned, not written: a view that goes
  // through memory as two words and comes back as one vector costs a stalled load at every string.
  std::string_view ReadString(std::string_view raw);
  bool SetValue(Node node, FieldValue::Kind kind, std::string_view text);
  bool SetPart(FieldPaths::Target target, FieldValue::Kind kind, std::string_view text);
  bool MayBeObject(Node node) const noexcept;
  bool Finish();
  bool Error(ReadError error) noexcept {
    error_ = error;
    return false;
  }
  const char* Token() const noexcept { return base_ + *at_; }
  // The bytes of a token up to the next one, without white space behind it. The last token of a record is its
  // closing brace, so there is a next one or the record is broken anyway.
  std::string_view TokenText() const noexcept {
    const char* const begin = base_ + *at_;
    const char* end = at_ + 1 == tokens_end_ ? line_end_ : base_ + at_[1];
    while (end != begin && IsSpace(end[-1])) --end;
    return {begin, static_cast<size_t>(end - begin)};
  }

  const FieldPaths paths_;
  const std::map<std::string, Outcome> words_;
  const LocalZone zone_;

  JsonTokens tokens_;
  bool block_tokens_ = false;  // tokens_ are those of the whole block
  std::string_view block_;
  const uint32_t* block_at_ = nullptr;  // the first token behind the last line
  const uint32_t* block_end_ = nullptr;
  const char* backslash_ =
      nullptr;  // the first one at or behind the last string looked at, or the end of the text

  // Of the record being read.
  const char* base_ = nullptr;
  const char* line_end_ = nullptr;
  const char* text_end_ = nullptr;  // of what tokens_ were found in
  const uint32_t* at_ = nullptr;
  const uint32_t* tokens_end_ = nullptr;
  Batch* batch_ = nullptr;
  LoginEvent* event_ = nullptr;
  bool has_time_ = false;
  int fields_ = 0;
  bool in_list_ = false;  // inside a list, behind its first element
  std::string_view outcome_;
  std::string_view reason_;
  std::vector<ExtraField> extra_;
  ReadError error_ = ReadError::kNone;
};

void NdjsonSource::BeginBlock(std::string_view block) {
  block_ = block;
  block_tokens_ = tokens_.Find(block) == ReadError::kNone;
  block_at_ = tokens_.begin();
  block_end_ = tokens_.end();
  backslash_ = block.data();
}

void NdjsonSource::ReadLine(const Line& line, Batch* batch) {
  Record* const record = AddRecord(line, batch);
  const std::string_view text = line.text;
  line_end_ = text.data() + text.size();
  if (block_tokens_) {
    base_ = block_.data();
    text_end_ = base_ + block_.size();
    const auto begin = static_cast<uint32_t>(text.data() - base_);
    const auto end = static_cast<uint32_t>(line_end_ - base_);
    at_ = block_at_;
    while (at_ != block_end_ && *at_ < begin) ++at_;  // lines that were not read: too long, blank
    tokens_end_ = at_;
    while (tokens_end_ != block_end_ && *tokens_end_ < end) ++tokens_end_;
    block_at_ = tokens_end_;
  } else {
    base_ = text.data();
    text_end_ = line_end_;
    backslash_ = base_;
    const ReadError error = tokens_.Find(text);
    if (error != ReadError::kNone) {
      Fail(record, error);
      return;
    }
    at_ = tokens_.begin();
    tokens_end_ = tokens_.end();
  }
  batch_ = batch;
  event_ = &record->event;
  if (!ReadRecord()) {
    const char* const place = at_ < tokens_end_ ? Token() : line_end_;
    Fail(record, error_, static_cast<size_t>(place - text.data()));
  }
}

bool NdjsonSource::ReadRecord() {
  has_time_ = false;
  fields_ = 0;
  in_list_ = false;
  outcome_ = {};
  reason_ = {};
  extra_.clear();
  if (at_ == tokens_end_) return Error(ReadError::kNotJson);
  const bool is_object = *Token() == '{';
  if (is_object) {
    ++at_;
    if (!ReadObject(FieldPaths::kRoot, 1)) return false;
  } else if (!ReadValue(FieldPaths::kNone, 0)) {
    return false;
  }
  if (at_ != tokens_end_) return Error(ReadError::kNotJson);  // something behind it
  if (!is_object) return Error(ReadError::kNotObject);
  return Finish();
}

bool NdjsonSource::ReadObject(Node node, int depth) {
  if (depth > kNestingMax) return Error(ReadError::kTooDeep);
  if (at_ == tokens_end_) return Error(ReadError::kNotJson);
  if (*Token() == '}') {
    ++at_;
    return true;
  }
  while (true) {
    if (tokens_end_ - at_ < 3 || *Token() != '"' || base_[at_[1]] != ':') return Error(ReadError::kNotJson);
    if (++fields_ > kRecordFieldsMax) return Error(ReadError::kTooManyFields);
    const std::string_view key = ReadString(TokenText());
    if (key.data() == nullptr) return false;
    at_ += 2;
    const Node child = node == FieldPaths::kNone ? FieldPaths::kNone : paths_.Find(node, key);
    if (!ReadValue(child, depth)) return false;
    if (at_ == tokens_end_) return Error(ReadError::kNotJson);
    const char separator = *Token();
    if (separator == '}') {
      ++at_;
      return true;
    }
    if (separator != ',') return Error(ReadError::kNotJson);
    ++at_;
  }
}

bool NdjsonSource::ReadArray(Node node, int depth) {
  if (depth > kNestingMax) return Error(ReadError::kTooDeep);
  if (at_ == tokens_end_) return Error(ReadError::kNotJson);
  if (*Token() == ']') {
    ++at_;
    return true;
  }
  const bool was_in_list = in_list_;
  while (true) {
    if (!ReadValue(node, depth)) return false;
    if (at_ == tokens_end_) return Error(ReadError::kNotJson);
    const char separator = *Token();
    if (separator == ']') break;
    if (separator != ',') return Error(ReadError::kNotJson);
    ++at_;
    in_list_ = true;
  }
  ++at_;
  in_list_ = was_in_list;
  return true;
}

bool NdjsonSource::ReadValue(Node node, int depth) {
  if (at_ == tokens_end_) return Error(ReadError::kNotJson);
  FieldValue::Kind kind = FieldValue::Kind::kText;
  std::string_view text;
  switch (*Token()) {
    case '{':
      if (node != FieldPaths::kNone && !in_list_ && !MayBeObject(node)) return Error(ReadError::kBadValue);
      ++at_;
      return ReadObject(node, depth + 1);
    case '[':
      if (++fields_ > kRecordFieldsMax) return Error(ReadError::kTooManyFields);
      ++at_;
      return ReadArray(node, depth + 1);
    case '"':
      text = ReadString(TokenText());
      if (text.data() == nullptr) return false;
      break;
    case 't':
    case 'f':
      kind = FieldValue::Kind::kBool;
      text = TokenText();
      if (text != "true" && text != "false") return Error(ReadError::kNotJson);
      break;
    case 'n':
      kind = FieldValue::Kind::kNull;
      text = TokenText();
      if (text != "null") return Error(ReadError::kNotJson);
      break;
    default:
      kind = FieldValue::Kind::kNumber;
      text = TokenText();
      if (!IsJsonNumber(text)) return Error(ReadError::kNotJson);
      break;
  }
  if (node != FieldPaths::kNone && !SetValue(node, kind, text)) return false;
  ++at_;
  return true;
}

// An object where a field wants a value is an error; one that only contains fields, or login.challenge, is
// not.
bool NdjsonSource::MayBeObject(Node node) const noexcept {
  for (const FieldPaths::Target& target : paths_.Targets(node)) {
    if (target.field < FieldId::kFirstUnknown && target.field != FieldId::kChallenge) return false;
  }
  return true;
}

std::string_view NdjsonSource::ReadString(std::string_view raw) {
  if (raw.size() < 2 || raw.back() != '"') {
    error_ = ReadError::kNotJson;
    return {};
  }
  const char* const begin = raw.data() + 1;
  const size_t size = raw.size() - 2;
  if (backslash_ >= begin + size) [[likely]]
    return {begin, size};
  if (backslash_ < begin) {
    const auto* const found =
        static_cast<const char*>(std::memchr(begin, '\\', static_cast<size_t>(text_end_ - begin)));
    backslash_ = found != nullptr ? found : text_end_;
    if (backslash_ >= begin + size) return {begin, size};
  }
  char* const out = batch_->text.Allocate(size + FieldPaths::kKeyPadding);
  const int64_t written = UnescapeJson({begin, size}, out);
  if (written < 0) {
    error_ = ReadError::kNotJson;
    return {};
  }
  return {out, static_cast<size_t>(written)};
}

bool NdjsonSource::SetValue(Node node, FieldValue::Kind kind, std::string_view text) {
  for (const FieldPaths::Target& target : paths_.Targets(node)) {
    if (target.field >= FieldId::kFirstUnknown) {
      double number = kind == FieldValue::Kind::kBool && text == "true" ? 1 : 0;
      if (kind == FieldValue::Kind::kNumber &&
          std::from_chars(text.data(), text.data() + text.size(), number).ec ==
              std::errc::result_out_of_range) {
        number = std::numeric_limits<double>::infinity() * (text.front() == '-' ? -1 : 1);
      }
      extra_.push_back(ExtraField{target.field, FieldValue{kind, number, text}});
    } else if (!in_list_ && kind != FieldValue::Kind::kNull && !SetPart(target, kind, text)) {
      return false;
    }
  }
  return true;
}

bool NdjsonSource::SetPart(FieldPaths::Target target, FieldValue::Kind kind, std::string_view text) {
  switch (target.field) {
    case FieldId::kTimestamp: {
      std::optional<int64_t> time;
      if (kind == FieldValue::Kind::kText) time = ParseIso8601(text, zone_);
      if (!time.has_value()) time = ParseEpoch(text);
      if (!time.has_value()) return Error(ReadError::kBadTimestamp);
      event_->attempt.time_ns = *time;
      has_time_ = true;
      return true;
    }
    case FieldId::kEventOutcome:
      outcome_ = text;
      return true;
    case FieldId::kEventReason:
      reason_ = text;
      return true;
    case FieldId::kChallenge: {
      if (target.part == FieldPaths::Part::kWhole) break;
      const auto result = ParseChallengeResult(text);
      if (!result.has_value()) return Error(ReadError::kBadValue);
      ChallengeResults& results = event_->aftermath.challenge;
      (target.part == FieldPaths::Part::kChallengeHuman ? results.human : results.identity) = *result;
      return true;
    }
    default:
      break;
  }
  const ReadError error = SetField(target.field, text, event_);
  return error == ReadError::kNone ? true : Error(error);
}

bool NdjsonSource::Finish() {
  if (!has_time_) return Error(ReadError::kNoTimestamp);
  const auto outcome = ResolveOutcome(outcome_, reason_, words_);
  if (!outcome.has_value()) return Error(ReadError::kBadValue);
  event_->aftermath.outcome = *outcome;
  if (!extra_.empty()) event_->attempt.extra = batch_->extra.Copy(extra_);
  return true;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Source>> MakeNdjsonSource(std::unique_ptr<ByteReader> bytes,
                                                         const SourceOptions& options) {
  return std::make_unique<NdjsonSource>(std::move(bytes), options);
}

Recognition RecognizeNdjson(std::span<const std::string_view> lines, const SourceOptions& options) {
  Recognition found;
  int with_time = 0;
  const auto mapped = options.field_paths.find("@timestamp");
  const std::string time_path = mapped != options.field_paths.end() ? mapped->second : "@timestamp";
  const std::string time_key = time_path.substr(time_path.rfind('.') + 1);
  for (std::string_view line : lines) {
    while (!line.empty() && IsSpace(line.front())) line.remove_prefix(1);
    while (!line.empty() && IsSpace(line.back())) line.remove_suffix(1);
    if (!line.starts_with('{') || !line.ends_with('}')) continue;
    ++found.matched;
    if (line.find(time_key) != std::string_view::npos) ++with_time;
  }
  found.why = with_time * 2 >= found.matched ? "are JSON objects with " + time_path : "are JSON objects";
  return found;
}

}  // namespace stockade
