// stockade check: says everything that is wrong, and what is probably not meant, in rules, their tests and
// settings.
#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>

#include "CLI/CLI.hpp"
#include "absl/strings/numbers.h"
#include "adapters/source/text_format.h"
#include "engine/rule/compile.h"
#include "engine/rule/sigma_parse.h"
#include "engine/rule/yaml_tree.h"
#include "engine/text.h"
#include "tools/stockade/config_file.h"
#include "tools/stockade/geo_settings.h"
#include "tools/stockade/json_writer.h"
#include "tools/stockade/lint.h"
#include "tools/stockade/program.h"
#include "tools/stockade/rule_closure.h"
#include "tools/stockade/rule_pack.h"
#include "tools/stockade/sample_report.h"
#include "tools/stockade/test_file.h"

namespace stockade {
namespace {

namespace fs = std::filesystem;

// Places are shown with their line; a line longer than this is cut around the place.
constexpr size_t kSnippetBytesMax = 110;

bool IsTestFile(std::string_view file) {
  return file.ends_with(".test.yml");
}

// A file's text, kept to show the lines that findings point at.
class Texts {
 public:
  absl::StatusOr<std::string_view> Read(const std::string& file) {
    if (const auto found = texts_.find(file); found != texts_.end()) return std::string_view(found->second);
    absl::StatusOr<std::string> text = ReadWholeFile(file, kYamlBytesMax);
    if (!text.ok()) return text.status();
    return std::string_view(texts_.emplace(file, *std::move(text)).first->second);
  }
  // Line `number` of `file`, without its end; nothing if there is none.
  std::optional<std::string_view> Line(const std::string& file, int number) const {
    const auto found = texts_.find(file);
    if (found == texts_.end() || number < 1) return std::nullopt;
    std::string_view text = found->second;
    for (int i = 1; i < number; ++i) {
      const size_t end = text.find('\n');
      if (end == std::string_view::npos) return std::nullopt;
      text.remove_prefix(end + 1);
    }
    return text.substr(0, text.find('\n'));
  }

 private:
  std::map<std::string, std::string> texts_;
};

// Sources report in text, one error a line, each "file:line:column: key: what": back to findings. Those without a place
// are errors at `where`, of the key `named`.
void AddStatus(const absl::Status& status, const Place& where, std::string_view named, Findings* findings) {
  std::string_view text = FromAbsl(status.message());
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.empty()) continue;
    Place place = where;
    std::string_view key = named;
    std::string_view what = line;
    // A file's name may hold colons; the place is the first ":number:number: ".
    for (size_t colon = line.find(':'); colon != std::string_view::npos; colon = line.find(':', colon + 1)) {
      const size_t second = line.find(':', colon + 1);
      const size_t third = second == std::string_view::npos ? second : line.find(": ", second + 1);
      if (third == std::string_view::npos) break;
      int row = 0;
      int column = 0;
      if (!absl::SimpleAtoi(ToAbsl(line.substr(colon + 1, second - colon - 1)), &row) ||
          !absl::SimpleAtoi(ToAbsl(line.substr(second + 1, third - second - 1)), &column)) {
        continue;
      }
      place = Place{std::string(line.substr(0, colon)), row, column};
      key = {};
      what = line.substr(third + 2);
      if (const size_t end = what.find(": ");
          end != std::string_view::npos && what.substr(0, end).find(' ') == std::string_view::npos) {
        key = what.substr(0, end);
        what.remove_prefix(end + 2);
      }
      break;
    }
    findings->Error(place, key, what);
  }
}

struct Checked {
  Findings findings;
  Texts texts;
  size_t files = 0;
  CheckedSamples samples;
};

std::string TestBeside(const std::string& file) {
  return fs::path(file).replace_extension(".test.yml").string();
}

void CheckTestFile(const std::string& file, Checked* checked) {
  ++checked->files;
  const auto text = checked->texts.Read(file);
  if (!text.ok()) {
    checked->findings.Error(Place{file, 0, 0}, "", FromAbsl(text.status().message()));
    return;
  }
  ReadTestFile(*text, file, &checked->findings);
}

