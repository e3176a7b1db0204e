#include "tools/stockade/input_settings.h"

#include <array>
#include <map>
#include <span>
#include <utility>

#include "absl/strings/numbers.h"
#include "adapters/capture/capture_source.h"
#include "engine/text.h"

namespace stockade {
namespace {

// Years that a date without one can mean: those whose times fit into nanoseconds since 1970.
constexpr int kYearMin = 1970;
constexpr int kYearMax = 2261;

class InputReader {
 public:
  InputReader(SettingsReader* reader, SourceOptions* options) : reader_(*reader), options_(*options) {}

  void Read(const YamlNode& node, const std::string& path, const std::vector<SettingsReader::Key>& more) {
    std::vector<SettingsReader::Key> keys = {
        Text("format", &options_.format),
        {"timezone", [this](auto& value, auto& at) { ReadTimezone(value, at); }},
        {"year", [this](auto& value, auto& at) { ReadYear(value, at); }},
        {"fields", [this](auto& value, auto& at) { ReadTextMap(value, at, &options_.field_paths); }},
        {"outcomes", [this](auto& value, auto& at) { ReadOutcomes(value, at, &options_.outcome_words); }},
        {"csv", [this](auto& value, auto& at) { ReadCsv(value, at); }},
        {"access_log", [this](auto& value, auto& at) { ReadAccessLog(value, at); }},
        {"text_format",
         [this](auto& value, auto& at) {
           if (const std::string* text = reader_.ReadText(value, at))
             options_.format_file = reader_.Resolve(*text);
         }},
    };
    keys.insert(keys.end(), more.begin(), more.end());
    reader_.ReadMap(node, path, keys);
    // Formats, field names and patterns are known to the sources only. What could not be read is its default here, and
    // nothing is said of it twice.
    SourceOptions known = options_;
    if (known.format != kCaptureFormat) {
      known.foreign_formats.emplace_back().name = kCaptureFormat;  // to be named among the others
    } else if (known.format_file.empty()) {
      known.format = "auto";  // a reader of captures is made of more settings than these
    }
    for (const std::string& problem : Problems(known)) Refuse(node, path, problem);
  }

 private:
  // Puts what Problems says of an option, "outcomes: …", at the key it was set by.
  void Refuse(const YamlNode& input, std::string path, std::string_view message) {
    struct Origin {
      std::string_view option;
      std::string_view section;  // of input; empty: input itself
      std::string_view key;
    };
    static constexpr std::array<Origin, 9> kOrigins = {{{"format", "", "format"},
                                                        {"fields", "", "fields"},
                                                        {"year", "", "year"},
                                                        {"columns", "csv", "columns"},
                                                        {"delimiter", "csv", "delimiter"},
                                                        {"login_paths", "access_log", "login_paths"},
                                                        {"methods", "access_log", "methods"},
                                                        {"outcomes", "access_log", "outcomes"},
                                                        {"text_format", "", "text_format"}}};
    const size_t colon = std::min(message.find(": "), message.size());
    const YamlNode* at = &input;
    for (const Origin& origin : kOrigins) {
      if (origin.option != message.substr(0, colon)) continue;
      const YamlNode* const section = origin.section.empty() ? &input : input.Find(origin.section);
      const YamlNode* const value = section != nullptr ? section->Find(origin.key) : nullptr;
      if (value == nullptr) break;  // what is missing has no place
      Append(&path, origin.section.empty() ? "" : ".", origin.section, ".", origin.key);
      message.remove_prefix(std::min(colon + 2, message.size()));
      at = value;
      // The entry of a map that the message speaks of, before it says what would be right.
      const std::string_view subject = message.substr(0, message.find(" is "));
      for (const YamlEntry& entry : value->entries) {
        if (!entry.key.text.empty() && subject.find(entry.key.text) != std::string_view::npos)
          at = &entry.key;
      }
      // The item of a list that it speaks of: /login stands in a message on /login.*( too, so the longest.
      size_t longest = 0;
      for (const YamlNode& item : value->items) {
        const YamlNode& text = item.is_map() && item.entries.size() == 1 ? item.entries[0].value : item;
        if (text.text.size() <= longest || message.find(text.text) == std::string_view::npos) continue;
        longest = text.text.size();
        at = &text;
      }
      break;
    }
    reader_.Error(*at, path, message);
  }

