#include "tools/stockade/config_file.h"

#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "engine/status.h"
#include "engine/text.h"
#include "tools/stockade/units.h"

namespace stockade {
namespace {

// One file of addresses: a list of 10 million networks is 200 MB; nobody allows that many.
constexpr size_t kAllowFileBytesMax = size_t{64} << 20;
constexpr size_t kKeyFileBytesMax = 1024;
// Years that a date without one can mean: those whose times fit into nanoseconds since 1970.
constexpr int kYearMin = 1970;
constexpr int kYearMax = 2261;

// Walks the tree of a configuration. A section is a table of keys, each with the function that reads its
// value; `path` is the way to the value, as messages spell it.
class ConfigReader {
 public:
  ConfigReader(std::string file, Config* config, Findings* findings)
      : file_(std::move(file)),
        folder_(std::filesystem::path(file_).parent_path()),
        config_(*config),
        findings_(*findings) {}

  void Read(const YamlNode& root) {
    static constexpr std::array<Key, 10> kKeys = {{
        {"mode", &ConfigReader::ReadMode},
        {"certificates", &ConfigReader::ReadCertificates},
        {"memory", &ConfigReader::ReadMemory},
        {"lateness", &ConfigReader::ReadLateness},
        {"hash_key", &ConfigReader::ReadHashKey},
        {"hash_key_file", &ConfigReader::ReadHashKeyFile},
        {"rules", &ConfigReader::ReadRules},
        {"placeholders", &ConfigReader::ReadPlaceholders},
        {"allow", &ConfigReader::ReadAllow},
        {"input", &ConfigReader::ReadInput},
    }};
    ReadMap(root, "", kKeys);
    if (const YamlEntry* both = root.FindEntry("hash_key_file");
        both != nullptr && root.Find("hash_key") != nullptr) {
      Error(both->key, "hash_key_file", "hash_key is set too; keep one of them");
    }
  }

 private:
  struct Key {
    std::string_view name;
    void (ConfigReader::*read)(const YamlNode& value, const std::string& path);
  };

  void Error(const YamlNode& at, std::string_view path, std::string_view what,
             std::string_view suggestion = {}) {
    findings_.Error(PlaceOf(at, file_), path, what, suggestion);
  }

  std::string Resolve(const std::string& path) const {
    const std::filesystem::path given(path);
    return given.is_absolute() || folder_.empty() ? path : (folder_ / given).string();
  }

  void ReadMap(const YamlNode& node, const std::string& path, std::span<const Key> keys) {
    if (node.is_null()) return;  // "allow:" with everything below it commented out
    if (!node.is_map()) {
      Error(node, path, "must be a map of keys and values");
      return;
    }
    for (const YamlEntry& entry : node.entries) {
      const std::string below = path.empty() ? entry.key.text : Concat(path, ".", entry.key.text);
      const Key* found = nullptr;
      for (const Key& key : keys) {
        if (key.name == entry.key.text) found = &key;
      }
      if (found == nullptr) {
        RefuseKey(entry, path, keys);
      } else if (entry.value.is_null() && found->read != &ConfigReader::ReadAllow &&
                 found->read != &ConfigReader::ReadInput) {
        Error(entry.key, below, "has no value; give it one or delete the line");
      } else {
        (this->*found->read)(entry.value, below);
      }
    }
  }

  void RefuseKey(const YamlEntry& entry, const std::string& path, std::span<const Key> keys) {
    std::vector<std::string_view> names;
    std::string list;
    for (const Key& key : keys) {
      names.push_back(key.name);
      Append(&list, list.empty() ? "" : ", ", key.name);
    }
    const std::string_view nearest = Nearest(entry.key.text, names);
    const std::string where = path.empty() ? entry.key.text : Concat(path, ".", entry.key.text);
    Error(entry.key, where,
          nearest.empty() ? Concat("unknown key; known here: ", list)
                          : Concat("unknown key", DidYouMean(nearest)),
          nearest);
  }

  // The text of a scalar, or nothing and an error.
  const std::string* ReadText(const YamlNode& node, const std::string& path) {
    if (node.is_text() && !node.text.empty()) return &node.text;
    Error(node, path, "must be a text");
    return nullptr;
  }