// The rule files of `paths`. What is wrong with one that the settings name is a finding at its place there, and the others
// are checked all the same; one that the command line names ends the command.
absl::StatusOr<std::vector<std::string>> FindRules(const std::vector<std::string>& paths,
                                                   const std::vector<Place>& places, Checked* checked) {
  if (places.size() != paths.size()) return ListRuleFiles(paths);
  std::vector<std::string> sound;
  for (size_t i = 0; i < paths.size(); ++i) {
    std::error_code error;
    if (const auto files = ListRuleFiles({paths[i]}); files.ok()) {
      sound.push_back(paths[i]);
    } else if (paths[i] == kShippedRules || fs::exists(paths[i], error)) {  // else the reader has said it
      checked->findings.Error(places[i], "rules", FromAbsl(files.status().message()));
    }
  }
  return ListRuleFiles(sound);
}

// The files that settings name and that only a replay or a gate would open: databases of MaxMind's, the patterns of text
// lines. `fields`: what rules ask for.
void CheckNamedFiles(const Config& config, const FieldTable& fields, Checked* checked) {
  const auto check_geo = [&](const std::string& key, const GeoSettings& geo) {
    if (geo.files().empty()) return;
    const auto opened = OpenGeo(geo);
    if (opened.ok()) return;
    std::string_view what = FromAbsl(opened.status().message());
    if (what.starts_with(key + ": ")) what.remove_prefix(key.size() + 2);
    checked->findings.Error(config.PlaceOr(key, Place()), key, what);
  };
  check_geo("geo.asn", {.asn = config.geo.asn, .country = ""});
  check_geo("geo.country", {.asn = "", .country = config.geo.country});
  if (config.source.format_file.empty()) return;
  ++checked->files;
  static_cast<void>(checked->texts.Read(config.source.format_file));  // for the lines that are shown
  SourceOptions source = config.source;
  source.fields = &fields;
  std::vector<FormatDoubt> doubts;
  const absl::Status status = ReadTextFormat(source, &doubts).status();
  if (!status.ok())
    AddStatus(status, config.PlaceOr("input.text_format", Place()), "input.text_format", &checked->findings);
  for (const FormatDoubt& doubt : doubts)
    checked->findings.Warn({source.format_file, doubt.line, doubt.column}, doubt.key, doubt.what);
}

// Rules, what stands beside them, and all of them together. `config` has the placeholders.
void CheckRules(const std::vector<std::string>& files, const Config& config, Checked* checked,
                std::string* rule_text, FieldTable* fields) {
  SigmaDocuments documents;
  const size_t errors_before = checked->findings.errors();
  for (const std::string& file : files) {
    ++checked->files;
    const auto text = checked->texts.Read(file);
    if (!text.ok()) {
      checked->findings.Error(Place{file, 0, 0}, "", FromAbsl(text.status().message()));
      continue;
    }
    Append(rule_text, *text, "\n");
    ParseSigma(*text, file, config.placeholders, &documents, &checked->findings);
    std::error_code error;
    if (fs::exists(TestBeside(file), error)) {
      CheckTestFile(TestBeside(file), checked);
    } else {
      checked->findings.Warn(Place{file, 1, 1}, "",
                             Concat("has no test; write ", fs::path(TestBeside(file)).filename().string(),
                                    " beside it and run stockade test"));
    }
  }
  // What refers to a rule decides whether it is used; so rules are linted with their neighbours.
  // What did not parse may have been what refers to them.
  const bool all_parsed = checked->findings.errors() == errors_before;
  LintRules(documents, all_parsed, &checked->findings);
  if (!all_parsed) return;  // compile would only repeat that something is missing
  const std::vector<std::string> closed = CloseOverReferences(files, config.placeholders);
  for (size_t i = files.size(); i < closed.size(); ++i) {
    const auto text = checked->texts.Read(closed[i]);
    if (!text.ok()) continue;
    Findings not_asked_for;
    ParseSigma(*text, closed[i], config.placeholders, &documents, &not_asked_for);
  }
  ApplyRuleThresholds(config.thresholds, &documents, &checked->findings);
  CheckRulesOnTrial(config.rules_on_trial, documents, &checked->findings);
  Compile(std::move(documents), fields, &checked->findings);
}

