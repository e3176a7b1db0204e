// The contract of source adapters: bytes of a log become records, and every record is a LoginEvent or the
// reason why it is none.
//
// A source is read in batches:
//   Batch batch;
//   while (true) {
//     ASSIGN_OR_RETURN(const bool more, source->Read(&batch));
//     if (!more) break;
//     for (const Record& record : batch.records) { if (record.ok()) Use(record.event); else Report(record); }
//   }
//
// Bad bytes cost one record: it keeps its place in the order, carries a ReadError, is counted, and nothing
// else is lost. Lines that are no login attempts (cron in an auth.log, a GET in an access log) are no
// records: they are counted as `other`. Blank lines are skipped. A record is never reordered against another
// one of the same input.
//
// A Status comes back only where somebody must act: a file that cannot be opened or read, an archive that
// ends early or is damaged (after every whole line before the damage was delivered), UTF-16. Its message
// begins with the input and, where there is one, the line. After an error or the end every further Read gives
// the same again.
//
// Sources are not thread-safe; a source and its batches may move between threads together with a
// happens-before edge. The readers are deterministic: no clock, no locale, no environment; what a year-less
// date needs comes in by SourceOptions (options.h). Opening by name, with detection of the format:
// open_inputs.h.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "adapters/source/sshd_connections.h"
#include "engine/event/field.h"
#include "engine/event/login_event.h"

namespace stockade {

// Why a record could not be read. One row of kReadErrorNames each; the names appear in reports and never
// change.
enum class ReadError : uint8_t {
  kNone,
  kTooLong,        // longer than kLineBytesMax; skipped to its end
  kNotUtf8,        // JSON that is not UTF-8
  kNotJson,        // not well-formed JSON: the offset says where, as well as the parser knows
  kNotObject,      // JSON, but not an object
  kTooDeep,        // objects and lists nested deeper than kNestingMax
  kTooManyFields,  // more fields than kRecordFieldsMax
  kNoTimestamp,    // no time of the attempt
  kBadTimestamp,   // a time that cannot be read, or outside 1970..2262
  kBadAddress,     // a source address that is none
  kBadValue,       // another known field with a value outside its vocabulary
  kWrongColumns,   // a CSV row with another number of columns than its header
  kBadQuoting,     // a CSV row whose quotes do not close
  kNotThisFormat,  // a line that does not have the shape of this format at all
};
inline constexpr size_t kReadErrorCount = 14;
inline constexpr std::array<std::string_view, kReadErrorCount> kReadErrorNames = {
    "",          "too_long",        "not_utf8",     "not_json",       "not_object",
    "too_deep",  "too_many_fields", "no_timestamp", "bad_timestamp",  "bad_address",
    "bad_value", "wrong_columns",   "bad_quoting",  "not_this_format"};
constexpr std::string_view Name(ReadError error) noexcept {
  return kReadErrorNames[static_cast<size_t>(error)];
}
// A sentence for a person: what is wrong and what would be right.
std::string_view Help(ReadError error) noexcept;

// How deep a JSON record may nest, and how many fields it may have. ECS needs 5 levels and, at its widest,
// some hundreds of fields; a login event of ten thousand fields is an attack on the reader.
inline constexpr int kNestingMax = 32;
inline constexpr int kRecordFieldsMax = 8192;

// What a record is. All logs have attempts only, whose outcome stands with them; the rest comes from a record of a running
// gate (record.h), where the engine is to be told things at the place where it was told them then.
enum class RecordKind : uint8_t {
  kAttempt,
  kOutcome,    // what came of the attempt `number`: event.aftermath.outcome; nothing else of the event counts
  kAbandoned,  // nothing will ever come of the attempt `number`
  kMode,       // the gate's mode from here on: `number` is the engine's Mode
  kReloaded,   // the gate went on with other rules or settings
  kOrdered,    // an order that no rule gave: `text` is the decision, as JSON
  kRestored,   // one that stood before the gate began: the same
  kReleased,   // one that was taken out by hand: the same
  kEnforcing,  // the kill switch: `number` is 1 while standing decisions act, else 0
  kBegun,      // a gate began, with empty windows; `number` is the version of the record
  kFamiliar,   // it began with what a snapshot told it of who is at home: `text` is the snapshot's id
};

struct Record {
  uint64_t line = 0;      // 1-based line in its own input, where the record begins
  uint64_t position = 0;  // 1-based line counted over all inputs as merged: what verdict files print
  uint32_t input = 0;     // index of the input, in the order they were named
  uint32_t offset = 0;  // of the error, in bytes from the begin of the record; 0 where it is not known better
  ReadError error = ReadError::kNone;
  RecordKind kind = RecordKind::kAttempt;
  FieldId error_field = FieldId::kFirstUnknown;  // a known field that is to blame; kFirstUnknown: none
  bool witnessed =
      false;  // of an attempt of a record: it came by a live source, and was observed whatever the verdict
  // Of an attempt of a record: its outcome is not known yet and comes in a kOutcome of this number. 0: it is in `event`.
  uint64_t number = 0;
  ConnectionWord
      connection;  // of sshd's lines that are merged with others: whether it counts is told then (merge.h)
  std::string_view text;  // of kOrdered, kRestored, kReleased, kFamiliar; lives in the batch
  LoginEvent event;       // meaningful only if ok(); its text lives in the batch

