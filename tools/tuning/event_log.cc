#include "tools/tuning/event_log.h"

#include <utility>

#include "engine/decision/decision.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

// What a hash map and a vector take for a text beside its bytes, half empty.
constexpr size_t kPerText = 2 * (sizeof(absl::string_view) + sizeof(uint32_t) + 1) + sizeof(std::string_view);

}  // namespace

TextPool::TextPool() : arena_(std::make_unique<TextArena>()) {
  texts_.emplace_back();
  texts_.emplace_back("", 0);
}

uint32_t TextPool::Keep(std::string_view text) {
  if (text.data() == nullptr) return 0;
  if (text.empty()) return 1;
  const auto found = numbers_.find(ToAbsl(text));
  if (found != numbers_.end()) return found->second;
  const auto number = static_cast<uint32_t>(texts_.size());
  const std::string_view kept = arena_->Copy(text);
  arena_bytes_ += kept.size();
  texts_.push_back(kept);
  numbers_.emplace(ToAbsl(kept), number);
  return number;
}

size_t TextPool::bytes() const noexcept {
  return arena_bytes_ + texts_.size() * kPerText;
}

size_t EventLog::bytes() const noexcept {
  return chunks_.size() * kChunk * sizeof(Kept) + steps_.capacity() * sizeof(Step) + extra_bytes_ +
         texts_.bytes() + accounts_.bytes();
}

constinit const std::array<EventLog::KeptText, 12> EventLog::kKeptTexts = {{
    {&Kept::user_agent, &Attempt::user_agent},
    {&Kept::ja3, &Attempt::ja3},
    {&Kept::ja4, &Attempt::ja4},
    {&Kept::path, &Attempt::path},
    {&Kept::request_id, &Attempt::request_id},
    {&Kept::country, &Attempt::country},
    {&Kept::password_id, &Attempt::password_id},
    {&Kept::device, &Attempt::device},
    {&Kept::channel, &Attempt::channel},
    {&Kept::header_order, &Attempt::header_order},
    {&Kept::tls_stack, &Attempt::tls_stack},
    {&Kept::tls_mismatch, &Attempt::tls_mismatch},
}};

void EventLog::Keep(const Record& record) {
  if (size_ % kChunk == 0) chunks_.push_back(std::make_unique<Kept[]>(kChunk));
  const Attempt& attempt = record.event.attempt;
  Kept& kept = Of(size_);
  kept.time_ns = attempt.time_ns;
  kept.line = record.position;
  kept.source = attempt.source;
  kept.account = accounts_.Keep(attempt.account);
  for (const KeptText& one : kKeptTexts) kept.*one.number = texts_.Keep(attempt.*one.text);
  kept.asn = attempt.asn;
  kept.certificate = attempt.certificate;
  kept.certificate_present = attempt.certificate_present;
  kept.can_ask = attempt.can_ask;
  kept.late = record.number != 0;
  kept.outcome = record.event.aftermath.outcome;
  kept.challenge = record.event.aftermath.challenge;
  kept.extra_count = static_cast<uint32_t>(attempt.extra.size());
  if (!attempt.extra.empty()) {
    std::vector<ExtraField> fields(attempt.extra.begin(), attempt.extra.end());
    for (ExtraField& field : fields) field.value.text = texts_.Of(texts_.Keep(field.value.text));
    kept.extra_begin = extras_.size();
    extra_bytes_ += sizeof fields + fields.size() * sizeof(ExtraField);
    extras_.push_back(std::move(fields));
  }
  steps_.emplace_back(size_, false);
  ++size_;
}

absl::StatusOr<EventLog> EventLog::Read(Source* source, const Options& options) {
  EventLog log;
  // Attempts of a gate's record that wait for their outcome, by input and number.
  absl::flat_hash_map<std::pair<uint32_t, uint64_t>, uint32_t> waiting;
  Batch batch;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, source->Read(&batch));
    if (!more) break;
    if (options.goes_on && !options.goes_on(source->counters())) return absl::CancelledError("interrupted");
    for (Record& record : batch.records) {
      if (!record.ok()) {
        ++log.notes_.unreadable;
        continue;
      }
      switch (record.kind) {
        case RecordKind::kAttempt:
          if (record.number != 0) waiting[{record.input, record.number}] = static_cast<uint32_t>(log.size_);
          if (options.tell) options.tell(&record.event.attempt);
          log.Keep(record);
          break;
        case RecordKind::kOutcome: {
          const auto found = waiting.find({record.input, record.number});
          if (found == waiting.end()) break;
          log.Of(found->second).outcome = record.event.aftermath.outcome;
          log.steps_.emplace_back(found->second, true);
          waiting.erase(found);
          break;
        }
        case RecordKind::kAbandoned:
          waiting.erase({record.input, record.number});
          break;
        case RecordKind::kBegun:
          break;
        default:
          ++log.notes_.left_out;
      }
    }
    if (log.size_ >= kAttemptsMax || log.bytes() > options.bytes_max) {
      return absl::ResourceExhaustedError(
          Concat("the log does not fit into ", options.bytes_max >> 20, " MiB: its first ", log.size_,
                 " attempts, until ", FormatTimeMs(log.time_ms(log.size_ - 1)),
                 ", fill them; give --log-memory more, or fewer days of the log"));
    }
  }
  return log;
}

LoginEvent EventLog::At(size_t attempt) const noexcept {
  const Kept& kept = Of(attempt);
  LoginEvent event;
  Attempt& made = event.attempt;
  made.time_ns = kept.time_ns;
  made.source = kept.source;
  made.account = accounts_.Of(kept.account);
  for (const KeptText& one : kKeptTexts) made.*one.text = texts_.Of(kept.*one.number);
  made.asn = kept.asn;
  made.certificate = kept.certificate;
  made.certificate_present = kept.certificate_present;
  made.can_ask = kept.can_ask;
  if (kept.extra_count > 0) made.extra = extras_[kept.extra_begin];
  event.aftermath = {kept.outcome, kept.challenge};
  return event;
}

}  // namespace stockade
