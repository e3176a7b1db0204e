#include "adapters/source/ndjson.h"

#include <algorithm>
#include <array>
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

// Of a JSON number. Beyond what a double holds: infinity, or nothing left of it: 0. from_chars does not say
// which, strtod would ask the locale; the decimal exponent does.
double NumberOf(std::string_view text) noexcept {
  double number = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), number).ec != std::errc::result_out_of_range)
    return number;
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const std::string_view mantissa = text.substr(0, text.find_first_of("eE"));
  int64_t exponent = 0;  // clamped: a text has 2^20 digits at most
  if (mantissa.size() < text.size()) {
    text.remove_prefix(mantissa.size() + 1);
    const bool below_one = text.starts_with('-');
    if (below_one || text.starts_with('+')) text.remove_prefix(1);
    for (const char c : text) exponent = std::min<int64_t>(exponent * 10 + (c - '0'), int64_t{1} << 40);
    if (below_one) exponent = -exponent;
  }
  // Where the first digit that is not 0 stands: before the point it adds to the exponent, behind it takes.
  const size_t point = std::min(mantissa.find('.'), mantissa.size());
  const size_t digit = std::min(mantissa.find_first_not_of("0."), mantissa.size());
  const int64_t magnitude = exponent + static_cast<int64_t>(point) - static_cast<int64_t>(digit);
  if (magnitude < 0) return negative ? -0.0 : 0.0;
  return negative ? -std::numeric_limits<double>::infinity() : std::numeric_limits<double>::infinity();
}

class NdjsonSource final : public LineSource {
 public:
  NdjsonSource(std::unique_ptr<ByteReader> bytes, const SourceOptions& options)
      : LineSource(std::move(bytes)),
        paths_(options.field_paths, options.fields),
        words_(LowerCaseWords(options.outcome_words)),
        zone_(options.time_zone),
        hash_key_(options.hash_key) {}

 private:
  using Node = FieldPaths::Node;

  void BeginBlock(std::string_view block) override;
  void ReadLine(const Line& line, Batch* batch) override;

  // Where reading stands: a token. Passed and returned, so that it stays in a register.
  using At = const uint32_t*;

  // Each reads one construct at `at` and gives the token behind it; null, with error_ and error_at_ set, if
  // it is none.
  bool ReadRecord(At at);
  At ReadObject(At at, Node node, int depth);
  At ReadArray(At at, Node node, int depth);
  At ReadValue(At at, Node node, int depth);
  // The text of a string token; null data for none, with error_ set. Returned, not written: a view that goes
  // through memory as two words and comes back as one vector costs a stalled load at every string.
  std::string_view ReadString(std::string_view raw);
  std::string_view ReadEscaped(std::string_view raw);
  bool SetValue(Node node, FieldValue::Kind kind, std::string_view text);
  bool SetPart(FieldPaths::Target target, FieldValue::Kind kind, std::string_view text);
  bool MayBeObject(Node node) const noexcept;
  bool Finish();
  bool Error(ReadError error) noexcept {
    error_ = error;
    return false;
  }
  bool BadValue(FieldId field) noexcept {
    error_field_ = field;
    return Error(ReadError::kBadValue);
  }
  At ErrorAt(At at, ReadError error) noexcept {
    error_ = error;
    error_at_ = at;
    return nullptr;
  }
  // The bytes of a token up to the next one, without white space behind it. Behind the last token of all
  // stands the size of the text.
  std::string_view TokenText(At at) const noexcept {
    const char* const begin = base_ + at[0];
    const char* end = base_ + at[1];
    while (end != begin && IsSpace(end[-1])) --end;
    return {begin, static_cast<size_t>(end - begin)};
  }

  const FieldPaths paths_;
  const std::map<std::string, Outcome> words_;
  const LocalZone zone_;
  const HashKey hash_key_;

  JsonTokens tokens_;
  bool block_tokens_ = false;  // tokens_ are those of the whole block
  std::string_view block_;
  At block_at_ = nullptr;  // the first token behind the last line
  const char* backslash_ =
      nullptr;  // the first one at or behind the last string looked at, or the end of the text

  // Of the record being read.
  const char* base_ = nullptr;
  const char* line_end_ = nullptr;
  const char* text_end_ = nullptr;  // of what tokens_ were found in
  At tokens_end_ = nullptr;         // of the block, or of the line
  Batch* batch_ = nullptr;
  LoginEvent* event_ = nullptr;
  bool has_time_ = false;
  int fields_ = 0;
  bool in_list_ = false;  // inside a list, behind its first element
  std::string_view outcome_;
  std::string_view reason_;
  std::vector<ExtraField> extra_;
  ReadError error_ = ReadError::kNone;
  At error_at_ = nullptr;
  FieldId error_field_ = FieldId::kFirstUnknown;  // of a kBadValue
  // By the number of a key in its record: where it was found in the record before.
  std::array<uint32_t, 64> hints_{};
};