  // The texts of a list, or of one scalar, which is a list of one.
  std::vector<std::pair<std::string, const YamlNode*>> ReadTexts(const YamlNode& node,
                                                                 const std::string& path) {
    std::vector<std::pair<std::string, const YamlNode*>> texts;
    if (!node.is_list()) {
      if (const std::string* text = ReadText(node, path)) texts.emplace_back(*text, &node);
      return texts;
    }
    for (const YamlNode& item : node.items) {
      if (const std::string* text = ReadText(item, path)) texts.emplace_back(*text, &item);
    }
    return texts;
  }

  // One of a list of words; its index.
  std::optional<size_t> ReadWord(const YamlNode& node, const std::string& path,
                                 std::span<const std::string_view> words) {
    const std::string* text = ReadText(node, path);
    if (text == nullptr) return std::nullopt;
    std::string list;
    for (size_t i = 0; i < words.size(); ++i) {
      if (words[i] == *text) return i;
      Append(&list, i == 0 ? "" : ", ", words[i]);
    }
    const std::string_view nearest = Nearest(*text, words);
    Error(node, path, Concat(Quoted(*text), " is none of: ", list, DidYouMean(nearest)), nearest);
    return std::nullopt;
  }

  std::optional<bool> ReadBool(const YamlNode& node, const std::string& path) {
    static constexpr std::array<std::string_view, 2> kWords = {"false", "true"};
    const std::optional<size_t> word = ReadWord(node, path, kWords);
    return word ? std::optional<bool>(*word == 1) : std::nullopt;
  }

  void ReadMode(const YamlNode& node, const std::string& path) {
    if (const auto word = ReadWord(node, path, kModeNames)) config_.engine.mode = static_cast<Mode>(*word);
  }
  void ReadCertificates(const YamlNode& node, const std::string& path) {
    const auto word = ReadWord(node, path, kCertificatePolicyNames);
    if (word) config_.engine.certificates = static_cast<CertificatePolicy>(*word);
  }
  void ReadMemory(const YamlNode& node, const std::string& path) {
    const std::string* text = ReadText(node, path);
    if (text == nullptr) return;
    const std::optional<uint64_t> bytes = ParseBytes(*text);
    if (!bytes) {
      Error(node, path, Concat(Quoted(*text), " is no amount of memory; write 256MiB or 1GiB"));
    } else if (*bytes < kMemoryBytesMin) {
      Error(node, path, Concat(Quoted(*text), " is too little; at least ", kMemoryBytesMin >> 20, "MiB"));
    } else {
      config_.engine.memory_bytes = *bytes;
    }
  }
  void ReadLateness(const YamlNode& node, const std::string& path) {
    const std::string* text = ReadText(node, path);
    if (text == nullptr) return;
    const std::optional<int64_t> span_ms = ParseSpanMs(*text);
    if (!span_ms) {
      Error(node, path, Concat(Quoted(*text), " is no span of time; write 5m, 90s or 1h"));
    } else if (*span_ms > kLatenessMsMax) {
      Error(node, path, Concat(Quoted(*text), " is too long; at most ", kLatenessMsMax / 3600000, "h"));
    } else {
      config_.engine.lateness_ms = *span_ms;
    }
  }

  void ReadHashKey(const YamlNode& node, const std::string& path) {
    const std::string* text = ReadText(node, path);
    if (text == nullptr) return;
    // The text is a secret, or nearly one: no message repeats it.
    if (const std::optional<HashKey> key = HashKey::Parse(*text)) {
      config_.engine.hash_key = *key;
    } else {
      Error(node, path,
            Concat("must be 32 hexadecimal digits, and has ", text->size(),
                   " characters; make one with: openssl rand -hex 16"));
    }
  }
  void ReadHashKeyFile(const YamlNode& node, const std::string& path) {
    const std::string* name = ReadText(node, path);
    if (name == nullptr) return;
    const std::string resolved = Resolve(*name);
    const absl::StatusOr<std::string> text = ReadWholeFile(resolved, kKeyFileBytesMax);
    if (!text.ok()) {
      Error(node, path, FromAbsl(text.status().message()));
      return;
    }
    struct stat about;
    if (stat(resolved.c_str(), &about) == 0 && (about.st_mode & S_IRWXO) != 0) {
      findings_.Warn(PlaceOf(node, file_), path,
                     Concat(resolved, " is open to everybody; chmod o= ", resolved));
    }
    const std::optional<HashKey> key = HashKey::Parse(FromAbsl(absl::StripAsciiWhitespace(*text)));
    if (key) {
      config_.engine.hash_key = *key;
    } else {
      Error(node, path,
            Concat(resolved, " must hold 32 hexadecimal digits; make one with: openssl rand -hex 16"));
    }
  }

