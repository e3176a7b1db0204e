#include "tools/tuning/setting_override.h"

#include <algorithm>

#include "engine/text.h"

namespace stockade {
namespace {

YamlNode PlainText(std::string text) {
  YamlNode node;
  node.kind = YamlNode::Kind::kText;
  node.plain = true;
  node.text = std::move(text);
  return node;
}

// The value of a key of a map, added where it is not there.
YamlNode* ValueOf(const std::string& key, YamlNode* map) {
  const auto found = std::ranges::find(map->entries, key, [](const YamlEntry& one) { return one.key.text; });
  if (found != map->entries.end()) return &found->value;
  map->entries.push_back({PlainText(key), YamlNode()});
  return &map->entries.back().value;
}

}  // namespace

std::vector<std::string> SettingKeys(std::string_view path) {
  std::vector<std::string> keys;
  constexpr std::string_view kThresholds = "thresholds.";
  if (path.starts_with(kThresholds)) {
    const size_t last = path.rfind('.');
    if (last < kThresholds.size()) return {};
    keys = {"thresholds", std::string(path.substr(kThresholds.size(), last - kThresholds.size())),
            std::string(path.substr(last + 1))};
  } else {
    for (size_t begin = 0; begin <= path.size();) {
      const size_t end = std::min(path.find('.', begin), path.size());
      keys.emplace_back(path.substr(begin, end - begin));
      begin = end + 1;
    }
  }
  if (std::ranges::any_of(keys, [](const std::string& key) { return key.empty(); })) return {};
  return keys;
}

absl::Status Override(const SettingOverride& setting, YamlNode* root) {
  const std::vector<std::string> keys = SettingKeys(setting.path);
  if (keys.empty() || keys.size() > static_cast<size_t>(kYamlDepthMax)) {
    return absl::InvalidArgumentError(
        Concat(Quoted(setting.path), " is no setting; write its keys with dots between, detectors.charts.h"));
  }
  YamlNode* node = root;
  std::string where;
  for (const std::string& key : keys) {
    // "detectors: on" says what a section without keys would.
    const bool on = node->is_text() && node->text == "on";
    if (node->is_null() || on) {
      *node = YamlNode();
      node->kind = YamlNode::Kind::kMap;
    }
    if (!node->is_map()) {
      const std::string is = node->is_text() ? Quoted(node->text) : "a list";
      return absl::InvalidArgumentError(
          Concat(setting.path, ": ", where, " is ", is, " in the settings, and has no keys"));
    }
    Append(&where, where.empty() ? "" : ".", key);
    node = ValueOf(key, node);
  }
  *node = PlainText(setting.value);
  return absl::OkStatus();
}

}  // namespace stockade
