// The shipped format files on lines as their programs write them (shipped_formats.yaml): account, source, outcome and time
// are read; and whoever types a name that looks like the rest of a line moves no address and makes no failure a success.
#include <catch2/catch.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "tests/adapters/source/read_all.h"
#include "yaml-cpp/yaml.h"

namespace stockade {
namespace {

constexpr char kFolder[] = STOCKADE_SOURCE_DIR "/rules/formats";
constexpr char kSource[] = "192.0.2.1";
constexpr char kSource6[] = "2001:db8::7";
constexpr char kFramed[] = "198.51.100.66";  // whom a hostile name would have blocked
constexpr char kShownTime[] = "2024-05-01T10:11:12Z";

std::string Escaped(const std::string& text, std::vector<std::pair<std::string, std::string>> replacements) {
  return absl::StrReplaceAll(text, replacements);
}

// How programs write what somebody typed. "logrus" and "slog" quote where it is needed, each by its own measure.
std::string Written(const std::string& text, const std::string& how) {
  const std::string in_quotes = Escaped(text, {{"\\", "\\\\"}, {"\"", "\\\""}});
  const auto all = [&text](const std::function<bool(char)>& of) {
    return !text.empty() && std::all_of(text.begin(), text.end(), of);
  };
  if (how == "json") return in_quotes;
  if (how == "go_json") return absl::StrReplaceAll(in_quotes, {{"\\", "\\\\"}, {"\"", "\\\""}});
  if (how == "quotes") return Escaped(text, {{"\"", "\\\""}});
  if (how == "xml") return Escaped(text, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}});
  if (how == "csv") {
    return text.find_first_of(",\"") == std::string::npos
               ? text
               : absl::StrCat("\"", Escaped(text, {{"\"", "\"\""}}), "\"");
  }
  if (how == "spaced") return text.find(' ') == std::string::npos ? text : absl::StrCat("'", text, "'");
  if (how == "logrus") {
    const bool bare = all([](char c) {
      return std::isalnum(static_cast<unsigned char>(c)) ||
             std::string_view("-._/@^+").find(c) != std::string_view::npos;
    });
    return bare ? text : absl::StrCat("\"", in_quotes, "\"");
  }
  if (how == "slog") {
    const bool bare = all([](char c) { return c != ' ' && c != '"' && c != '=' && c != '\\'; });
    return bare ? text : absl::StrCat("\"", in_quotes, "\"");
  }
  FAIL("no such way to write a text: " << how);
  return text;
}

struct Case {
  std::string format, line, outcome, time, suffix;
  bool plain = false, hides = false;
  bool has_user() const { return absl::StrContains(line, "{user"); }
  bool has_source() const { return absl::StrContains(line, "{ip") || absl::StrContains(line, "{host"); }
  bool is_ip4() const { return absl::StrContains(line, "{ip4}"); }
};

std::string Filled(std::string line, const std::string& user, const std::string& source) {
  const bool is_ip6 = absl::StrContains(source, ":");
  line = absl::StrReplaceAll(line, {{"{ip}", source},
                                    {"{ip4}", source},
                                    {"{ip:logrus}", Written(source, "logrus")},
                                    {"{host}", is_ip6 ? absl::StrCat("[", source, "]") : source}});
  std::vector<std::pair<std::string, std::string>> names = {{"{user}", user}};
  for (const char* how : {"json", "go_json", "quotes", "xml", "csv", "spaced", "logrus", "slog"})
    names.emplace_back(absl::StrCat("{user:", how, "}"), Written(user, how));
  return absl::StrReplaceAll(line, names);
}

std::vector<Case> Cases() {
  std::vector<Case> cases;
  const YAML::Node root = YAML::LoadFile(STOCKADE_SOURCE_DIR "/tests/adapters/source/shipped_formats.yaml");
  for (const auto& format : root) {
    for (const YAML::Node& one : format.second) {
      Case c;
      c.format = format.first.as<std::string>();
      c.line = one["line"].as<std::string>();
      c.outcome = one["outcome"].as<std::string>();
      c.time = one["time"] ? one["time"].as<std::string>() : kShownTime;
      c.suffix = one["suffix"] ? one["suffix"].as<std::string>() : "";
      c.plain = one["plain"] && one["plain"].as<bool>();
      c.hides = static_cast<bool>(one["hides"]);
      cases.push_back(std::move(c));
    }
  }
  return cases;
}

// What one source reads of lines of one format: the record of each, or null where there is none.
struct LinesOfFormat {
  test::ReadResult result;
  std::vector<const test::ReadRecord*> of;
};
LinesOfFormat ReadAs(const std::string& format, const std::vector<std::string>& lines) {
  SourceOptions options;
  options.format_file = absl::StrCat(kFolder, "/", format, ".yml");
  options.year = 2024;
  LinesOfFormat read{test::ReadText(absl::StrCat(absl::StrJoin(lines, "\n"), "\n"), options), {}};
  INFO(format << ": " << read.result.status.ToString());
  REQUIRE(read.result.status.ok());
  read.of.resize(lines.size());
  for (const test::ReadRecord& record : read.result.records) read.of[record.line - 1] = &record;
  return read;
}

TEST_CASE("every shipped format has lines that show what it reads", "[shipped_formats]") {
  std::set<std::string> shown, shipped;
  for (const Case& c : Cases()) shown.insert(c.format);
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) shipped.insert(entry.path().stem());
  CHECK(shown == shipped);
}

