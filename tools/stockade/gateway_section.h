// What readers of the gateway's sections have in common: keys with a value of a common kind, and files in PEM.
//
// Load time only; one thread.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "adapters/http/endpoint_address.h"
#include "engine/status.h"
#include "engine/text.h"
#include "tools/stockade/gateway_settings.h"
#include "tools/stockade/settings_reader.h"

namespace stockade {

class GatewaySection {
 protected:
  using Node = const YamlNode&;
  using Path = const std::string&;
  using Key = SettingsReader::Key;

  GatewaySection(GatewayFiles files, SettingsReader* reader) : files_(files), reader_(*reader) {}

  template <size_t N>
  Key Word(std::string_view name, const std::array<std::string_view, N>& words, std::string* text) {
    return {name, [this, &words, text](Node value, Path at) {
              if (const auto word = reader_.ReadWord(value, at, words)) *text = words[*word];
            }};
  }
  template <typename Integer>
  Key Number(std::string_view name, SettingsReader::Range<int64_t> range, Integer* number) {
    return {name, [this, range, number](Node value, Path at) {
              if (const auto read = reader_.ReadNumber(value, at, range))
                *number = static_cast<Integer>(*read);
            }};
  }
  template <typename Integer>
  Key Bytes(std::string_view name, SettingsReader::Range<uint64_t> range, Integer* bytes) {
    return {name, [this, range, bytes](Node value, Path at) {
              if (const auto read = reader_.ReadBytes(value, at, range)) *bytes = static_cast<Integer>(*read);
            }};
  }
  Key Span(std::string_view name, absl::Duration* span) {
    return {name, [this, span](Node value, Path at) {
              if (const auto read = reader_.ReadSpan(value, at, {kSpanMin, kSpanMax})) *span = *read;
            }};
  }
  Key Bool(std::string_view name, bool* flag) {
    return {name, [this, flag](Node value, Path at) {
              if (const auto read = reader_.ReadBool(value, at)) *flag = *read;
            }};
  }
  Key Text(std::string_view name, std::string* text) {
    return {name, [this, text](Node value, Path at) {
              if (const std::string* read = reader_.ReadText(value, at)) *text = *read;
            }};
  }
  void ReadAddress(Node value, Path path, Endpoint* endpoint) {
    const std::string* text = reader_.ReadText(value, path);
    if (text == nullptr) return;
    absl::StatusOr<Endpoint> read = ParseEndpoint(*text);
    if (read.ok()) {
      *endpoint = *std::move(read);
    } else {
      reader_.Error(value, path, FromAbsl(read.status().message()));
    }
  }
  // A file in PEM that must be readable; false where it is not.
  bool ReadFile(Node value, Path path, std::string* file) {
    const std::string* given = reader_.ReadText(value, path);
    if (given == nullptr) return false;
    *file = reader_.Resolve(*given);
    if (files_ == GatewayFiles::kNotLookedAt) return true;
    const absl::StatusOr<std::string> text = ReadWholeFile(*file, kPemBytesMax);
    if (!text.ok()) {
      reader_.Error(value, path, FromAbsl(text.status().message()));
    } else if (text->find("-----BEGIN ") == std::string::npos) {
      reader_.Error(value, path, Concat(*file, " holds no PEM; it begins with -----BEGIN"));
    } else {
      return true;
    }
    return false;
  }

  const GatewayFiles files_;
  SettingsReader& reader_;

 private:
  // Of a file of certificates or a key: the bundle of all public authorities is 220 KiB.
  static constexpr size_t kPemBytesMax = size_t{4} << 20;
  static constexpr absl::Duration kSpanMin = absl::Milliseconds(1);
  // Nothing in a gateway is worth waiting longer for.
  static constexpr absl::Duration kSpanMax = absl::Hours(24);
};

}  // namespace stockade
