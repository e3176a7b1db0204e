#include "tools/stockade/detector_settings.h"

#include <iterator>

#include "absl/strings/numbers.h"
#include "engine/text.h"

namespace stockade {
namespace {

using Node = const YamlNode&;
using Path = const std::string&;
using Key = SettingsReader::Key;

Key State(SettingsReader* reader, DetectorId id, DetectorSettings* settings) {
  return {Name(id), [=](Node node, Path path) {
            if (const auto word = reader->ReadWord(node, path, kDetectorStateNames))
              settings->states[static_cast<size_t>(id)] = static_cast<DetectorState>(*word);
          }};
}

void ReadLock(Node node, Path path, SettingsReader* reader, LockoutRule* lock) {
  reader->ReadMap(
      node, path,
      {{"limit",
        [&](Node value, Path at) {
          // One wrong password may not lock: nothing could be kept for the owner.
          if (const auto limit = reader->ReadNumber(value, at, {2, 100}))
            lock->limit = static_cast<int>(*limit);
        }},
       {"reset", [&](Node value, Path at) {
          if (const auto span = reader->ReadSpan(value, at, {absl::ZeroDuration(), absl::Hours(24 * 366)}))
            lock->reset_ms = absl::ToInt64Milliseconds(*span);
        }}});
}

void ReadChallenges(Node node, Path path, SettingsReader* reader, DetectorSettings* settings) {
  bool asks[std::size(kChallengeKindNames)] = {};
  reader->ReadList(node, path, [&](Node item, Path at) {
    if (const auto word = reader->ReadWord(item, at, kChallengeKindNames)) asks[*word] = true;
  });
  settings->challenges = CanAskFor(asks[0], asks[1]);
}

// An amount of evidence: a logarithm of odds.
void ReadEvidence(Node node, Path path, SettingsReader* reader, float least, float most, float* evidence) {
  const std::string* text = reader->ReadText(node, path);
  if (text == nullptr) return;
  float number = 0;
  if (absl::SimpleAtof(*text, &number) && number >= least && number <= most) {
    *evidence = number;
  } else {
    reader->Error(node, path, Concat("\"", *text, "\" is no number from ", least, " to ", most));
  }
}

void ReadThresholds(Node node, Path path, SettingsReader* reader, EvidenceThresholds* thresholds) {
  const auto number = [&](std::string_view name, float least, float most, float* value) {
    return Key{name, [reader, least, most, value](Node item, Path at) {
                 ReadEvidence(item, at, reader, least, most, value);
               }};
  };
  reader->ReadMap(node, path,
                  {number("suspect", 5, 12, &thresholds->suspect),
                   number("condemned", 10, kCondemnedScoreMax, &thresholds->condemned)});
  if (thresholds->suspect >= thresholds->condemned) {
    reader->Error(
        node, path,
        Concat("suspect, ", thresholds->suspect, ", must be below condemned, ", thresholds->condemned));
  }
}

void ReadCharts(Node node, Path path, SettingsReader* reader, PressureSettings* pressure) {
  reader->ReadMap(node, path,
                  {{"h", [&](Node value, Path at) { ReadEvidence(value, at, reader, 5, 20, &pressure->h); }},
                   {"hold", [&](Node value, Path at) {
                      if (const auto span = reader->ReadSpan(value, at, {absl::Minutes(1), absl::Hours(24)}))
                        pressure->hold_ms = absl::ToInt64Milliseconds(*span);
                    }}});
}

void ReadPolicy(Node node, Path path, SettingsReader* reader, PolicyTable* table) {
  std::vector<Key> rows;
  for (size_t row = 0; row < kCircumstances; ++row) {
    rows.push_back({kCircumstanceNames[row], [=](Node value, Path at) {
                      std::vector<Key> cells;
                      for (const Lane lane : {Lane::kFamiliar, Lane::kHalf, Lane::kUnfamiliar})
                        cells.push_back({Name(lane), [=](Node cell, Path where) {
                                           if (const auto word = reader->ReadWord(cell, where, kCellNames))
                                             table->cells[row][static_cast<size_t>(lane)] =
                                                 static_cast<Cell>(*word);
                                         }});
                      reader->ReadMap(value, at, cells);
                    }});
  }
  reader->ReadMap(node, path, rows);
}

}  // namespace

std::optional<DetectorSettings> ReadDetectorSettings(const YamlNode& node, const std::string& path,
                                                     SettingsReader* reader) {
  DetectorSettings settings;
  if (node.is_null()) return settings;
  if (!node.is_map()) {
    constexpr std::array<std::string_view, 2> kWords = {"on", "off"};
    const auto word = reader->ReadWord(node, path, kWords);
    return word && *word == 1 ? std::nullopt : std::optional(settings);
  }
  std::vector<Key> keys;
  for (size_t i = 0; i < kDetectors; ++i)
    keys.push_back(State(reader, static_cast<DetectorId>(i), &settings));
  keys.push_back({"lock", [&](Node value, Path at) { ReadLock(value, at, reader, &settings.lock); }, true});
  keys.push_back({"challenges", [&](Node value, Path at) { ReadChallenges(value, at, reader, &settings); }});
  keys.push_back({"evidence",
                  [&](Node value, Path at) { ReadThresholds(value, at, reader, &settings.evidence); }, true});
  keys.push_back(
      {"charts", [&](Node value, Path at) { ReadCharts(value, at, reader, &settings.pressure); }, true});
  keys.push_back(
      {"policy", [&](Node value, Path at) { ReadPolicy(value, at, reader, &settings.policy); }, true});
  reader->ReadMap(node, path, keys);
  return settings;
}

}  // namespace stockade
