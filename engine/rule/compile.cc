#include "engine/rule/compile.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>

#include "engine/rule/resolve.h"
#include "engine/rule/rule_programs.h"
#include "engine/rule/test_truth.h"
#include "engine/rule/vocabulary.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

// What a keyword is asked of: the known fields that are on the wire and have a text.
bool HasKeywords(FieldId id) {
  return id != FieldId::kTimestamp && id != FieldId::kSourcePrefix && id != FieldId::kSourceFingerprint;
}

// As many keywords become part of the scan of every field that has patterns of its own. More (rule sets of
// whole systems have hundreds) would be compiled again for each field, a quarter of a second each; they get a
// scan of their own.
constexpr size_t kJoinedKeywordsMax = 16;

// Equal questions have equal keys.
std::string KeyOf(const Test& test) {
  const auto number = [](auto value) { return static_cast<int>(value); };
  std::string key = Concat(number(test.kind), "|", test.field.size(), "|", test.field, "|");
  switch (test.kind) {
    case Test::Kind::kPattern:
      Append(&key, number(test.caseless), number(test.dot_all), number(test.multi_line),
             number(test.has_literal), number(test.text_relation), "|", test.pattern.size(), "|",
             test.pattern, "|", test.literal);
      break;
    case Test::Kind::kTimePart:
    case Test::Kind::kNumber: {
      const double value = test.number + 0.0;  // -0 and 0 are one number
      key.append(reinterpret_cast<const char*>(&value), sizeof value);
      Append(&key, number(test.comparison), "|",
             test.kind == Test::Kind::kTimePart ? number(test.time_part) : 0);
      break;
    }
    case Test::Kind::kCidr:
      Append(&key, test.prefix.address.ToString(), "/", number(test.prefix.length));
      break;
    case Test::Kind::kFieldRef:
      Append(&key, number(test.caseless), number(test.text_relation), "|", test.other_field);
      break;
    default:
      break;
  }
  return key;
}

}  // namespace

class RuleSetBuilder {
 public:
  RuleSetBuilder(FieldTable* fields, Findings* findings, PatternSet::Engines engines)
      : fields_(fields), findings_(findings), engines_(engines), set_(new RuleSet) {}

  std::unique_ptr<const RuleSet> Run(SigmaDocuments documents) {
    const size_t errors_before = findings_->errors();
    std::vector<CompiledCorrelation> correlations = Resolve(&documents, fields_, findings_);
    for (const SigmaRule& rule : documents.rules) AddPredicates(rule);
    if (set_->predicates_.size() > RuleSet::kPredicatesMax) {
      findings_->Error({}, "",
                       Concat("more than ", RuleSet::kPredicatesMax, " different tests in all rules"));
      return nullptr;
    }
    BuildKeywords();
    BuildVocabularies();
    BuildPresences();
    BuildSources();
    BuildPlans();
    if (findings_->errors() > errors_before) return nullptr;
    set_->rules_ = std::move(documents.rules);
    set_->written_ = std::move(documents.correlations);
    set_->correlations_ = std::move(correlations);
    BuildPrograms(set_.get());
    Connect();
    ListFields();
    return std::move(set_);
  }

 private:
  using Predicate = RuleSet::Predicate;
  using FieldPlan = RuleSet::FieldPlan;

  void AddPredicates(const SigmaRule& rule) {
    std::vector<uint16_t>& predicates = set_->predicates_of_rule_.emplace_back();
    for (const Test& test : rule.tests) {
      const auto [found, is_new] = predicate_of_key_.emplace(KeyOf(test), set_->predicates_.size());
      predicates.push_back(static_cast<uint16_t>(found->second));
      if (is_new) AddPredicate(test);
    }
  }

