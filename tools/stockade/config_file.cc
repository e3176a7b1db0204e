#include "tools/stockade/config_file.h"

#include <sys/stat.h>

#include <filesystem>
#include <utility>

#include "absl/strings/ascii.h"
#include "engine/status.h"
#include "engine/text.h"
#include "tools/stockade/detector_settings.h"
#include "tools/stockade/gateway_settings.h"
#include "tools/stockade/input_settings.h"
#include "tools/stockade/policy_settings.h"
#include "tools/stockade/units.h"

namespace stockade {
namespace {

// One file of addresses: a list of 10 million networks is 200 MB; nobody allows that many.
constexpr size_t kAllowFileBytesMax = size_t{64} << 20;
constexpr size_t kKeyFileBytesMax = 1024;

// The keys at the top, and what the engine takes of them.
class ConfigReader {
 public:
  ConfigReader(SettingsReader* reader, GatewayFiles gateway_files, Config* config)
      : reader_(*reader), gateway_files_(gateway_files), config_(*config) {}

  void Read(const YamlNode& root) {
    sees_elsewhere_ = root.Find("capture") != nullptr || root.Find("sources") != nullptr;
    using Reading = void (ConfigReader::*)(const YamlNode&, const std::string&);
    const auto key = [this](std::string_view name, Reading reading, bool section = false) {
      return SettingsReader::Key{
          name,
          [this, reading](const YamlNode& value, const std::string& path) { (this->*reading)(value, path); },
          section};
    };
    reader_.ReadMap(root, "",
                    {
                        key("mode", &ConfigReader::ReadMode),
                        key("certificates", &ConfigReader::ReadCertificates, /*section=*/true),
                        key("memory", &ConfigReader::ReadMemory),
                        key("lateness", &ConfigReader::ReadLateness),
                        key("hash_key", &ConfigReader::ReadHashKey),
                        key("hash_key_file", &ConfigReader::ReadHashKeyFile),
                        key("rules", &ConfigReader::ReadRules),
                        key("placeholders", &ConfigReader::ReadPlaceholders),
                        key("thresholds", &ConfigReader::ReadThresholds),
                        key("allow", &ConfigReader::ReadAllow, /*section=*/true),
                        key("policy", &ConfigReader::ReadPolicy, /*section=*/true),
                        key("detectors", &ConfigReader::ReadDetectors, /*section=*/true),
                        key("familiar", &ConfigReader::ReadFamiliar, /*section=*/true),
                        key("geo", &ConfigReader::ReadGeo, /*section=*/true),
                        key("store", &ConfigReader::ReadStore, /*section=*/true),
                        key("firewalls", &ConfigReader::ReadFirewalls, /*section=*/true),
                        key("input", &ConfigReader::ReadInput, /*section=*/true),
                        key("capture", &ConfigReader::ReadCapture, /*section=*/true),
                        key("sources", &ConfigReader::KeepSources, /*section=*/true),
                        key("gateway", &ConfigReader::ReadGateway, /*section=*/true),
                    });
    // After `input`, wherever they stand: what that says holds for them too.
    if (sources_ != nullptr) ReadSources();
    CheckCapture(root);
    if (const YamlEntry* both = root.FindEntry("hash_key_file");
        both != nullptr && root.Find("hash_key") != nullptr) {
      reader_.Error(both->key, "hash_key_file", "hash_key is set too; keep one of them");
    }
  }

