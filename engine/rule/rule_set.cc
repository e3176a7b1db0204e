#include "engine/rule/rule_set.h"

#include <algorithm>
#include <bit>

#include "engine/rule/test_truth.h"
#include "engine/rule/vocabulary.h"
#include "engine/status.h"

namespace stockade {

RuleSet::~RuleSet() = default;

MatchScratch::MatchScratch(const RuleSet& rules)
    : words_(rules.predicates_.size(), rules.rules_.size(), rules.steps_.size()),
      reached_(rules.steps_.size()),
      truth_(rules.predicates_.size()),
      awake_(rules.always_.size()),
      matches_(rules.rules_.size()) {
  size_t patterns_max = 0;
  for (const auto& plan : rules.plans_) {
    memos_.push_back(plan.patterns != nullptr && plan.patterns->scans() ? MatchMemo::Make() : MatchMemo());
    if (plan.patterns == nullptr) continue;
    patterns_.Prepare(*plan.patterns);
    patterns_max = std::max(patterns_max, plan.patterns->size());
  }
  ids_.resize(patterns_max);
}

void RuleSet::SourcePlan::Add(const Prefix& network, uint16_t predicate) {
  STOCKADE_CHECK(networks.Insert(network, predicate));
  const Address& begin = network.address;
  const size_t first = begin.is_v4() ? begin.v4() >> 24 : begin.high() >> 56;
  const size_t count = network.length >= 8 ? 1 : size_t{1} << (8 - network.length);
  for (size_t byte = first; byte < first + count; ++byte) first_bytes[begin.is_v4() ? 0 : 1].set(byte);
}

LoginWords RuleSet::WordsOf(const LoginEvent& event) const noexcept {
  LoginWords words = VocabularyWords(event);
  int bit = kVocabularyBits;
  for (const PresencePlan& plan : presences_) {
    words |= LoginWords{PresenceWord(event.attempt.*plan.text)} << bit;
    bit += kPresenceBits;
  }
  return words;
}

const WordState& RuleSet::StateOf(const LoginEvent& event, MatchScratch* scratch) const noexcept {
  const LoginWords words = WordsOf(event);
  if (const WordState* known = scratch->words_.Find(words)) [[likely]]
    return *known;
  bool is_kept = false;
  WordState* const state = scratch->words_.Take(words, &is_kept);
  AskWords(words, state);
  if (is_kept) Decide(state, scratch);
  return *state;
}

void RuleSet::AskWords(LoginWords words, WordState* state) const noexcept {
  std::fill(state->truth.begin(), state->truth.end(), 0);
  std::fill(state->matched.begin(), state->matched.end(), 0);
  std::fill(state->open.begin(), state->open.end(), ~uint64_t{0});
  state->awake = always_;
  const auto raise = [&](const std::vector<uint16_t>& predicates) noexcept {
    for (const uint16_t predicate : predicates) {
      state->truth[predicate / 64] |= uint64_t{1} << predicate % 64;
      Wake(predicate, state->awake.data());
    }
  };
  raise(outcome_[words & 0xff]);
  raise(certificate_[words >> 8 & 0xff]);
  raise(challenge_[words >> 16 & 0xff]);
  int bit = kVocabularyBits;
  for (const PresencePlan& plan : presences_) {
    raise(plan.of_word[words >> bit & ((1 << kPresenceBits) - 1)]);
    bit += kPresenceBits;
  }
}

void RuleSet::Decide(WordState* state, MatchScratch* scratch) const noexcept {
  for (size_t rule = 0; rule < entry_.size(); ++rule) {
    // Both answers that its program may come to.
    bool yes = false;
    bool no = false;
    size_t on_the_way = 0;
    const auto go = [&](uint32_t to) noexcept {
      yes |= to == kYes;
      no |= to == kNo;
      if (to >= kNo || scratch->reached_[to] != 0) return;
      scratch->reached_[to] = 1;
      ++on_the_way;
    };
    go(entry_[rule]);
    // A step goes on to steps before it only: every one is passed once, when all ways to it are known.
    for (size_t at = entry_[rule]; on_the_way > 0; --at) {
      if (scratch->reached_[at] == 0) continue;
      scratch->reached_[at] = 0;
      --on_the_way;
      const Step& step = steps_[at];
      const bool is_true = (state->truth[step.predicate / 64] >> step.predicate % 64 & 1) != 0;
      if (is_true || step.way != Way::kWords) go(step.if_true);
      if (!is_true) go(step.if_false);
    }
    const uint64_t bit = uint64_t{1} << rule % 64;
    if (yes && no) continue;
    state->open[rule / 64] &= ~bit;
    if (yes) state->matched[rule / 64] |= bit;
  }
  for (size_t word = 0; word < state->awake.size(); ++word) state->awake[word] &= state->open[word];
}

void RuleSet::Raise(std::span<const uint16_t> predicates, MatchScratch* scratch) const noexcept {
  for (const uint16_t predicate : predicates) {
    if (scratch->truth_[predicate] == scratch->epoch_) continue;
    scratch->truth_[predicate] = scratch->epoch_;
    Wake(predicate, scratch->awake_.data());
  }
}

void RuleSet::AskPatterns(size_t plan, std::string_view value, MatchScratch* scratch) const noexcept {
  const FieldPlan& asked = plans_[plan];
  if (!asked.patterns->MayMatch(value)) return;
  MatchMemo& memo = scratch->memos_[plan];
  const bool remembers = memo.Takes(value);
  if (remembers) {
    if (const auto known = memo.Find(value)) {
      ++scratch->memo_hits_;
      return Raise(*known, scratch);
    }
  }
  scratch->scans_ += asked.patterns->scans() ? 1 : 0;
  uint16_t* const ids = scratch->ids_.data();
  const size_t count = asked.patterns->Match(value, &scratch->patterns_, ids);
  for (size_t i = 0; i < count; ++i) ids[i] = asked.predicate_of[ids[i]];
  if (remembers) memo.Store(value, {ids, count});
  Raise({ids, count}, scratch);
}

void RuleSet::AskField(size_t plan, const FieldValue& value, MatchScratch* scratch) const noexcept {
  if (!value.present() || value.kind == FieldValue::Kind::kNull) return;
  const FieldPlan& asked = plans_[plan];
  if (!asked.numbers.empty()) {
    if (const std::optional<double> number = NumberOf(value)) {
      const auto found =
          std::lower_bound(asked.numbers.begin(), asked.numbers.end(), *number,
                           [](const auto& entry, double wanted) { return entry.first < wanted; });
      if (found != asked.numbers.end() && found->first == *number) Raise({&found->second, 1}, scratch);
    }
  }
  if (asked.patterns != nullptr) AskPatterns(plan, value.text, scratch);
  if (asked.keywords) AskPatterns(keyword_plan_ - size_t{1}, value.text, scratch);
}

const WordState& RuleSet::AskEvent(const LoginEvent& event, MatchScratch* scratch) const noexcept {
  if (++scratch->epoch_ == 0) [[unlikely]] {
    std::fill(scratch->truth_.begin(), scratch->truth_.end(), 0);
    scratch->epoch_ = 1;
  }
  const WordState& state = StateOf(event, scratch);
  std::copy(state.awake.begin(), state.awake.end(), scratch->awake_.begin());
  if (sources_.MayHold(event.attempt.source)) {
    sources_.networks.VisitCovering(event.attempt.source, [&](const PrefixMap::Match& match) noexcept {
      const auto predicate = static_cast<uint16_t>(match.value);
      Raise({&predicate, 1}, scratch);
    });
  }
  for (size_t i = 0; i < known_plans_; ++i) {
    const FieldPlan& plan = plans_[i];
    if (plan.text == nullptr) {
      AskField(i, GetField(event, plan.field, &scratch->text_), scratch);
      continue;
    }
    const std::string_view text = event.attempt.*plan.text;
    if (text.data() == nullptr) continue;
    if (plan.numbers.empty() && !plan.keywords) {
      AskPatterns(i, text, scratch);
    } else {
      AskField(i, {FieldValue::Kind::kText, 0, text}, scratch);
    }
  }
  if (known_plans_ == plans_.size()) return state;
  for (const ExtraField& extra : event.attempt.extra) {
    const auto id = static_cast<size_t>(extra.id);
    const uint16_t own = id < plan_of_field_.size() ? plan_of_field_[id] : uint16_t{0};
    const uint16_t plan = own != 0 ? own : keyword_plan_;
    if (plan != 0) AskField(plan - size_t{1}, extra.value, scratch);
  }
  return state;
}

bool RuleSet::Holds(uint16_t predicate, Way way, const WordState& state, const LoginEvent& event,
                    MatchScratch* scratch) const noexcept {
  // Of the way kScan too: a keyword may be a word.
  if ((state.truth[predicate / 64] >> predicate % 64 & 1) != 0) return true;
  if (way == Way::kWords) return false;
  if (way == Way::kScan) return scratch->truth_[predicate] == scratch->epoch_;
  const Predicate& asked = predicates_[predicate];
  return TestHolds(asked.test, asked.field, asked.other_field, event, &scratch->text_, &scratch->other_text_);
}

std::span<const uint16_t> RuleSet::Match(const LoginEvent& event, MatchScratch* scratch) const noexcept {
  STOCKADE_DCHECK(scratch->truth_.size() == predicates_.size());
  const WordState& state = AskEvent(event, scratch);
  size_t count = 0;
  for (size_t word = 0; word < scratch->awake_.size(); ++word) {
    uint64_t matched = state.matched[word];
    for (uint64_t bits = scratch->awake_[word] & state.open[word]; bits != 0; bits &= bits - 1) {
      const auto bit = static_cast<size_t>(std::countr_zero(bits));
      uint32_t at = entry_[word * 64 + bit];
      while (at < kNo) {
        const Step& step = steps_[at];
        at = Holds(step.predicate, step.way, state, event, scratch) ? step.if_true : step.if_false;
      }
      if (at == kYes) matched |= uint64_t{1} << bit;
    }
    for (; matched != 0; matched &= matched - 1) {
      const size_t rule = word * 64 + static_cast<size_t>(std::countr_zero(matched));
      scratch->matches_[count++] = static_cast<uint16_t>(rule);
    }
  }
  return {scratch->matches_.data(), count};
}

std::vector<bool> RuleSet::ExplainTests(const LoginEvent& event, size_t rule) const {
  MatchScratch scratch(*this);
  const WordState& state = AskEvent(event, &scratch);
  std::vector<bool> truths;
  for (const uint16_t predicate : predicates_of_rule_[rule])
    truths.push_back(Holds(predicate, predicates_[predicate].way, state, event, &scratch));
  return truths;
}

}  // namespace stockade
