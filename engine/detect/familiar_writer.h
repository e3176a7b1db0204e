// Writes a snapshot (familiar_format.h) of an engine that goes on working: in steps, so that no login waits for it.
//
//   FamiliarWriter writer(key);
//   for (bool more = true; more;) { more = engine.CopyFamiliar(&writer);  writer.Encode(&bytes); … }
//
// Copy reads the engine, and whoever has several threads holds it meanwhile; Encode needs nothing but the writer. Each step copies at
// most kStepBuckets × 8 accounts, 1 MiB of shares or as many sources: the engine is held for some 20 to 200 µs (bench/familiar_bench.cc).
// What is learnt between the steps is in the snapshot or not, account by account, as it was at some moment between the first step and
// the last; of an engine that rests it is exact.
//
// Not thread-safe. Memory: one step, some MiB. Reader: familiar_reader.h.
#pragma once

#include <string>
#include <vector>

#include "engine/decision/proven_customers.h"
#include "engine/detect/familiar_format.h"
#include "engine/detect/lanes.h"

namespace stockade {

class FamiliarWriter {
 public:
  static constexpr size_t kStepBuckets = 256;
  static constexpr size_t kStepSources = 8192;

  explicit FamiliarWriter(const HashKey& key) noexcept;

  // Takes the next step's part; false: it was the last. `as_of_ms`: event time; that of the first step counts.
  bool Copy(const Lanes& lanes, const ProvenCustomers& customers, int64_t as_of_ms);
  // Appends what was copied since.
  void Encode(std::string* out);

  // Of what was encoded so far.
  uint64_t accounts() const noexcept { return accounts_written_; }
  // Of the whole, when the last step was encoded.
  const Hash128& id() const noexcept { return seal_; }

 private:
  enum class Step : uint8_t { kNetworks, kDevices, kStepUps, kSources, kAccounts, kEnd };

  void EncodeHead(std::string* out);
  void EncodeShares(Lanes::ShareKind kind, std::string* out);
  void EncodeStepUps(std::string* out);
  void EncodeSources(std::string* out);
  void EncodeAccounts(std::string* out);
  // Between Begin and Seal stand the bytes of one part.
  void Begin(FamiliarPart part, std::string* out);
  void Seal(std::string* out);

  const HashKey seal_key_;
  const Hash128 key_id_;
  Step next_ = Step::kNetworks;
  Step copied_ = Step::kNetworks;
  int64_t as_of_ms_ = 0;
  uint64_t buckets_ = 0;
  uint64_t total_ = 0;
  std::vector<uint32_t> shares_;
  std::vector<Lanes::StepUp> step_ups_;
  size_t source_next_ = 0;
  std::vector<SharedSources::Source> sources_;
  AccountRecords::CopyPlace place_;
  std::vector<TaggedRecord> accounts_;
  size_t part_at_ = 0;  // where the part begins that is being written
  Hash128 seal_;
  uint64_t parts_ = 0;
  uint64_t accounts_written_ = 0;
  std::string sealed_;  // reused
};

}  // namespace stockade
