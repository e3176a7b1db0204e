// Decisions as CrowdSec's bouncers see them: a firewall (firewall.h) that carries nothing out itself, but is asked by those who do.
//
//   delivery ─► Apply ─► the table ◄─ Decisions, Stream ◄─ crowdsec_api ◄─ bouncers
//
// Carried: block (type ban), challenge (captcha) and throttle of addresses, networks and AS numbers; locks of accounts
// (crowdsec_wire.h). Fingerprints are not: no bouncer sees one.
//
// A stream is told by what changed. Every telling of a decision, and every end of one, has a number that rises; a bouncer's
// cursor is the number up to which it was told. `new` are decisions told anew behind the cursor, `deleted` those that ended
// behind it or less than kDeletedAgain before it, so that a bouncer that lost one reply's end hears it twice. What follows
// from how bouncers apply a reply, some `deleted` before `new` and some the other way:
//
// - No value is in both lists, of whatever type. An end is withheld while another decision of its (scope, type, value) stands;
//   where one of another type stands, the end is told and that one held back until the next reply.
// - The longest of several with one (scope, type, value) is told, unless dedup is off.
// - A decision that was prolonged is told at once: most bouncers then keep the new time. The firewall bouncer instead passes
//   over what is in its set, and its kernel drops the element when the time told first is over; so it is told again then
//   (kToldAgainMs). That bouncer is without the element for at most one of its polls, at the old expiry. Deleting it in one poll
//   and adding it in the next would cost every bouncer a whole poll each time a list is renewed; telling a longer time than
//   decided would leave people banned where we fail. The gate denies them all the while.
// - `expand`, for the firewall bouncer: it strips "/24" off and bans the base address alone. Networks of up to
//   kExpandedSize addresses are told to it as single addresses, of which some may stand by other decisions too; as long as the
//   table's expanded networks hold no more than kExpandedMax addresses together. Wider ones go out as they are: its ipset mode
//   takes them, its nftables mode bans the base address (our own nftables adapter takes all).
//
// What has ended, by itself or released before its time, is remembered until kEndedKeptMs after the time it was told to last:
// a bouncer that has not asked for longer than that has let go by itself. At most kEndedMax, those whose time is over for
// longest forgotten first; counts().forgotten are those that somebody may have held still. A cursor that is not known, as
// after our restart, is told all that stands, and what ended unless its time is over for kEndedOverMs: whoever held that has
// let go.
//
// With a state file (crowdsec_state.h) what was told and what was released before its time outlive the process; List then shows
// it to delivery, which releases what is in force no more. A file that cannot be written stops nothing: it is counted
// (counts().state_failures), tried again with the next batch, and what it missed is what a crash would lose.
//
// About 400 bytes a decision. Stream and a list of all cost some µs a decision told, a look-up by address one probe for each
// prefix length in use. Any thread; the mutex is held while a reply is written. Expiry is by the `now_ms` of each call.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/container/inlined_vector.h"
#include "absl/container/node_hash_map.h"
#include "adapters/firewall/crowdsec_state.h"
#include "adapters/firewall/firewall.h"
#include "engine/decision/prefix_map.h"

namespace stockade {

// Which decisions a bouncer wants. Words are matched without regard to ASCII case, as the real server does.
struct CrowdsecFilter {
  uint8_t scopes = 0xff;                              // Capabilities::Bit
  std::string type;                                   // empty: any
  bool our_origin = true;                             // `origins` is absent or names us
  std::vector<std::string> scenarios_containing;      // any of them; lower case
  std::vector<std::string> scenarios_not_containing;  // none of them; lower case
};

// What GET /v1/decisions asks.
struct CrowdsecQuestion {
  CrowdsecFilter filter;
  std::optional<Prefix> network;     // ip, range
  bool contains = true;              // decisions around the network; else those inside it
  std::optional<std::string> value;  // exactly
  int64_t id_above = 0;
  uint64_t offset = 0;
  uint64_t limit = UINT64_MAX;
  bool dedup = true;
};

// Up to where a bouncer was told. Copied; a default one was told nothing.
struct CrowdsecCursor {
  uint64_t through = 0;
  int64_t time_ms = 0;
  std::vector<OrderKey> held;  // told with the next reply
};

class CrowdsecView final : public Firewall {
 public:
  // As the real server does, to whom times of two clocks may lie so far apart.
  static constexpr int64_t kDeletedAgainMs = 2'000;
  // After a time told is over: once a bouncer's kernel has surely dropped the element, and once more for a bouncer that was
  // slow to take it in.
  static constexpr int64_t kToldAgainMs[] = {2'000, 32'000};
  // For caches that were set to heed no time, and come back within a day.
  static constexpr int64_t kEndedKeptMs = int64_t{24} * 3600 * 1000;
  // To who was told nothing: a few tellings again. All of a day's ends at every start would be more than all that stands.
  static constexpr int64_t kEndedOverMs = int64_t{10} * 60 * 1000;
  static constexpr size_t kEndedMax = size_t{1} << 20;  // some 200 MiB
  // The rung above a single IPv4 address, /24; of IPv6 /120 to /127.
  static constexpr uint64_t kExpandedSize = 256;
  static constexpr uint64_t kExpandedMax = uint64_t{1} << 18;  // some 50 MB of a reply

  explicit CrowdsecView(int64_t now_ms);
  // Goes on from a state file, once, before anything else is asked. Errors: it cannot be read or written.
  absl::Status Open(const std::string& state_file, int64_t now_ms);

