#include "engine/detect/takeover_watch.h"

#include <algorithm>

namespace stockade {

bool TakeoverWatch::Holds(uint64_t tag, const Prefix& rung, const TupleTags& tags,
                          const Address& source) noexcept {
  return tag != 0 ? std::ranges::find(tags, tag) != tags.end() : rung.Contains(source);
}

bool TakeoverWatch::NoteSuccess(const LoginEvent& event, const TupleTags& tags, int64_t now_ms) {
  const bool inside = std::ranges::any_of(campaigns_, [&](const Campaign& campaign) {
    return now_ms - campaign.time_ms < campaign.keep_ms() &&
           Holds(campaign.tag, campaign.rung, tags, event.attempt.source);
  });
  if (inside) return true;
  if (kept_.size() < kKept) kept_.emplace_back();
  Kept& place = kept_[next_ % kept_.size()];
  ++next_;
  place.time_ms = now_ms;
  place.tags = tags;
  place.event.Assign(event);
  return false;
}

bool TakeoverWatch::Condemn(uint64_t tag, const Prefix& rung, int64_t begun_ms, int64_t now_ms,
                            std::vector<OwnedEvent>* inside) {
  // A host of a network that is known for it is no campaign of its own.
  const auto known = std::ranges::find_if(campaigns_, [&](const Campaign& one) {
    return one.tag == tag &&
           (tag != 0 || (one.rung.length <= rung.length && one.rung.Contains(rung.address)));
  });
  if (known != campaigns_.end()) {
    const bool is_new = now_ms - known->time_ms >= known->keep_ms();
    known->time_ms = std::max(known->time_ms, now_ms);
    if (!is_new) return false;
  } else if (campaigns_.size() < kCampaignsMax) {
    campaigns_.push_back({tag, rung, now_ms});
  } else {
    *std::ranges::min_element(campaigns_, {}, &Campaign::time_ms) = {tag, rung, now_ms};
  }
  const int64_t since_ms = std::max(now_ms - kKeepMs, tag != 0 ? begun_ms - kBeforeFirstMs : INT64_MIN);
  for (Kept& kept : kept_) {
    if (kept.time_ms <= since_ms || !Holds(tag, rung, kept.tags, kept.event.event().attempt.source)) continue;
    inside->push_back(kept.event);
    kept.time_ms = INT64_MIN / 2;  // named
  }
  return true;
}

}  // namespace stockade