 private:
  void ReadMode(const YamlNode& node, const std::string& path) {
    if (const auto word = reader_.ReadWord(node, path, kModeNames))
      config_.engine.mode = static_cast<Mode>(*word);
  }
  void ReadCertificates(const YamlNode& node, const std::string& path) {
    if (!node.is_map()) return ReadCertificatePolicy(node, path);
    // The policy first, wherever it stands: it is the table that the words then change.
    if (const YamlNode* policy = node.Find("policy")) ReadCertificatePolicy(*policy, Concat(path, ".policy"));
    std::vector<SettingsReader::Key> keys = {{"policy", [](const YamlNode&, const std::string&) {}}};
    for (size_t i = 0; i < kCertificateNames.size(); ++i) {
      const auto status = static_cast<CertificateStatus>(i);
      if (status == CertificateStatus::kValid) continue;
      keys.push_back({kCertificateNames[i], [this, status](const YamlNode& value, const std::string& at) {
                        if (const auto verdict = ReadCertificateVerdict(status, value, at))
                          config_.engine.certificates.Set(status, *verdict);
                      }});
    }
    keys.push_back({"missing_from_owner", [this](const YamlNode& value, const std::string& at) {
                      if (const auto verdict = ReadCertificateVerdict(CertificateStatus::kMissing, value, at))
                        config_.engine.certificates.SetMissingFromOwner(*verdict);
                    }});
    reader_.ReadMap(node, path, keys);
    if (config_.engine.certificates.policy() == CertificatePolicy::kIgnored && node.entries.size() > 1)
      reader_.Error(node, path, "certificates are ignored, and no word of theirs is asked about");
  }
  void ReadCertificatePolicy(const YamlNode& node, const std::string& path) {
    const auto word = reader_.ReadWord(node, path, kCertificatePolicyNames);
    if (word) config_.engine.certificates = static_cast<CertificatePolicy>(*word);
  }
  std::optional<VerdictKind> ReadCertificateVerdict(CertificateStatus status, const YamlNode& node,
                                                    const std::string& path) {
    const auto word = reader_.ReadWord(node, path, kVerdictNames);
    if (!word) return std::nullopt;
    const auto verdict = static_cast<VerdictKind>(*word);
    if (CertificateVerdicts::MayBe(status, verdict)) return verdict;
    reader_.Error(node, path,
                  "what was shown and is not good never goes on unasked; write challenge, throttle or deny");
    return std::nullopt;
  }
  void ReadMemory(const YamlNode& node, const std::string& path) {
    const std::string* text = reader_.ReadText(node, path);
    if (text == nullptr) return;
    const std::optional<uint64_t> bytes = ParseBytes(*text);
    if (!bytes) {
      reader_.Error(node, path, Concat(Quoted(*text), " is no amount of memory; write 256MiB or 1GiB"));
    } else if (*bytes < kMemoryBytesMin) {
      reader_.Error(node, path,
                    Concat(Quoted(*text), " is too little; at least ", kMemoryBytesMin >> 20, "MiB"));
    } else {
      config_.engine.memory_bytes = *bytes;
    }
  }
  void ReadLateness(const YamlNode& node, const std::string& path) {
    const std::string* text = reader_.ReadText(node, path);
    if (text == nullptr) return;
    const std::optional<int64_t> span_ms = ParseSpanMs(*text);
    if (!span_ms) {
      reader_.Error(node, path, Concat(Quoted(*text), " is no span of time; write 5m, 90s or 1h"));
    } else if (*span_ms > kLatenessMsMax) {
      reader_.Error(node, path,
                    Concat(Quoted(*text), " is too long; at most ", kLatenessMsMax / 3600000, "h"));
    } else {
      config_.engine.lateness_ms = *span_ms;
    }
  }

  void ReadHashKey(const YamlNode& node, const std::string& path) {
    const std::string* text = reader_.ReadText(node, path);
    if (text == nullptr) return;
    // The text is a secret, or nearly one: no message repeats it.
    if (const std::optional<HashKey> key = HashKey::Parse(*text)) {
      config_.engine.hash_key = *key;
    } else {
      reader_.Error(node, path,
                    Concat("must be 32 hexadecimal digits, and has ", text->size(),
                           " characters; make one with: openssl rand -hex 16"));
    }
  }
  void ReadHashKeyFile(const YamlNode& node, const std::string& path) {
    const std::string* name = reader_.ReadText(node, path);
    if (name == nullptr) return;
    const std::string resolved = reader_.Resolve(*name);
    const absl::StatusOr<std::string> text = ReadWholeFile(resolved, kKeyFileBytesMax);
    if (!text.ok()) {
      reader_.Error(node, path, FromAbsl(text.status().message()));
      return;
    }
    struct stat about;
    if (stat(resolved.c_str(), &about) == 0 && (about.st_mode & S_IRWXO) != 0) {
      reader_.Warn(node, path, Concat(resolved, " is open to everybody; chmod o= ", resolved));
    }
    const std::optional<HashKey> key = HashKey::Parse(FromAbsl(absl::StripAsciiWhitespace(*text)));
    if (key) {
      config_.engine.hash_key = *key;
    } else {
      reader_.Error(
          node, path,
          Concat(resolved, " must hold 32 hexadecimal digits; make one with: openssl rand -hex 16"));
    }
  }

  void ReadRules(const YamlNode& node, const std::string& path) {
    config_.rules.clear();
    for (const auto& [text, item] : reader_.ReadTexts(node, path)) {
      config_.rule_places.push_back(PlaceOf(*item, reader_.file()));
      if (text == kShippedRules) {
        config_.rules.push_back(text);
        continue;
      }
      const std::string resolved = reader_.Resolve(text);
      std::error_code ignored;
      if (!std::filesystem::exists(resolved, ignored)) {
        const std::string_view nearest = Nearest(text, std::span(&kShippedRules, 1));
        reader_.Error(*item, path, Concat(resolved, ": no such file or folder", DidYouMean(nearest)),
                      nearest);
      }
      config_.rules.push_back(resolved);
    }
    if (config_.rules.empty() && node.is_list() && node.items.empty()) {
      reader_.Error(node, path,
                    "names no rules; name a file or a folder, or delete the line for the shipped ones");
    }
  }

