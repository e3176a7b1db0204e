// All rules, compiled: immutable, shared by threads, asked once an event.
//
// How it stays fast with many rules. Equal tests of different rules are one predicate, and each predicate has one of
// three ways to its truth:
//   words   the closed vocabularies (outcome, certificate, challenge), and whether a field of text is there: what is true
//           of each word was worked out at compile time, and which rules it decides is remembered (word_memo.h);
//   scan    patterns: for each field one PatternSet answers all of them in one scan, or a memo does, where the field
//           says the same few things again and again; numbers by equality and networks of the source by look-up;
//   event   everything else, when a rule asks.
// A predicate that is true wakes the rules that cannot match without it. Only those that the words leave open, and are
// awake, are evaluated, each by a branch program that asks no predicate it need not ask.
//
// What a test means on hostile and odd values:
//   an absent field answers no to everything but kNull; a null answers yes to kExists and kNull only;
//   a list answers yes if any element does; texts are bytes (pattern_set.h), 1 MiB of them if need be;
//   kNumber takes numbers and texts that are wholly a decimal number; NaN compares to nothing;
//   kCidr takes addresses, written as Address::Parse reads them, IPv4-mapped ones folded;
//   kTimePart takes @timestamp, RFC 3339 texts, and numbers (seconds since 1970; from 10^11 on,
//   milliseconds); UTC, weeks as ISO 8601 counts them; kFieldRef compares texts, without regard to ASCII case
//   where the test is caseless; a keyword (a pattern without a field) is asked of every field on the wire
//   except @timestamp.
//
// Match reads event.aftermath: it belongs into Observe, never into Assess. Oracle:
// tests/engine/rule/compile_test.cc evaluates each expression tree naively, with its own reading of every
// test.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/decision/prefix_map.h"
#include "engine/event/field.h"
#include "engine/event/login_event.h"
#include "engine/rule/first_bytes.h"
#include "engine/rule/match_memo.h"
#include "engine/rule/pattern_set.h"
#include "engine/rule/sigma_rule.h"
#include "engine/rule/vocabulary.h"
#include "engine/rule/word_memo.h"

namespace stockade {

// A correlation rule with everything resolved that it mentions.
//
// Base rule i has the unified index i; correlation j the unified index rules().size() + j. Correlations stand
// in topological order: each refers to base rules and to correlations before it only.
struct CompiledCorrelation {
  struct Reference {
    uint32_t unified = 0;
    std::vector<FieldId>
        group_by;  // the key parts in events of this rule, in the order of `written->group_by`
    std::optional<FieldId> value_field;  // value_*: what is counted, summed, …, in events of this rule
  };

  const CorrelationRule* written = nullptr;
  std::vector<Reference> references;
  int64_t span_ms = 0;
  std::vector<CorrelationRule::Bound> bounds;
};

// "Whatever matches this rule is the reference-th input of that correlation."
struct Consumer {
  uint16_t correlation;  // index into correlations()
  uint16_t reference;    // index into its references
};

class MatchScratch;

class RuleSet {
 public:
  // Unified indices and predicates are 16 bits in the hot path.
  static constexpr size_t kRulesMax = 65535;
  static constexpr size_t kPredicatesMax = 65535;

  ~RuleSet();

  // With the filters that apply to them already joined in.
  const std::vector<SigmaRule>& rules() const noexcept { return rules_; }
  const std::vector<CompiledCorrelation>& correlations() const noexcept { return correlations_; }
  // Every field that any test, group-by or counted value mentions, in ascending order: what sources have to
  // keep.
  const std::vector<FieldId>& fields() const noexcept { return fields_; }
  // The correlations fed by a base rule or correlation, in the order of correlations().
  std::span<const Consumer> consumers(size_t unified) const noexcept {
    return {consumers_.data() + consumer_begin_[unified], consumers_.data() + consumer_begin_[unified + 1]};
  }
  // False for what only feeds correlations: it is referenced by one that does not say `generate: true`.
  bool alerts_alone(size_t unified) const noexcept { return alerts_alone_[unified]; }
  const RuleHeader& header(size_t unified) const noexcept {
    return unified < rules_.size() ? rules_[unified].header
                                   : correlations_[unified - rules_.size()].written->header;
  }

  // The base rules that match the event, by index, ascending; valid until the scratch's next Match. Allocates
  // nothing (but see pattern_set.h where RE2 answers). A typical login against the shipped rules: 400 instructions.
  std::span<const uint16_t> Match(const LoginEvent& event, MatchScratch* scratch) const noexcept;

  // For explanations: the truth of each test of one rule, in the order of rules()[rule].tests. Slow,
  // allocates.
  std::vector<bool> ExplainTests(const LoginEvent& event, size_t rule) const;

  // False where patterns are matched by RE2 alone because the processor cannot run Hyperscan.
  bool uses_hyperscan() const noexcept { return uses_hyperscan_; }
  size_t predicate_count() const noexcept { return predicates_.size(); }

 private:
  friend class MatchScratch;
  friend class RuleSetBuilder;      // compile.cc
  friend class RuleProgramBuilder;  // rule_programs.cc

  enum class Way : uint8_t { kWords, kScan, kEvent };

