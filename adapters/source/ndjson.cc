#include "adapters/source/ndjson.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "adapters/source/field_paths.h"
#include "adapters/source/field_values.h"
#include "adapters/source/json_bytes.h"
#include "adapters/source/json_tokens.h"
#include "adapters/source/line_shapes.h"
#include "adapters/source/line_source.h"

namespace stockade {
namespace {

bool IsSpace(char c) noexcept {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool IsDigit(char c) noexcept {
  return c >= '0' && c <= '9';
}

// A byte that numbers may hold.
bool IsNumberByte(char c) noexcept {
  return IsDigit(c) || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

class NdjsonSource final : public LineSource {
 public:
  NdjsonSource(std::unique_ptr<ByteReader> bytes, const SourceOptions& options)
      : LineSource(std::move(bytes)), values_(options) {}

 private:
  using Node = FieldPaths::Node;

  void BeginBlock(std::string_view block) override;
  void ReadLine(const Line& line, Batch* batch) override;

  // Reads a line whose shape is known. False: it is not, or something is wrong with the line; it is to be read
  // by its tokens then, from the begin.
  bool ReadByShape(std::string_view line);
  // The inside of a string that is not plain at `stop`, up to its closing quote; moves *at behind that. Null
  // data for none.
  std::string_view ReadUnusual(const char** at, const char* stop, const char* end);
  // The number or the word at `at`, as far as it goes; empty for none. *kind is kNumber at first.
  static std::string_view ReadScalar(const char* at, const char* end, FieldValue::Kind* kind) noexcept;

  // Where reading by tokens stands. Passed and returned, so that it stays in a register.
  using At = const uint32_t*;

  // Sets line_at_ to the first token of a line.
  ReadError FindTokens(std::string_view line);
  // Reads the line whose tokens were found. False: error_, error_field_ and error_at_ say why.
  bool ReadByTokens(std::string_view line);
  // Each reads one construct at `at` and gives the token behind it; null, with error_ and error_at_ set, if
  // it is none.
  At ReadObject(At at, Node node, int depth);
  At ReadArray(At at, Node node, int depth);
  At ReadValue(At at, Node node, int depth);
  // The text of a string token; null data for none, with error_ set. Returned, not written: a view that goes
  // through memory as two words and comes back as one vector costs a stalled load at every string.
  std::string_view ReadString(std::string_view raw);
  std::string_view ReadEscaped(std::string_view raw);
  std::string_view Unescape(std::string_view inside);
  bool SetValue(Node node, FieldValue::Kind kind, std::string_view text) {
    return values_.Set(node, kind, text, in_list_) || ValueError();
  }
  // Of a value as it stands in the line.
  void Note(std::string_view raw, Node node) {
    if (noted_.size() == LineShapes::kValuesMax) learning_ = false;
    const auto begin = static_cast<uint32_t>(raw.data() - line_);
    const bool is_text = raw.front() == '"';
    noted_.push_back(LineShapes::Value{begin + (is_text ? 1 : 0), begin + static_cast<uint32_t>(raw.size()),
                                       is_text, in_list_, node});
  }
  bool ValueError() noexcept {
    error_ = values_.error();
    error_field_ = values_.error_field();
    return false;
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

  FieldValues values_;
  LineShapes shapes_;
  JsonTokens tokens_;
  // What tokens_ are of. A block with something wrong in it is read line by line.
  enum class Of : uint8_t { kLine, kBlock, kBrokenBlock } tokens_of_ = Of::kLine;
  const char* base_ = nullptr;  // where the text begins that they were found in
  At tokens_end_ = nullptr;
  At line_at_ = nullptr;  // the first one of the line; once it is read, the first one behind
  const char* block_end_ = nullptr;
  // The first one at or behind the last string that was read by tokens, or the end of the block.
  const char* backslash_ = nullptr;
  Batch* batch_ = nullptr;

  // Of the record that is read by its tokens.
  const char* line_ = nullptr;
  int fields_ = 0;
  bool in_list_ = false;  // inside a list, behind its first element
  bool learning_ = false;
  std::vector<LineShapes::Value> noted_;  // while learning: the values so far
  ReadError error_ = ReadError::kNone;
  At error_at_ = nullptr;
  FieldId error_field_ = FieldId::kFirstUnknown;  // of a kBadValue
  // By the number of a key in its record: where it was found in the record before.
  std::array<uint32_t, 64> hints_{};
};

void NdjsonSource::BeginBlock(std::string_view block) {
  backslash_ = block.data();
  block_end_ = block.data() + block.size();
  tokens_of_ = Of::kLine;
}

void NdjsonSource::ReadLine(const Line& line, Batch* batch) {
  Record* const record = AddRecord(line, batch);
  const std::string_view text = line.text;
  batch_ = batch;
  if (shapes_.WorthTrying()) {
    values_.Begin(&record->event, batch);
    if (ReadByShape(text)) [[likely]] {
      shapes_.Hit();
      return;
    }
    record->event = LoginEvent{};
  }
  learning_ = shapes_.Miss();
  values_.Begin(&record->event, batch);
  if (const ReadError error = FindTokens(text); error != ReadError::kNone) {
    Fail(record, error);
  } else if (!ReadByTokens(text)) {
    // A broken record may have been read on into the lines behind it.
    const char* const end = text.data() + text.size();
    const char* const place = error_at_ < tokens_end_ ? std::min(base_ + *error_at_, end) : end;
    Fail(record, error_, static_cast<size_t>(place - text.data()), error_field_);
  }
}

// Of the line; where lines are many that have no shape, of all lines to the end of the block at once.
ReadError NdjsonSource::FindTokens(std::string_view line) {
  constexpr uint32_t kMany = 4;
  if (tokens_of_ == Of::kLine && shapes_.misses() >= kMany) {
    const std::string_view rest(line.data(), static_cast<size_t>(block_end_ - line.data()));
    tokens_of_ = tokens_.Find(rest) == ReadError::kNone ? Of::kBlock : Of::kBrokenBlock;
    base_ = line.data();
    line_at_ = tokens_.begin();
  }
  if (tokens_of_ == Of::kBlock) {
    while (line_at_ != tokens_.end() && base_ + *line_at_ < line.data()) ++line_at_;
  } else {
    const ReadError error = tokens_.Find(line);
    if (error != ReadError::kNone) return error;
    base_ = line.data();
    line_at_ = tokens_.begin();
  }
  tokens_end_ = tokens_.end();
  return ReadError::kNone;
}

bool NdjsonSource::ReadByShape(std::string_view line) {
  const char* at = line.data();
  const char* const end = at + line.size();
  int fields = 0;
  for (const LineShapes::Step* step = shapes_.First(at, end); step != nullptr;
       step = shapes_.Next(*step, at, end)) {
    at += step->size;
    fields += step->fields;
    if (step->then == LineShapes::Then::kText) [[likely]] {
      const char* const stop = FindStringStop(at, end);
      if (stop >= end) return false;
      std::string_view text(at, static_cast<size_t>(stop - at));
      if (*stop == '"') [[likely]] {
        at = stop + 1;
      } else {
        text = ReadUnusual(&at, stop, end);
        if (text.data() == nullptr) return false;
      }
      if (!values_.SetAt(step->place, FieldValue::Kind::kText, text)) return false;
    } else if (step->then == LineShapes::Then::kScalar) {
      FieldValue::Kind kind = FieldValue::Kind::kNumber;
      const std::string_view text = ReadScalar(at, end, &kind);
      if (text.empty()) return false;
      at += text.size();
      if (!values_.SetAt(step->place, kind, text)) return false;
    } else {
      return fields <= kRecordFieldsMax && values_.Finish();
    }
  }
  return false;
}

std::string_view NdjsonSource::ReadUnusual(const char** at, const char* stop, const char* end) {
  bool escaped = false;
  bool ascii = true;
  for (; stop < end && *stop != '"'; ++stop) {
    const auto byte = static_cast<unsigned char>(*stop);
    if (byte < 0x20) return {};
    if (byte >= 0x80) ascii = false;
    if (byte == '\\') {
      escaped = true;
      ++stop;  // whatever it is, Unescape looks at it
    }
  }
  if (stop >= end) return {};
  const std::string_view inside(*at, static_cast<size_t>(stop - *at));
  if (!ascii && !IsUtf8(inside)) return {};
  *at = stop + 1;
  return escaped ? Unescape(inside) : inside;
}

std::string_view NdjsonSource::ReadScalar(const char* at, const char* end, FieldValue::Kind* kind) noexcept {
  const char* behind = at;
  while (behind != end && IsDigit(*behind)) ++behind;
  if (behind != at && (*at != '0' || behind == at + 1) && (behind == end || !IsNumberByte(*behind)))
      [[likely]]
    return {at, static_cast<size_t>(behind - at)};  // a whole number
  const std::string_view left(at, static_cast<size_t>(end - at));
  for (const std::string_view word : {"true", "false", "null"}) {
    if (!left.starts_with(word)) continue;
    *kind = word == "null" ? FieldValue::Kind::kNull : FieldValue::Kind::kBool;
    return left.substr(0, word.size());
  }
  while (behind != end && IsNumberByte(*behind)) ++behind;
  const std::string_view number(at, static_cast<size_t>(behind - at));
  return IsJsonNumber(number) ? number : std::string_view();
}

bool NdjsonSource::ReadByTokens(std::string_view line) {
  line_ = line.data();
  fields_ = 0;
  in_list_ = false;
  error_field_ = FieldId::kFirstUnknown;
  noted_.clear();
  At at = line_at_;
  const bool is_object = at != tokens_end_ && base_[*at] == '{';
  at = is_object ? ReadObject(at + 1, FieldPaths::kRoot, 1) : ReadValue(at, FieldPaths::kNone, 0);
  if (at == nullptr) return false;
  // The record ends in this line, and nothing stands behind it.
  const char* const line_end = line.data() + line.size();
  if (base_ + at[-1] >= line_end || (at != tokens_end_ && base_ + *at < line_end))
    return ErrorAt(at, ReadError::kNotJson) != nullptr;
  error_at_ = line_at_ = at;
  if (!is_object) {
    error_ = ReadError::kNotObject;
    return false;
  }
  if (!values_.Finish()) return ValueError();
  if (learning_) shapes_.Learn(line, noted_, values_);
  return true;
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
    const Node child =
        node == FieldPaths::kNone
            ? FieldPaths::kNone
            : values_.paths().Find(node, key, &hints_[static_cast<unsigned>(fields_) % hints_.size()]);
    at += 2;
    if (at != tokens_end_ && base_[*at] == '"') {
      // Most values are texts: read here, without a call.
      const std::string_view raw = TokenText(at);
      const std::string_view text = ReadString(raw);
      if (text.data() == nullptr) return ErrorAt(at, error_);
      if (learning_) Note(raw, child);
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
  const std::string_view raw = TokenText(at);
  std::string_view text = raw;
  switch (base_[*at]) {
    case '"':
      text = ReadString(text);
      if (text.data() == nullptr) return ErrorAt(at, error_);
      break;
    case '{':
      if (node != FieldPaths::kNone && !in_list_ && !values_.MayBeObject(node)) {
        ValueError();
        return ErrorAt(at, error_);
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
  if (learning_) Note(raw, node);
  if (node != FieldPaths::kNone && !SetValue(node, kind, text)) return ErrorAt(at, error_);
  return at + 1;
}

std::string_view NdjsonSource::ReadEscaped(std::string_view raw) {
  error_ = ReadError::kNotJson;
  if (raw.size() < 2 || raw.back() != '"') return {};
  const char* const begin = raw.data() + 1;
  const size_t size = raw.size() - 2;
  if (backslash_ < begin) {
    const auto* const found =
        static_cast<const char*>(std::memchr(begin, '\\', static_cast<size_t>(block_end_ - begin)));
    backslash_ = found != nullptr ? found : block_end_;
    if (backslash_ >= begin + size) return {begin, size};
  }
  return Unescape({begin, size});
}

std::string_view NdjsonSource::Unescape(std::string_view inside) {
  char* const out = batch_->text.Allocate(inside.size() + FieldPaths::kKeyPadding);
  const int64_t written = UnescapeJson(inside, out);
  if (written < 0) return {};
  return {out, static_cast<size_t>(written)};
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
