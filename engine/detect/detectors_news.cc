// What detectors say to people: why an attempt is asked for something, what has just been condemned, who got in with it.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <span>

#include "engine/detect/detectors.h"
#include "engine/text.h"

namespace stockade {
namespace {

constexpr float ThresholdOf(Suspicion suspicion, const EvidenceThresholds& thresholds) noexcept {
  return suspicion == Suspicion::kCondemned ? thresholds.condemned : thresholds.suspect;
}

// Writes into an array, as far as there is room. An attempt that is stopped is given its reason each time: printf would take more
// time than the gate does.
class ReasonWriter {
 public:
  explicit ReasonWriter(std::span<char> out) noexcept
      : begin_(out.data()), at_(begin_), end_(begin_ + out.size()) {}

  ReasonWriter& Put(std::string_view text) noexcept {
    const size_t size = std::min(text.size(), static_cast<size_t>(end_ - at_));
    at_ = std::copy_n(text.data(), size, at_);
    return *this;
  }
  ReasonWriter& Put(int64_t number) noexcept { return Take(std::to_chars(at_, end_, number)); }
  // Rounded to at most two decimals, as printf does.
  ReasonWriter& Put(double number, size_t decimals) noexcept {
    constexpr std::array<int64_t, 3> kInOne = {1, 10, 100};
    constexpr double kPlainMax = 1e15;  // below it doubles hold every integer
    const auto in_one = static_cast<double>(kInOne[decimals]);
    const double units = number * in_one;
    // What scores and shares are, floats mostly, is so many tenths or hundredths exactly: to round those is to round the digits,
    // at a tenth of what it takes to write any double.
    const bool is_plain =
        number >= 0 && !std::signbit(number) && units < kPlainMax && std::fma(number, in_one, -units) == 0;
    if (!is_plain)
      return Take(std::to_chars(at_, end_, number, std::chars_format::fixed, static_cast<int>(decimals)));
    const auto rounded = static_cast<int64_t>(std::nearbyint(units));
    Put(rounded / kInOne[decimals]);
    if (decimals == 0) return *this;
    const int64_t rest = rounded % kInOne[decimals];
    return Put(decimals == 2 && rest < 10 ? ".0" : ".").Put(rest);
  }
  std::string_view text() const noexcept { return {begin_, static_cast<size_t>(at_ - begin_)}; }

 private:
  ReasonWriter& Take(std::to_chars_result result) noexcept {
    if (result.ec == std::errc()) at_ = result.ptr;
    return *this;
  }

