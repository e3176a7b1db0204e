#include "engine/rule/rule_programs.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "engine/status.h"

namespace stockade {

class RuleProgramBuilder {
 public:
  explicit RuleProgramBuilder(RuleSet* set) : set_(set) {}

  void Run() {
    const size_t rules = set_->rules_.size();
    set_->always_.assign((rules + 63) / 64, 0);
    std::vector<std::vector<uint16_t>> woken(set_->predicates_.size());
    for (size_t rule = 0; rule < rules; ++rule) {
      const Expression& expression = set_->rules_[rule].expression;
      const uint32_t entry = Emit(rule, expression, RuleSet::kYes, RuleSet::kNo);
      set_->entry_.push_back(entry);
      if (entry == RuleSet::kNo) continue;
      Trigger trigger = TriggerOf(rule, expression, true);
      if (std::isinf(trigger.cost)) {
        set_->always_[rule / 64] |= uint64_t{1} << rule % 64;
        continue;
      }
      std::sort(trigger.predicates.begin(), trigger.predicates.end());
      trigger.predicates.erase(std::unique(trigger.predicates.begin(), trigger.predicates.end()),
                               trigger.predicates.end());
      for (const uint16_t predicate : trigger.predicates)
        woken[predicate].push_back(static_cast<uint16_t>(rule));
    }
    for (const std::vector<uint16_t>& of_predicate : woken) {
      set_->woken_begin_.push_back(static_cast<uint32_t>(set_->woken_.size()));
      set_->woken_.insert(set_->woken_.end(), of_predicate.begin(), of_predicate.end());
    }
    set_->woken_begin_.push_back(static_cast<uint32_t>(set_->woken_.size()));
  }

 private:
  uint16_t PredicateOf(size_t rule, const Expression& test) const {
    const std::vector<uint16_t>& predicates = set_->predicates_of_rule_[rule];
    STOCKADE_CHECK(test.test >= 0 && static_cast<size_t>(test.test) < predicates.size());
    return predicates[static_cast<size_t>(test.test)];
  }

  bool IsAnswered(size_t rule, const Expression& expression) const {
    if (expression.kind == Expression::Kind::kTest)
      return set_->predicates_[PredicateOf(rule, expression)].way != RuleSet::Way::kEvent;
    return std::all_of(expression.operands.begin(), expression.operands.end(),
                       [&](const Expression& operand) { return IsAnswered(rule, operand); });
  }

  // Emits the branch program of an expression, last node first, so that where to go on is always known;
  // returns its entry. Operands already answered stand before those that must be worked out.
  uint32_t Emit(size_t rule, const Expression& expression, uint32_t yes, uint32_t no) {
    switch (expression.kind) {
      case Expression::Kind::kTest: {
        if (yes == no) return yes;
        const uint16_t predicate = PredicateOf(rule, expression);
        set_->steps_.push_back({predicate, set_->predicates_[predicate].way, yes, no});
        STOCKADE_CHECK(set_->steps_.size() < RuleSet::kNo);
        return static_cast<uint32_t>(set_->steps_.size() - 1);
      }
      case Expression::Kind::kNot:
        STOCKADE_CHECK(expression.operands.size() == 1);
        return Emit(rule, expression.operands[0], no, yes);
      case Expression::Kind::kAnd:
      case Expression::Kind::kOr:
        break;
    }
    std::vector<const Expression*> operands;
    for (const Expression& operand : expression.operands) operands.push_back(&operand);
    std::stable_partition(operands.begin(), operands.end(),
                          [&](const Expression* operand) { return IsAnswered(rule, *operand); });
    const bool is_and = expression.kind == Expression::Kind::kAnd;
    uint32_t next = is_and ? yes : no;
    for (auto operand = operands.rbegin(); operand != operands.rend(); ++operand)
      next = is_and ? Emit(rule, **operand, next, no) : Emit(rule, **operand, yes, next);
    return next;
  }

  // Predicates of which at least one must be true for an expression to have a value, and how often one of
  // them probably is. An infinite cost: no such predicates; the expression may have that value when all are
  // false, or when something is true that only a rule asks.
  struct Trigger {
    double cost = std::numeric_limits<double>::infinity();
    std::vector<uint16_t> predicates;
  };

  double CostOf(uint16_t index) const {
    const RuleSet::Predicate& predicate = set_->predicates_[index];
    if (predicate.way == RuleSet::Way::kWords) return 0.5;
    if (predicate.test.has_literal && predicate.test.text_relation == Test::TextRelation::kEquals)
      return 0.01;
    return 0.05;
  }

  Trigger TriggerOf(size_t rule, const Expression& expression, bool value) const {
    Trigger best;
    if (expression.kind == Expression::Kind::kTest) {
      const uint16_t predicate = PredicateOf(rule, expression);
      if (value && set_->predicates_[predicate].way != RuleSet::Way::kEvent)
        best = {CostOf(predicate), {predicate}};
      return best;
    }
    if (expression.kind == Expression::Kind::kNot) return TriggerOf(rule, expression.operands[0], !value);
    const bool any_suffices = (expression.kind == Expression::Kind::kOr) == value;
    if (any_suffices) best.cost = 0;
    for (const Expression& operand : expression.operands) {
      Trigger trigger = TriggerOf(rule, operand, value);
      if (!any_suffices) {
        if (trigger.cost < best.cost) best = std::move(trigger);
        continue;
      }
      best.cost += trigger.cost;
      best.predicates.insert(best.predicates.end(), trigger.predicates.begin(), trigger.predicates.end());
    }
    return best;
  }

  RuleSet* set_;
};

void BuildPrograms(RuleSet* set) {
  RuleProgramBuilder(set).Run();
}

}  // namespace stockade