  void AddPredicate(const Test& test) {
    Predicate& predicate = set_->predicates_.emplace_back();
    predicate.test = test;
    const bool keyword = test.field.empty();
    if (!keyword) {
      predicate.field = InternField(test.field, test.place, test.field, fields_, findings_);
      asked_.insert(predicate.field);
    } else if (test.kind != Test::Kind::kPattern) {
      findings_->Error(test.place, "detection", "a keyword can only be a text or a regular expression");
    }
    if (test.kind == Test::Kind::kFieldRef) {
      predicate.other_field = InternField(test.other_field, test.place, test.field, fields_, findings_);
      asked_.insert(predicate.other_field);
    }
    CheckTimestamp(test, predicate);
    predicate.way = WayOf(test, predicate.field);
  }

  static RuleSet::Way WayOf(const Test& test, FieldId field) {
    using Way = RuleSet::Way;
    const bool keyword = test.field.empty();
    if (!keyword && IsVocabulary(field) && test.kind != Test::Kind::kFieldRef) return Way::kWords;
    switch (test.kind) {
      case Test::Kind::kPattern:
        return Way::kScan;
      case Test::Kind::kNumber:
        return test.comparison == Test::Comparison::kEq && !std::isnan(test.number) ? Way::kScan
                                                                                    : Way::kEvent;
      case Test::Kind::kCidr:
        return field == FieldId::kSourceIp ? Way::kScan : Way::kEvent;
      case Test::Kind::kExists:
      case Test::Kind::kNull:
      case Test::Kind::kEmpty:
        return !keyword && AttemptTextOf(field) != nullptr ? Way::kWords : Way::kEvent;
      case Test::Kind::kFieldRef:
      case Test::Kind::kTimePart:
        break;
    }
    return Way::kEvent;
  }

  void CheckTimestamp(const Test& test, const Predicate& predicate) {
    const bool of_text = test.kind == Test::Kind::kPattern || test.kind == Test::Kind::kCidr ||
                         test.kind == Test::Kind::kEmpty || test.kind == Test::Kind::kFieldRef;
    const bool asks =
        of_text && ((!test.field.empty() && predicate.field == FieldId::kTimestamp) ||
                    (test.kind == Test::Kind::kFieldRef && predicate.other_field == FieldId::kTimestamp));
    if (!asks) return;
    findings_->Error(
        test.place, test.field,
        "@timestamp is a time, not a text; ask it with minute, hour, day, week, month, year, or as a number "
        "of milliseconds since 1970 with lt, lte, gt, gte");
  }

  // The patterns asked of one field, keywords included, as one set; `predicate_of` maps its ids.
  std::unique_ptr<const PatternSet> BuildPatterns(FieldId field, bool own, bool keywords,
                                                  std::vector<uint16_t>* predicate_of) {
    std::vector<Pattern> patterns;
    for (size_t i = 0; i < set_->predicates_.size(); ++i) {
      const Predicate& predicate = set_->predicates_[i];
      if (predicate.test.kind != Test::Kind::kPattern) continue;
      const bool keyword = predicate.test.field.empty();
      if (keyword ? !keywords : !own || predicate.field != field) continue;
      patterns.push_back(PatternOf(predicate.test));
      predicate_of->push_back(static_cast<uint16_t>(i));
    }
    if (patterns.empty()) return nullptr;
    std::vector<PatternSet::Refusal> refusals;
    auto set = PatternSet::Build(patterns, engines_, &refusals);
    set_->uses_hyperscan_ = set->uses_hyperscan();
    for (const PatternSet::Refusal& refusal : refusals) {
      const uint16_t predicate = (*predicate_of)[refusal.pattern];
      if (!refused_.insert(predicate).second) continue;
      const Test& test = set_->predicates_[predicate].test;
      findings_->Error(test.place, test.field.empty() ? "keywords" : test.field,
                       Concat("no engine takes the pattern ", Quoted(test.pattern), ": ", refusal.reason));
    }
    return set;
  }

  void BuildKeywords() {
    keywords_.field = FieldId::kFirstUnknown;
    keywords_.patterns = BuildPatterns(keywords_.field, false, true, &keywords_.predicate_of);
  }

