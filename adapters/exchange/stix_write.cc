#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "absl/strings/match.h"
#include "adapters/exchange/stix.h"
#include "adapters/exchange/stix_pattern.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

// The name space of our own names; STIX reserves its own for observables (2.9), and forbids it here.
constexpr std::array<uint8_t, 16> kNameSpace = {0x6f, 0x2b, 0x1d, 0x5c, 0x93, 0x0e, 0x4c, 0x57,
                                                0xa4, 0x18, 0x7e, 0xd0, 0x35, 0xc2, 0x8b, 0x61};

// The objects of 7.2.1.4, letter by letter: they may not be made anew.
struct TlpObject {
  std::string_view id, colour, name;
};
constexpr std::array<TlpObject, 5> kTlpObjects = {{
    {"", "", ""},
    {"marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9", "white", "TLP:WHITE"},
    {"marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da", "green", "TLP:GREEN"},
    {"marking-definition--f88d31f6-486f-44da-b317-01333bde0b82", "amber", "TLP:AMBER"},
    {"marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed", "red", "TLP:RED"},
}};

// Nobody knows when an organisation began; every bundle must say the same.
constexpr std::string_view kIdentityTime = "2026-01-01T00:00:00.000Z";
constexpr double kCountMax = 999'999'999;  // of a sighting (5.2)

// RFC 9562, 5.5: SHA-1 over name space and name.
std::string UuidOf(std::string_view name) {
  std::string bytes(reinterpret_cast<const char*>(kNameSpace.data()), kNameSpace.size());
  bytes += name;
  std::array<uint8_t, EVP_MAX_MD_SIZE> digest{};
  STOCKADE_CHECK(EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, EVP_sha1(), nullptr) == 1);
  digest[6] = static_cast<uint8_t>((digest[6] & 0x0f) | 0x50);
  digest[8] = static_cast<uint8_t>((digest[8] & 0x3f) | 0x80);
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string uuid;
  for (size_t i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) uuid.push_back('-');
    uuid.push_back(kHex[digest[i] >> 4]);
    uuid.push_back(kHex[digest[i] & 15]);
  }
  return uuid;
}

// Parts of a name, so that no two lists of parts read the same.
std::string NameOf(std::initializer_list<std::string_view> parts) {
  std::string name;
  for (const std::string_view part : parts) Append(&name, part.size(), ":", part, "\n");
  return name;
}

class BundleWriter {
 public:
  explicit BundleWriter(const StixOptions& options) : options_(options) {
    if (!options.producer.empty()) {
      identity_ = Concat("identity--", UuidOf(NameOf({"identity", options.producer})));
      Begin("identity", identity_, kIdentityTime, false);
      Text("name", options.producer);
      Text("identity_class", "organization");
      End();
    }
    if (options.tlp == Tlp::kNone) return;
    const TlpObject& tlp = kTlpObjects[static_cast<size_t>(options.tlp)];
    Append(&objects_, objects_.empty() ? "" : ",",
           "\n{\"type\":\"marking-definition\",\"spec_version\":\"2.1\",\"id\":\"", tlp.id,
           "\",\"created\":\"2017-01-20T00:00:00.000Z\",\"definition_type\":\"tlp\",\"name\":\"", tlp.name,
           "\",\"definition\":{\"tlp\":\"", tlp.colour, "\"}}");
  }

