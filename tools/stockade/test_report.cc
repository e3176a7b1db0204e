#include "tools/stockade/test_report.h"

#include <map>

#include "engine/decision/decision.h"
#include "engine/text.h"
#include "tools/stockade/json_writer.h"

namespace stockade {
namespace {

using TestOutcome = TestResult::Outcome;

struct Totals {
  size_t cases = 0, passed = 0, failed = 0, errors = 0;
};
template <typename Results>
Totals TotalsOf(const Results& results) {
  Totals totals;
  for (const TestResult& result : results) {
    ++totals.cases;
    if (result.outcome == TestOutcome::kPassed) ++totals.passed;
    if (result.outcome == TestOutcome::kFailed) ++totals.failed;
    if (result.outcome == TestOutcome::kError) ++totals.errors;
  }
  return totals;
}

std::string Plural(size_t count, std::string_view noun) {
  return Concat(count, " ", noun, count == 1 ? "" : "s");
}

// XML 1.0 §2.2 allows tab, newline, carriage return and everything from U+0020 on but surrogates and U+FFFE,
// U+FFFF. A carriage return would be read back as a newline, so it goes, too.
void AppendXml(std::string_view text, std::string* out) {
  // AppendJsonString is the one place that knows which bytes are UTF-8; its escapes are undone here.
  std::string json;
  AppendJsonString(text, &json);
  for (size_t i = 1; i + 1 < json.size(); ++i) {
    unsigned char c = static_cast<unsigned char>(json[i]);
    if (c == '\\') {
      ++i;
      switch (json[i]) {
        case 'n':
          c = '\n';
          break;
        case 't':
          c = '\t';
          break;
        case '"':
          c = '"';
          break;
        case '\\':
          c = '\\';
          break;
        case '/':
          c = '/';
          break;
        case 'u':
          i += 4;
          [[fallthrough]];
        default:
          *out += "\xEF\xBF\xBD";
          continue;
      }
    } else if (c == 0xEF && json.compare(i, 3, "\xEF\xBF\xBE") == 0) {
      *out += "\xEF\xBF\xBD";
      i += 2;
      continue;
    } else if (c == 0xEF && json.compare(i, 3, "\xEF\xBF\xBF") == 0) {
      *out += "\xEF\xBF\xBD";
      i += 2;
      continue;
    }
    switch (c) {
      case '<':
        *out += "&lt;";
        break;
      case '>':
        *out += "&gt;";
        break;
      case '&':
        *out += "&amp;";
        break;
      case '"':
        *out += "&quot;";
        break;
      case '\n':
        *out += "&#10;";
        break;
      default:
        out->push_back(static_cast<char>(c));
        break;
    }
  }
}

std::string Xml(std::string_view text) {
  std::string out;
  AppendXml(text, &out);
  return out;
}

}  // namespace

void PrintTestResults(const std::vector<TestResult>& results, size_t files, Console& console) {
  for (const TestResult& result : results) {
    const bool passed = result.outcome == TestOutcome::kPassed;
    const std::string where = passed ? result.place.file : Concat(result.place.file, ":", result.place.line);
    console.out << (passed ? Styled(console, Style::kGreen, "ok     ")
                           : Styled(console, Style::kRed, "FAILED "))
                << " " << PrintableLine(where) << (result.name.empty() ? "" : ": ")
                << PrintableText(result.name) << "\n";
    for (const std::string& line : result.lines) {
      const Style style = line.starts_with("- ")   ? Style::kRed
                          : line.starts_with("+ ") ? Style::kGreen
                                                   : Style::kPlain;
      console.out << "          " << Styled(console, style, PrintableLine(line)) << "\n";
    }
    if (!passed) console.out << "\n";
  }
  const Totals totals = TotalsOf(results);
  console.out << Plural(totals.cases, "case") << " in " << Plural(files, "file") << ": " << totals.passed
              << " ok";
  if (totals.failed > 0) console.out << ", " << totals.failed << " failed";
  if (totals.errors > 0) console.out << ", " << totals.errors << " could not be run";
  if (totals.failed > 0) console.out << "   (- expected and did not come, + came and was not expected)";
  console.out << "\n";
}

std::string TestResultsJson(const std::vector<TestResult>& results, size_t files) {
  static constexpr std::string_view kOutcomes[] = {"ok", "failed", "error"};
  const Totals totals = TotalsOf(results);
  JsonWriter json;
  json.BeginObject()
      .Key("files")
      .Count(files)
      .Key("cases")
      .Count(totals.cases)
      .Key("ok")
      .Count(totals.passed);
  json.Key("failed").Count(totals.failed).Key("errors").Count(totals.errors).Key("results").BeginList();
  for (const TestResult& result : results) {
    json.BeginObject()
        .Key("file")
        .Text(result.place.file)
        .Key("line")
        .Count(static_cast<uint64_t>(result.place.line));
    json.Key("name").Text(result.name).Key("outcome").Text(kOutcomes[static_cast<size_t>(result.outcome)]);
    if (!result.lines.empty()) {
      json.Key("lines").BeginList();
      for (const std::string& line : result.lines) json.Text(line);
      json.EndList();
    }
    json.EndObject();
  }
  json.EndList().EndObject();
  return json.text() + "\n";
}

std::string TestResultsJunit(const std::vector<TestResult>& results) {
  std::vector<std::string> order;
  std::map<std::string, std::vector<TestResult>> by_file;
  for (const TestResult& result : results) {
    if (!by_file.contains(result.place.file)) order.push_back(result.place.file);
    by_file[result.place.file].push_back(result);
  }
  const Totals all = TotalsOf(results);
  std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
  Append(&out, "<testsuites name=\"stockade test\" tests=\"", all.cases, "\" failures=\"", all.failed,
         "\" errors=\"", all.errors, "\">\n");
  for (const std::string& file : order) {
    const Totals totals = TotalsOf(by_file[file]);
    Append(&out, "  <testsuite name=\"", Xml(file), "\" tests=\"", totals.cases, "\" failures=\"",
           totals.failed, "\" errors=\"", totals.errors, "\" skipped=\"0\">\n");
    for (const TestResult& result : by_file[file]) {
      const std::string name = result.name.empty() ? "the file loads" : result.name;
      Append(&out, "    <testcase classname=\"", Xml(file), "\" name=\"", Xml(name), "\"");
      if (result.outcome == TestOutcome::kPassed) {
        out += "/>\n";
        continue;
      }
      const std::string_view element = result.outcome == TestOutcome::kFailed ? "failure" : "error";
      std::string text;
      for (const std::string& line : result.lines) Append(&text, line, "\n");
      Append(&out, ">\n      <", element, " message=\"", Xml(result.lines.empty() ? "" : result.lines[0]),
             "\">");
      Append(&out, Xml(text), "</", element, ">\n    </testcase>\n");
    }
    out += "  </testsuite>\n";
  }
  return out + "</testsuites>\n";
}

}  // namespace stockade