  void ReadPlaceholders(const YamlNode& node, const std::string& path) {
    if (!node.is_map()) {
      reader_.Error(node, path, "must be a map: name → list of values");
      return;
    }
    for (const YamlEntry& entry : node.entries) {
      std::vector<std::string>& values = config_.placeholders[entry.key.text];
      const std::string below = Concat(path, ".", entry.key.text);
      reader_.Keep(below, entry.key);
      for (const auto& [text, item] : reader_.ReadTexts(entry.value, below)) values.push_back(text);
    }
  }

  void ReadThresholds(const YamlNode& node, const std::string& path) {
    config_.thresholds = ReadRuleThresholds(node, path, &reader_);
  }

  void ReadAllow(const YamlNode& node, const std::string& path) {
    Allowlist& allowlist = config_.engine.allowlist;
    reader_.ReadMap(
        node, path,
        {
            {"addresses",
             [&](const YamlNode& value, const std::string& at) {
               for (const auto& [network, item] : reader_.ReadNetworks(value, at)) {
                 if (!allowlist.AddNetwork(network)) reader_.Error(*item, at, kListFull);
               }
             }},
            {"accounts",
             [&](const YamlNode& value, const std::string& at) {
               for (const auto& [text, item] : reader_.ReadTexts(value, at)) allowlist.AddAccount(text);
             }},
            {"fingerprints",
             [&](const YamlNode& value, const std::string& at) {
               for (const auto& [text, item] : reader_.ReadTexts(value, at)) allowlist.AddFingerprint(text);
             }},
            {"files",
             [&](const YamlNode& value, const std::string& at) {
               ReadAllowFiles(value, at, [&](std::string_view line, std::string* problem) {
                 const std::optional<Prefix> network = Prefix::Parse(line);
                 if (network && allowlist.AddNetwork(*network)) return;
                 *problem = network ? std::string(kListFull) : SettingsReader::AddressProblem(line);
               });
             }},
            {"account_files",
             [&](const YamlNode& value, const std::string& at) {
               ReadAllowFiles(value, at,
                              [&](std::string_view line, std::string*) { allowlist.AddAccount(line); });
             }},
            {"fingerprint_files",
             [&](const YamlNode& value, const std::string& at) {
               ReadAllowFiles(value, at,
                              [&](std::string_view line, std::string*) { allowlist.AddFingerprint(line); });
             }},
        });
  }
  // Adds what a line names, or says what is wrong with it.
  using AddLine = std::function<void(std::string_view line, std::string* problem)>;
  void ReadAllowFiles(const YamlNode& node, const std::string& path, const AddLine& add) {
    for (const auto& [name, item] : reader_.ReadTexts(node, path)) {
      const std::string resolved = reader_.Resolve(name);
      const absl::StatusOr<std::string> text = ReadWholeFile(resolved, kAllowFileBytesMax);
      config_.allow_files.push_back(resolved);
      if (text.ok()) {
        ReadAllowLines(*text, resolved, path, add);
      } else {
        reader_.Error(*item, path, FromAbsl(text.status().message()));
      }
    }
  }
  void ReadAllowLines(std::string_view text, const std::string& name, const std::string& path,
                      const AddLine& add) {
    int number = 0;
    while (!text.empty()) {
      ++number;
      const size_t end = std::min(text.find('\n'), text.size());
      std::string_view line = text.substr(0, end);
      text.remove_prefix(std::min(end + 1, text.size()));
      // A comment begins the line or stands behind a space: an account may be called bob#2.
      for (size_t at = line.find('#'); at != std::string_view::npos; at = line.find('#', at + 1)) {
        if (at > 0 && line[at - 1] != ' ' && line[at - 1] != '\t') continue;
        line = line.substr(0, at);
        break;
      }
      line = FromAbsl(absl::StripAsciiWhitespace(ToAbsl(line)));
      if (line.empty()) continue;
      std::string problem;
      add(line, &problem);
      if (!problem.empty()) reader_.findings().Error(Place{name, number, 1}, path, problem);
    }
  }

