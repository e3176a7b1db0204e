#include "adapters/source/source.h"

#include <algorithm>
#include <cstring>

#include "engine/text.h"

namespace stockade {

std::string_view Help(ReadError error) noexcept {
  static constexpr std::array<std::string_view, kReadErrorCount> kHelp = {
      "",
      "the line is longer than 1 MiB",
      "the line is not UTF-8",
      "the line is not well-formed JSON",
      "the line is JSON but not an object",
      "objects and lists nest deeper than 32 levels",
      "the record has more than 8192 fields",
      "the record has no @timestamp",
      "the time cannot be read; write ISO 8601, or seconds or milliseconds since 1970",
      "source.ip is not an IPv4 or IPv6 address",
      "a known field holds a value outside its vocabulary",
      "the row has another number of columns than the header",
      "a quoted column does not end",
      "the line does not have the shape of this format",
  };
  return kHelp[static_cast<size_t>(error)];
}

std::string ErrorText(const Record& record, std::string_view format) {
  std::string text = Concat(Name(record.error), ": ");
  if (record.error == ReadError::kBadValue && record.error_field < FieldId::kFirstUnknown) {
    const bool outcome =
        record.error_field == FieldId::kEventOutcome || record.error_field == FieldId::kEventReason;
    return Concat(text, kKnownFieldNames[static_cast<size_t>(record.error_field)],
                  " holds a value outside its vocabulary",
                  outcome ? "; input.outcomes says what a word of the log means" : "");
  }
  if (record.error == ReadError::kBadTimestamp && format == "text")
    return Concat(text, "the time is not written as `time` of the format file says");
  const bool fixed = format == "sshd" || format == "combined" || format == "haproxy";
  if (record.error == ReadError::kBadTimestamp && fixed)
    return Concat(text, "the time is not written as this format writes it, or there is no such day");
  return Concat(text, Help(record.error));
}

char* TextArena::Allocate(size_t size) {
  while (block_ < blocks_.size() && blocks_[block_].size - used_ < size) {
    ++block_;
    used_ = 0;
  }
  if (block_ == blocks_.size()) {
    const size_t room = std::max(size, kBlockBytes);
    blocks_.push_back(Block{std::make_unique_for_overwrite<char[]>(room), room});
    used_ = 0;
  }
  char* const out = blocks_[block_].bytes.get() + used_;
  used_ += size;
  return out;
}

std::string_view TextArena::Copy(std::string_view text) {
  char* const out = Allocate(text.size());
  if (!text.empty()) std::memcpy(out, text.data(), text.size());
  return std::string_view(out, text.size());
}

std::span<const ExtraField> ExtraArena::Copy(std::span<const ExtraField> fields) {
  if (fields.empty()) return {};
  while (block_ < blocks_.size() && blocks_[block_].size - used_ < fields.size()) {
    ++block_;
    used_ = 0;
  }
  if (block_ == blocks_.size()) {
    const size_t room = std::max(fields.size(), kBlockFields);
    blocks_.push_back(Block{std::make_unique<ExtraField[]>(room), room});
    used_ = 0;
  }
  ExtraField* const out = blocks_[block_].fields.get() + used_;
  std::copy(fields.begin(), fields.end(), out);
  used_ += fields.size();
  return {out, fields.size()};
}

SourceCounters& SourceCounters::operator+=(const SourceCounters& more) noexcept {
  lines += more.lines;
  records += more.records;
  blank += more.blank;
  other += more.other;
  bytes += more.bytes;
  stored_bytes += more.stored_bytes;
  stored_bytes_total += more.stored_bytes_total;
  for (size_t i = 0; i < kReadErrorCount; ++i) errors[i] += more.errors[i];
  return *this;
}

}  // namespace stockade