  void ReadRules(const YamlNode& node, const std::string& path) {
    config_.rules.clear();
    for (const auto& [text, item] : ReadTexts(node, path)) {
      if (text == kShippedRules) {
        config_.rules.push_back(text);
        continue;
      }
      const std::string resolved = Resolve(text);
      std::error_code ignored;
      if (!std::filesystem::exists(resolved, ignored))
        Error(*item, path, Concat(resolved, ": no such file or folder"));
      config_.rules.push_back(resolved);
    }
    if (config_.rules.empty() && node.is_list() && node.items.empty()) {
      Error(node, path, "names no rules; name a file or a folder, or delete the line for the shipped ones");
    }
  }

  void ReadPlaceholders(const YamlNode& node, const std::string& path) {
    if (!node.is_map()) {
      Error(node, path, "must be a map: name → list of values");
      return;
    }
    for (const YamlEntry& entry : node.entries) {
      std::vector<std::string>& values = config_.placeholders[entry.key.text];
      for (const auto& [text, item] : ReadTexts(entry.value, Concat(path, ".", entry.key.text)))
        values.push_back(text);
    }
  }

  void ReadAllow(const YamlNode& node, const std::string& path) {
    static constexpr std::array<Key, 4> kKeys = {{
        {"addresses", &ConfigReader::ReadAllowedAddresses},
        {"accounts", &ConfigReader::ReadAllowedAccounts},
        {"fingerprints", &ConfigReader::ReadAllowedFingerprints},
        {"files", &ConfigReader::ReadAllowFiles},
    }};
    ReadMap(node, path, kKeys);
  }
  void ReadAllowedAddresses(const YamlNode& node, const std::string& path) {
    for (const auto& [text, item] : ReadTexts(node, path)) {
      const std::string problem = Allow(text);
      if (!problem.empty()) Error(*item, path, problem);
    }
  }
  void ReadAllowedAccounts(const YamlNode& node, const std::string& path) {
    for (const auto& [text, item] : ReadTexts(node, path)) config_.engine.allowlist.AddAccount(text);
  }
  void ReadAllowedFingerprints(const YamlNode& node, const std::string& path) {
    for (const auto& [text, item] : ReadTexts(node, path)) config_.engine.allowlist.AddFingerprint(text);
  }
  void ReadAllowFiles(const YamlNode& node, const std::string& path) {
    for (const auto& [name, item] : ReadTexts(node, path)) {
      const std::string resolved = Resolve(name);
      const absl::StatusOr<std::string> text = ReadWholeFile(resolved, kAllowFileBytesMax);
      if (text.ok()) {
        ReadAllowLines(*text, resolved, path);
      } else {
        Error(*item, path, FromAbsl(text.status().message()));
      }
    }
  }
  void ReadAllowLines(std::string_view text, const std::string& name, const std::string& path) {
    int number = 0;
    while (!text.empty()) {
      ++number;
      const size_t end = std::min(text.find('\n'), text.size());
      std::string_view line = text.substr(0, end);
      text.remove_prefix(std::min(end + 1, text.size()));
      line = line.substr(0, line.find('#'));
      line = FromAbsl(absl::StripAsciiWhitespace(ToAbsl(line)));
      if (line.empty()) continue;
      const std::string problem = Allow(line);
      if (!problem.empty()) findings_.Error(Place{name, number, 1}, path, problem);
    }
  }

  // Takes an address or a network into the allowlist; empty, or why not.
  std::string Allow(std::string_view text) {
    const std::optional<Prefix> network = Prefix::Parse(text);
    if (!network) return AddressProblem(text);
    return config_.engine.allowlist.AddNetwork(*network) ? "" : "the list is full";
  }
  // Why `text` is no address: in most cases a network with bits behind its length.
  static std::string AddressProblem(std::string_view text) {
    const size_t slash = text.find('/');
    int length = 0;
    if (slash != std::string_view::npos && absl::SimpleAtoi(ToAbsl(text.substr(slash + 1)), &length)) {
      const std::optional<Address> address = Address::Parse(text.substr(0, slash));
      if (address && length >= 0 && length <= address->bits()) {
        return Concat(Quoted(text), " has bits behind its length; did you mean '",
                      Prefix::Around(*address, length).ToString(), "', or the one address '",
                      address->ToString(), "'?");
      }
    }
    return Concat(Quoted(text), " is neither an address nor a network; write 192.0.2.1 or 192.0.2.0/24");
  }