  SettingsReader::Key Text(std::string_view name, std::string* text) {
    return {name, [this, text](const YamlNode& value, const std::string& path) {
              if (const std::string* read = reader_.ReadText(value, path)) *text = *read;
            }};
  }
  void ReadTimezone(const YamlNode& node, const std::string& path) {
    const std::string* text = reader_.ReadText(node, path);
    if (text != nullptr && !absl::LoadTimeZone(*text, &options_.time_zone)) {
      reader_.Error(node, path,
                    Concat(Quoted(*text), " is no time zone of this system; write UTC or Asia/Tokyo"));
    }
  }
  void ReadYear(const YamlNode& node, const std::string& path) {
    const std::string* text = reader_.ReadText(node, path);
    int year = 0;
    if (text == nullptr) return;
    if (absl::SimpleAtoi(*text, &year) && year >= kYearMin && year <= kYearMax) {
      options_.year = year;
    } else {
      reader_.Error(node, path, Concat(Quoted(*text), " is no year from ", kYearMin, " to ", kYearMax));
    }
  }
  void ReadTextMap(const YamlNode& node, const std::string& path, std::map<std::string, std::string>* map) {
    if (!node.is_map()) {
      reader_.Error(node, path, "must be a map: field → where it stands in the log");
      return;
    }
    for (const YamlEntry& entry : node.entries) {
      const std::string* text = reader_.ReadText(entry.value, Concat(path, ".", entry.key.text));
      if (text != nullptr) (*map)[entry.key.text] = *text;
    }
  }
  void ReadOutcomes(const YamlNode& node, const std::string& path, std::map<std::string, Outcome>* map) {
    if (!node.is_map()) {
      reader_.Error(node, path, "must be a map: word of the log → outcome");
      return;
    }
    for (const YamlEntry& entry : node.entries) {
      const auto word = reader_.ReadWord(entry.value, Concat(path, ".", entry.key.text), kOutcomeNames);
      if (word) (*map)[entry.key.text] = static_cast<Outcome>(*word);
    }
  }

  void ReadCsv(const YamlNode& node, const std::string& path) {
    reader_.ReadMap(
        node, path,
        {
            {"columns", [this](auto& value, auto& at) { ReadTextMap(value, at, &options_.columns); }},
            {"delimiter", [this](auto& value, auto& at) { ReadDelimiter(value, at); }},
        });
  }
  void ReadDelimiter(const YamlNode& node, const std::string& path) {
    if (node.is_text() && (node.text == "tab" || node.text == "\\t")) {
      options_.delimiter = '\t';
    } else if (node.is_text() && node.text.size() == 1) {
      options_.delimiter = node.text[0];
    } else {
      reader_.Error(node, path, "must be one character, or the word tab");
    }
  }

  void ReadAccessLog(const YamlNode& node, const std::string& path) {
    AccessLogOptions& log = options_.access_log;
    reader_.ReadMap(
        node, path,
        {
            {"login_paths", [this](auto& value, auto& at) { ReadLoginPaths(value, at); }},
            {"methods",
             [this, &log](auto& value, auto& at) {
               log.methods.clear();
               for (const auto& [text, item] : reader_.ReadTexts(value, at)) log.methods.push_back(text);
             }},
            {"basic",
             [this, &log](auto& value, auto& at) {
               if (const std::optional<bool> basic = reader_.ReadBool(value, at)) log.basic = *basic;
             }},
            {"outcomes", [this, &log](auto& value, auto& at) { ReadOutcomes(value, at, &log.outcomes); }},
        });
  }
  void ReadLoginPaths(const YamlNode& node, const std::string& path) {
    const std::span<const YamlNode> items =
        node.is_list() ? std::span<const YamlNode>(node.items) : std::span<const YamlNode>(&node, 1);
    for (const YamlNode& item : items) {
      using PathMatch = AccessLogOptions::PathMatch;
      AccessLogOptions::LoginPath login;
      if (item.is_map() && item.entries.size() == 1 && item.entries[0].key.text == "regex") {
        const std::string* regex = reader_.ReadText(item.entries[0].value, path);
        if (regex == nullptr) continue;
        login = {PathMatch::kRegex, *regex};
      } else if (auto read = ParseLoginPath(item.is_text() ? item.text : ""); read.has_value()) {
        login = *std::move(read);
      } else {
        reader_.Error(item, path, "must be a path as /login, the begin of one as /auth/*, or {regex: …}");
        continue;
      }
      options_.access_log.login_paths.push_back(std::move(login));
    }
  }

  SettingsReader& reader_;
  SourceOptions& options_;
};

}  // namespace

void ReadInputSettings(const YamlNode& node, const std::string& path, SettingsReader* reader,
                       SourceOptions* options, const std::vector<SettingsReader::Key>& more) {
  InputReader(reader, options).Read(node, path, more);
}

}  // namespace stockade
