// What the fields of one JSON record say → its LoginEvent. The reader of JSON finds values and where they
// belong; here they are understood.
//
// Used as (Begin Set* Finish)*, a failed Set or Finish ending the record early. Lists: of known fields the
// first element counts, of fields beyond them all are kept. A value set twice: the last one counts, beyond the
// known fields all. Texts must live as long as the batch. Not thread-safe; allocates nothing in a steady
// state.
#pragma once

#include <map>
#include <string_view>
#include <vector>

#include "adapters/source/field_paths.h"
#include "adapters/source/field_text.h"
#include "adapters/source/options.h"
#include "adapters/source/source.h"
#include "adapters/source/timestamp.h"

namespace stockade {

class FieldValues {
 public:
  using Node = FieldPaths::Node;

  // What to do with a value found at one place of a record, decided beforehand for a place that comes again
  // with every line (line_shapes.h).
  struct Place {
    enum class Way : uint8_t { kNothing, kMember, kTime, kKnown, kPasswordId, kOutcome, kReason, kAny };
    Way way = Way::kNothing;                 // kNothing: no value here is of interest; kAny: as Set says
    bool in_list = false;                    // behind the first element of a list
    FieldId field = FieldId::kFirstUnknown;  // of kKnown: SetField
    Node node = FieldPaths::kNone;
    std::string_view Attempt::*member = nullptr;  // of kMember
  };

  explicit FieldValues(const SourceOptions& options);

  const FieldPaths& paths() const noexcept { return paths_; }
  Place PlaceOf(Node node, bool in_list) const noexcept;
  // Whether an object may stand where `node` wants a value: not if it is a field, but for login.challenge. The
  // record is then unreadable, with error_field() set.
  bool MayBeObject(Node node) noexcept;

  void Begin(LoginEvent* event, Batch* batch) noexcept;
  // Each false with error() and error_field() set: the value cannot be.
  bool Set(Node node, FieldValue::Kind kind, std::string_view text, bool in_list);
  // Set of a value at a place.
  bool SetAt(const Place& place, FieldValue::Kind kind, std::string_view text) {
    if (kind == FieldValue::Kind::kNull && place.way != Place::Way::kAny) return true;
    if (place.way == Place::Way::kMember) [[likely]] {
      event_->attempt.*place.member = text;
      return true;
    }
    switch (place.way) {
      case Place::Way::kNothing:
      case Place::Way::kMember:
        return true;
      case Place::Way::kOutcome:
        outcome_ = text;
        return true;
      case Place::Way::kReason:
        reason_ = text;
        return true;
      case Place::Way::kTime:
        return SetTime(kind, text);
      case Place::Way::kKnown:
        return SetKnown(place.field, text);
      case Place::Way::kPasswordId:
        event_->attempt.password_id = ToPasswordId(text, hash_key_, &batch_->text);
        return true;
      case Place::Way::kAny:
        break;
    }
    return Set(place.node, kind, text, place.in_list);
  }
  // The record is whole: it has a time, and what came of the attempt is understood.
  bool Finish();

  ReadError error() const noexcept { return error_; }
  FieldId error_field() const noexcept { return error_field_; }

 private:
  bool SetPart(FieldPaths::Target target, FieldValue::Kind kind, std::string_view text);
  bool SetTime(FieldValue::Kind kind, std::string_view text);
  bool SetKnown(FieldId field, std::string_view text);
  bool Error(ReadError error, FieldId field) noexcept {
    error_ = error;
    error_field_ = field;
    return false;
  }

  const FieldPaths paths_;
  const std::map<std::string, Outcome> words_;
  const HashKey hash_key_;
  Iso8601Reader times_;

  // Of the record being read.
  Batch* batch_ = nullptr;
  LoginEvent* event_ = nullptr;
  bool has_time_ = false;
  std::string_view outcome_;
  std::string_view reason_;
  std::vector<ExtraField> extra_;
  ReadError error_ = ReadError::kNone;
  FieldId error_field_ = FieldId::kFirstUnknown;
};

}  // namespace stockade
