#include "engine/rule/sigma_parse.h"

#include <array>
#include <utility>

#include "engine/rule/document_reader.h"
#include "engine/rule/yaml_tree.h"
#include "engine/text.h"

namespace stockade {
namespace {

// Keys of Sigma and `response`. Others are custom keys, which Sigma allows; one that is nearly one of these
// is probably a slip.
constexpr std::array<std::string_view, 22> kTopKeys = {
    "title",    "id",       "name",   "status",         "description", "references", "author", "date",
    "modified", "tags",     "level",  "logsource",      "detection",   "fields",     "scope",  "related",
    "license",  "taxonomy", "filter", "falsepositives", "correlation", "response",
};

class FileReader {
 public:
  FileReader(std::string_view file, const Placeholders& placeholders, SigmaDocuments* into,
             Findings* findings)
      : file_(file), reader_(file, &placeholders, findings), into_(into), findings_(findings) {}

  void ReadDocument(const YamlNode& document) {
    if (!document.is_map()) {
      findings_->Error(PlaceOf(document, file_), "", "a document of rules is a map with title and detection");
      return;
    }
    const size_t errors_before = findings_->errors();
    WarnOfNearMisses(document);
    if (const YamlEntry* action = document.FindEntry("action")) {
      findings_->Error(PlaceOf(action->key, file_), "action",
                       Concat("rule collections (action: ", action->value.text,
                              ") were taken out of Sigma; write each rule in full, divided by ---"));
      return;
    }
    const YamlEntry* detection = document.FindEntry("detection");
    const YamlEntry* correlation = document.FindEntry("correlation");
    const YamlEntry* filter = document.FindEntry("filter");
    const int kinds = (detection != nullptr) + (correlation != nullptr) + (filter != nullptr);
    if (kinds != 1) {
      findings_->Error(
          PlaceOf(document, file_), "",
          kinds == 0 ? "neither detection, correlation nor filter: this is no Sigma rule"
                     : "only one of detection, correlation and filter in one document; divide with ---");
      return;
    }
    RuleHeader header;
    reader_.ReadHeader(document, &header);
    std::optional<Response> response;
    if (const YamlEntry* written = document.FindEntry("response")) {
      if (filter != nullptr) {
        findings_->Error(PlaceOf(written->key, file_), "response", "a filter has none; its rules have");
      } else {
        response = reader_.ReadResponse(written->value);
      }
    }
    const auto is_sound = [&] { return findings_->errors() == errors_before && document.sound; };
    if (detection != nullptr) {
      SigmaRule rule{std::move(header), {}, {}, std::move(response)};
      std::optional<Expression> expression =
          reader_.ReadDetection(detection->value, "detection", {}, &rule.tests);
      rule.expression = std::move(expression).value_or(Expression{});
      if (is_sound()) into_->rules.push_back(std::move(rule));
    } else if (correlation != nullptr) {
      CorrelationRule rule;
      rule.header = std::move(header);
      rule.response = std::move(response);
      reader_.ReadCorrelation(document, *correlation, &rule);
      if (is_sound()) into_->correlations.push_back(std::move(rule));
    } else {
      SigmaFilter read;
      read.header = std::move(header);
      read.place = PlaceOf(filter->key, file_);
      ReadFilter(filter->value, &read);
      if (is_sound()) into_->filters.push_back(std::move(read));
    }
  }

 private:
  void ReadFilter(const YamlNode& map, SigmaFilter* filter) {
    constexpr std::array<std::string_view, 1> kOtherKeys = {"rules"};
    if (!map.is_map()) {
      findings_->Error(PlaceOf(map, file_), "filter", "must be a map with rules, selections and a condition");
      return;
    }
    const YamlNode* rules = map.Find("rules");
    if (rules == nullptr) {
      findings_->Error(PlaceOf(map, file_), "filter.rules",
                       "is missing; name the rules by name or id, or write any");
    } else if (rules->is_text() && rules->text == "any") {
      filter->any = true;
    } else {
      reader_.ReadReferences(*rules, "filter.rules", &filter->rules);
    }
    std::optional<Expression> expression = reader_.ReadDetection(map, "filter", kOtherKeys, &filter->tests);
    filter->expression = std::move(expression).value_or(Expression{});
  }

  void WarnOfNearMisses(const YamlNode& document) {
    for (const YamlEntry& entry : document.entries) {
      const std::string_view near = Nearest(entry.key.text, kTopKeys);
      if (near.empty() || document.Find(near) != nullptr) continue;
      findings_->Warn(PlaceOf(entry.key, file_), entry.key.text, Concat("unknown key", DidYouMean(near)),
                      near);
    }
  }

  std::string_view file_;
  DocumentReader reader_;
  SigmaDocuments* into_;
  Findings* findings_;
};

}  // namespace

void ParseSigma(std::string_view yaml, std::string_view file, const Placeholders& placeholders,
                SigmaDocuments* into, Findings* findings) {
  const size_t first_finding = findings->all().size();
  const std::vector<YamlNode> documents = ReadYaml(yaml, file, findings);
  FileReader reader(file, placeholders, into, findings);
  for (const YamlNode& document : documents) reader.ReadDocument(document);
  findings->SortFrom(first_finding);
}

absl::Status ParseSigma(std::string_view yaml, std::string_view file, SigmaDocuments* into) {
  Findings findings;
  ParseSigma(yaml, file, Placeholders(), into, &findings);
  return findings.ToStatus();
}

}  // namespace stockade
