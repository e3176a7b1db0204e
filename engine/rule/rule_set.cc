#include "engine/rule/rule_set.h"

#include <algorithm>
#include <bit>

#include "engine/rule/test_truth.h"
#include "engine/rule/vocabulary.h"
#include "engine/status.h"

namespace stockade {

RuleSet::~RuleSet() = default;

MatchScratch::MatchScratch(const RuleSet& rules)
    : truth_(rules.predicates_.size()), awake_(rules.always_.size()), matches_(rules.rules_.size()) {
  size_t patterns_max = 0;
  for (const auto& plan : rules.plans_) {
    memos_.push_back(plan.patterns != nullptr && plan.patterns->scans() ? MatchMemo::Make() : MatchMemo());
    if (plan.patterns == nullptr) continue;
    patterns_.Prepare(*plan.patterns);
    patterns_max = std::max(patterns_max, plan.patterns->size());
  }
  ids_.resize(patterns_max);
}

void RuleSet::Raise(std::span<const uint16_t> predicates, MatchScratch* scratch) const noexcept {
  for (const uint16_t predicate : predicates) {
    if (scratch->truth_[predicate] == scratch->epoch_) continue;
    scratch->truth_[predicate] = scratch->epoch_;
    for (uint32_t i = woken_begin_[predicate]; i < woken_begin_[predicate + size_t{1}]; ++i)
      scratch->awake_[woken_[i] / 64] |= uint64_t{1} << woken_[i] % 64;
  }
}

void RuleSet::AskPatterns(size_t plan, std::string_view value, MatchScratch* scratch) const noexcept {
  const FieldPlan& asked = plans_[plan];
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

// Answers every eager predicate: afterwards truth_ holds for them, and awake_ the rules to evaluate.
void RuleSet::AskEvent(const LoginEvent& event, MatchScratch* scratch) const noexcept {
  if (++scratch->epoch_ == 0) [[unlikely]] {
    std::fill(scratch->truth_.begin(), scratch->truth_.end(), 0);
    scratch->epoch_ = 1;
  }
  std::copy(always_.begin(), always_.end(), scratch->awake_.begin());
  Raise(outcome_[OutcomeWord(event)], scratch);
  Raise(certificate_[CertificateWord(event)], scratch);
  Raise(challenge_[ChallengeWord(event)], scratch);
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
  if (known_plans_ == plans_.size()) return;
  for (const ExtraField& extra : event.attempt.extra) {
    const auto id = static_cast<size_t>(extra.id);
    const uint16_t own = id < plan_of_field_.size() ? plan_of_field_[id] : uint16_t{0};
    const uint16_t plan = own != 0 ? own : keyword_plan_;
    if (plan != 0) AskField(plan - size_t{1}, extra.value, scratch);
  }
}

bool RuleSet::Holds(uint16_t predicate, const LoginEvent& event, MatchScratch* scratch) const noexcept {
  const Predicate& asked = predicates_[predicate];
  return TestHolds(asked.test, asked.field, asked.other_field, event, &scratch->text_, &scratch->other_text_);
}

std::span<const uint16_t> RuleSet::Match(const LoginEvent& event, MatchScratch* scratch) const noexcept {
  STOCKADE_DCHECK(scratch->truth_.size() == predicates_.size());
  AskEvent(event, scratch);
  size_t count = 0;
  for (size_t word = 0; word < scratch->awake_.size(); ++word) {
    for (uint64_t bits = scratch->awake_[word]; bits != 0; bits &= bits - 1) {
      const size_t rule = word * 64 + static_cast<size_t>(std::countr_zero(bits));
      uint32_t at = entry_[rule];
      while (at < kNo) {
        const Step& step = steps_[at];
        const bool yes = step.eager ? scratch->truth_[step.predicate] == scratch->epoch_
                                    : Holds(step.predicate, event, scratch);
        at = yes ? step.if_true : step.if_false;
      }
      if (at == kYes) scratch->matches_[count++] = static_cast<uint16_t>(rule);
    }
  }
  return {scratch->matches_.data(), count};
}

std::vector<bool> RuleSet::ExplainTests(const LoginEvent& event, size_t rule) const {
  MatchScratch scratch(*this);
  AskEvent(event, &scratch);
  std::vector<bool> truths;
  for (const uint16_t predicate : predicates_of_rule_[rule]) {
    truths.push_back(predicates_[predicate].eager ? scratch.truth_[predicate] == scratch.epoch_
                                                  : Holds(predicate, event, &scratch));
  }
  return truths;
}

}  // namespace stockade
