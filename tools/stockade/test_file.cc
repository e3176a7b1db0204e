#include "tools/stockade/test_file.h"

#include <algorithm>
#include <array>

#include "absl/time/time.h"
#include "engine/rule/yaml_tree.h"
#include "engine/text.h"
#include "tools/stockade/settings_reader.h"
#include "tools/stockade/test_events.h"
#include "tools/stockade/test_expectations.h"

namespace stockade {
namespace {

// A Monday morning at which a market opens somewhere.
constexpr std::string_view kDefaultStart = "2026-01-05T09:00:00Z";

// What a file says for all of its cases, and a case for itself.
struct Basis {
  TestSettings settings;
  int64_t start_ms =
      absl::ToUnixMillis(absl::FromCivil(absl::CivilSecond(2026, 1, 5, 9), absl::UTCTimeZone()));
  GivenFields given;
};

class TestFileReader {
 public:
  TestFileReader(const std::string& file, Findings* findings) : reader_(file, findings) {}

  TestFile Read(std::string_view text) {
    TestFile result;
    result.file = reader_.file();
    const size_t before = reader_.errors();
    const std::vector<YamlNode> documents = ReadYaml(text, reader_.file(), &reader_.findings());
    if (reader_.errors() > before) return result;
    if (documents.size() != 1 || !documents[0].is_map()) {
      reader_.findings().Error(Place{reader_.file(), 1, 1}, "", "must be one document: a map with `tests`");
      return result;
    }
    Basis basis;
    const YamlNode* tests = nullptr;
    std::vector<Key> keys = KeysOf(&basis);
    keys.push_back({"rules", [&](const YamlNode& node, const std::string& path) {
                      for (const auto& [rule, at] : reader_.ReadTexts(node, path))
                        result.rules.push_back(rule);
                    }});
    keys.push_back(Later("tests", &tests));
    reader_.ReadMap(documents[0], "", keys);
    if (tests == nullptr || !tests->is_list() || tests->items.empty()) {
      reader_.Error(tests != nullptr ? *tests : documents[0], "tests", "must be a list of at least one case");
      return result;
    }
    for (const YamlNode& item : tests->items) result.cases.push_back(ReadCase(item, basis));
    return result;
  }

 private:
  using Key = SettingsReader::Key;

  // A key that is read when the others are.
  static Key Later(std::string_view name, const YamlNode** node) {
    return {name, [node](const YamlNode& value, const std::string&) { *node = &value; }, true};
  }

  std::vector<Key> KeysOf(Basis* basis) {
    using Node = const YamlNode&;
    using Path = const std::string&;
    TestSettings* const settings = &basis->settings;
    return {
        {"given", [this, basis](Node node, Path path) { ReadGiven(node, path, &reader_, &basis->given); }},
        {"start", [this, basis](Node node, Path path) { ReadStart(node, path, basis); }},
        {"mode",
         [this, settings](Node node, Path path) {
           if (const auto word = reader_.ReadWord(node, path, kModeNames))
             settings->mode = static_cast<Mode>(*word);
         }},
        {"certificates",
         [this, settings](Node node, Path path) {
           if (const auto word = reader_.ReadWord(node, path, kCertificatePolicyNames))
             settings->certificates = static_cast<CertificatePolicy>(*word);
         }},
        {"observe",
         [this, settings](Node node, Path path) {
           settings->observe = reader_.ReadBool(node, path).value_or(settings->observe);
         }},
        {"placeholders",
         [this, settings](Node node, Path path) { ReadPlaceholders(node, path, &settings->placeholders); }},
    };
  }

  void ReadStart(const YamlNode& node, const std::string& path, Basis* basis) {
    absl::Time time;
    std::string problem;
    if (node.is_text() && absl::ParseTime(absl::RFC3339_full, node.text, &time, &problem)) {
      basis->start_ms = absl::ToUnixMillis(time);
    } else {
      reader_.Error(node, path, Concat("must be a time as ", kDefaultStart));
    }
  }

  void ReadPlaceholders(const YamlNode& node, const std::string& path, Placeholders* placeholders) {
    if (!node.is_map()) return reader_.Error(node, path, "must be a map: name → list of values");
    for (const YamlEntry& entry : node.entries) {
      std::vector<std::string>& values = (*placeholders)[entry.key.text];
      values.clear();
      for (const auto& [value, at] : reader_.ReadTexts(entry.value, path)) values.push_back(value);
    }
  }

  TestCase ReadCase(const YamlNode& node, const Basis& of_file) {
    TestCase result;
    result.place = PlaceOf(node, reader_.file());
    if (!node.is_map()) {
      reader_.Error(node, "tests", "a case must be a map with `name`, `events` and `expect`");
      return result;
    }
    Basis basis = of_file;
    const YamlNode* events = nullptr;
    const YamlNode* expect = nullptr;
    bool as_written = false;
    std::vector<Key> keys = KeysOf(&basis);
    keys.push_back({"name", [&](const YamlNode& name, const std::string& path) {
                      if (const std::string* const text = reader_.ReadText(name, path)) result.name = *text;
                    }});
    keys.push_back({"order", [&](const YamlNode& order, const std::string& path) {
                      static constexpr std::array<std::string_view, 2> kOrders = {"time", "written"};
                      as_written = reader_.ReadWord(order, path, kOrders).value_or(0) == 1;
                    }});
    keys.push_back(Later("events", &events));
    keys.push_back(Later("expect", &expect));
    reader_.ReadMap(node, "tests", keys);
    result.settings = basis.settings;
    result.start_ms = basis.start_ms;
    if (result.name.empty())
      reader_.Error(node, "tests.name", "a case needs a name: a sentence that says what must be so");
    if (events == nullptr || !events->is_list()) {
      reader_.Error(events != nullptr ? *events : node, "tests.events", "must be a list of events");
    } else {
      result.lines = ReadTestEvents(*events, basis.given, basis.start_ms, &reader_);
    }
    if (!as_written) std::ranges::stable_sort(result.lines, {}, &TestLine::time_ms);
    if (expect == nullptr || !expect->is_map() || expect->entries.empty()) {
      reader_.Error(expect != nullptr ? *expect : node, "tests.expect",
                    "must say at least one of alerts, decisions, verdicts");
    } else {
      ReadExpectations(*expect, &reader_, &result);
    }
    return result;
  }

  SettingsReader reader_;
};

}  // namespace

TestFile ReadTestFile(std::string_view text, const std::string& file, Findings* findings) {
  return TestFileReader(file, findings).Read(text);
}

}  // namespace stockade
