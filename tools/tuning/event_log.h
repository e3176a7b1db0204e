// A log in memory, decoded once, so that many settings can be tried on it at the same time.
//
//   ASSIGN_OR_RETURN(EventLog log, EventLog::Read(source, limits));
//   for (const EventLog::Step& step : log.steps()) { const LoginEvent event = log.At(step.attempt()); … }
//
// Attempts are kept in the order in which they were read, with every field that the engine or a rule of the source's FieldTable
// asks for. Equal texts are kept once. What a gate's record says of outcomes that came later is a step of its own; what it says of
// modes, orders and reloads is counted and left out: candidates have settings of their own.
//
// Memory: some 110 bytes an attempt, and each different text once; at most `bytes_max`, else Read ends with an error that says how far
// it came and what to do. At is a handful of look-ups, some 20 ns, and allocates nothing. After Read it is constant: threads share
// it without a lock.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "adapters/source/source.h"
#include "engine/event/login_event.h"

namespace stockade {

// Each different text once, by a number. 0 is an absent one, 1 the empty one.
class TextPool {
 public:
  TextPool();
  TextPool(TextPool&&) = default;
  TextPool& operator=(TextPool&&) = default;

  uint32_t Keep(std::string_view text);
  std::string_view Of(uint32_t number) const noexcept { return texts_[number]; }
  size_t size() const noexcept { return texts_.size(); }
  size_t bytes() const noexcept;

 private:
  std::unique_ptr<TextArena> arena_;
  std::vector<std::string_view> texts_;
  absl::flat_hash_map<absl::string_view, uint32_t> numbers_;
  size_t arena_bytes_ = 0;
};

class EventLog {
 public:
  class Step {
   public:
    Step(size_t attempt, bool is_outcome)
        : bits_(static_cast<uint32_t>(attempt) << 1 | (is_outcome ? 1U : 0U)) {}
    uint32_t attempt() const noexcept { return bits_ >> 1; }
    // What came of it, where that was not known when it was made.
    bool is_outcome() const noexcept { return (bits_ & 1) != 0; }

   private:
    uint32_t bits_;
  };
  // What a step can number, less what one batch may hold.
  static constexpr size_t kAttemptsMax = (size_t{1} << 31) - (size_t{1} << 20);

  struct Options {
    size_t bytes_max = 0;
    // Asked now and then; false ends Read with Cancelled.
    std::function<bool(const SourceCounters&)> goes_on = nullptr;
    // Tells an attempt what its event leaves out, before it is kept; null: nothing.
    std::function<void(Attempt*)> tell = nullptr;
  };
  // What was read and is no attempt.
  struct Notes {
    uint64_t unreadable = 0;
    uint64_t left_out = 0;  // orders, modes and reloads of a gate's record
  };

  // Reads `source` to its end. Errors: the source's own; ResourceExhausted where the log does not fit; Cancelled.
  static absl::StatusOr<EventLog> Read(Source* source, const Options& options);

  size_t size() const noexcept { return size_; }
  std::span<const Step> steps() const noexcept { return steps_; }
  const Notes& notes() const noexcept { return notes_; }
  size_t bytes() const noexcept;

  // The attempt as it was read; texts live as long as the log. With its outcome, also where that came later.
  LoginEvent At(size_t attempt) const noexcept;
  // Its outcome comes in a step of its own, or never.
  bool outcome_is_late(size_t attempt) const noexcept { return Of(attempt).late; }
  int64_t time_ms(size_t attempt) const noexcept { return Of(attempt).time_ns / 1'000'000; }
  Outcome outcome(size_t attempt) const noexcept { return Of(attempt).outcome; }
  Address source(size_t attempt) const noexcept { return Of(attempt).source; }
  // Numbers of texts, below accounts() and texts().
  uint32_t account(size_t attempt) const noexcept { return Of(attempt).account; }
  uint32_t device(size_t attempt) const noexcept { return Of(attempt).device; }
  uint32_t user_agent(size_t attempt) const noexcept { return Of(attempt).user_agent; }
  uint32_t ja4(size_t attempt) const noexcept { return Of(attempt).ja4; }
  uint32_t password_id(size_t attempt) const noexcept { return Of(attempt).password_id; }
  // The line that verdict files and labels name; ascending, equal for attempts that one line stands for.
  uint64_t line(size_t attempt) const noexcept { return Of(attempt).line; }

  size_t accounts() const noexcept { return accounts_.size(); }
  std::string_view AccountName(uint32_t account) const noexcept { return accounts_.Of(account); }

 private:
  struct Kept {
    int64_t time_ns;
    uint64_t line;
    Address source;
    uint32_t account;  // of accounts_, the others of texts_
    uint32_t user_agent;
    uint32_t ja3;
    uint32_t ja4;
    uint32_t path;
    uint32_t request_id;
    uint32_t country;
    uint32_t password_id;
    uint32_t device;
    uint32_t channel;
    uint32_t header_order;
    uint32_t tls_stack;
    uint32_t tls_mismatch;
    uint32_t asn;
    uint32_t extra_count;
    uint64_t extra_begin;
    CertificateStatus certificate;
    bool certificate_present;
    CanAsk can_ask;
    bool late;
    Outcome outcome;
    ChallengeResults challenge;
  };
  static constexpr size_t kChunk = size_t{1} << 14;  // attempts
  // An attempt's texts, and where the number of each is kept: written and read back by one list.
  struct KeptText {
    uint32_t Kept::*number;
    std::string_view Attempt::*text;
  };
  static const std::array<KeptText, 12> kKeptTexts;

  const Kept& Of(size_t attempt) const noexcept { return chunks_[attempt / kChunk][attempt % kChunk]; }
  Kept& Of(size_t attempt) noexcept { return chunks_[attempt / kChunk][attempt % kChunk]; }
  void Keep(const Record& record);

  std::vector<std::unique_ptr<Kept[]>> chunks_;
  size_t size_ = 0;
  std::vector<Step> steps_;
  std::vector<std::vector<ExtraField>> extras_;  // of those attempts that have some
  size_t extra_bytes_ = 0;
  TextPool texts_;
  TextPool accounts_;
  Notes notes_;
};

}  // namespace stockade