void NdjsonSource::BeginBlock(std::string_view block) {
  block_ = block;
  block_tokens_ = tokens_.Find(block) == ReadError::kNone;
  block_at_ = tokens_.begin();
  backslash_ = block.data();
}

void NdjsonSource::ReadLine(const Line& line, Batch* batch) {
  Record* const record = AddRecord(line, batch);
  const std::string_view text = line.text;
  line_end_ = text.data() + text.size();
  At at = nullptr;
  if (block_tokens_) {
    base_ = block_.data();
    text_end_ = base_ + block_.size();
    tokens_end_ = tokens_.end();
    const auto begin = static_cast<uint32_t>(text.data() - base_);
    at = block_at_;
    while (at != tokens_end_ && *at < begin) ++at;  // of lines that could not be read
  } else {
    base_ = text.data();
    text_end_ = line_end_;
    backslash_ = base_;
    const ReadError error = tokens_.Find(text);
    if (error != ReadError::kNone) {
      Fail(record, error);
      return;
    }
    at = tokens_.begin();
    tokens_end_ = tokens_.end();
  }
  block_at_ = at;
  batch_ = batch;
  event_ = &record->event;
  if (!ReadRecord(at)) {
    // A broken record may have been read on into the lines behind it.
    const char* const place =
        error_at_ != nullptr && error_at_ < tokens_end_ ? base_ + *error_at_ : line_end_;
    Fail(record, error_, static_cast<size_t>(std::min(place, line_end_) - text.data()), error_field_);
  }
}

bool NdjsonSource::ReadRecord(At at) {
  has_time_ = false;
  fields_ = 0;
  in_list_ = false;
  outcome_ = {};
  reason_ = {};
  extra_.clear();
  const bool is_object = at != tokens_end_ && base_[*at] == '{';
  at = is_object ? ReadObject(at + 1, FieldPaths::kRoot, 1) : ReadValue(at, FieldPaths::kNone, 0);
  if (at == nullptr) return false;
  // The record ends in this line, and nothing stands behind it.
  if (base_ + at[-1] >= line_end_ || (at != tokens_end_ && base_ + *at < line_end_)) {
    return ErrorAt(at, ReadError::kNotJson) != nullptr;
  }
  error_at_ = at;
  if (!is_object) return Error(ReadError::kNotObject);
  block_at_ = at;
  return Finish();
}

inline std::string_view NdjsonSource::ReadString(std::string_view raw) {
  const char* const begin = raw.data() + 1;
  const size_t size = raw.size() - 2;
  if (raw.size() >= 2 && raw.back() == '"' && backslash_ >= begin + size) [[likely]]
    return {begin, size};
  return ReadEscaped(raw);
}

NdjsonSource::At NdjsonSource::ReadObject(At at, Node node, int depth) {
  if (depth > kNestingMax) return ErrorAt(at, ReadError::kTooDeep);
  if (at == tokens_end_) return ErrorAt(at, ReadError::kNotJson);
  if (base_[*at] == '}') return at + 1;
  while (true) {
    if (tokens_end_ - at < 3 || base_[*at] != '"' || base_[at[1]] != ':')
      return ErrorAt(at, ReadError::kNotJson);
    if (++fields_ > kRecordFieldsMax) return ErrorAt(at, ReadError::kTooManyFields);
    const std::string_view key = ReadString(TokenText(at));
    if (key.data() == nullptr) return ErrorAt(at, error_);
    const Node child = node == FieldPaths::kNone
                           ? FieldPaths::kNone
                           : paths_.Find(node, key, &hints_[static_cast<unsigned>(fields_) % hints_.size()]);
    at += 2;
    if (at != tokens_end_ && base_[*at] == '"') {
      // Most values are texts: read here, without a call.
      const std::string_view text = ReadString(TokenText(at));
      if (text.data() == nullptr) return ErrorAt(at, error_);
      if (child != FieldPaths::kNone && !SetValue(child, FieldValue::Kind::kText, text))
        return ErrorAt(at, error_);
      ++at;
    } else {
      at = ReadValue(at, child, depth);
      if (at == nullptr) return nullptr;
    }
    if (at == tokens_end_) return ErrorAt(at, ReadError::kNotJson);
    const char separator = base_[*at++];
    if (separator == '}') return at;
    if (separator != ',') return ErrorAt(at - 1, ReadError::kNotJson);
  }
}

