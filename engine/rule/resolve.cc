#include "engine/rule/resolve.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <optional>
#include <queue>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>

#include "engine/text.h"

namespace stockade {
namespace {

std::string Spell(const Place& place) {
  return Concat(place.file, ":", place.line, ":", place.column);
}

// Whether every part of `filter` is "*" or equals that of `rule`.
bool Covers(std::string_view filter, std::string_view rule) {
  while (!filter.empty()) {
    const std::string_view part = filter.substr(0, filter.find('/'));
    const std::string_view other = rule.substr(0, rule.find('/'));
    if (part != "*" && !part.empty() && part != other) return false;
    filter.remove_prefix(std::min(part.size() + 1, filter.size()));
    rule.remove_prefix(std::min(other.size() + 1, rule.size()));
  }
  return true;
}

void ShiftTests(int by, Expression* expression) {
  expression->test += by;
  for (Expression& operand : expression->operands) ShiftTests(by, &operand);
}

void Join(const SigmaFilter& filter, SigmaRule* rule) {
  Expression condition = filter.expression;
  ShiftTests(static_cast<int>(rule->tests.size()), &condition);
  rule->tests.insert(rule->tests.end(), filter.tests.begin(), filter.tests.end());
  Expression both;
  both.kind = Expression::Kind::kAnd;
  both.operands.push_back(std::move(rule->expression));
  both.operands.push_back(std::move(condition));
  rule->expression = std::move(both);
}

class Resolver {
 public:
  Resolver(SigmaDocuments* documents, FieldTable* fields, Findings* findings)
      : documents_(*documents), fields_(fields), findings_(findings) {}

  std::vector<CompiledCorrelation> Run() {
    if (documents_.rules.size() + documents_.correlations.size() > RuleSet::kRulesMax) {
      findings_->Error({}, "", Concat("more than ", RuleSet::kRulesMax, " rules"));
      return {};
    }
    CollectNames();
    for (const SigmaFilter& filter : documents_.filters) Apply(filter);
    documents_.filters.clear();
    for (const CorrelationRule& correlation : documents_.correlations) FindReferences(correlation);
    const std::vector<size_t> order = Order();
    if (order.size() < documents_.correlations.size()) return {};
    return Arrange(order);
  }

 private:
  RuleHeader& HeaderOf(size_t unified) {
    const size_t rules = documents_.rules.size();
    return unified < rules ? documents_.rules[unified].header
                           : documents_.correlations[unified - rules].header;
  }

  void CollectNames() {
    const size_t count = documents_.rules.size() + documents_.correlations.size();
    for (size_t i = 0; i < count; ++i) {
      const RuleHeader& header = HeaderOf(i);
      AddName(header.name, "name", i);
      if (header.id != header.name) AddName(header.id, "id", i);
    }
    for (const auto& [name, unified] : names_) spellings_.emplace_back(name);
  }

  void AddName(const std::string& name, std::string_view key, size_t unified) {
    if (name.empty()) return;
    const auto [found, is_new] = names_.emplace(name, unified);
    if (is_new) return;
    findings_->Error(HeaderOf(unified).At(key), key,
                     Concat(Quoted(name), " is taken by the rule at ", Spell(HeaderOf(found->second).place),
                            "; names and ids must be unique"));
  }

  std::optional<size_t> Find(const std::string& name, const Place& place, std::string_view key) {
    const auto found = names_.find(name);
    if (found != names_.end()) return found->second;
    const std::string_view nearest = Nearest(name, spellings_);
    findings_->Error(place, key, Concat("no rule has the name or id ", Quoted(name), DidYouMean(nearest)),
                     nearest);
    return std::nullopt;
  }