TEST_CASE("the README names every shipped format", "[shipped_formats]") {
  std::ifstream file(STOCKADE_SOURCE_DIR "/README.md");
  const std::string readme((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    CAPTURE(entry.path());
    CHECK(absl::StrContains(readme, absl::StrCat("`", entry.path().stem().string(), "`")));
  }
}

TEST_CASE("shipped formats read account, source, outcome and time", "[shipped_formats]") {
  struct Expected {
    const Case* c;
    std::string line, name, source;
  };
  std::map<std::string, std::vector<Expected>> formats;
  const std::vector<Case> cases = Cases();
  for (const Case& c : cases) {
    std::vector<std::string> names = {""};
    if (c.has_user()) names = {"alice", "bob@example.com", "o-l_e.1"};
    if (c.has_user() && !c.plain) names.emplace_back("al ice");
    for (const std::string& name : names) {
      for (const char* source : {kSource, kSource6}) {
        if (c.is_ip4() && source == kSource6) continue;
        formats[c.format].push_back({&c, Filled(c.line, name, source), name, source});
      }
    }
  }
  for (const auto& [format, all] : formats) {
    std::vector<std::string> lines;
    for (const Expected& one : all) lines.push_back(one.line);
    const LinesOfFormat read = ReadAs(format, lines);
    for (size_t i = 0; i < all.size(); ++i) {
      const Case& c = *all[i].c;
      const std::string& name = all[i].name;
      CAPTURE(format, all[i].line);
      if (c.outcome == "none") {
        CHECK(read.of[i] == nullptr);
        continue;
      }
      if (read.of[i] == nullptr || !read.of[i]->ok()) {
        FAIL_CHECK("not read");
        continue;
      }
      const Attempt& attempt = read.of[i]->attempt();
      CHECK(attempt.account == (name.empty() ? name : name + c.suffix));
      CHECK(attempt.source.ToString() == (c.has_source() ? all[i].source : Address().ToString()));
      CHECK(Name(read.of[i]->outcome()) == c.outcome);
      absl::Time time;
      std::string error;
      REQUIRE(absl::ParseTime(absl::RFC3339_full, c.time, &time, &error));
      CHECK(attempt.time_ns == absl::ToUnixNanos(time));
    }
  }
}

// Names of somebody who knows the format and wants another address blamed: tails, heads and whole lines of it, with that
// address, behind and around characters that might end his own name.
std::vector<std::string> HostileNames(const std::vector<Case>& cases, const std::string& format) {
  std::vector<std::string> names;
  const auto add = [&names](const std::string& text) {
    for (const char* before :
         {"", "x", "x\"", "x'", "x\\", "x\\\"", "x]", "x)", "x>", "x`", "x, ", "x;", "x|"}) {
      names.push_back(absl::StrCat(before, text));
    }
    names.push_back(absl::StrCat("x", text, " "));
  };
  for (const Case& c : cases) {
    if (c.format != format) continue;
    const std::string line = Filled(c.line, "{user}", kFramed);
    add(line);
    const size_t at = line.find("{user}");
    if (at == std::string::npos) continue;
    const std::string head = line.substr(0, at);
    const std::string tail = line.substr(at + 6);
    add(tail);
    add(absl::StrCat(tail, " ", head));
    add(absl::StrCat(tail, head, "victim"));
    // From each place in the tail where something might begin, as the line goes on there.
    for (size_t i = 1; i < tail.size(); ++i)
      if (!std::isalnum(static_cast<unsigned char>(tail[i]))) names.push_back("x" + tail.substr(i));
  }
  for (std::string& name : names) name = absl::StrReplaceAll(name, {{"{user}", "y"}});
  add(kFramed);
  return names;
}

TEST_CASE("no typed name moves an address or makes a failure a success", "[shipped_formats]") {
  std::map<std::string, std::vector<const Case*>> formats;
  const std::vector<Case> cases = Cases();
  for (const Case& c : cases)
    if (c.has_user() && c.outcome != "none") formats[c.format].push_back(&c);
  size_t tried = 0;
  for (const auto& [format, of_format] : formats) {
    const std::vector<std::string> names = HostileNames(cases, format);
    std::vector<std::string> lines;
    for (const Case* c : of_format)
      for (const std::string& name : names) lines.push_back(Filled(c->line, name, kSource));
    const LinesOfFormat read = ReadAs(format, lines);
    std::set<std::pair<const Case*, std::string>>
        told;  // one name for each kind of mistake is enough to look at
    for (size_t i = 0; i < lines.size(); ++i) {
      const Case& c = *of_format[i / names.size()];
      std::string wrong;
      if (read.of[i] == nullptr || !read.of[i]->ok()) {
        if (!c.hides) wrong = "a name hides its line";
      } else {
        const Address& source = read.of[i]->attempt().source;
        if (source.present() && source.ToString() != kSource) wrong = "the address is moved";
        if (!source.present() && c.has_source()) wrong = "the address is lost";
        if (read.of[i]->outcome() == Outcome::kSuccess && c.outcome != "success")
          wrong = "a failure became a success";
      }
      if (!wrong.empty() && told.emplace(&c, wrong).second)
        FAIL_CHECK(format << ": " << wrong << ": " << lines[i]);
    }
    tried += lines.size();
  }
  CHECK(tried > 10000);
}

}  // namespace
}  // namespace stockade
