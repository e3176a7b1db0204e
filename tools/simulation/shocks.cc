#include "tools/simulation/shocks.h"

#include <algorithm>

namespace stockade {

Shocks::Shocks(const WorldOptions& options) {
  uint64_t number = 0;
  for (const ShockOptions& shock : options.shocks) {
    const int64_t begin_ms = options.start_ms + shock.at_ms;
    const int64_t end_ms = begin_ms + shock.span_ms;
    Chance chance = Chance::Of(options.seed, Stream::kShock, ++number);
    spans_.push_back({shock.kind, begin_ms, end_ms, shock.share_ppm, chance.Next()});
    if (shock.kind == ShockKind::kRush) rushes_.push_back({begin_ms, end_ms, shock.factor});
  }
}

const Shocks::Span* Shocks::Find(ShockKind kind, int64_t time_ms) const noexcept {
  for (const Span& span : spans_) {
    if (span.kind == kind && span.begin_ms <= time_ms && time_ms < span.end_ms) return &span;
  }
  return nullptr;
}

bool Shocks::BackEndOut(int64_t time_ms) const noexcept {
  return Find(ShockKind::kOutage, time_ms) != nullptr;
}

bool Shocks::Moved(uint32_t customer, int64_t time_ms) const noexcept {
  const Span* const span = Find(ShockKind::kCarrierOutage, time_ms);
  return span != nullptr && Meets(*span, customer);
}

bool Shocks::WrongFilled(uint32_t customer, int64_t time_ms) const noexcept {
  const Span* const span = Find(ShockKind::kPasswordManager, time_ms);
  return span != nullptr && Meets(*span, customer);
}

bool Shocks::HasNewRelease(uint32_t customer, int64_t time_ms) const noexcept {
  for (const Span& span : spans_) {
    if (span.kind != ShockKind::kRelease || time_ms < span.begin_ms) continue;
    // The share that has it grows evenly; who has not updated by the end does so over the next fortnight.
    const int64_t span_ms = span.end_ms - span.begin_ms;
    const int64_t elapsed_ms = time_ms - span.begin_ms;
    const uint64_t draw = Chance::Mix(span.salt + customer) % kMillion;
    const uint64_t early = elapsed_ms < span_ms ? span.share_ppm * static_cast<uint64_t>(elapsed_ms / 1000) /
                                                      (static_cast<uint64_t>(span_ms / 1000) + 1)
                                                : span.share_ppm;
    const int64_t fortnight_s = 14 * 86'400;
    const int64_t behind_s = elapsed_ms < span_ms ? 0 : std::min((elapsed_ms - span_ms) / 1000, fortnight_s);
    const uint64_t late =
        (kMillion - span.share_ppm) * static_cast<uint64_t>(behind_s) / static_cast<uint64_t>(fortnight_s);
    if (draw < early + late) return true;
  }
  return false;
}

int Shocks::ResetsBegun(int64_t time_ms) const noexcept {
  int begun = 0;
  for (const Span& span : spans_) {
    if (span.kind == ShockKind::kReset && span.begin_ms <= time_ms) ++begun;
  }
  return begun;
}

int64_t Shocks::CliffOf(uint32_t customer, int64_t from_ms, int64_t to_ms) const noexcept {
  for (const Span& span : spans_) {
    if (span.kind == ShockKind::kCliff && from_ms <= span.begin_ms && span.begin_ms < to_ms &&
        Meets(span, customer))
      return span.begin_ms;
  }
  return 0;
}

}  // namespace stockade