  void Apply(const SigmaFilter& filter) {
    if (filter.any) {
      for (SigmaRule& rule : documents_.rules)
        if (Covers(filter.header.logsource, rule.header.logsource)) Join(filter, &rule);
      return;
    }
    std::set<size_t> joined;
    for (const CorrelationRule::Reference& reference : filter.rules) {
      const std::optional<size_t> unified = Find(reference.rule, reference.place, "filter.rules");
      if (!unified.has_value() || !joined.insert(*unified).second) continue;
      if (*unified >= documents_.rules.size()) {
        findings_->Error(
            reference.place, "filter.rules",
            Concat(Quoted(reference.rule), " is a correlation; filters apply to the base rules it counts"));
        continue;
      }
      Join(filter, &documents_.rules[*unified]);
    }
  }

  void FindReferences(const CorrelationRule& correlation) {
    std::vector<size_t>& references = references_.emplace_back();
    for (const CorrelationRule::Reference& reference : correlation.rules) {
      const std::optional<size_t> unified = Find(reference.rule, reference.place, "correlation.rules");
      if (unified.has_value() && std::count(references.begin(), references.end(), *unified) > 0) {
        findings_->Error(reference.place, "correlation.rules",
                         Concat(Quoted(reference.rule), " is named twice; name each rule once"));
      }
      references.push_back(unified.value_or(kUnknown));
    }
  }

  // Kahn's algorithm, lowest index first. What remains contains cycles.
  std::vector<size_t> Order() {
    const size_t rules = documents_.rules.size();
    const size_t count = documents_.correlations.size();
    std::vector<size_t> waits_for(count, 0);
    std::vector<std::vector<size_t>> feeds(count);
    for (size_t i = 0; i < count; ++i) {
      for (const size_t unified : references_[i]) {
        if (unified == kUnknown || unified < rules) continue;
        feeds[unified - rules].push_back(i);
        ++waits_for[i];
      }
    }
    std::priority_queue<size_t, std::vector<size_t>, std::greater<>> ready;
    for (size_t i = 0; i < count; ++i)
      if (waits_for[i] == 0) ready.push(i);
    std::vector<size_t> order;
    while (!ready.empty()) {
      const size_t next = ready.top();
      ready.pop();
      order.push_back(next);
      for (const size_t fed : feeds[next])
        if (--waits_for[fed] == 0) ready.push(fed);
    }
    if (order.size() < count) ReportCycle(waits_for);
    return order;
  }

  // Whoever still waits has a reference that still waits: following these must come back to where it was.
  void ReportCycle(const std::vector<size_t>& waits_for) {
    const size_t rules = documents_.rules.size();
    size_t at = 0;
    while (waits_for[at] == 0) ++at;
    std::vector<size_t> path;
    while (std::find(path.begin(), path.end(), at) == path.end()) {
      path.push_back(at);
      for (const size_t unified : references_[at]) {
        if (unified == kUnknown || unified < rules || waits_for[unified - rules] == 0) continue;
        at = unified - rules;
        break;
      }
    }
    path.erase(path.begin(), std::find(path.begin(), path.end(), at));
    path.push_back(at);
    std::string chain;
    for (const size_t i : path) {
      const RuleHeader& header = documents_.correlations[i].header;
      Append(&chain, chain.empty() ? "" : " -> ", header.handle(), " (", Spell(header.place), ")");
    }
    findings_->Error(documents_.correlations[at].place, "correlation.rules",
                     Concat("correlations feed one another in a circle: ", chain));
  }