  char* begin_;
  char* at_;
  char* end_;
};

// What attempts have in common that belong to what was condemned, as fields of rules.
std::vector<std::pair<std::string_view, std::string>> SharedFields(const Attempt& attempt,
                                                                   const Condemned& what) {
  std::vector<std::pair<std::string_view, std::string>> fields;
  const auto add = [&fields](FieldId id, std::string_view value) {
    if (!value.empty()) fields.emplace_back(kKnownFieldNames[static_cast<size_t>(id)], std::string(value));
  };
  if (what.tag == 0) {
    if (what.rung.is_single()) {
      add(FieldId::kSourceIp, what.rung.address.ToString());
    } else {
      add(FieldId::kSourcePrefix, what.rung.ToString());
    }
    return fields;
  }
  switch (what.kind) {
    case TupleKind::kJa4:
      break;
    case TupleKind::kAgent:
      add(FieldId::kUserAgent, attempt.user_agent);
      break;
    case TupleKind::kHeaders:
    case TupleKind::kHeadersJa4:
      add(FieldId::kHeaderOrder, attempt.header_order);
      break;
    case TupleKind::kAsnJa4:
      add(FieldId::kSourceAsn, Concat(attempt.asn));
      break;
    case TupleKind::kCountryJa4:
      add(FieldId::kSourceCountry, attempt.country);
      break;
    case TupleKind::kPassword:
      return fields;
  }
  if (what.kind != TupleKind::kHeaders) add(FieldId::kJa4, attempt.ja4);
  return fields;
}

}  // namespace

std::string_view Detectors::Reason(const DetectorAsk& ask) noexcept {
  ReasonWriter write(reason_);
  switch (ask.by) {
    case DetectorId::kSourceLadder: {
      write.Put("what comes from ");
      if (source_.asn != 0) {
        write.Put("AS").Put(int64_t{source_.asn});
      } else {
        std::array<char, Address::kTextBytesMax> address;
        write.Put({address.data(), source_.rung.address.Format(address.data())});
        if (!source_.rung.is_single()) write.Put("/").Put(int64_t{source_.rung.length});
      }
      write.Put(" fails as an attacker's does: evidence ").Put(double{source_.score}, 1);
      write.Put(", ").Put(Name(source_.suspicion)).Put(" from ");
      write.Put(double{ThresholdOf(source_.suspicion, settings_.evidence)}, 1);
      if (source_.shared) write.Put("; customers share it");
      break;
    }
    case DetectorId::kCampaignFinder:
      write.Put(double{tuple_.bad}, 0).Put(" accounts failed with the same ").Put(Name(tuple_.kind));
      write.Put(", which ").Put(double{tuple_.share} * 100, 2).Put("% of successes have: evidence ");
      write.Put(double{tuple_.score}, 1).Put(", ").Put(Name(tuple_.suspicion)).Put(" from ");
      write.Put(double{ThresholdOf(tuple_.suspicion, settings_.evidence)}, 1);
      break;
    case DetectorId::kPressure: {
      const Pressure::Account account = pressure_.Loudest(now_ms_);
      write.Put(account.what).Put(" (level ").Put(int64_t{pressure_level_}).Put("; ");
      write.Put(double{account.p0} * 100, 0);
      write.Put("% are usual): a campaign is on, and this is a stranger");
      break;
    }
    case DetectorId::kAccountGuard:
      write.Put(int64_t{guard_.failures(account_, now_ms_)});
      write.Put(" wrong passwords on this account since it was last logged in to, and it locks after ");
      write.Put(int64_t{settings_.lock.limit}).Put(": ");
      write.Put(lane_ == Lane::kFamiliar ? "strangers' are among them" : "this is a stranger to it");
      break;
    case DetectorId::kOutageInterlock:
      break;
  }
  return write.text();
}

void Detectors::Tell(DetectorNews::Kind kind, int64_t now_ms, std::string text) {
  news_.push_back({kind, now_ms, std::move(text), {}, {}, {}, {}});
}

void Detectors::TellOf(DetectorNews::Kind kind, int64_t now_ms, std::string text, const LoginEvent& event,
                       const Condemned& what) {
  Tell(kind, now_ms, std::move(text));
  DetectorNews& news = news_.back();
  news.rung = what.rung;
  news.event.Assign(event);
  const auto decimals = [](float number) { return std::round(double{number} * 100) / 100; };
  news.found.detector = Name(what.tag != 0 ? DetectorId::kCampaignFinder : DetectorId::kSourceLadder);
  news.found.setting = "detectors.evidence.condemned";
  news.found.score = decimals(what.score);
  news.found.threshold = decimals(settings_.evidence.condemned);
  news.found.since_ms = what.begun_ms;
  news.group = SharedFields(event.attempt, what);
}

void Detectors::SaySource(const Attempt& attempt, const SourceReading& source, int64_t now_ms) {
  const auto known = std::ranges::find(said_, source.rung, &Said::rung);
  if (known != said_.end() && now_ms - known->time_ms < kSaidMs) return;
  Said& said = known != said_.end() ? *known : said_[said_next_++ % said_.size()];
  said = {source.rung, now_ms};
  LoginEvent event;
  event.attempt = attempt;
  TellOf(DetectorNews::Kind::kSource, now_ms,
         Concat("What comes from ", source.rung.ToString(), " fails as an attacker's does"), event,
         {0, {}, source.rung, source.score, 0});
}

void Detectors::LookForNews(const Attempt& attempt, bool ordered, int64_t now_ms) {
  const auto condemned = [&](const Condemned& mark, std::string_view what) {
    std::vector<OwnedEvent> inside;
    if (!takeovers_.Condemn(mark, now_ms, &inside)) return;
    Tell(DetectorNews::Kind::kCampaign, now_ms,
         Concat("a campaign: ", what,
                inside.empty() ? "" : Concat("; ", inside.size(), " strangers got in with it before")));
    for (const OwnedEvent& event : inside)
      TellOf(DetectorNews::Kind::kTakeover, now_ms,
             Concat("the password of this account was right inside a campaign: ", what), event.event(), mark);
  };
  if (!IsOff(DetectorId::kSourceLadder)) {
    const SourceReading source = sources_.Read(attempt, now_ms);
    if (source.suspicion == Suspicion::kCondemned && !source.shared)
      condemned({0, {}, source.rung, source.score, 0},
                Concat("what comes from ", source.rung.ToString(), " fails"));
    if (source.suspicion == Suspicion::kCondemned && !source.at_home && !ordered &&
        State(DetectorId::kSourceLadder) == DetectorState::kOn)
      SaySource(attempt, source, now_ms);
  }
  if (!IsOff(DetectorId::kCampaignFinder)) {
    const TupleReading tuple = campaigns_.Read(tags_, now_ms);
    if (tuple.suspicion == Suspicion::kCondemned)
      condemned({tuple.tag, tuple.kind, Prefix(), tuple.score, tuple.begun_ms}, TextOf(attempt, tuple.kind));
  }
}

}  // namespace stockade
