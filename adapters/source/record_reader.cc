#include "adapters/source/record_reader.h"

#include <cstring>

namespace stockade {

static_assert(kUnescapedPadding >= FieldPaths::kKeyPadding);

void RecordReader::BeginBlock(std::string_view block) {
  tokens_of_ = Of::kLine;
  backslash_ = block.data();
  block_end_ = block.data() + block.size();
}

ReadError RecordReader::Find(std::string_view line, bool many) {
  if (tokens_of_ == Of::kLine && many) {
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

bool RecordReader::Read(std::string_view line, Batch* batch, bool noting) {
  line_ = line.data();
  batch_ = batch;
  fields_ = 0;
  in_list_ = false;
  noting_ = noting;
  noted_.clear();
  error_field_ = FieldId::kFirstUnknown;
  const char* const line_end = line.data() + line.size();
  const bool is_object = line_at_ != tokens_end_ && base_[*line_at_] == '{';
  At at =
      is_object ? ReadObject(line_at_ + 1, FieldPaths::kRoot, 1) : ReadValue(line_at_, FieldPaths::kNone, 0);
  if (at == nullptr) {
    at = error_at_;
  } else if (base_ + at[-1] >= line_end || (at != tokens_end_ && base_ + *at < line_end)) {
    error_ = ReadError::kNotJson;  // reads on into the lines behind it, or something stands behind the value
  } else {
    line_at_ = at;
    error_offset_ = line.size();
    if (is_object) return values_.Finish() || ValueError();
    error_ = ReadError::kNotObject;
    return false;
  }
  if (at != tokens_end_ && base_ + *at < line_end) {
    error_offset_ = static_cast<size_t>(base_ + *at - line_);
  } else {
    // The line ends too early. Whatever reading on found in the lines behind it is not its error.
    error_ = ReadError::kNotJson;
    error_field_ = FieldId::kFirstUnknown;
    error_offset_ = line.size();
  }
  return false;
}

inline std::string_view RecordReader::ReadString(std::string_view raw) {
  const char* const begin = raw.data() + 1;
  const size_t size = raw.size() - 2;
  if (raw.size() >= 2 && raw.back() == '"' && backslash_ >= begin + size) [[likely]]
    return {begin, size};
  return ReadEscaped(raw);
}

RecordReader::At RecordReader::ReadObject(At at, Node node, int depth) {
  if (depth > kNestingMax) return ErrorAt(at, ReadError::kTooDeep);
  if (at == tokens_end_) return ErrorAt(at, ReadError::kNotJson);
  if (base_[*at] == '}') return at + 1;
  while (true) {
    if (at == tokens_end_ || base_[*at] != '"') return ErrorAt(at, ReadError::kNotJson);
    if (++fields_ > kRecordFieldsMax) return ErrorAt(at, ReadError::kTooManyFields);
    if (at + 1 == tokens_end_ || base_[at[1]] != ':') return ErrorAt(at + 1, ReadError::kNotJson);
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
      if (noting_) Note(raw, child);
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

RecordReader::At RecordReader::ReadArray(At at, Node node, int depth) {
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

RecordReader::At RecordReader::ReadValue(At at, Node node, int depth) {
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
  if (noting_) Note(raw, node);
  if (node != FieldPaths::kNone && !SetValue(node, kind, text)) return ErrorAt(at, error_);
  return at + 1;
}

std::string_view RecordReader::ReadEscaped(std::string_view raw) {
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
  return Unescape({begin, size}, &batch_->text);
}

}  // namespace stockade
