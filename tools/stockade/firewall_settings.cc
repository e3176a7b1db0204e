#include "tools/stockade/firewall_settings.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>
#include <utility>

#include "engine/text.h"
#include "tools/stockade/gateway_section.h"
#ifdef STOCKADE_HAS_NFTABLES
#include "adapters/firewall/nftables.h"
#endif

namespace stockade {
namespace {

constexpr std::array<std::string_view, 3> kHooks = {"prerouting", "input", "forward"};
constexpr std::array<std::string_view, 3> kVerdicts = {"drop", "reject", "mark"};
constexpr std::array<std::string_view, 4> kHolds = {"addresses", "asns", "fingerprints", "accounts"};
constexpr std::array<std::string_view, 2> kValues = {"id", "rule"};
constexpr std::array<std::string_view, 2> kEach = {"order", "batch"};
constexpr std::array<std::string_view, 4> kListFormats = {"ndjson", "plain", "nginx_deny", "nginx_geo"};

class FirewallReader : GatewaySection {
 public:
  explicit FirewallReader(SettingsReader* reader) : GatewaySection(GatewayFiles::kNotLookedAt, reader) {}

  std::vector<FirewallSettings> Read(Node node, Path path) {
    std::vector<FirewallSettings> firewalls;
    reader_.ReadList(node, path, [&](Node item, Path at) { firewalls.push_back(ReadOne(item, at)); });
    std::set<std::string> names;
    for (const FirewallSettings& firewall : firewalls)
      if (!names.insert(firewall.name).second)
        reader_.Error(
            node, path,
            Concat("two firewalls are called ", firewall.name, "; give one of them a `name` of its own"));
    return firewalls;
  }

 private:
  FirewallSettings ReadOne(Node node, Path path) {
    FirewallSettings firewall;
    int kinds = 0;
    const auto kind = [&](size_t index, auto read) {
      return Key{kFirewallKindNames[index],
                 [&, index, read](Node value, Path at) {
                   ++kinds;
                   firewall.kind = (this->*read)(value, at);
                   if (firewall.name.empty()) firewall.name = kFirewallKindNames[index];
                 },
                 /*section=*/true};
    };
    std::string name;
    reader_.ReadMap(
        node, path,
        {Text("name", &name),
         kind(0, &FirewallReader::ReadNftables),
         kind(1, &FirewallReader::ReadCrowdsec),
         kind(2, &FirewallReader::ReadHaproxy),
         kind(3, &FirewallReader::ReadWebhook),
         kind(4, &FirewallReader::ReadExec),
         kind(5, &FirewallReader::ReadListFile),
         kind(6, &FirewallReader::ReadGatewayLock),
         {"delivery", [&](Node value, Path at) { ReadDelivery(value, at, &firewall.delivery); }, true}});
    if (!name.empty()) firewall.name = name;
    if (kinds != 1) {
      std::string known;
      for (const std::string_view one : kFirewallKindNames) Append(&known, known.empty() ? "" : ", ", one);
      reader_.Error(node, path,
                    Concat(kinds == 0 ? "names no kind" : "names more than one kind", "; one of ", known));
    }
    return firewall;
  }

  // An error of the options as a whole, at their section.
  void Check(const absl::Status& status, Node node, Path path) {
    if (!status.ok() && reader_.errors() == errors_before_)
      reader_.Error(node, path, FromAbsl(status.message()));
  }
  void Begin() { errors_before_ = reader_.errors(); }

  NftablesOptions ReadNftables(Node node, Path path) {
    Begin();
    NftablesOptions options;
    reader_.ReadMap(node, path,
                    {Text("table", &options.table),
                     Words("hooks", kHooks, &options.hooks),
                     Number("priority", {-300, 300}, &options.priority),
                     OneOf("verdict", kVerdicts, &options.verdict),
                     Number("mark", {0, UINT32_MAX}, &options.mark),
                     {"ports",
                      [&](Node value, Path at) {
                        reader_.ReadList(value, at, [&](Node item, Path item_at) {
                          if (const auto port = reader_.ReadNumber(item, item_at, {1, 65535}))
                            options.ports.push_back(static_cast<uint16_t>(*port));
                        });
                      }},
                     {"loopback",
                      [&](Node value, Path at) {
                        if (const auto flag = reader_.ReadBool(value, at)) options.spare_loopback = !*flag;
                      }},
                     Number("elements_max", {1, int64_t{1} << 24}, &options.elements_max),
                     Text("network_namespace", &options.network_namespace)});
#ifdef STOCKADE_HAS_NFTABLES
    Check(NftablesFirewall::Create(options).status(), node, path);
#else
    reader_.Error(node, path, "this build has no nftables; build with -DSTOCKADE_NFTABLES=ON");
#endif
    return options;
  }