  void ReadInput(const YamlNode& node, const std::string& path) {
    static constexpr std::array<Key, 8> kKeys = {{
        {"format", &ConfigReader::ReadFormat},
        {"timezone", &ConfigReader::ReadTimezone},
        {"year", &ConfigReader::ReadYear},
        {"fields", &ConfigReader::ReadFields},
        {"outcomes", &ConfigReader::ReadOutcomeWords},
        {"csv", &ConfigReader::ReadCsv},
        {"access_log", &ConfigReader::ReadAccessLog},
        {"text_format", &ConfigReader::ReadTextFormat},
    }};
    const size_t errors_before = findings_.errors();
    ReadMap(node, path, kKeys);
    if (findings_.errors() > errors_before) return;
    // Formats, field names and patterns are known to the sources only.
    if (const absl::Status status = Validate(config_.source); !status.ok()) {
      RefuseInput(node, path, FromAbsl(status.message()));
    }
  }
  // Puts what Validate says of an option, "outcomes: …", at the key it was set by.
  void RefuseInput(const YamlNode& input, std::string path, std::string_view message) {
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
      break;
    }
    Error(*at, path, message);
  }
  void ReadFormat(const YamlNode& node, const std::string& path) {
    if (const std::string* text = ReadText(node, path)) config_.source.format = *text;
  }
  void ReadTimezone(const YamlNode& node, const std::string& path) {
    const std::string* text = ReadText(node, path);
    if (text != nullptr && !absl::LoadTimeZone(*text, &config_.source.time_zone)) {
      Error(node, path, Concat(Quoted(*text), " is no time zone of this system; write UTC or Asia/Tokyo"));
    }
  }
  void ReadYear(const YamlNode& node, const std::string& path) {
    const std::string* text = ReadText(node, path);
    int year = 0;
    if (text == nullptr) return;
    if (absl::SimpleAtoi(*text, &year) && year >= kYearMin && year <= kYearMax) {
      config_.source.year = year;
    } else {
      Error(node, path, Concat(Quoted(*text), " is no year from ", kYearMin, " to ", kYearMax));
    }
  }
  void ReadTextMap(const YamlNode& node, const std::string& path, std::map<std::string, std::string>* map) {
    if (!node.is_map()) {
      Error(node, path, "must be a map: field → where it stands in the log");
      return;
    }
    for (const YamlEntry& entry : node.entries) {
      const std::string* text = ReadText(entry.value, Concat(path, ".", entry.key.text));
      if (text != nullptr) (*map)[entry.key.text] = *text;
    }
  }
  void ReadOutcomes(const YamlNode& node, const std::string& path, std::map<std::string, Outcome>* map) {
    if (!node.is_map()) {
      Error(node, path, "must be a map: word of the log → outcome");
      return;
    }
    for (const YamlEntry& entry : node.entries) {
      const auto word = ReadWord(entry.value, Concat(path, ".", entry.key.text), kOutcomeNames);
      if (word) (*map)[entry.key.text] = static_cast<Outcome>(*word);
    }
  }
  void ReadFields(const YamlNode& node, const std::string& path) {
    ReadTextMap(node, path, &config_.source.field_paths);
  }
  void ReadOutcomeWords(const YamlNode& node, const std::string& path) {
    ReadOutcomes(node, path, &config_.source.outcome_words);
  }
  void ReadTextFormat(const YamlNode& node, const std::string& path) {
    if (const std::string* text = ReadText(node, path)) config_.source.format_file = Resolve(*text);
  }

  void ReadCsv(const YamlNode& node, const std::string& path) {
    static constexpr std::array<Key, 2> kKeys = {{
        {"columns", &ConfigReader::ReadColumns},
        {"delimiter", &ConfigReader::ReadDelimiter},
    }};
    ReadMap(node, path, kKeys);
  }
  void ReadColumns(const YamlNode& node, const std::string& path) {
    ReadTextMap(node, path, &config_.source.columns);
  }
  void ReadDelimiter(const YamlNode& node, const std::string& path) {
    if (node.is_text() && (node.text == "tab" || node.text == "\\t")) {
      config_.source.delimiter = '\t';
    } else if (node.is_text() && node.text.size() == 1) {
      config_.source.delimiter = node.text[0];
    } else {
      Error(node, path, "must be one character, or the word tab");
    }
  }