  void BuildVocabularies() {
    set_->outcome_.resize(kOutcomeWords);
    set_->certificate_.resize(kCertificateWords);
    set_->challenge_.resize(kChallengeWords);
    for (const FieldId field : {FieldId::kEventOutcome, FieldId::kEventReason})
      AskWords(field, OutcomeEvent, &set_->outcome_);
    AskWords(FieldId::kCertificate, CertificateEvent, &set_->certificate_);
    AskWords(FieldId::kChallenge, ChallengeEvent, &set_->challenge_);
  }

  void AskWords(FieldId field, LoginEvent (*event_of)(size_t), RuleSet::Vocabulary* vocabulary) {
    FieldPlan own;
    own.patterns = BuildPatterns(field, true, false, &own.predicate_of);
    FieldScratch text;
    std::vector<uint16_t> ids(std::max(own.predicate_of.size(), keywords_.predicate_of.size()));
    for (size_t word = 0; word < vocabulary->size(); ++word) {
      const LoginEvent event = event_of(word);
      std::vector<uint16_t>& raised = (*vocabulary)[word];
      const FieldValue value = GetField(event, field, &text);
      for (const FieldPlan* plan : {&own, &keywords_}) {
        if (plan->patterns == nullptr || !value.present()) continue;
        PatternScratch scratch;
        scratch.Prepare(*plan->patterns);
        const size_t count = plan->patterns->Match(value.text, &scratch, ids.data());
        for (size_t i = 0; i < count; ++i) raised.push_back(plan->predicate_of[ids[i]]);
      }
      AddNative(field, event, &raised);
    }
  }

  // The predicates of the way kWords, patterns apart, that are true of a field.
  void AddNative(FieldId field, const LoginEvent& event, std::vector<uint16_t>* raised) {
    FieldScratch text;
    FieldScratch other_text;
    for (size_t i = 0; i < set_->predicates_.size(); ++i) {
      const Predicate& predicate = set_->predicates_[i];
      const bool is_native =
          predicate.way == RuleSet::Way::kWords && predicate.test.kind != Test::Kind::kPattern;
      if (is_native && predicate.field == field &&
          TestHolds(predicate.test, field, field, event, &text, &other_text)) {
        raised->push_back(static_cast<uint16_t>(i));
      }
    }
  }

  void BuildPresences() {
    for (const auto& [field, member] : kTextMembers) {
      const bool is_asked = std::any_of(
          set_->predicates_.begin(), set_->predicates_.end(), [&, id = field](const Predicate& predicate) {
            return predicate.way == RuleSet::Way::kWords && predicate.field == id;
          });
      if (!is_asked) continue;
      RuleSet::PresencePlan& plan = set_->presences_.emplace_back();
      plan.text = member;
      plan.of_word.resize(kPresenceWords);
      for (size_t word = 0; word < kPresenceWords; ++word)
        AddNative(field, PresenceEvent(member, word), &plan.of_word[word]);
    }
  }

  void BuildSources() {
    for (size_t i = 0; i < set_->predicates_.size(); ++i) {
      const Predicate& predicate = set_->predicates_[i];
      if (predicate.way == RuleSet::Way::kScan && predicate.test.kind == Test::Kind::kCidr)
        set_->sources_.Add(predicate.test.prefix, static_cast<uint16_t>(i));
    }
  }

  void BuildPlans() {
    const bool keywords = keywords_.patterns != nullptr;
    std::set<FieldId> planned;
    for (const Predicate& predicate : set_->predicates_)
      if (predicate.way == RuleSet::Way::kScan && predicate.test.kind != Test::Kind::kCidr &&
          !predicate.test.field.empty()) {
        planned.insert(predicate.field);
      }
    if (keywords) {
      for (size_t i = 0; i < kKnownFieldCount; ++i)
        if (HasKeywords(static_cast<FieldId>(i))) planned.insert(static_cast<FieldId>(i));
      asked_.insert(planned.begin(), planned.end());
    }
    for (const FieldId field : planned) {
      if (IsVocabulary(field)) continue;
      AddPlan(field, keywords && HasKeywords(field));
      if (field < FieldId::kFirstUnknown) {
        ++set_->known_plans_;
        continue;
      }
      set_->plan_of_field_.resize(fields_->size());
      set_->plan_of_field_[static_cast<size_t>(field)] = static_cast<uint16_t>(set_->plans_.size());
    }
    if (!keywords) return;
    fields_->KeepUnnamed();
    set_->plans_.push_back(std::move(keywords_));
    set_->keyword_plan_ = static_cast<uint16_t>(set_->plans_.size());
  }