  CrowdsecOptions ReadCrowdsec(Node node, Path path) {
    Begin();
    CrowdsecOptions options;
    reader_.ReadMap(node, path,
                    {Address("address", &options.at), File("keys_file", &options.keys_file),
                     File("state_file", &options.state_file), Bool("take_alerts", &options.take_alerts),
                     Bytes("body_bytes", {1024, uint64_t{64} << 20}, &options.body_bytes),
                     Number("connections", {1, 65536}, &options.connections),
                     Span("transfer_time", &options.transfer_time)});
    Check(ValidateCrowdsec(options), node, path);
    return options;
  }

  HaproxyOptions ReadHaproxy(Node node, Path path) {
    Begin();
    HaproxyOptions options;
    reader_.ReadMap(node, path,
                    {Address("socket", &options.socket),
                     {"maps",
                      [&](Node value, Path at) {
                        reader_.ReadList(value, at, [&](Node item, Path item_at) {
                          HaproxyMapOptions map;
                          reader_.ReadMap(item, item_at,
                                          {OneOf("action", kActionNames, &map.action),
                                           OneOf("holds", kHolds, &map.holds), Text("map", &map.map)});
                          options.maps.push_back(std::move(map));
                        });
                      }},
                     {"tables",
                      [&](Node value, Path at) {
                        reader_.ReadList(value, at, [&](Node item, Path item_at) {
                          HaproxyTableOptions table;
                          reader_.ReadMap(item, item_at,
                                          {OneOf("action", kActionNames, &table.action),
                                           Text("table", &table.table), Text("counter", &table.counter)});
                          options.tables.push_back(std::move(table));
                        });
                      }},
                     OneOf("value", kValues, &options.value),
                     Span("answer_time", &options.answer_time),
                     Span("call_time", &options.call_time)});
    Check(CheckHaproxyOptions(options), node, path);
    return options;
  }

  WebhookOptions ReadWebhook(Node node, Path path) {
    Begin();
    WebhookOptions options;
    std::vector<Key> keys = PostKeys(&options.post);
    keys.insert(
        keys.end(),
        {Text("url", &options.url), OneOf("format", kWebhookFormatNames, &options.format),
         File("routing_key", &options.routing_key_file), Words("actions", kActionNames, &options.actions),
         Words("scopes", kScopeNames, &options.scopes), Bool("releases", &options.releases),
         Number("batch_max", {1, 1000}, &options.batch_max)});
    reader_.ReadMap(node, path, keys);
    Check(CheckWebhookOptions(options), node, path);
    return options;
  }

  ExecOptions ReadExec(Node node, Path path) {
    Begin();
    ExecOptions options;
    reader_.ReadMap(
        node, path,
        {Texts("command", &options.command),
         OneOf("each", kEach, &options.each),
         {"environment",
          [&](Node value, Path at) {
            if (!value.is_map()) return reader_.Error(value, at, "must be a map: name → value");
            for (const YamlEntry& entry : value.entries) {
              if (const std::string* text = reader_.ReadText(entry.value, Concat(at, ".", entry.key.text)))
                options.environment.emplace_back(entry.key.text, *text);
            }
          }},
         Span("timeout", &options.timeout),
         Number("at_once", {1, 16}, &options.at_once),
         Words("actions", kActionNames, &options.actions),
         Words("scopes", kScopeNames, &options.scopes)});
    Check(CheckExecOptions(options), node, path);
    return options;
  }

