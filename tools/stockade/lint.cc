#include "tools/stockade/lint.h"

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/ascii.h"
#include "engine/event/field.h"
#include "engine/event/outcome.h"
#include "engine/text.h"
#include "engine/window/window.h"
#include "tools/stockade/gateway_lint.h"

namespace stockade {
namespace {

using Type = CorrelationRule::Type;
using Comparison = Test::Comparison;

// ECS fields of login events that sources pass on without knowing them, so that user.nmae is near user.name
// and user.domain is near nothing (elastic/ecs schemas/).
constexpr std::array<std::string_view, 22> kOtherFields = {"event.action",
                                                           "event.category",
                                                           "event.code",
                                                           "event.dataset",
                                                           "event.kind",
                                                           "event.type",
                                                           "source.address",
                                                           "source.port",
                                                           "source.nat.ip",
                                                           "client.ip",
                                                           "source.as.organization.name",
                                                           "user.id",
                                                           "user.domain",
                                                           "user.hash",
                                                           "device.id",
                                                           "http.request.method",
                                                           "http.response.status_code",
                                                           "url.domain",
                                                           "tls.client.server_name",
                                                           "host.name",
                                                           "observer.name",
                                                           "labels"};

// How many different values a field of a closed vocabulary can have; 0: any number.
size_t VocabularySize(std::string_view field) {
  if (field == "event.outcome") return 3;
  if (field == "event.reason") return kOutcomeNames.size();
  if (field == "login.certificate") return kCertificateNames.size();
  if (field == "login.can_ask") return kCanAskNames.size() - 1;
  if (field == "login.challenge") return kChallengeResultNames.size() - 1;
  return 0;
}

// Fields whose values are never numbers: a sum of them is a sum of nothing.
bool IsText(std::string_view field) {
  return VocabularySize(field) > 0 || field == "user.name" || field == "source.ip" ||
         field == "source.prefix" || field == "source.fingerprint" || field == "user_agent.original" ||
         field == "tls.client.ja3" || field == "tls.client.ja4" || field == "source.geo.country_iso_code" ||
         field == "login.password_id" || field == "login.tls_stack" || field == "login.tls_mismatch";
}

std::string_view TypeName(Type type) {
  static constexpr std::string_view kNames[] = {"event_count",      "value_count", "temporal",
                                                "temporal_ordered", "value_sum",   "value_avg",
                                                "value_percentile"};
  return kNames[static_cast<size_t>(type)];
}

class RuleLinter {
 public:
  RuleLinter(const SigmaDocuments& documents, bool complete, Findings* findings)
      : documents_(documents), complete_(complete), findings_(*findings) {
    for (const std::string_view name : kKnownFieldNames) known_.push_back(name);
    for (const std::string_view name : kOtherFields) known_.push_back(name);
  }

  void Lint() {
    std::set<std::string> referred;
    for (const CorrelationRule& rule : documents_.correlations) {
      for (const auto& reference : rule.rules) referred.insert(reference.rule);
    }
    const auto is_referred = [&](const RuleHeader& header) {
      return referred.contains(header.name) || referred.contains(header.id);
    };
    for (const SigmaRule& rule : documents_.rules) {
      LintHeader(rule.header);
      for (const Test& test : rule.tests) LintTest(test);
      LintResponse(rule.header, rule.response);
      if (!is_referred(rule.header)) LintUnused(rule.header, rule.response);
    }
    for (const CorrelationRule& rule : documents_.correlations) {
      LintHeader(rule.header);
      LintCorrelation(rule);
      LintResponse(rule.header, rule.response);
      if (!is_referred(rule.header)) LintUnused(rule.header, rule.response);
    }
    for (const SigmaFilter& filter : documents_.filters) {
      for (const Test& test : filter.tests) LintTest(test);
    }
  }

 private:
  void Warn(const Place& place, std::string_view key, std::string_view what,
            std::string_view suggestion = {}) {
    findings_.Warn(place, key, what, suggestion);
  }

  void LintHeader(const RuleHeader& header) {
    if (header.id.empty()) {
      Warn(header.place, "id",
           "is missing; without an id an alert cannot be followed over a change of its title; "
           "make one with: uuidgen");
    }
    if (header.level.empty()) {
      Warn(header.place, "level", "is missing; write one of informational, low, medium, high, critical");
    }
    if (header.tags.empty()) {
      Warn(header.place, "tags",
           "are missing; name the technique, as attack.t1110.004 for credential stuffing");
    }
    if (header.description.empty()) {
      Warn(header.place, "description",
           "is missing; say what the rule sees, what it does not, and why its threshold");
    }
    for (const std::string& tag : header.tags) {
      if (tag.find('.') == std::string::npos || tag != absl::AsciiStrToLower(tag)) {
        Warn(header.At("tags"), "tags",
             Concat(Quoted(tag), " is no tag; tags are lower case with a namespace, as attack.t1110"));
      }
    }
  }

