// What befalls everybody at once, as questions that the rest of the world asks of a time and a customer. Whom a shock
// meets is a function of the seed, so that it meets the same customers however they are asked.
#pragma once

#include <cstdint>
#include <vector>

#include "tools/simulation/world_options.h"

namespace stockade {

class Shocks {
 public:
  // `options` are complete.
  explicit Shocks(const WorldOptions& options);

  // The back end is out.
  bool BackEndOut(int64_t time_ms) const noexcept;
  // His provider or carrier is out, or has renumbered: he is at an address that he never had.
  bool Moved(uint32_t customer, int64_t time_ms) const noexcept;
  // His password manager fills in something else.
  bool WrongFilled(uint32_t customer, int64_t time_ms) const noexcept;
  // His phone has the new release of the app.
  bool HasNewRelease(uint32_t customer, int64_t time_ms) const noexcept;
  // The last reset that has begun by then; 0: none has. A customer whose password is older must change it.
  int ResetsBegun(int64_t time_ms) const noexcept;
  // When his certificate expires before its time, by a cliff within [from, to); 0: it does not.
  int64_t CliffOf(uint32_t customer, int64_t from_ms, int64_t to_ms) const noexcept;

  // The rushes, for who plans the day.
  struct Rush {
    int64_t begin_ms;
    int64_t end_ms;
    uint32_t factor;
  };
  const std::vector<Rush>& rushes() const noexcept { return rushes_; }

 private:
  struct Span {
    ShockKind kind;
    int64_t begin_ms;
    int64_t end_ms;
    uint32_t share_ppm;
    uint64_t salt;
  };
  static bool Meets(const Span& span, uint32_t customer) noexcept {
    return Chance::Mix(span.salt + customer) % kMillion < span.share_ppm;
  }
  const Span* Find(ShockKind kind, int64_t time_ms) const noexcept;

  std::vector<Span> spans_;
  std::vector<Rush> rushes_;
};

}  // namespace stockade