NdjsonSource::At NdjsonSource::ReadArray(At at, Node node, int depth) {
  if (depth > kNestingMax) return ErrorAt(at, ReadError::kTooDeep);
  if (at == tokens_end_) return ErrorAt(at, ReadError::kNotJson);
  if (base_[*at] == ']') return at + 1;
  const bool was_in_list = in_list_;
  while (true) {
    at = ReadValue(at, node, depth);
    if (at == nullptr) return nullptr;
    if (at == tokens_end_) return ErrorAt(at, ReadError::kNotJson);
    const char separator = base_[*at++];
    if (separator == ']') break;
    if (separator != ',') return ErrorAt(at - 1, ReadError::kNotJson);
    in_list_ = true;
  }
  in_list_ = was_in_list;
  return at;
}

NdjsonSource::At NdjsonSource::ReadValue(At at, Node node, int depth) {
  if (at == tokens_end_) return ErrorAt(at, ReadError::kNotJson);
  FieldValue::Kind kind = FieldValue::Kind::kText;
  std::string_view text = TokenText(at);
  switch (base_[*at]) {
    case '"':
      text = ReadString(text);
      if (text.data() == nullptr) return ErrorAt(at, error_);
      break;
    case '{':
      if (node != FieldPaths::kNone && !in_list_ && !MayBeObject(node)) {
        error_field_ = paths_.Targets(node).front().field;
        return ErrorAt(at, ReadError::kBadValue);
      }
      return ReadObject(at + 1, node, depth + 1);
    case '[':
      if (++fields_ > kRecordFieldsMax) return ErrorAt(at, ReadError::kTooManyFields);
      return ReadArray(at + 1, node, depth + 1);
    case 't':
    case 'f':
      kind = FieldValue::Kind::kBool;
      if (text != "true" && text != "false") return ErrorAt(at, ReadError::kNotJson);
      break;
    case 'n':
      kind = FieldValue::Kind::kNull;
      if (text != "null") return ErrorAt(at, ReadError::kNotJson);
      break;
    default:
      kind = FieldValue::Kind::kNumber;
      if (!IsJsonNumber(text)) return ErrorAt(at, ReadError::kNotJson);
      break;
  }
  if (node != FieldPaths::kNone && !SetValue(node, kind, text)) return ErrorAt(at, error_);
  return at + 1;
}

// An object where a field wants a value is an error; one that only contains fields, or login.challenge, is
// not.
bool NdjsonSource::MayBeObject(Node node) const noexcept {
  for (const FieldPaths::Target& target : paths_.Targets(node)) {
    if (target.field < FieldId::kFirstUnknown && target.field != FieldId::kChallenge) return false;
  }
  return true;
}

std::string_view NdjsonSource::ReadEscaped(std::string_view raw) {
  error_ = ReadError::kNotJson;
  if (raw.size() < 2 || raw.back() != '"') return {};
  const char* const begin = raw.data() + 1;
  const size_t size = raw.size() - 2;
  if (backslash_ < begin) {
    const auto* const found =
        static_cast<const char*>(std::memchr(begin, '\\', static_cast<size_t>(text_end_ - begin)));
    backslash_ = found != nullptr ? found : text_end_;
    if (backslash_ >= begin + size) return {begin, size};
  }
  char* const out = batch_->text.Allocate(size + FieldPaths::kKeyPadding);
  const int64_t written = UnescapeJson({begin, size}, out);
  if (written < 0) return {};
  return {out, static_cast<size_t>(written)};
}

bool NdjsonSource::SetValue(Node node, FieldValue::Kind kind, std::string_view text) {
  const std::span<const FieldPaths::Target> targets = paths_.Targets(node);
  // A path that is the password's is so for every field that is read from it, and in a list as well.
  const bool is_password = std::any_of(targets.begin(), targets.end(), [](const FieldPaths::Target& target) {
    return target.field == FieldId::kPasswordId;
  });
  if (is_password && kind != FieldValue::Kind::kNull) [[unlikely]] {
    text = ToPasswordId(text, hash_key_, &batch_->text);
    kind = FieldValue::Kind::kText;
  }
  for (const FieldPaths::Target& target : targets) {
    if (target.field >= FieldId::kFirstUnknown) {
      double number = kind == FieldValue::Kind::kBool && text == "true" ? 1 : 0;
      if (kind == FieldValue::Kind::kNumber) number = NumberOf(text);
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
      if (!result.has_value()) return BadValue(target.field);
      ChallengeResults& results = event_->aftermath.challenge;
      (target.part == FieldPaths::Part::kChallengeHuman ? results.human : results.identity) = *result;
      return true;
    }
    default:
      break;
  }
  const ReadError error = SetField(target.field, text, event_);
  error_field_ = target.field;
  return error == ReadError::kNone ? true : Error(error);
}

bool NdjsonSource::Finish() {
  if (!has_time_) return Error(ReadError::kNoTimestamp);
  const auto outcome = ResolveOutcome(outcome_, reason_, words_);
  if (!outcome.has_value()) return BadValue(FieldId::kEventOutcome);
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