// The line of a finding with a mark below its column.
void PrintSnippet(const Finding& finding, const Texts& texts, Console& console) {
  const auto line = texts.Line(finding.place.file, finding.place.line);
  if (!line) return;
  size_t column = finding.place.column > 0 ? static_cast<size_t>(finding.place.column) - 1 : 0;
  column = std::min(column, line->size());
  size_t begin = 0;
  if (line->size() > kSnippetBytesMax && column > kSnippetBytesMax / 2) begin = column - kSnippetBytesMax / 2;
  const std::string_view shown = line->substr(begin, kSnippetBytesMax);
  const std::string number = std::to_string(finding.place.line);
  // Tabs stay tabs in the line and in the spaces before the mark, so that both are equally wide.
  std::string before;
  std::string printed;
  for (size_t i = 0; i < shown.size();) {
    const unsigned char c = static_cast<unsigned char>(shown[i]);
    const size_t size = c == '\t' ? 1 : ShowableSequence(shown.substr(i));
    printed += size == 0 ? "?" : std::string(shown.substr(i, size));
    if (i < column - begin) before += c == '\t' ? '\t' : ' ';
    i += size == 0 ? 1 : size;
  }
  console.out << "  " << Styled(console, Style::kDim, number + " | ") << printed << "\n";
  console.out << "  " << std::string(number.size(), ' ') << Styled(console, Style::kDim, " | ") << before
              << Styled(console, Style::kGreen, "^") << "\n";
}

std::string_view SeverityName(const Finding& finding) {
  return finding.severity == Finding::Severity::kError ? "error" : "warning";
}

void PrintFindings(const Checked& checked, Console& console) {
  for (const Finding& finding : checked.findings.all()) {
    const bool error = finding.severity == Finding::Severity::kError;
    std::string where = finding.place.file;
    if (finding.place.line > 0)
      Append(&where, ":", finding.place.line, ":", std::max(finding.place.column, 1));
    if (!where.empty()) where += ": ";
    console.out << Styled(console, Style::kBold, PrintableLine(where))
                << Styled(console, error ? Style::kRed : Style::kYellow, std::string(SeverityName(finding)))
                << ": " << PrintableLine(finding.key) << (finding.key.empty() ? "" : ": ")
                << PrintableLine(finding.what) << "\n";
    PrintSnippet(finding, checked.texts, console);
    if (!finding.suggestion.empty() && finding.what.find(finding.suggestion) == std::string::npos) {
      console.out << "    suggestion: " << Styled(console, Style::kGreen, PrintableLine(finding.suggestion))
                  << "\n";
    }
  }
  const size_t shown = checked.findings.all().size();
  const size_t found = checked.findings.errors() + checked.findings.warnings();
  if (found > shown) console.out << "and " << found - shown << " more\n";
  const auto plural = [](size_t n, std::string_view noun) { return Concat(n, " ", noun, n == 1 ? "" : "s"); };
  console.out << plural(checked.findings.errors(), "error") << ", "
              << plural(checked.findings.warnings(), "warning") << " in " << plural(checked.files, "file")
              << "\n";
}

std::string FindingsJson(const Checked& checked) {
  JsonWriter json;
  json.BeginObject().Key("files").Count(checked.files).Key("errors").Count(checked.findings.errors());
  json.Key("warnings").Count(checked.findings.warnings()).Key("findings").BeginList();
  for (const Finding& finding : checked.findings.all()) {
    json.BeginObject()
        .Key("file")
        .Text(finding.place.file)
        .Key("line")
        .Count(static_cast<uint64_t>(finding.place.line));
    json.Key("column")
        .Count(static_cast<uint64_t>(finding.place.column))
        .Key("severity")
        .Text(SeverityName(finding));
    json.Key("key").Text(finding.key).Key("what").Text(finding.what);
    if (!finding.suggestion.empty()) json.Key("suggestion").Text(finding.suggestion);
    json.EndObject();
  }
  json.EndList();
  if (checked.samples.exchange != nullptr) SamplesJson(checked.samples, &json);
  json.EndObject();
  return json.text() + "\n";
}