  void Add(const Decision& decision) {
    const std::string uuid = UuidOf(NameOf({"indicator", options_.producer, decision.id, decision.value}));
    const std::string id = Concat("indicator--", uuid);
    const std::string time = FormatTimeMs(decision.time_ms);
    Begin("indicator", id, time, true);
    Text("name", Concat(Name(decision.action), " ", decision.value));
    if (!decision.reason.empty()) Text("description", decision.reason);
    Append(&objects_, ",\"indicator_types\":[\"",
           decision.action == Action::kBlock ? "malicious-activity" : "anomalous-activity", "\"]");
    Append(&objects_, ",\"labels\":[\"stockade\",\"", Name(decision.action), "\"");
    if (!decision.rule.empty()) {
      objects_ += ",";
      AppendJsonString(Concat("rule:", decision.rule), &objects_);
    }
    Append(&objects_, "],\"confidence\":", decision.action == Action::kBlock ? 85 : 50);
    Text("pattern", AddressPattern(decision.prefix));
    Text("pattern_type", "stix");
    Text("valid_from", time);
    Text("valid_until", FormatTimeMs(decision.until_ms));
    End();
    AddSighting(decision, id, time);
  }

  std::string Finish() {
    std::string bundle =
        Concat("{\"type\":\"bundle\",\"id\":\"bundle--", UuidOf(NameOf({"bundle", objects_})), "\"");
    // A list that is there holds something (8.1).
    if (!objects_.empty()) Append(&bundle, ",\"objects\":[", objects_, "\n]");
    return bundle + "}\n";
  }

 private:
  void AddSighting(const Decision& decision, const std::string& indicator, std::string_view time) {
    const Evidence& evidence = decision.evidence;
    // What an operator decided was not counted.
    if (!(evidence.value >= 1) || evidence.last_ms <= 0 || evidence.last_ms < evidence.first_ms) return;
    Begin("sighting", Concat("sighting--", UuidOf(NameOf({"sighting", indicator}))), time, true);
    Text("first_seen", FormatTimeMs(evidence.first_ms));
    Text("last_seen", FormatTimeMs(evidence.last_ms));
    Append(&objects_, ",\"count\":", static_cast<int64_t>(std::min(std::floor(evidence.value), kCountMax)));
    Text("sighting_of_ref", indicator);
    if (!identity_.empty()) Append(&objects_, ",\"where_sighted_refs\":[\"", identity_, "\"]");
    End();
  }

  void Begin(std::string_view type, std::string_view id, std::string_view time, bool created_by) {
    Append(&objects_, objects_.empty() ? "" : ",", "\n{\"type\":\"", type,
           "\",\"spec_version\":\"2.1\",\"id\":\"", id, "\"");
    if (created_by && !identity_.empty()) Text("created_by_ref", identity_);
    Text("created", time);
    Text("modified", time);
    if (options_.tlp != Tlp::kNone)
      Append(&objects_, ",\"object_marking_refs\":[\"", kTlpObjects[static_cast<size_t>(options_.tlp)].id,
             "\"]");
  }
  void Text(std::string_view key, std::string_view value) {
    Append(&objects_, ",\"", key, "\":");
    AppendJsonString(value, &objects_);
  }
  void End() { objects_ += "}"; }

  const StixOptions& options_;
  std::string identity_;
  std::string objects_;
};

}  // namespace

std::optional<Tlp> ParseTlp(std::string_view word) noexcept {
  if (absl::EqualsIgnoreCase(ToAbsl(word), "clear")) return Tlp::kWhite;
  for (size_t i = 1; i < kTlpObjects.size(); ++i)
    if (absl::EqualsIgnoreCase(ToAbsl(word), ToAbsl(kTlpObjects[i].colour))) return static_cast<Tlp>(i);
  return std::nullopt;
}

std::string WriteStix(std::span<const Decision> decisions, const StixOptions& options, size_t* left_out) {
  BundleWriter writer(options);
  *left_out = 0;
  for (const Decision& decision : decisions) {
    const bool is_network = NamesAddresses(decision.scope);
    // Nobody stands in a range of time that is empty, and a year of five digits is no time to STIX.
    const bool has_time = decision.time_ms >= 0 && decision.until_ms > decision.time_ms &&
                          decision.until_ms < int64_t{253'402'300'800'000};
    if (decision.shadow || !is_network || !has_time) {
      ++*left_out;
      continue;
    }
    writer.Add(decision);
  }
  return writer.Finish();
}

}  // namespace stockade
