// One Sigma document, from its YAML tree to the structs of sigma_rule.h. Inside the loader only: callers use
// sigma_parse.h. Each part of a document is read by one of the functions below; each says all that is wrong
// with its part and returns false, or nothing, if the document must stay out.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/rule/finding.h"
#include "engine/rule/placeholder.h"
#include "engine/rule/sigma_rule.h"
#include "engine/rule/yaml_tree.h"

namespace stockade {

class DocumentReader {
 public:
  // All of them outlive the reader. `placeholders` may be null.
  DocumentReader(std::string_view file, const Placeholders* placeholders, Findings* findings)
      : file_(file), placeholders_(placeholders), findings_(findings) {}

  // document_reader.cc: what all documents share.
  bool ReadHeader(const YamlNode& document, RuleHeader* header);
  // detection_reader.cc: the selections and the condition of `map` ("detection" or "filter" is its `path`),
  // leaving out the keys in `other_keys`.
  std::optional<Expression> ReadDetection(const YamlNode& map, std::string_view path,
                                          std::span<const std::string_view> other_keys,
                                          std::vector<Test>* tests);
  // correlation_reader.cc
  bool ReadCorrelation(const YamlNode& document, const YamlEntry& correlation, CorrelationRule* rule);
  // response_reader.cc
  std::optional<Response> ReadResponse(const YamlNode& response);

  // The names or ids in a list, or a single one.
  bool ReadReferences(const YamlNode& rules, std::string_view path,
                      std::vector<CorrelationRule::Reference>* references);

 private:
  bool Fail(const YamlNode& at, std::string_view key, std::string_view what,
            std::string_view suggestion = {}) {
    findings_->Error(PlaceOf(at, file_), key, what, suggestion);
    return false;
  }
  void Warn(const YamlNode& at, std::string_view key, std::string_view what,
            std::string_view suggestion = {}) {
    findings_->Warn(PlaceOf(at, file_), key, what, suggestion);
  }

  // Every key of `map` is one of `known`; for others an error with the nearest.
  bool CheckKeys(const YamlNode& map, std::string_view path, std::span<const std::string_view> known);
  // The index of a text among `names`; an error that lists them if it is none.
  std::optional<size_t> ReadChoice(const YamlNode& value, std::string_view path,
                                   std::span<const std::string_view> names);
  std::optional<int64_t> ReadSpan(const YamlNode& value, std::string_view path, int64_t ms_max);
  std::optional<double> ReadNumber(const YamlNode& value, std::string_view path);
  std::optional<bool> ReadBool(const YamlNode& value, std::string_view path);
  // A list of texts, or a single one.
  bool ReadTexts(const YamlNode& value, std::string_view path, std::vector<std::string>* texts);
  void WarnOfNearMissField(const YamlNode& at, std::string_view path, std::string_view field);

  bool ReadLogsource(const YamlNode& document, RuleHeader* header);
  std::optional<Expression> ReadSelection(const YamlNode& selection, std::string_view path,
                                          std::vector<Test>* tests);

  bool ReadAliases(const YamlNode& aliases, CorrelationRule* rule);
  bool ReadCondition(const YamlNode& correlation, CorrelationRule* rule);
  bool ReadTemporalCondition(const YamlNode* condition, CorrelationRule* rule);
  bool ReadRuleCondition(const YamlNode& condition, CorrelationRule* rule);
  bool ReadBounds(const YamlNode& condition, CorrelationRule* rule);
  bool ReadPercentile(const YamlNode& correlation, const YamlNode& condition, CorrelationRule* rule);
  bool ReadEscalation(const YamlNode& escalate, Response* response);

  std::string_view file_;
  const Placeholders* placeholders_;
  Findings* findings_;
};

}  // namespace stockade