  bool ok() const noexcept { return error == ReadError::kNone; }
};
// "bad_value: event.outcome holds a value outside its vocabulary": the error's name and Help, and the field
// where one is to blame. `format`: of its input, for advice that its lines can follow; empty: unknown. Only of a
// record that is not ok().
std::string ErrorText(const Record& record, std::string_view format = {});

// Bytes that stay where they are until Clear: for text that a line does not hold as such (unescaped strings,
// numbers written anew). Grows by blocks and keeps them, so that a steady stream allocates nothing.
class TextArena {
 public:
  // Room for `size` bytes, or nullptr never: grows as needed. Not zeroed.
  char* Allocate(size_t size);
  // Gives back the last `size` bytes of the last Allocate.
  void Return(size_t size) noexcept { used_ -= size; }
  std::string_view Copy(std::string_view text);
  void Clear() noexcept {
    block_ = 0;
    used_ = 0;
  }

 private:
  static constexpr size_t kBlockBytes = size_t{64} << 10;
  struct Block {
    std::unique_ptr<char[]> bytes;
    size_t size = 0;
  };
  std::vector<Block> blocks_;
  size_t block_ = 0;  // the one in use
  size_t used_ = 0;   // of it
};

// Extra fields of the records of one batch; a span into it stays valid until Clear.
class ExtraArena {
 public:
  std::span<const ExtraField> Copy(std::span<const ExtraField> fields);
  void Clear() noexcept {
    block_ = 0;
    used_ = 0;
  }

 private:
  static constexpr size_t kBlockFields = 1024;
  struct Block {
    std::unique_ptr<ExtraField[]> fields;
    size_t size = 0;
  };
  std::vector<Block> blocks_;
  size_t block_ = 0;
  size_t used_ = 0;
};

// Records and the bytes they point into. Everything in it is valid until it is filled again or destroyed,
// whatever happens to the source. Reusing one batch reuses its memory. Movable, not copyable.
struct Batch {
  std::vector<Record> records;

  // For sources: where text lives. `block` holds raw lines, followed by at least kBlockPadding readable
  // bytes.
  static constexpr size_t kBlockPadding = 64;  // simdjson reads up to 32 bytes past a document
  std::unique_ptr<char[]> block;
  size_t block_size = 0;  // room in it, without the padding
  TextArena text;
  ExtraArena extra;
  std::vector<std::shared_ptr<Batch>> parts;  // of a merged batch: the batches of its inputs

  Batch() = default;
  Batch(Batch&&) = default;
  Batch& operator=(Batch&&) = default;

  // Forgets the records and their text; keeps the memory.
  void Clear() noexcept {
    records.clear();
    text.Clear();
    extra.Clear();
    parts.clear();
  }
};

// What a source has seen so far. All are totals since it was opened.
struct SourceCounters {
  uint64_t lines = 0;               // every line, also blank and other ones
  uint64_t records = 0;             // delivered, readable or not
  uint64_t blank = 0;               // blank lines
  uint64_t other = 0;               // lines that are well formed and no login attempt
  uint64_t bytes = 0;               // after decompression
  uint64_t stored_bytes = 0;        // as stored: what progress is measured in
  uint64_t stored_bytes_total = 0;  // of all inputs; 0 if one of them (a pipe) has no known size
  std::array<uint64_t, kReadErrorCount> errors{};  // by ReadError; index 0 stays 0

  uint64_t unreadable() const noexcept {
    uint64_t sum = 0;
    for (const uint64_t count : errors) sum += count;
    return sum;
  }
  SourceCounters& operator+=(const SourceCounters& other_counters) noexcept;
};

// A figure of a source beside the counters that all have, for people and machines.
struct SourceFigure {
  std::string name;   // "packets", for machines
  std::string title;  // "packets, none of them lost"; for people
  uint64_t count = 0;
};

class Source {
 public:
  virtual ~Source() = default;

  // Clears the batch and fills it with the next records, at least one and about one block (64 KiB) of text.
  // False: the end, and the batch is empty.
  virtual absl::StatusOr<bool> Read(Batch* batch) = 0;
  virtual const SourceCounters& counters() const = 0;
  // The header row of a CSV, for the parts of the same log that lack one; empty for anything else.
  virtual std::string header() const { return {}; }
  // Of a log of requests that has held no attempt so far: paths that credentials may have been sent to, with
  // how often; the first kMissedPathsMax different ones. As the log writes them: not fit for a terminal.
  virtual std::map<std::string, uint64_t> missed_paths() const { return {}; }
  static constexpr size_t kMissedPathsMax = 256;
  // What else it can say of what it has read so far.
  virtual std::vector<SourceFigure> figures() const { return {}; }
};

}  // namespace stockade
