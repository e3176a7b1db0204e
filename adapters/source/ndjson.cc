#include "adapters/source/ndjson.h"

#include "adapters/source/field_values.h"
#include "adapters/source/json_bytes.h"
#include "adapters/source/json_tokens.h"
#include "adapters/source/line_shapes.h"
#include "adapters/source/line_source.h"
#include "adapters/source/record_reader.h"
#include "engine/event/digits.h"

namespace stockade {
namespace {

// A byte that numbers may hold.
bool IsNumberByte(char c) noexcept {
  return IsDigit(c) || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

// The inside of a string that is not plain at `stop`, up to its closing quote; moves *at behind that. Null data
// for none.
std::string_view ReadUnusual(const char** at, const char* stop, const char* end, TextArena* arena) {
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
  return escaped ? Unescape(inside, arena) : inside;
}

// The number or the word at `at`, as far as it goes; empty for none. *kind is kNumber at first.
std::string_view ReadScalar(const char* at, const char* end, FieldValue::Kind* kind) noexcept {
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

class NdjsonSource final : public LineSource {
 public:
  NdjsonSource(std::unique_ptr<ByteReader> bytes, const SourceOptions& options)
      : LineSource(std::move(bytes)), values_(options) {}

 private:
  void BeginBlock(std::string_view block) override { by_tokens_.BeginBlock(block); }
  void ReadLine(const Line& line, Batch* batch) override;

  // Reads a line whose shape is known. False: it is not, or something is wrong with the line; it is to be read
  // by its tokens then, from the begin.
  bool ReadByShape(std::string_view line, Batch* batch);

  FieldValues values_;
  LineShapes shapes_;
  RecordReader by_tokens_{&values_};
};

void NdjsonSource::ReadLine(const Line& line, Batch* batch) {
  // So many lines in a row that had no known shape, and their tokens are found for many at once.
  constexpr uint32_t kMany = 4;
  Record* const record = AddRecord(line, batch);
  if (shapes_.WorthTrying()) {
    values_.Begin(&record->event, batch);
    if (ReadByShape(line.text, batch)) [[likely]] {
      shapes_.Hit();
      return;
    }
    record->event = LoginEvent{};
  }
  const bool learning = shapes_.Miss();
  values_.Begin(&record->event, batch);
  if (const ReadError error = by_tokens_.Find(line.text, shapes_.misses() >= kMany);
      error != ReadError::kNone) {
    Fail(record, error);
  } else if (!by_tokens_.Read(line.text, batch, learning)) {
    Fail(record, by_tokens_.error(), by_tokens_.error_offset(), by_tokens_.error_field());
  } else if (learning) {
    shapes_.Learn(line.text, by_tokens_.noted(), values_);
  }
}

bool NdjsonSource::ReadByShape(std::string_view line, Batch* batch) {
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
        text = ReadUnusual(&at, stop, end, &batch->text);
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
    while (!line.empty() && IsJsonSpace(line.front())) line.remove_prefix(1);
    while (!line.empty() && IsJsonSpace(line.back())) line.remove_suffix(1);
    if (!line.starts_with('{') || !line.ends_with('}')) continue;
    ++found.matched;
    if (line.find(time_key) != std::string_view::npos) ++with_time;
  }
  found.why = with_time * 2 >= found.matched ? "are JSON objects with " + time_path : "are JSON objects";
  return found;
}

}  // namespace stockade
