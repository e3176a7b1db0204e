// The lines of a list file (list_file.h) in its formats, both ways.
//
//   ndjson       a decision a line, as ToJson writes it: all that is known of each, accounts and all
//   plain        203.0.113.0/24           an address or network a line
//   nginx_deny   deny 203.0.113.0/24;     for `include` in a location, server or http block
//   nginx_geo    203.0.113.0/24 1;        for `include` in a `geo` block: 1 the first variant (variants.h), 2 the second, 3 both
//
// Only what SpellsNetwork stands in the last three, so that no name a stranger chose can be a directive. Pure, any thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/firewall/firewall.h"
#include "adapters/firewall/variants.h"

namespace stockade {

enum class ListFormat : uint8_t { kNdjson, kPlain, kNginxDeny, kNginxGeo };
inline constexpr std::string_view kListFormatNames[] = {"ndjson", "plain", "nginx_deny", "nginx_geo"};

class ListText {
 public:
  // `action`: of all of the file's decisions; of ndjson, each line has its own.
  ListText(ListFormat format, Action action) : format_(format), action_(action) {}

  // One line of the file stands for a slot: of ndjson a key of an order, else a value.
  struct Line {
    VariantMask mask = kFirstVariant;
    std::string json;  // of ndjson
    OrderKey key;      // of ndjson
    int64_t until_ms = 0;
  };
  using Lines = std::map<std::string, Line, std::less<>>;  // slot → line, in the order of the file

  // Whether the format can say this.
  bool CanSay(const OrderKey& key) const;
  // Changes `lines` to what stands after the order; whether that is another content. `CanSay` its key.
  bool Carry(const Order& order, Lines* lines) const;

  std::string Write(const Lines& lines) const;
  struct Read {
    Lines lines;
    size_t strange = 0;  // lines that are none of ours, or come twice
  };
  Read Parse(std::string_view text) const;
  // Appends what these lines stand for.
  void AppendStanding(const Lines& lines, std::vector<Enforced>* standing) const;

 private:
  std::optional<std::pair<std::string, Line>> ParseLine(std::string_view line) const;
  std::string SlotOf(const OrderKey& key) const;

  ListFormat format_;
  Action action_;
};

}  // namespace stockade