  void ReadAccessLog(const YamlNode& node, const std::string& path) {
    static constexpr std::array<Key, 4> kKeys = {{
        {"login_paths", &ConfigReader::ReadLoginPaths},
        {"methods", &ConfigReader::ReadMethods},
        {"basic", &ConfigReader::ReadBasic},
        {"outcomes", &ConfigReader::ReadStatuses},
    }};
    ReadMap(node, path, kKeys);
  }
  void ReadLoginPaths(const YamlNode& node, const std::string& path) {
    const std::span<const YamlNode> items =
        node.is_list() ? std::span<const YamlNode>(node.items) : std::span<const YamlNode>(&node, 1);
    for (const YamlNode& item : items) {
      using PathMatch = AccessLogOptions::PathMatch;
      AccessLogOptions::LoginPath login;
      if (item.is_map() && item.entries.size() == 1 && item.entries[0].key.text == "regex") {
        const std::string* regex = ReadText(item.entries[0].value, path);
        if (regex == nullptr) continue;
        login = {PathMatch::kRegex, *regex};
      } else if (auto read = ParseLoginPath(item.is_text() ? item.text : ""); read.has_value()) {
        login = *std::move(read);
      } else {
        Error(item, path, "must be a path as /login, the begin of one as /auth/*, or {regex: …}");
        continue;
      }
      config_.source.access_log.login_paths.push_back(std::move(login));
    }
  }
  void ReadMethods(const YamlNode& node, const std::string& path) {
    config_.source.access_log.methods.clear();
    for (const auto& [text, item] : ReadTexts(node, path)) config_.source.access_log.methods.push_back(text);
  }
  void ReadBasic(const YamlNode& node, const std::string& path) {
    if (const std::optional<bool> basic = ReadBool(node, path)) config_.source.access_log.basic = *basic;
  }
  void ReadStatuses(const YamlNode& node, const std::string& path) {
    ReadOutcomes(node, path, &config_.source.access_log.outcomes);
  }

  const std::string file_;
  const std::filesystem::path folder_;
  Config& config_;
  Findings& findings_;
};

}  // namespace

Config DefaultConfig() {
  Config config;
  config.rules.emplace_back(kShippedRules);
  // Lists that rules of the pack ask for and that only an operator can fill.
  config.placeholders["vendor_accounts"] = {};
  return config;
}

Config ReadConfig(std::string_view text, const std::string& file, Findings* findings) {
  Config config = DefaultConfig();
  const std::vector<YamlNode> documents = ReadYaml(text, file, findings);
  if (findings->errors() > 0 || documents.empty()) return config;
  if (documents.size() > 1) {
    findings->Error(PlaceOf(documents[1], file), "", "a second document; a configuration is one");
    return config;
  }
  ConfigReader(file, &config, findings).Read(documents[0]);
  return config;
}

absl::StatusOr<Config> LoadConfig(const std::string& file) {
  ASSIGN_OR_RETURN(const std::string text, ReadWholeFile(file, kYamlBytesMax));
  Findings findings;
  Config config = ReadConfig(text, file, &findings);
  RETURN_IF_ERROR(findings.ToStatus());
  return config;
}

absl::StatusOr<std::string> ReadWholeFile(const std::string& file, size_t bytes_max) {
  const auto failed = [&file](int error) {
    return absl::NotFoundError(Concat(file, ": cannot be read: ", std::strerror(error)));
  };
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> stream(std::fopen(file.c_str(), "rbe"), &std::fclose);
  if (stream == nullptr) return failed(errno);
  std::string text;
  std::array<char, 65536> piece;
  while (const size_t got = std::fread(piece.data(), 1, piece.size(), stream.get())) {
    text.append(piece.data(), got);
    if (text.size() > bytes_max) {
      return absl::InvalidArgumentError(Concat(file, ": is larger than ", bytes_max, " bytes"));
    }
  }
  if (std::ferror(stream.get()) != 0) return failed(errno);  // also a folder: EISDIR
  return text;
}

}  // namespace stockade