  Capabilities capabilities() const override;
  // Errors: InvalidArgument for a decision that is not carried or whose value is no address of its scope.
  absl::Status Apply(std::span<const Order> orders, int64_t now_ms) override;
  absl::StatusOr<std::vector<Enforced>> List(int64_t now_ms) override;

  // The body of a live query, ordered by id: a JSON array, or the literal "null" where nothing is found.
  std::string Decisions(const CrowdsecQuestion& question, int64_t now_ms);

  struct Told {
    std::string body;
    CrowdsecCursor cursor;  // to go on from, once the body has been handed over
  };
  Told Stream(const CrowdsecFilter& filter, const CrowdsecCursor& from, bool dedup, bool expand,
              int64_t now_ms);

  struct Counts {
    uint64_t standing[4] = {};  // by Action
    uint64_t ended = 0;         // remembered
    uint64_t forgotten = 0;     // before their time, for want of room
    uint64_t unexpanded = 0;    // small networks standing beyond kExpandedMax
    uint64_t state_failures = 0;
  };
  Counts counts(int64_t now_ms);

 private:
  struct Entry {
    const OrderKey* key = nullptr;
    Scope scope = Scope::kIp;  // as bouncers see it: a network of one address is that address
    Prefix prefix;             // of addresses and networks
    std::string scenario;      // "stockade/many_accounts"
    int64_t id = 0;            // rises with every new time
    uint64_t decision_id = 0;
    int64_t until_ms = 0;
    uint64_t told = 0;     // number of its last telling
    int64_t lapse_ms = 0;  // the latest old expiry that it will be told again after
    bool expands = false;
  };
  struct Ended {
    OrderKey key;
    Scope scope = Scope::kIp;
    Prefix prefix;
    std::string scenario;
    int64_t id = 0;
    uint64_t decision_id = 0;
    int64_t ended_ms = 0;
    int64_t noted_ms = 0;  // when we knew
    int64_t until_ms = 0;  // its own time
    bool expands = false;
  };
  // A time told that is, or may be, over at bouncers while something stands there.
  struct Lapse {
    Scope scope;
    Prefix prefix;
    std::string value;  // of what is no address
    size_t tellings = 0;
    int64_t at_ms = 0;
    bool expands = false;
  };
  using Entries = absl::InlinedVector<Entry*, 1>;
  using Name = std::pair<Scope, std::string>;
  struct Telling;  // of one reply

  void Record(std::span<const Order> orders, int64_t now_ms);
  absl::Status RewriteState(int64_t now_ms);
  absl::Status Enforce(const Decision& decision, int64_t now_ms);
  void Release(const OrderKey& key, int64_t now_ms);
  void Tell(Entry* entry);
  void End(Entry* entry, int64_t ended_ms, int64_t now_ms);
  void Advance(int64_t now_ms);
  void Forget(int64_t now_ms);
  void AddLapse(Entry* entry);
  void TellAgain(const Lapse& lapse);

  void Link(Entry* entry);
  void Unlink(Entry* entry);
  // All that stand at the same network or name, of any type and scope.
  const Entries* At(const OrderKey& key, const Prefix& prefix) const;
  // Single addresses and expanded networks that hold the address.
  template <typename Visit>
  void VisitAround(const Address& address, Visit&& visit) const;
  template <typename Row>
  const Entry* LongestAt(const OrderKey& key, const Row& row, const CrowdsecFilter& filter) const;
  const Entry* LongestOver(const Address& address, std::string_view type, const CrowdsecFilter& filter) const;
  template <typename Row>
  static bool Takes(const CrowdsecFilter& filter, const OrderKey& key, const Row& row);
  void TellNew(const Entry& entry, Telling* telling) const;
  void TellEnded(const Ended& ended, bool again, Telling* telling) const;

  std::mutex mutex_;
  absl::node_hash_map<OrderKey, Entry> entries_;
  std::map<uint64_t, Entry*> by_telling_;
  std::map<std::pair<int64_t, int64_t>, Entry*> by_expiry_;  // by time and id
  PrefixMap networks_;                                       // → sites_
  std::vector<Entries> sites_;
  std::vector<uint32_t> free_sites_;
  absl::flat_hash_map<Name, Entries> names_;
  std::map<uint64_t, Ended> ended_;
  std::set<std::pair<int64_t, uint64_t>> ended_by_until_;
  std::multimap<int64_t, Lapse> lapses_;
  uint64_t last_number_ = 1;  // a cursor through 0 was told nothing
  uint64_t told_to_anybody_ = 0;
  int64_t last_id_ = 0;
  uint64_t expanded_addresses_ = 0;
  uint64_t expanded_networks_ = 0;
  uint64_t unexpanded_ = 0;
  uint64_t standing_[4] = {};
  uint64_t forgotten_ = 0;
  std::unique_ptr<CrowdsecState> state_;  // null: none
  bool state_is_whole_ = true;            // it holds all it should
  uint64_t state_bytes_whole_ = 0;        // as it was rewritten last
  uint64_t state_failures_ = 0;
};

template <typename Visit>
void CrowdsecView::VisitAround(const Address& address, Visit&& visit) const {
  networks_.VisitCovering(address, [&](const PrefixMap::Match& match) {
    for (Entry* const entry : sites_[match.value])
      if (entry->expands || match.prefix.is_single()) visit(entry);
  });
}

}  // namespace stockade
