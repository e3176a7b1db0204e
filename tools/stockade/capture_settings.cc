#include "tools/stockade/capture_settings.h"

#include "engine/text.h"

namespace stockade {

CaptureSettings ReadCaptureSettings(const YamlNode& node, const std::string& path, SettingsReader* reader) {
  using Node = const YamlNode&;
  using Path = const std::string&;
  using Options = PacketDeviceOptions;
  CaptureSettings settings;
  Options& device = settings.device;
  const auto text = [reader](std::string_view name, std::string* to) {
    return SettingsReader::Key{name, [reader, to](Node value, Path at) {
                                 if (const std::string* read = reader->ReadText(value, at)) *to = *read;
                               }};
  };
  const auto flag = [reader](std::string_view name, bool* to) {
    return SettingsReader::Key{name, [reader, to](Node value, Path at) {
                                 if (const auto read = reader->ReadBool(value, at)) *to = *read;
                               }};
  };
  reader->ReadMap(
      node, path,
      {text("interface", &device.interface),
       text("filter", &device.filter),
       {"snaplen",
        [&](Node value, Path at) {
          if (const auto read = reader->ReadNumber(value, at, {Options::kSnaplenMin, Options::kSnaplenMax}))
            device.snaplen = static_cast<int>(*read);
        }},
       {"buffer",
        [&](Node value, Path at) {
          if (const auto read =
                  reader->ReadBytes(value, at, {Options::kBufferBytesMin, Options::kBufferBytesMax}))
            device.buffer_bytes = static_cast<int>(*read);
        }},
       flag("promiscuous", &device.promiscuous),
       flag("tunnels", &settings.tunnels),
       text("user", &settings.user),
       text("group", &settings.group)});
  if (node.is_map() && node.Find("interface") == nullptr)
    reader->Error(node, path, "interface is missing; write interface: eth1, as ip link names it");
  if (!settings.group.empty() && settings.user.empty())
    reader->Error(node, path, "group is set and user is not; who shall the process be?");
  return settings;
}

}  // namespace stockade
