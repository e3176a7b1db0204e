#include "adapters/source/merge.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <limits>
#include <utility>

#include "engine/status.h"

namespace stockade {
namespace {

// About what one block of a single input holds.
constexpr size_t kRecordsPerBatch = 2048;

class MergedSource final : public Source {
 public:
  explicit MergedSource(std::vector<std::unique_ptr<Source>> inputs) : inputs_(inputs.size()) {
    for (size_t i = 0; i < inputs.size(); ++i) inputs_[i].source = std::move(inputs[i]);
  }

  absl::StatusOr<bool> Read(Batch* batch) override {
    batch->Clear();
    if (!started_) {
      started_ = true;
      for (uint32_t i = 0; i < inputs_.size(); ++i) Push(i);
    }
    while (!order_.empty() && batch->records.size() < kRecordsPerBatch) {
      std::pop_heap(order_.begin(), order_.end(), Later);
      const Head head = order_.back();
      order_.pop_back();
      Drain(head.input, batch);
      Push(head.input);
    }
    Count();
    if (!batch->records.empty()) return true;
    if (!error_.ok()) return error_;
    return false;
  }

  const SourceCounters& counters() const override { return counters_; }
  std::map<std::string, uint64_t> missed_paths() const override {
    std::map<std::string, uint64_t> all;
    for (const Input& input : inputs_) {
      for (const auto& [path, count] : input.source->missed_paths()) all[path] += count;
    }
    return all;
  }
  // Of inputs that have the same figures, their sums.
  std::vector<SourceFigure> figures() const override {
    std::vector<SourceFigure> all;
    for (const Input& input : inputs_) {
      for (SourceFigure& figure : input.source->figures()) {
        const auto same = std::find_if(all.begin(), all.end(), [&figure](const SourceFigure& known) {
          return known.name == figure.name;
        });
        if (same != all.end()) {
          same->count += figure.count;
        } else {
          all.push_back(std::move(figure));
        }
      }
    }
    return all;
  }

 private:
  struct Input {
    std::unique_ptr<Source> source;
    std::deque<std::shared_ptr<Batch>> batches;  // the front one is being delivered
    size_t next = 0;                             // record of the front batch
    uint64_t lines = 0;                          // that positions have counted
    bool unreadable_run = false;  // run_time is that of the records up to the next readable one
    int64_t run_time = 0;
    bool ended = false;
    uint64_t judged_line = 0;  // the last of which `counted` was told
    SshdConnections::Counted counted = SshdConnections::Counted::kAll;
  };
  struct Head {
    int64_t time;
    uint32_t input;
  };

  static bool Later(const Head& a, const Head& b) noexcept {
    return a.time != b.time ? a.time > b.time : a.input > b.input;
  }

  // One more batch of an input; false at its end.
  bool ReadAhead(Input* input) {
    if (input->ended) return false;
    std::shared_ptr<Batch> batch = Free();
    absl::StatusOr<bool> more = input->source->Read(batch.get());
    if (more.ok() && *more) {
      input->batches.push_back(std::move(batch));
      return true;
    }
    input->ended = true;
    pool_.push_back(std::move(batch));
    if (!more.ok() && error_.ok()) error_ = more.status();
    return false;
  }

  // A batch that nobody points into any more.
  std::shared_ptr<Batch> Free() {
    for (auto& batch : pool_) {
      if (batch.use_count() != 1) continue;
      // The last other owner may have been another thread: what it read must be read before we overwrite it.
      std::atomic_thread_fence(std::memory_order_acquire);
      std::swap(batch, pool_.back());
      std::shared_ptr<Batch> free = std::move(pool_.back());
      pool_.pop_back();
      return free;
    }
    return std::make_shared<Batch>();
  }

  // The time at which the next record of an input is due; false if there is none.
  bool NextTime(Input* input, int64_t* time) {
    while (input->batches.empty() || input->next == input->batches.front()->records.size()) {
      if (!input->batches.empty()) {
        pool_.push_back(std::move(input->batches.front()));
        input->batches.pop_front();
        input->next = 0;
      }
      if (input->batches.empty() && !ReadAhead(input)) return false;
    }
    const Record& record = input->batches.front()->records[input->next];
    if (record.ok()) {
      input->unreadable_run = false;
      *time = record.event.attempt.time_ns;
      return true;
    }
    if (!input->unreadable_run) {
      input->unreadable_run = true;
      input->run_time = RunTime(input);
    }
    *time = input->run_time;
    return true;
  }

