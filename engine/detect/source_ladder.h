// D3, the source ladder: which rung of addresses is guilty.
//
//   E(rung) of evidence.h with a half-life of a day, over the rungs /32, /24, ASN of IPv4 and /128, /64, /56, /48, ASN of IPv6; and
//   once more with one of a week for whoever comes every few hours.
//
// A rung above the first is guilty only if kChildrenMin of the rungs below it brought evidence: one guilty host is no guilty network. An
// ASN is suspect at most. A source is shared where kSharedMin accounts had a success in an upper lane within a week: an office, a
// carrier's NAT; whoever reads the level says what that means (policy_table.h).
//
// State: 40 bytes a rung that at least two accounts came from, in `bytes_max`; a door of 4 bytes a place before it, so that a million
// addresses that try once, and a customer's own typos, open no record (what they did is added when a second account comes).
// Where a bucket is full the least suspicious gives way. Cost: a keyed hash and a cache line a rung, two where evidence is added.
// Catches bursts, networks, IPv6, slow attacks, enumeration. Misses up to two accounts an address. Evasion: successes of own
// accounts (at most two failures each a day), waiting (a suspect is one still at 10 h between accounts, over a week at 76 h).
//
// Deterministic; not thread-safe; noexcept. Source: detectors.md, D3. Oracle: tests/engine/detect/source_ladder_test.cc.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "engine/detect/contact_memory.h"
#include "engine/detect/evidence.h"
#include "engine/detect/evidence_table.h"
#include "engine/event/address.h"
#include "engine/event/keyed_hash.h"
#include "engine/event/login_event.h"

namespace stockade {

// What the ladder says of a source.
struct SourceReading {
  Suspicion suspicion = Suspicion::kNone;
  bool shared = false;   // on the rung that is guilty, or below it
  bool at_home = false;  // the same: somebody is at home there
  float score = 0;
  Prefix rung;       // the narrowest that is as guilty; of an ASN absent
  uint32_t asn = 0;  // where it is an ASN
};

class SourceLadder {
 public:
  static constexpr int64_t kHalfLifeMs = int64_t{24} * 3600 * 1000;
  static constexpr int64_t kSlowHalfLifeMs = 7 * kHalfLifeMs;
  static constexpr size_t kChildrenMin = 3;
  static constexpr size_t kSharedMin = 3;

  // A third of the memory is the door's.
  SourceLadder(size_t bytes_max, const HashKey& key);

  void Set(const EvidenceThresholds& thresholds) noexcept { thresholds_ = thresholds; }

  SourceReading Read(const Attempt& attempt, int64_t now_ms) const noexcept;
  // Evidence of an outcome. `account`: a keyed hash. Counted once an account and day on each rung, failures and successes apart.
  // `contacts`: where that is known. Whether it counted on the first rung.
  bool Note(const Attempt& attempt, uint64_t account, Clue clue, float z, int64_t now_ms,
            ContactMemory* contacts) noexcept;
  // The same without asking whether it is the first, on rungs that are known: what corrects an earlier Note.
  void Amend(const Attempt& attempt, float z, int64_t now_ms) noexcept;
  // Somebody who is at home on his account got in from here.
  void NoteAtHome(const Attempt& attempt, uint64_t account, int64_t now_ms) noexcept;

  size_t bytes() const noexcept { return table_.bytes() + door_.bytes(); }
  size_t sources() const noexcept { return table_.size(); }
  uint64_t evicted() const noexcept { return table_.evicted(); }

 private:
  struct Home {
    uint16_t account = 0;  // 0: free
    uint16_t day = 0;
  };
  struct Record {
    float fast = 0;
    float slow = 0;  // of the first rungs of both ladders and of /64
    uint32_t time_s = 0;
    std::array<uint16_t, kChildrenMin> children = {};  // fingerprints of rungs below with evidence; 0: none
    std::array<Home, kSharedMin> homes = {};
  };
  // The rungs of a source, narrowest first; the ASN last.
  struct Rungs {
    Address source;
    uint32_t asn = 0;
    std::array<uint64_t, 5> tags = {};
    std::array<uint8_t, 5> lengths = {};  // kAsnRung: the ASN
    size_t size = 0;
  };
  static constexpr uint8_t kAsnRung = 255;

  class Door {
   public:
    explicit Door(size_t bytes);
    // The first account at a rung waits here. True: this one is another, and the rung deserves a record; `z` is then what the
    // first had brought.
    bool Opens(uint64_t rung, uint64_t account, float z, int64_t now_ms, float* waited) noexcept;
    size_t bytes() const noexcept { return memory_.bytes(); }

   private:
    struct Place {
      uint16_t account = 0;  // 0: free
      uint8_t hours = 0;
      uint8_t evidence = 0;  // in sixteenths, and the rung's own bits
    };
    LazyMemory memory_;
    Place* places_;
    size_t mask_;
  };

  // Those of the last attempt are kept: it is read, judged and observed, mostly without another in between.
  const Rungs& RungsOf(const Attempt& attempt) const noexcept;
  static float ScoreOf(const Record& record, int64_t half_life_ms, float Record::*score,
                       int64_t now_ms) noexcept;
  static size_t ChildrenOf(const Record& record) noexcept;
  // How many accounts are at home there.
  static size_t HomesOf(const Record& record, int64_t now_ms) noexcept;
  void Add(Record* record, float z, int64_t now_ms) noexcept;
  Record* Open(uint64_t tag, int64_t now_ms) noexcept;

  WordHash hash_;
  mutable Rungs rungs_;
  EvidenceThresholds thresholds_;
  EvidenceTable<Record> table_;
  Door door_;
};

}  // namespace stockade
