// Deadlines of many connections for the price of one timer: a wheel of kSlots lists, one a tick. Moving a deadline
// further away, what each byte that moves does, is one store; the entry is looked at when its old slot comes up, and put
// where it belongs. So a deadline is met at most a tick late, never early.
//
// Owner: one worker; its thread only. Set and Cancel O(1), Advance O(entries whose slot came up). No allocation.
#pragma once

#include <array>
#include <cstdint>

namespace stockade {

class DeadlineWheel {
 public:
  // A twentieth of a second: a tenth of the shortest limit somebody would set for a network.
  static constexpr int64_t kTickNs = 50'000'000;
  // 51 s round; a deadline further away is looked at once a round.
  static constexpr size_t kSlots = 1024;

  // Not copied and not moved while it is set; cancels itself when it goes.
  class Entry {
   public:
    Entry() = default;
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;
    virtual ~Entry() { Unlink(); }
    // The deadline has passed; the entry is not set any more. May set it again, or delete the entry.
    virtual void OnDeadline() = 0;

   protected:
    friend class DeadlineWheel;
    void Unlink() noexcept {
      if (next_ == nullptr) return;
      next_->previous_ = previous_;
      previous_->next_ = next_;
      next_ = previous_ = nullptr;
    }
    Entry* next_ = nullptr;
    Entry* previous_ = nullptr;
    int64_t deadline_ns_ = 0;
    int64_t tick_ = 0;  // of the slot it stands in
  };

  explicit DeadlineWheel(int64_t now_ns) : tick_(now_ns / kTickNs) {
    for (Anchor& slot : slots_) slot.next_ = slot.previous_ = &slot;
  }

  void Set(Entry* entry, int64_t deadline_ns) noexcept {
    entry->deadline_ns_ = deadline_ns;
    const int64_t wanted = Clamp(deadline_ns / kTickNs + 1);
    if (entry->next_ != nullptr && entry->tick_ <= wanted) return;
    entry->Unlink();
    Link(entry, wanted);
  }
  void Cancel(Entry* entry) noexcept { entry->Unlink(); }

  // Calls what is due at `now_ns`.
  void Advance(int64_t now_ns) {
    const int64_t until = now_ns / kTickNs;
    while (tick_ < until) {
      ++tick_;
      // What is due is moved to a list of its own first: OnDeadline may set and delete entries.
      Anchor due;
      due.next_ = due.previous_ = &due;
      Anchor& slot = slots_[static_cast<size_t>(tick_) % kSlots];
      while (slot.next_ != &slot) {
        Entry* entry = slot.next_;
        entry->Unlink();
        entry->next_ = &due;
        entry->previous_ = due.previous_;
        due.previous_->next_ = entry;
        due.previous_ = entry;
      }
      while (due.next_ != &due) {
        Entry* entry = due.next_;
        entry->Unlink();
        if (entry->deadline_ns_ <= now_ns) {
          entry->OnDeadline();
        } else {
          Link(entry, Clamp(entry->deadline_ns_ / kTickNs + 1));
        }
      }
      due.next_ = due.previous_ = nullptr;
    }
  }

 private:
  struct Anchor final : Entry {
    void OnDeadline() override {}
    ~Anchor() override { next_ = previous_ = nullptr; }
    friend class DeadlineWheel;
  };

  int64_t Clamp(int64_t tick) const noexcept {
    if (tick <= tick_) return tick_ + 1;
    return tick - tick_ < static_cast<int64_t>(kSlots) ? tick : tick_ + static_cast<int64_t>(kSlots) - 1;
  }
  void Link(Entry* entry, int64_t tick) noexcept {
    Anchor& slot = slots_[static_cast<size_t>(tick) % kSlots];
    entry->tick_ = tick;
    entry->next_ = &slot;
    entry->previous_ = slot.previous_;
    slot.previous_->next_ = entry;
    slot.previous_ = entry;
  }

  int64_t tick_;
  std::array<Anchor, kSlots> slots_;
};

}  // namespace stockade
