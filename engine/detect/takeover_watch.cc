#include "engine/detect/takeover_watch.h"

#include <algorithm>

namespace stockade {

bool TakeoverWatch::Holds(const Condemned& what, const TupleTags& tags, const Address& source) noexcept {
  return what.tag != 0 ? std::ranges::find(tags, what.tag) != tags.end() : what.rung.Contains(source);
}

const Condemned* TakeoverWatch::NoteSuccess(const LoginEvent& event, const TupleTags& tags, int64_t now_ms) {
  const auto inside = std::ranges::find_if(campaigns_, [&](const Campaign& campaign) {
    return now_ms - campaign.time_ms < campaign.keep_ms() && Holds(campaign.what, tags, event.attempt.source);
  });
  if (inside != campaigns_.end()) return &inside->what;
  if (kept_.size() < kKept) kept_.emplace_back();
  Kept& place = kept_[next_ % kept_.size()];
  ++next_;
  place.time_ms = now_ms;
  place.tags = tags;
  place.event.Assign(event);
  return nullptr;
}

bool TakeoverWatch::Condemn(const Condemned& what, int64_t now_ms, std::vector<OwnedEvent>* inside) {
  // A host of a network that is known for it is no campaign of its own.
  const auto known = std::ranges::find_if(campaigns_, [&](const Campaign& one) {
    return one.what.tag == what.tag && (what.tag != 0 || (one.what.rung.length <= what.rung.length &&
                                                          one.what.rung.Contains(what.rung.address)));
  });
  if (known != campaigns_.end()) {
    const bool is_new = now_ms - known->time_ms >= known->keep_ms();
    known->time_ms = std::max(known->time_ms, now_ms);
    if (what.tag != 0 || known->what.rung == what.rung) known->what = what;
    if (!is_new) return false;
  } else if (campaigns_.size() < kCampaignsMax) {
    campaigns_.push_back({what, now_ms});
  } else {
    *std::ranges::min_element(campaigns_, {}, &Campaign::time_ms) = {what, now_ms};
  }
  const int64_t since_ms =
      std::max(now_ms - kKeepMs, what.tag != 0 ? what.begun_ms - kBeforeFirstMs : INT64_MIN);
  for (Kept& kept : kept_) {
    if (kept.time_ms <= since_ms || !Holds(what, kept.tags, kept.event.event().attempt.source)) continue;
    inside->push_back(kept.event);
    kept.time_ms = INT64_MIN / 2;  // named
  }
  return true;
}

}  // namespace stockade