  std::vector<CompiledCorrelation> Arrange(const std::vector<size_t>& order) {
    const size_t rules = documents_.rules.size();
    std::vector<size_t> place_of(order.size());
    for (size_t i = 0; i < order.size(); ++i) place_of[order[i]] = i;
    std::vector<CompiledCorrelation> compiled;
    for (const size_t i : order) {
      const CorrelationRule& written = documents_.correlations[i];
      CheckAliases(written, references_[i]);
      CompiledCorrelation& correlation = compiled.emplace_back();
      correlation.span_ms = written.span_ms;
      correlation.bounds = written.bounds;
      for (const size_t unified : references_[i]) {
        if (unified == kUnknown) continue;
        CompiledCorrelation::Reference& reference = correlation.references.emplace_back();
        reference.unified =
            static_cast<uint32_t>(unified < rules ? unified : rules + place_of[unified - rules]);
        for (const std::string& name : written.group_by)
          reference.group_by.push_back(FieldFor(written, unified, name, "correlation.group-by"));
        if (!written.condition_field.empty())
          reference.value_field =
              FieldFor(written, unified, written.condition_field, "correlation.condition.field");
      }
    }
    std::vector<CorrelationRule> arranged;
    for (const size_t i : order) arranged.push_back(std::move(documents_.correlations[i]));
    documents_.correlations = std::move(arranged);
    return compiled;
  }

  void CheckAliases(const CorrelationRule& correlation, const std::vector<size_t>& references) {
    for (const Alias& alias : correlation.aliases) {
      for (const AliasEntry& entry : alias.entries) {
        const auto found = names_.find(entry.rule);
        if (found != names_.end() && std::count(references.begin(), references.end(), found->second) > 0)
          continue;
        std::vector<std::string_view> candidates;
        for (const auto& reference : correlation.rules) candidates.push_back(reference.rule);
        const std::string_view nearest = Nearest(entry.rule, candidates);
        findings_->Error(
            alias.place, Concat("correlation.aliases.", alias.name),
            Concat("this correlation does not refer to a rule ", Quoted(entry.rule), DidYouMean(nearest)),
            nearest);
      }
    }
  }

  // What `name`, a field or an alias of `correlation`, is in events of one rule it refers to.
  FieldId FieldFor(const CorrelationRule& correlation, size_t unified, const std::string& name,
                   std::string_view key) {
    const auto named = [&](const Alias& alias) { return alias.name == name; };
    const auto alias = std::find_if(correlation.aliases.begin(), correlation.aliases.end(), named);
    if (alias != correlation.aliases.end()) {
      const std::string alias_key = Concat("correlation.aliases.", name);
      for (const AliasEntry& entry : alias->entries) {
        const auto found = names_.find(entry.rule);
        if (found != names_.end() && found->second == unified)
          return InternField(entry.field, alias->place, alias_key, fields_, findings_);
      }
      findings_->Error(alias->place, alias_key,
                       Concat("says nothing of rule ", Quoted(HeaderOf(unified).handle()),
                              ", which this correlation refers to; add an entry for it"));
      return {};
    }
    if (unified >= documents_.rules.size()) {
      const CorrelationRule& inner = documents_.correlations[unified - documents_.rules.size()];
      if (std::any_of(inner.aliases.begin(), inner.aliases.end(), named)) {
        findings_->Error(correlation.place, key,
                         Concat(Quoted(name), " is an alias of ", Quoted(inner.header.handle()),
                                ", not a field of its events; say in aliases which field it is"));
        return {};
      }
    }
    return InternField(name, correlation.place, key, fields_, findings_);
  }

  static constexpr size_t kUnknown = ~size_t{0};

  SigmaDocuments& documents_;
  FieldTable* fields_;
  Findings* findings_;
  std::unordered_map<std::string, size_t> names_;
  std::vector<std::string_view> spellings_;
  std::vector<std::vector<size_t>> references_;  // by correlation as read; unified indices as read
};

}  // namespace

FieldId InternField(std::string_view name, const Place& place, std::string_view key, FieldTable* fields,
                    Findings* findings) {
  if (const std::optional<FieldId> id = fields->Intern(name)) return *id;
  findings->Error(place, key,
                  name.empty()
                      ? std::string("a field needs a name")
                      : Concat("more than ", FieldTable::kFieldsMax, " different fields are asked for"));
  return {};
}

std::vector<CompiledCorrelation> Resolve(SigmaDocuments* documents, FieldTable* fields, Findings* findings) {
  return Resolver(documents, fields, findings).Run();
}

}  // namespace stockade
