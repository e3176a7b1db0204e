// Builds ClientHellos as their bytes stand on the wire, from lists of numbers: so that tests say what they offer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace stockade {

inline std::string Big(uint64_t number, int width) {
  std::string bytes;
  for (int shift = 8 * (width - 1); shift >= 0; shift -= 8)
    bytes.push_back(static_cast<char>(number >> shift & 0xff));
  return bytes;
}

// Its length in `width` bytes, then itself.
inline std::string Vector(std::string_view bytes, int width) {
  return Big(bytes.size(), width).append(bytes);
}

inline std::string Numbers(const std::vector<uint16_t>& numbers) {
  std::string bytes;
  for (const uint16_t number : numbers) bytes += Big(number, 2);
  return bytes;
}

struct HelloParts {
  uint16_t version = 0x0303;
  std::string session_id = std::string(32, 's');
  std::vector<uint16_t> ciphers = {0x1301, 0x1302};
  std::vector<std::pair<uint16_t, std::string>> extensions;

  HelloParts& With(uint16_t type, std::string body) {
    extensions.emplace_back(type, std::move(body));
    return *this;
  }
  HelloParts& WithHost(std::string_view host) {
    return With(0, Vector(std::string(1, '\0') + Vector(host, 2), 2));
  }
  HelloParts& WithAlpn(const std::vector<std::string>& names) {
    std::string list;
    for (const std::string& name : names) list += Vector(name, 1);
    return With(16, Vector(list, 2));
  }
  HelloParts& WithGroups(const std::vector<uint16_t>& groups) { return With(10, Vector(Numbers(groups), 2)); }
  HelloParts& WithAlgorithms(const std::vector<uint16_t>& algorithms) {
    return With(13, Vector(Numbers(algorithms), 2));
  }
  HelloParts& WithVersions(const std::vector<uint16_t>& versions) {
    return With(43, Vector(Numbers(versions), 1));
  }

  // The handshake message.
  std::string Message() const {
    std::string body =
        Big(version, 2) + std::string(32, 'r') + Vector(session_id, 1) + Vector(Numbers(ciphers), 2);
    body += Vector(std::string(1, '\0'), 1);
    std::string block;
    for (const auto& [type, bytes] : extensions) block += Big(type, 2) + Vector(bytes, 2);
    if (!extensions.empty()) body += Vector(block, 2);
    return "\x01" + Vector(body, 3);
  }
};

// As records of at most `record_bytes` of it.
inline std::string Records(std::string_view message, size_t record_bytes = 16384) {
  std::string bytes;
  for (; !message.empty(); message.remove_prefix(std::min(record_bytes, message.size())))
    bytes += "\x16\x03\x01" + Vector(message.substr(0, record_bytes), 2);
  return bytes;
}

// What FoxIO's own document shows: t13d1516h2_8daaf6152771_e5627efa2ab1, GREASE added as Chrome has it.
inline HelloParts DocumentedHello() {
  HelloParts parts;
  parts.ciphers = {0x2a2a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030,
                   0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035};
  parts.With(0x3a3a, "")
      .With(0x001b, Vector(Numbers({2}), 1))
      .WithHost("Login.Example.COM")
      .With(0x0033, "")
      .WithAlpn({"h2", "http/1.1"})
      .With(0x4469, "")
      .With(0x0017, "")
      .With(0x002d, std::string("\x01\x01"))
      .WithAlgorithms({0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601})
      .With(0x0023, "")
      .With(0x0012, "")
      .WithVersions({0x4a4a, 0x0304, 0x0303})
      .With(0x0005, "")
      .WithGroups({0x5a5a, 29, 23, 24})
      .With(0x000b, std::string("\x01\x00", 2))
      .With(0xff01, std::string(1, '\0'))
      .With(0x6a6a, std::string(1, '\0'))
      .With(0x0015, std::string(64, '\0'));
  return parts;
}

}  // namespace stockade