  void ReadInput(const YamlNode& node, const std::string& path) {
    ReadInputSettings(node, path, &reader_, &config_.source);
  }
  void ReadPolicy(const YamlNode& node, const std::string& path) {
    if (!node.is_null())
      config_.engine.policy = ReadPolicySettings(node, path, &reader_, &config_.rules_on_trial);
  }
  void ReadDetectors(const YamlNode& node, const std::string& path) {
    config_.engine.detectors = ReadDetectorSettings(node, path, &reader_);
  }
  // What a section says, in one text: equal for what says the same.
  static void AppendText(const YamlNode& node, std::string* out) {
    Append(out, "\n(", node.text);
    for (const YamlNode& item : node.items) AppendText(item, out);
    for (const YamlEntry& entry : node.entries) {
      Append(out, "\n", entry.key.text, ":");
      AppendText(entry.value, out);
    }
    out->push_back(')');
  }
  void ReadFamiliar(const YamlNode& node, const std::string& path) {
    if (!node.is_null()) config_.familiar = ReadFamiliarSettings(node, path, &reader_);
  }
  void ReadGeo(const YamlNode& node, const std::string& path) {
    if (!node.is_null()) config_.geo = ReadGeoSettings(node, path, &reader_);
  }
  void ReadStore(const YamlNode& node, const std::string& path) {
    AppendText(node, &config_.carried_text);
    if (!node.is_null())
      config_.store = ReadStoreSettings(node, path, &reader_, &config_.engine.ledger_bytes);
  }
  void ReadFirewalls(const YamlNode& node, const std::string& path) {
    AppendText(node, &config_.carried_text);
    if (node.is_null()) return;
    config_.firewalls = ReadFirewallSettings(node, path, &reader_);
  }
  void KeepSources(const YamlNode& node, const std::string& path) {
    if (node.is_null()) return;
    sources_ = &node;
    sources_path_ = path;
  }
  void ReadSources() {
    AppendText(*sources_, &config_.sources_text);
    config_.live_sources =
        ReadLiveSettings(*sources_, sources_path_, config_.source, gateway_files_, &reader_);
  }
  void ReadGateway(const YamlNode& node, const std::string& path) {
    if (node.is_null()) return;
    // What captures read by.
    for (const std::string_view key : {"endpoints", "trusted_proxies", "client_address_header",
                                       "certificates", "tls_fingerprint", "account_case", "limits"}) {
      Append(&config_.capture_text, "\n", key, ":");
      if (const YamlNode* const value = node.Find(key)) AppendText(*value, &config_.capture_text);
    }
    const bool may_only_see = sees_elsewhere_ || gateway_files_ == GatewayFiles::kNotLookedAt;
    config_.gateway = ReadGatewaySettings(node, path, gateway_files_, may_only_see, &reader_);
  }

  static constexpr std::string_view kListFull = "the list is full";

  // What no section can say alone.
  void CheckCapture(const YamlNode& root) {
    if (!config_.capture.has_value() || config_.capture->user.empty()) return;
    for (const FirewallSettings& firewall : config_.firewalls) {
      if (KindName(firewall) != "nftables") continue;
      reader_.Error(*root.Find("capture"), "capture.user",
                    "gives up the rights that a firewall of kind nftables needs as long as it runs; leave "
                    "out one of them, "
                    "or run the capture in a process of its own");
      return;
    }
  }
  void ReadCapture(const YamlNode& node, const std::string& path) {
    AppendText(node, &config_.capture_text);
    if (!node.is_null()) config_.capture = ReadCaptureSettings(node, path, &reader_);
  }

  SettingsReader& reader_;
  const GatewayFiles gateway_files_;
  Config& config_;
  bool sees_elsewhere_ = false;
  const YamlNode* sources_ = nullptr;
  std::string sources_path_;
};

}  // namespace

Config DefaultConfig() {
  Config config;
  config.rules.emplace_back(kShippedRules);
  // Lists that rules of the pack ask for and that only an operator can fill.
  config.placeholders["vendor_accounts"] = {};
  config.engine.detectors.emplace();
  return config;
}

Config ReadConfig(std::string_view text, const std::string& file, Findings* findings,
                  GatewayFiles gateway_files, const std::vector<SettingOverride>& overrides) {
  Config config = DefaultConfig();
  std::vector<YamlNode> documents = ReadYaml(text, file, findings);
  if (documents.empty() && !overrides.empty()) documents.emplace_back();
  if (findings->errors() > 0 || documents.empty()) return config;
  if (documents.size() > 1) {
    findings->Error(PlaceOf(documents[1], file), "", "a second document; a configuration is one");
    return config;
  }
  for (const SettingOverride& setting : overrides) {
    const absl::Status status = Override(setting, &documents[0]);
    if (!status.ok()) findings->Error(Place{file, 0, 0}, "", FromAbsl(status.message()));
  }
  if (findings->errors() > 0) return config;
  SettingsReader reader(file, findings);
  ConfigReader(&reader, gateway_files, &config).Read(documents[0]);
  config.places = reader.places();
  return config;
}

absl::StatusOr<Config> LoadConfig(const std::string& file, GatewayFiles gateway_files) {
  ASSIGN_OR_RETURN(const std::string text, ReadWholeFile(file, kYamlBytesMax));
  Findings findings;
  Config config = ReadConfig(text, file, &findings, gateway_files);
  RETURN_IF_ERROR(findings.ToStatus());
  return config;
}

}  // namespace stockade