  ListFileOptions ReadListFile(Node node, Path path) {
    Begin();
    ListFileOptions options;
    reader_.ReadMap(node, path,
                    {File("path", &options.path),
                     OneOf("format", kListFormats, &options.format),
                     OneOf("action", kActionNames, &options.action),
                     Words("actions", kActionNames, &options.actions),
                     Words("scopes", kScopeNames, &options.scopes),
                     Span("write_every", &options.write_every),
                     Texts("after", &options.after),
                     Span("after_timeout", &options.after_timeout),
                     {"mode", [&](Node value, Path at) { ReadFileMode(value, at, &options.mode); }}});
    Check(CheckListFileOptions(options), node, path);
    return options;
  }
  void ReadFileMode(Node node, Path path, mode_t* mode) {
    const std::string* text = reader_.ReadText(node, path);
    if (text == nullptr) return;
    unsigned read = 0;
    const bool octal = !text->empty() && text->size() <= 4 &&
                       std::all_of(text->begin(), text->end(), [](char c) { return c >= '0' && c <= '7'; });
    if (!octal) return reader_.Error(node, path, "is no mode of a file; write 0640");
    for (const char c : *text) read = read * 8 + static_cast<unsigned>(c - '0');
    *mode = static_cast<mode_t>(read);
  }

  GatewayLockOptions ReadGatewayLock(Node node, Path path) {
    Begin();
    GatewayLockOptions options;
    std::vector<Key> keys = PostKeys(&options.post);
    keys.insert(keys.end(), {Text("url", &options.url), Text("method", &options.method),
                             Bool("batched", &options.batched)});
    reader_.ReadMap(node, path, keys);
    Check(CheckGatewayLockOptions(options), node, path);
    return options;
  }

  std::vector<Key> PostKeys(HttpPostOptions* post) {
    return {File("secret", &post->secret_file),
            File("ca", &post->ca_file),
            File("certificate", &post->certificate_file),
            File("key", &post->key_file),
            Text("proxy", &post->proxy),
            File("authorization", &post->authorization),
            Span("connect_time", &post->connect_time),
            Span("answer_time", &post->answer_time)};
  }

  void ReadDelivery(Node node, Path path, DeliverySettings* delivery) {
    reader_.ReadMap(
        node, path,
        {Span("reconcile_interval", &delivery->reconcile_interval),
         Span("retry_first", &delivery->retry_first), Span("retry_longest", &delivery->retry_longest),
         Number("queue_max", {1000, int64_t{1} << 24}, &delivery->queue_max),
         Bool("resend", &delivery->resend), Bool("release_on_stop", &delivery->release_on_stop),
         Span("drain_time", &delivery->drain_time)});
  }

  Key Address(std::string_view name, Endpoint* at) {
    return {name, [this, at](Node value, Path path) { ReadAddress(value, path, at); }};
  }
  // Whole paths: commands are run elsewhere.
  Key File(std::string_view name, std::string* file) {
    return {name, [this, file](Node value, Path path) {
              if (const std::string* read = reader_.ReadText(value, path))
                *file = std::filesystem::absolute(reader_.Resolve(*read)).string();
            }};
  }
  Key Texts(std::string_view name, std::vector<std::string>* texts) {
    return {name, [this, texts](Node value, Path path) {
              for (auto& [text, item] : reader_.ReadTexts(value, path)) texts->push_back(text);
            }};
  }
  template <typename Words, typename Enum>
  Key OneOf(std::string_view name, const Words& words, Enum* value) {
    return {name, [this, &words, value](Node node, Path path) {
              if (const auto word = reader_.ReadWord(node, path, words)) *value = static_cast<Enum>(*word);
            }};
  }
  template <typename Names, typename Enum>
  Key Words(std::string_view name, const Names& words, std::vector<Enum>* values) {
    return {name, [this, &words, values](Node node, Path path) {
              values->clear();
              reader_.ReadList(node, path, [&](Node item, Path at) {
                if (const auto word = reader_.ReadWord(item, at, words))
                  values->push_back(static_cast<Enum>(*word));
              });
            }};
  }

  size_t errors_before_ = 0;
};

}  // namespace

std::vector<FirewallSettings> ReadFirewallSettings(const YamlNode& node, const std::string& path,
                                                   SettingsReader* reader) {
  return FirewallReader(reader).Read(node, path);
}

}  // namespace stockade
