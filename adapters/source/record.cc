#include "adapters/source/record.h"

#include <array>
#include <charconv>
#include <optional>
#include <utility>
#include <vector>

#include "adapters/source/ndjson.h"
#include "engine/status.h"

namespace stockade {
namespace {

// What a line may say of itself, and what it is then.
struct Word {
  std::string_view name;
  RecordKind kind;
};
constexpr std::string_view kSeenWord = "stockade.seen";
constexpr std::array<Word, 12> kWords = {{{"stockade.attempt", RecordKind::kAttempt},
                                          {kSeenWord, RecordKind::kAttempt},
                                          {"stockade.observe", RecordKind::kOutcome},
                                          {"stockade.abandon", RecordKind::kAbandoned},
                                          {"stockade.mode", RecordKind::kMode},
                                          {"stockade.reload", RecordKind::kReloaded},
                                          {"stockade.order", RecordKind::kOrdered},
                                          {"stockade.restore", RecordKind::kRestored},
                                          {"stockade.release", RecordKind::kReleased},
                                          {"stockade.enforcing", RecordKind::kEnforcing},
                                          {"stockade.familiar", RecordKind::kFamiliar},
                                          {"stockade.record", RecordKind::kBegun}}};

class RecordSource final : public Source {
 public:
  // The table of the rules, and our words behind it: the ids of the others stay what they are.
  static absl::StatusOr<std::unique_ptr<Source>> Make(std::unique_ptr<ByteReader> bytes,
                                                      const SourceOptions& options) {
    std::unique_ptr<RecordSource> source(new RecordSource);
    if (options.fields != nullptr) source->fields_ = *options.fields;
    for (size_t i = 0; i < kWords.size(); ++i) {
      const std::optional<FieldId> id = source->fields_.Intern(kWords[i].name);
      if (!id)
        return absl::ResourceExhaustedError("the rules ask for too many fields to read a record beside them");
      source->ids_[i] = *id;
    }
    SourceOptions own;
    own.fields = &source->fields_;
    own.hash_key = options.hash_key;
    ASSIGN_OR_RETURN(source->lines_, MakeNdjsonSource(std::move(bytes), own));
    return std::unique_ptr<Source>(std::move(source));
  }

  absl::StatusOr<bool> Read(Batch* batch) override {
    const absl::StatusOr<bool> more = lines_->Read(batch);
    if (more.ok() && *more) {
      for (Record& record : batch->records) Understand(&record, batch);
    }
    counters_ = lines_->counters();
    counters_.errors[static_cast<size_t>(ReadError::kNotThisFormat)] += misunderstood_;
    return more;
  }
  const SourceCounters& counters() const override { return counters_; }

 private:
  RecordSource() = default;

  void Understand(Record* record, Batch* batch) {
    if (!record->ok()) return;
    extra_.clear();
    const FieldValue* said = nullptr;
    size_t word = 0;
    for (const ExtraField& field : record->event.attempt.extra) {
      size_t i = 0;
      while (i < ids_.size() && ids_[i] != field.id) ++i;
      if (i == ids_.size()) {
        extra_.push_back(field);
      } else if (said == nullptr) {
        said = &field.value;
        word = i;
      }
    }
    if (said == nullptr || !Take(kWords[word].kind, *said, record)) {
      record->error = ReadError::kNotThisFormat;
      record->event = LoginEvent{};
      ++misunderstood_;
      return;
    }
    if (kWords[word].name == kSeenWord) {
      record->witnessed = true;
      record->number = 0;
    }
    // The rules did not ask for our words, and know no ids beyond theirs.
    record->event.attempt.extra = batch->extra.Copy(extra_);
  }

  static bool Take(RecordKind kind, const FieldValue& said, Record* record) noexcept {
    record->kind = kind;
    switch (kind) {
      case RecordKind::kMode:
        for (size_t i = 0; i < std::size(kModeWords); ++i) {
          if (kModeWords[i] == said.text) {
            record->number = i;
            return true;
          }
        }
        return false;
      case RecordKind::kReloaded:
        return true;
      case RecordKind::kOrdered:
      case RecordKind::kRestored:
      case RecordKind::kReleased:
      case RecordKind::kFamiliar:
        record->text = said.text;
        return said.kind == FieldValue::Kind::kText;
      case RecordKind::kEnforcing:
        record->number = said.text == "true" ? 1 : 0;
        return said.kind == FieldValue::Kind::kBool;
      case RecordKind::kAttempt:
      case RecordKind::kOutcome:
      case RecordKind::kAbandoned:
      case RecordKind::kBegun: {
        const char* const end = said.text.data() + said.text.size();
        const auto [stopped, failed] = std::from_chars(said.text.data(), end, record->number);
        return failed == std::errc() && stopped == end;
      }
    }
    return false;
  }

  // In the order of the engine's Mode, which stands right of what sources know.
  static constexpr std::string_view kModeWords[] = {"observe", "protect", "certificate-only",
                                                    "established-only"};

  FieldTable fields_;
  std::array<FieldId, kWords.size()> ids_{};
  std::unique_ptr<Source> lines_;
  SourceCounters counters_;
  uint64_t misunderstood_ = 0;
  std::vector<ExtraField> extra_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Source>> MakeRecordSource(std::unique_ptr<ByteReader> bytes,
                                                         const SourceOptions& options) {
  return RecordSource::Make(std::move(bytes), options);
}

Recognition RecognizeRecord(std::span<const std::string_view> lines, const SourceOptions&) {
  Recognition found;
  for (const std::string_view line : lines) found.matched += line.starts_with("{\"stockade\":{\"") ? 1 : 0;
  found.why = "are those of a gate's record";
  return found;
}

}  // namespace stockade