  void LintUnused(const RuleHeader& header, const std::optional<Response>& response) {
    if (!complete_ || response || header.level != "informational") return;
    Warn(header.At("level"), "level",
         Concat("no rule refers to ", Quoted(header.handle()),
                ", so it alerts by itself, which at level informational nobody reads; refer to it, raise its "
                "level, or "
                "delete it"));
  }

  // Whether the parser said already that nobody fills this field: with the place of the key, which is better
  // than ours.
  bool WasNamed(std::string_view file, std::string_view field) const {
    const std::string said = Concat("field ", Quoted(field), " is not one ");
    return std::any_of(findings_.all().begin(), findings_.all().end(), [&](const Finding& finding) {
      return finding.place.file == file && finding.what.starts_with(said);
    });
  }

  void LintField(const std::string& field, const Place& place, std::string_view key) {
    if (field.empty() || std::find(known_.begin(), known_.end(), field) != known_.end()) return;
    const std::string lower = absl::AsciiStrToLower(field);
    std::string_view meant = Nearest(field, known_);
    for (const std::string_view name : known_) {
      if (name == lower) meant = name;
    }
    if (meant.empty()) return;
    // A field with a list of values is as many tests.
    if (WasNamed(place.file, field) || !misspelt_.emplace(place.file, place.line, field).second) return;
    Warn(place, key, Concat("no source sends a field ", Quoted(field), DidYouMean(meant)), meant);
  }

  void LintTest(const Test& test) {
    LintField(test.field, test.place, test.written);
    LintField(test.other_field, test.place, test.written);
    if (test.kind != Test::Kind::kPattern || !test.has_literal ||
        test.text_relation != Test::TextRelation::kEquals)
      return;
    const auto check = [&](const auto& words) {
      const std::vector<std::string_view> list(words.begin(), words.end());
      const std::string lower = absl::AsciiStrToLower(test.literal);
      if (std::find(list.begin(), list.end(), lower) != list.end()) return;
      std::string known;
      for (const std::string_view word : list) Append(&known, known.empty() ? "" : ", ", word);
      const std::string_view meant = Nearest(test.literal, list);
      Warn(test.place, test.written,
           Concat(test.field, " is never ", Quoted(test.literal),
                  meant.empty() ? Concat("; it is one of: ", known) : DidYouMean(meant)),
           meant);
    };
    static constexpr std::array<std::string_view, 3> kCoarse = {"success", "failure", "unknown"};
    if (test.field == "event.outcome") check(kCoarse);
    if (test.field == "event.reason") check(kOutcomeNames);
    if (test.field == "login.certificate") check(kCertificateNames);
  }

  void LintCorrelation(const CorrelationRule& rule) {
    const std::string_view condition = "correlation.condition";
    for (const std::string& field : rule.group_by) {
      const bool alias = std::any_of(rule.aliases.begin(), rule.aliases.end(),
                                     [&](const Alias& a) { return a.name == field; });
      if (!alias) LintField(field, rule.place, "correlation.group-by");
      if (field == "@timestamp" || field == "http.request.id") {
        Warn(rule.place, "correlation.group-by",
             Concat(field, " differs in every event, so no two are counted together"));
      }
    }
    LintField(rule.condition_field, rule.place, "correlation.condition.field");

    const bool counts = rule.type == Type::kEventCount || rule.type == Type::kValueCount;
    if (counts) {
      // Counting begins at 1: the event that is looked at is counted itself. What can be reached is bounded
      // by the largest window there is, and by how many values there are.
      double most = kWindowLimitMax;
      std::string why = Concat("a window counts up to ", kWindowLimitMax);
      if (rule.type == Type::kValueCount) {
        if (const size_t words = VocabularySize(rule.condition_field); words > 0) {
          most = static_cast<double>(words);
          why = Concat(rule.condition_field, " has ", words, " different values");
        }
        if (std::find(rule.group_by.begin(), rule.group_by.end(), rule.condition_field) !=
            rule.group_by.end()) {
          most = 1;
          why = Concat(rule.condition_field,
                       " is one of the group-by fields, so there is one value of it in each group");
        }
      }
      if (!Reachable(rule.bounds, 1, most)) {
        Warn(rule.place, condition,
             Concat("can never hold (", rule.condition_written, "): ", why,
                    ", and the event that is looked at counts as 1"));
      } else if (HoldAll(rule.bounds, 1) && rule.response.has_value()) {
        Warn(rule.place, condition,
             Concat("holds with the first event (", rule.condition_written,
                    "), so the response meets everybody whom the rule below it matches"));
      }
    }
    if (rule.type == Type::kValueSum || rule.type == Type::kValueAvg || rule.type == Type::kValuePercentile) {
      if (IsText(rule.condition_field)) {
        Warn(rule.place, "correlation.condition.field",
             Concat(rule.condition_field, " is never a number, so ", TypeName(rule.type),
                    " has nothing to add up; for "
                    "the number of different values write value_count"),
             "value_count");
      }
    }
    if ((rule.type == Type::kTemporal || rule.type == Type::kTemporalOrdered) && rule.rules.size() == 1) {
      Warn(rule.place, "correlation.rules",
           Concat("a ", TypeName(rule.type), " correlation of one rule says no more than that rule"));
    }
    if (rule.group_by.empty()) {
      Warn(rule.place, "correlation.group-by",
           rule.response ? "is missing: everybody's events are counted together, and the response meets the "
                           "one who comes last"
                         : "is missing: everybody's events are counted together");
    }
  }