  void AddPlan(FieldId field, bool keywords) {
    FieldPlan& plan = set_->plans_.emplace_back();
    plan.field = field;
    plan.text = AttemptTextOf(field);
    const bool has_patterns =
        std::any_of(set_->predicates_.begin(), set_->predicates_.end(), [&](const Predicate& p) {
          return p.test.kind == Test::Kind::kPattern && !p.test.field.empty() && p.field == field;
        });
    const bool joined = keywords && has_patterns && keywords_.predicate_of.size() <= kJoinedKeywordsMax;
    plan.patterns = BuildPatterns(field, true, joined, &plan.predicate_of);
    plan.keywords = keywords && !joined;
    for (size_t i = 0; i < set_->predicates_.size(); ++i) {
      const Predicate& predicate = set_->predicates_[i];
      if (predicate.way == RuleSet::Way::kScan && predicate.test.kind == Test::Kind::kNumber &&
          predicate.field == field)
        plan.numbers.emplace_back(predicate.test.number, static_cast<uint16_t>(i));
    }
    std::sort(plan.numbers.begin(), plan.numbers.end());
  }

  void Connect() {
    const size_t count = set_->rules_.size() + set_->correlations_.size();
    std::vector<std::vector<Consumer>> consumers(count);
    set_->alerts_alone_.assign(count, true);
    for (size_t i = 0; i < set_->correlations_.size(); ++i) {
      CompiledCorrelation& correlation = set_->correlations_[i];
      correlation.written = &set_->written_[i];
      for (size_t j = 0; j < correlation.references.size(); ++j) {
        const CompiledCorrelation::Reference& reference = correlation.references[j];
        consumers[reference.unified].push_back({static_cast<uint16_t>(i), static_cast<uint16_t>(j)});
        if (!correlation.written->generate) set_->alerts_alone_[reference.unified] = false;
        asked_.insert(reference.group_by.begin(), reference.group_by.end());
        if (reference.value_field.has_value()) asked_.insert(*reference.value_field);
      }
    }
    for (const std::vector<Consumer>& of_rule : consumers) {
      set_->consumer_begin_.push_back(static_cast<uint32_t>(set_->consumers_.size()));
      set_->consumers_.insert(set_->consumers_.end(), of_rule.begin(), of_rule.end());
    }
    set_->consumer_begin_.push_back(static_cast<uint32_t>(set_->consumers_.size()));
  }

  void ListFields() { set_->fields_.assign(asked_.begin(), asked_.end()); }

  FieldTable* fields_;
  Findings* findings_;
  PatternSet::Engines engines_;
  std::unique_ptr<RuleSet> set_;
  std::unordered_map<std::string, size_t> predicate_of_key_;
  std::set<FieldId> asked_;
  std::set<uint16_t> refused_;
  FieldPlan keywords_;  // all keywords and nothing else
};

std::unique_ptr<const RuleSet> Compile(SigmaDocuments documents, FieldTable* fields, Findings* findings,
                                       PatternSet::Engines engines) {
  return RuleSetBuilder(fields, findings, engines).Run(std::move(documents));
}

absl::StatusOr<std::unique_ptr<const RuleSet>> Compile(SigmaDocuments documents, FieldTable* fields) {
  Findings findings;
  auto rules = Compile(std::move(documents), fields, &findings);
  if (rules == nullptr) return findings.ToStatus();
  return rules;
}

}  // namespace stockade