  // The time of the next readable record, or the begin of time.
  int64_t RunTime(Input* input) {
    size_t from = input->next;
    for (size_t i = 0; i < kLookaheadBatches; ++i) {
      if (i == input->batches.size() && !ReadAhead(input)) break;
      const std::vector<Record>& records = input->batches[i]->records;
      const auto found = std::find_if(records.begin() + static_cast<ptrdiff_t>(from), records.end(),
                                      [](const Record& record) { return record.ok(); });
      if (found != records.end()) return found->event.attempt.time_ns;
      from = 0;
    }
    return std::numeric_limits<int64_t>::min();
  }

  void Push(uint32_t index) {
    Input& input = inputs_[index];
    int64_t time = 0;
    if (NextTime(&input, &time)) {
      order_.push_back(Head{time, index});
      std::push_heap(order_.begin(), order_.end(), Later);
    } else {
      const uint64_t lines = input.source->counters().lines;
      lines_ += lines - std::min(lines, input.lines);  // those behind its last record
      input.lines = lines;
    }
  }

  // Delivers records of one input while it stays the earliest and its front batch lasts.
  void Drain(uint32_t index, Batch* out) {
    Input& input = inputs_[index];
    const std::shared_ptr<Batch> front = input.batches.front();
    bool any = false;
    while (input.next < front->records.size() && out->records.size() < kRecordsPerBatch) {
      int64_t time = 0;
      if (!NextTime(&input, &time)) break;
      if (!order_.empty() && Later(Head{time, index}, order_.front())) break;
      if (!Counts(&input)) {
        ++input.next;
        any = true;
        continue;
      }
      Record& record = out->records.emplace_back(front->records[input.next++]);
      record.connection = {};
      lines_ += record.line - input.lines;
      input.lines = record.line;
      record.input = index;
      record.position = lines_;
      any = true;
    }
    if (any && (out->parts.empty() || out->parts.back() != front)) out->parts.push_back(front);
  }

  // Whether the next record of an input is one: of a connection that has had it, it is none.
  bool Counts(Input* input) {
    const std::vector<Record>& records = input->batches.front()->records;
    const Record& record = records[input->next];
    if (record.connection.kind == ConnectionWord::Kind::kNone) return true;
    const bool is_first = record.line != input->judged_line;
    if (is_first) {
      input->judged_line = record.line;
      input->counted = connections_.Take(record.connection);
    }
    using Counted = SshdConnections::Counted;
    const bool counts =
        input->counted == Counted::kAll || (input->counted == Counted::kAllButFirst && !is_first);
    if (counts) return true;
    ++left_out_;
    // All attempts of a line lie in one batch.
    const bool is_last = input->next + 1 == records.size() || records[input->next + 1].line != record.line;
    if (is_last && (is_first || input->counted == Counted::kNone)) ++left_out_lines_;
    return false;
  }

  void Count() {
    SourceCounters sum;
    bool known = true;
    for (const Input& input : inputs_) {
      sum += input.source->counters();
      known =
          known && (input.source->counters().stored_bytes_total != 0 || input.source->counters().lines == 0);
    }
    if (!known) sum.stored_bytes_total = 0;
    sum.records -= left_out_;
    sum.other += left_out_lines_;
    counters_ = sum;
  }

  std::vector<Input> inputs_;
  std::vector<Head> order_;  // a heap, earliest in front
  std::vector<std::shared_ptr<Batch>> pool_;
  SourceCounters counters_;
  absl::Status error_;
  SshdConnections connections_;
  uint64_t left_out_ = 0;        // records of connections that had had them
  uint64_t left_out_lines_ = 0;  // lines of which no record is left
  uint64_t lines_ = 0;
  bool started_ = false;
};

}  // namespace

std::unique_ptr<Source> MergeSources(std::vector<std::unique_ptr<Source>> inputs) {
  return std::make_unique<MergedSource>(std::move(inputs));
}

}  // namespace stockade