  // One question that some rule asks, whoever asks it.
  struct Predicate {
    Test test;
    FieldId field{};        // of a keyword: meaningless
    FieldId other_field{};  // kFieldRef
    Way way = Way::kEvent;
  };
  // A node of a branch program: ask, then go on here or there. Targets are indices into steps_, or an answer.
  struct Step {
    uint16_t predicate = 0;
    Way way = Way::kEvent;
    uint32_t if_true = 0;
    uint32_t if_false = 0;
  };
  static constexpr uint32_t kYes = 0xffffffff;
  static constexpr uint32_t kNo = 0xfffffffe;
  // What is asked of one field before rules are evaluated.
  struct FieldPlan {
    FieldId field{};
    AttemptText text = nullptr;                  // where the value is, if the event holds it as text
    std::unique_ptr<const PatternSet> patterns;  // may be null
    bool keywords = false;                       // the keyword plan is to be asked, too
    std::vector<uint16_t> predicate_of;          // pattern id → predicate
    // Numbers that some rule asks for by equality, ascending, each with its predicate.
    std::vector<std::pair<double, uint16_t>> numbers;
  };
  // What is true of each word of a closed vocabulary, by its index (see OutcomeWord and its siblings).
  using Vocabulary = std::vector<std::vector<uint16_t>>;
  // A field of text of which some rule asks whether it is there.
  struct PresencePlan {
    AttemptText text = nullptr;
    Vocabulary of_word;
  };
  // The networks that some rule asks the source for, each with its predicate.
  struct SourcePlan {
    PrefixMap networks;
    // First bytes of addresses in any of them, IPv4 and IPv6: most sources are told apart by them.
    std::array<ByteSet, 2> first_bytes;

    void Add(const Prefix& network, uint16_t predicate);
    bool MayHold(const Address& source) const noexcept {
      return source.is_v4() ? first_bytes[0][source.v4() >> 24]
                            : source.is_v6() && first_bytes[1][source.high() >> 56];
    }
  };

  RuleSet() = default;
  LoginWords WordsOf(const LoginEvent& event) const noexcept;
  const WordState& StateOf(const LoginEvent& event, MatchScratch* scratch) const noexcept;
  // What each of these words says by itself; all rules are open.
  void AskWords(LoginWords words, WordState* state) const noexcept;
  // Which rules are open no longer.
  void Decide(WordState* state, MatchScratch* scratch) const noexcept;
  // Answers every predicate of the way kScan, and says which rules are awake.
  const WordState& AskEvent(const LoginEvent& event, MatchScratch* scratch) const noexcept;
  void AskField(size_t plan, const FieldValue& value, MatchScratch* scratch) const noexcept;
  void AskPatterns(size_t plan, std::string_view value, MatchScratch* scratch) const noexcept;
  void Raise(std::span<const uint16_t> predicates, MatchScratch* scratch) const noexcept;
  void Wake(uint16_t predicate, uint64_t* awake) const noexcept {
    for (uint32_t i = woken_begin_[predicate]; i < woken_begin_[predicate + size_t{1}]; ++i)
      awake[woken_[i] / 64] |= uint64_t{1} << woken_[i] % 64;
  }
  bool Holds(uint16_t predicate, Way way, const WordState& state, const LoginEvent& event,
             MatchScratch* scratch) const noexcept;

  std::vector<SigmaRule> rules_;
  std::vector<CorrelationRule> written_;
  std::vector<CompiledCorrelation> correlations_;
  std::vector<FieldId> fields_;
  std::vector<Consumer> consumers_;
  std::vector<uint32_t> consumer_begin_;
  std::vector<bool> alerts_alone_;

  std::vector<Predicate> predicates_;
  std::vector<std::vector<uint16_t>> predicates_of_rule_;  // test index → predicate
  std::vector<Step> steps_;
  std::vector<uint32_t> entry_;        // rule → first step, or an answer; those after it stand before it
  std::vector<uint64_t> always_;       // bit per rule: evaluated whatever is true
  std::vector<uint16_t> woken_;        // rules woken by predicates …
  std::vector<uint32_t> woken_begin_;  // … of each predicate
  std::vector<FieldPlan> plans_;       // known fields first
  size_t known_plans_ = 0;
  std::vector<uint16_t> plan_of_field_;  // FieldId → index into plans_ + 1; extra fields only
  uint16_t keyword_plan_ = 0;            // index + 1 of the plan that holds nothing but the keywords; 0: none
  Vocabulary outcome_, certificate_, challenge_;
  std::vector<PresencePlan> presences_;  // by their bits in LoginWords
  SourcePlan sources_;
  bool uses_hyperscan_ = true;
};

// What one thread needs to match; made for one rule set, which must outlive it.
class MatchScratch {
 public:
  explicit MatchScratch(const RuleSet& rules);

  // Values that were scanned, and values that a memo answered instead.
  uint64_t scans() const noexcept { return scans_; }
  uint64_t memo_hits() const noexcept { return memo_hits_; }
  // Hyperscan scans that failed and were answered by RE2 instead, and questions nobody could answer; both
  // should be 0 and belong into the report of a run.
  uint64_t scan_failures() const noexcept { return patterns_.scan_failures(); }
  uint64_t unanswered() const noexcept { return patterns_.unanswered(); }

 private:
  friend class RuleSet;

  PatternScratch patterns_;
  WordMemo words_;
  std::vector<uint8_t> reached_;  // step → whether Decide is on its way to it
  std::vector<uint32_t> truth_;  // predicate of the way kScan → the event (epoch_) of which it was last true
  uint32_t epoch_ = 0;
  std::vector<uint64_t> awake_;  // bit per rule
  std::vector<uint16_t> matches_;
  std::vector<uint16_t> ids_;
  std::vector<MatchMemo> memos_;  // per plan; empty where a table answers
  FieldScratch text_, other_text_;
  uint64_t scans_ = 0;
  uint64_t memo_hits_ = 0;
};

}  // namespace stockade