// What is checked when nothing is named: the settings' own rules, else those that lie here, else the shipped
// ones.
std::vector<std::string> DefaultPaths(const std::string& config_file, const Config& config) {
  std::error_code error;
  if (!config_file.empty()) return config.rules;
  if (fs::is_directory("rules", error)) return {"rules"};
  return {std::string(kShippedRules)};
}

}  // namespace

int RunCheck(std::span<const std::string> arguments, Console& console) {
  CLI::App app("Checks rules, their tests and settings: errors, and what is probably not meant.",
               "stockade check");
  std::vector<std::string> paths;
  std::string config_file;
  std::vector<std::string> answers;
  std::string request_file;
  bool json = false;
  app.add_option("PATH", paths,
                 "rule files, test files or folders; without: the rules of the settings, ./rules, or the "
                 "shipped rules");
  app.add_option("-c,--config", config_file, "settings to check, too; their placeholders hold for the rules");
  app.add_option(
      "--answer", answers,
      "sample answers of the application, as curl -i prints them, each with its request in front: shows "
      "what would be read; then rules are checked only where a PATH names them");
  app.add_option("--request", request_file, "the request of those samples that hold an answer only");
  app.add_flag("--json", json, "one JSON object instead of text");
  app.footer(
      "\nExamples:\n"
      "  stockade check                               all of ./rules\n"
      "  stockade check -c stockade.yaml              the settings, and the rules they name\n"
      "  stockade check --json more/ours.yml\n"
      "  stockade check -c stockade.yaml --request login.http --answer ok.http --answer wrong.http\n"
      "\nExit codes: 0 nothing found · 1 something found · 2 wrong arguments or a file that cannot be "
      "read\n");
  if (const auto code = ParseArguments(&app, arguments, console)) return *code;

  Checked checked;
  Config config = DefaultConfig();
  if (!config_file.empty()) {
    const auto text = checked.texts.Read(config_file);
    if (!text.ok()) return Fail(console, FromAbsl(text.status().message()));
    ++checked.files;
    config = ReadConfig(*text, config_file, &checked.findings);
  }
  if (!request_file.empty() && answers.empty()) return Fail(console, "--request: names no --answer to it");
  if (!answers.empty()) {
    // With an error in the settings there may be half a gateway; the error is what is to be said.
    if (!config.gateway.has_value() && checked.findings.errors() == 0)
      return Fail(console, "--answer: needs settings with a section gateway, -c FILE");
    if (checked.findings.errors() == 0) {
      checked.files += answers.size() + (request_file.empty() ? 0 : 1);
      checked.samples = CheckSamples(config, answers, request_file, &checked.findings);
    }
  } else if (paths.empty()) {
    paths = DefaultPaths(config_file, config);
  } else {
    // They are for the rules of the settings, not for a path beside them.
    config.thresholds.clear();
    config.rules_on_trial.clear();
    config.rule_places.clear();
  }
  std::vector<std::string> rule_paths;
  for (const std::string& path : paths) {
    std::error_code error;
    if (IsTestFile(path) && fs::exists(path, error)) {
      CheckTestFile(path, &checked);
    } else {
      rule_paths.push_back(path);
    }
  }
  std::string rule_text;
  FieldTable fields;
  if (!rule_paths.empty()) {
    const absl::StatusOr<std::vector<std::string>> files =
        FindRules(rule_paths, config.rule_places, &checked);
    if (!files.ok()) return Fail(console, FromAbsl(files.status().message()));
    CheckRules(*files, config, &checked, &rule_text, &fields);
  }
  if (!config_file.empty()) CheckNamedFiles(config, fields, &checked);
  if (!config_file.empty() && answers.empty()) LintConfig(config, config_file, rule_text, &checked.findings);

  if (json) {
    console.out << FindingsJson(checked);
  } else {
    PrintSamples(checked.samples, console);
    PrintFindings(checked, console);
  }
  return checked.findings.all().empty() ? kExitFine : kExitFindings;
}

}  // namespace stockade
