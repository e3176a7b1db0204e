// What detectors say to people: why an attempt is asked for something, what has just been condemned, who got in with it.
#include <algorithm>
#include <array>
#include <cstdio>

#include "engine/detect/detectors.h"
#include "engine/text.h"

namespace stockade {
namespace {

constexpr float ThresholdOf(Suspicion suspicion, const EvidenceThresholds& thresholds) noexcept {
  return suspicion == Suspicion::kCondemned ? thresholds.condemned : thresholds.suspect;
}

}  // namespace

std::string_view Detectors::Reason(const DetectorAsk& ask) noexcept {
  // Names are literals, which end with a zero: data() is a text of C.
  const auto write = [this](const char* format, auto... values) -> std::string_view {
    const int size = std::snprintf(reason_.data(), reason_.size(), format, values...);
    return {reason_.data(), std::min(static_cast<size_t>(std::max(size, 0)), reason_.size() - 1)};
  };
  switch (ask.by) {
    case DetectorId::kSourceLadder: {
      const bool is_network = source_.asn == 0 && !source_.rung.is_single();
      std::array<char, Address::kTextBytesMax + 1> rung{};
      if (source_.asn != 0) {
        std::snprintf(rung.data(), rung.size(), "AS%u", source_.asn);
      } else {
        rung[source_.rung.address.Format(rung.data())] = 0;
      }
      return write("what comes from %s%s%.0d fails as an attacker's does: evidence %.1f, %s from %.1f%s",
                   rung.data(), is_network ? "/" : "", is_network ? int{source_.rung.length} : 0,
                   static_cast<double>(source_.score), Name(source_.suspicion).data(),
                   static_cast<double>(ThresholdOf(source_.suspicion, settings_.evidence)),
                   source_.shared ? "; customers share it" : "");
    }
    case DetectorId::kCampaignFinder:
      return write(
          "%.0f accounts failed with the same %s, which %.2f%% of successes have: evidence %.1f, %s from "
          "%.1f",
          static_cast<double>(tuple_.bad), Name(tuple_.kind).data(), static_cast<double>(tuple_.share) * 100,
          static_cast<double>(tuple_.score), Name(tuple_.suspicion).data(),
          static_cast<double>(ThresholdOf(tuple_.suspicion, settings_.evidence)));
    case DetectorId::kPressure: {
      const Pressure::Account account = pressure_.Loudest(now_ms_);
      return write("%s (level %d; %.0f%% are usual): a campaign is on, and this is a stranger",
                   account.what.data(), pressure_level_, static_cast<double>(account.p0) * 100);
    }
    case DetectorId::kAccountGuard:
      return write(
          "%d wrong passwords on this account since it was last logged in to, and it locks after %d: %s",
          guard_.failures(account_, now_ms_), settings_.lock.limit,
          lane_ == Lane::kFamiliar ? "strangers' are among them" : "this is a stranger to it");
    case DetectorId::kOutageInterlock:
      break;
  }
  return {};
}

void Detectors::ExplainAway(uint64_t tag, const Prefix& rung, int64_t now_ms) noexcept {
  constexpr int64_t kLatelyMs = 10 * 60'000;
  bool any = false;
  for (Fed& one : fed_) {
    if (one.time_ms < now_ms - kLatelyMs || !TakeoverWatch::Holds(tag, rung, one.tags, one.source)) continue;
    pressure_.TakeBack(one.stream, now_ms);
    one = {};
    any = true;
  }
  if (any) pressure_.EndHoldsIfCalm();
}

void Detectors::Tell(DetectorNews::Kind kind, int64_t now_ms, std::string text) {
  news_.push_back({kind, now_ms, std::move(text), {}, {}});
}

void Detectors::SaySource(const Attempt& attempt, const SourceReading& source, int64_t now_ms) {
  const auto known = std::ranges::find(said_, source.rung, &Said::rung);
  if (known != said_.end() && now_ms - known->time_ms < kSaidMs) return;
  Said& said = known != said_.end() ? *known : said_[said_next_++ % said_.size()];
  said = {source.rung, now_ms};
  Tell(DetectorNews::Kind::kSource, now_ms,
       Concat("What comes from ", source.rung.ToString(), " fails as an attacker's does"));
  LoginEvent event;
  event.attempt = attempt;
  news_.back().event.Assign(event);
  news_.back().rung = source.rung;
}

void Detectors::LookForNews(const Attempt& attempt, bool ordered, int64_t now_ms) {
  const auto condemned = [&](uint64_t tag, const Prefix& rung, int64_t begun_ms, std::string_view what) {
    std::vector<OwnedEvent> inside;
    if (!takeovers_.Condemn(tag, rung, begun_ms, now_ms, &inside)) return;
    Tell(DetectorNews::Kind::kCampaign, now_ms,
         Concat("a campaign: ", what,
                inside.empty() ? "" : Concat("; ", inside.size(), " strangers got in with it before")));
    for (OwnedEvent& event : inside) {
      Tell(DetectorNews::Kind::kTakeover, now_ms,
           Concat("the password of this account was right inside a campaign: ", what));
      news_.back().event = event;
    }
    ExplainAway(tag, rung, now_ms);
  };
  if (!IsOff(DetectorId::kSourceLadder)) {
    const SourceReading source = sources_.Read(attempt, now_ms);
    if (source.suspicion == Suspicion::kCondemned && !source.shared)
      condemned(0, source.rung, now_ms, Concat("what comes from ", source.rung.ToString(), " fails"));
    if (source.suspicion == Suspicion::kCondemned && !source.at_home && !ordered &&
        State(DetectorId::kSourceLadder) == DetectorState::kOn)
      SaySource(attempt, source, now_ms);
  }
  if (!IsOff(DetectorId::kCampaignFinder)) {
    const TupleReading tuple = campaigns_.Read(tags_, now_ms);
    if (tuple.suspicion == Suspicion::kCondemned)
      condemned(tuple.tag, Prefix(), tuple.begun_ms, TextOf(attempt, tuple.kind));
  }
}

}  // namespace stockade