  // Whether some whole number from `least` to `most` meets all bounds. Only the numbers at and beside a bound
  // matter.
  static bool Reachable(const std::vector<CorrelationRule::Bound>& bounds, double least, double most) {
    std::vector<double> candidates = {least, most};
    for (const auto& bound : bounds) {
      for (const double step : {-1.0, 0.0, 1.0})
        candidates.push_back(static_cast<double>(static_cast<int64_t>(bound.number)) + step);
    }
    return std::any_of(candidates.begin(), candidates.end(), [&](double value) {
      return value >= least && value <= most && HoldAll(bounds, value);
    });
  }

  void LintResponse(const RuleHeader& header, const std::optional<Response>& response) {
    if (!response) return;
    if (response->target == Target::kUserName && response->all_lanes) {
      Warn(header.At("response.lanes"), "response.lanes",
           "all: this shuts the customer out of his own account; with the unfamiliar lane only strangers are "
           "locked out",
           "unfamiliar");
    }
    if (response->target == Target::kSourceAsn && response->action == Action::kBlock) {
      Warn(header.At("response.target"), "response.target",
           "a block of source.asn meets every customer of that provider; challenge it, or block "
           "source.prefix");
    }
    if (response->target == Target::kSourceFingerprint && response->action == Action::kBlock) {
      Warn(header.At("response.target"), "response.target",
           "a block of source.fingerprint meets everybody with that browser; challenge it");
    }
    static constexpr int64_t kLong = int64_t{30} * 86'400'000;
    if (response->for_ms > kLong &&
        (response->action == Action::kBlock || response->action == Action::kLock)) {
      Warn(header.At("response.for"), "response.for",
           "is longer than 30 days; addresses change hands within days: begin with minutes and let "
           "`escalate` grow");
    }
  }

  const SigmaDocuments& documents_;
  const bool complete_;
  Findings& findings_;
  std::vector<std::string_view> known_;
  std::set<std::tuple<std::string, int, std::string>> misspelt_;  // file, line, field: warned about
};

}  // namespace

void LintRules(const SigmaDocuments& documents, bool complete, Findings* findings) {
  RuleLinter(documents, complete, findings).Lint();
}

void LintConfig(const Config& config, std::string_view file, std::string_view rule_text, Findings* findings) {
  const Place begin{std::string(file), 1, 1};
  const bool ignored = config.engine.certificates.policy() == CertificatePolicy::kIgnored;
  if (config.engine.mode == Mode::kCertificateOnly && ignored) {
    findings->Warn(
        config.PlaceOr("mode", begin), "mode",
        "certificate-only with certificates: ignored denies everybody; write certificates: required");
  }
  std::set<std::string> unused;
  for (const auto& [name, values] : config.placeholders) {
    if (!values.empty() && rule_text.find(Concat("%", name, "%")) == std::string_view::npos)
      unused.insert(name);
  }
  for (const std::string& name : unused) {
    const std::string path = Concat("placeholders.", name);
    findings->Warn(config.PlaceOr(path, begin), path, Concat("no rule asks for %", name, "%"));
  }
  if (config.gateway.has_value()) LintGateway(config, file, findings);
}

}  // namespace stockade
