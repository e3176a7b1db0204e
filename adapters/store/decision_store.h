// Where decisions outlive the process: the durable copy of the ledger, and the audit log of who did what when.
//
//   ledger ─► changes ─► store_writer ─► Write(entries)    one transaction: ledger rows and audit lines together
//   start  ◄─ Load                                         what stood, what was over, whether decisions are enforced
//   people ◄─ ReadAudit                                    lines that prove that none of them was changed since
//
// One file on this machine is the first of its kind (sqlite_store.h); a store that several machines share is another.
//
// What holds after a crash at any instruction: rows and audit lines are what some prefix of all entries handed to Write made
// of them, and that prefix has every entry of every Write that returned OK.
//
// Times are milliseconds since 1970. Write is called by one thread at a time, ReadAudit and Head by any, also meanwhile.
// They block for as long as a disk does. Errors say what a person should do; after one the caller may try again, with the
// same entries first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "adapters/store/audit_chain.h"
#include "engine/decision/change.h"
#include "engine/decision/decision.h"

namespace stockade {

// Something that people or the program did and that is no decision: the mode was switched, rules were reloaded, a key was
// added, the kill switch was pulled.
struct AuditNote {
  int64_t time_ms = 0;
  std::string by = {};    // an operator's name, or the part of the program
  std::string what = {};  // one word: "mode", "reload", "enforcing", "key-added"
  std::string why = {};   // may be empty
  std::string text = {};  // may be empty; beyond kAuditTextBytesMax it is cut
  // Where there is one, the kill switch stands like this from now on, and does at the next start.
  std::optional<bool> enforcing = {};
};

// The newest line of the audit log: its number, and its chain. Before the first line: 0 and 64 zeros.
struct AuditHead {
  uint64_t n = 0;
  std::string chain = std::string(kChainBegin);

  friend bool operator==(const AuditHead&, const AuditHead&) = default;
};

struct StoreEntry {
  std::variant<Change, AuditNote> what;
  int64_t time_ms = 0;  // of a change: the wall clock when it was made; of a note: unused
  // A change without a line in the audit log: only for changes of which an earlier note says that they are not listed.
  bool audited = true;
};

// How a decision is found at a start.
enum class LoadedAs : uint8_t {
  kStanding,  // to be put into the ledger
  kLapsed,  // its time came while nobody ran: no change has said yet that it expired, and firewalls may still hold it
  kExpired,  // over within `remember`: whoever comes back now is a repeater
  kRemoved,  // let go before its time, within `remember`
};

struct LoadReport {
  size_t standing = 0;
  size_t lapsed = 0;
  size_t over = 0;
  bool enforcing = true;  // the kill switch; true where nobody ever pulled it
  // Rows that nothing could be made of; they are left where they are. Somebody must look: `first_unreadable` says at what.
  size_t unreadable = 0;
  std::string first_unreadable;
};

class AuditSource {
 public:
  virtual ~AuditSource() = default;
  // Lines whose number is above `after`, in order, at most `limit` and at most a few megabytes (but one at least, where
  // there is one): whoever wants all asks again with the last number he got. Empty: there are no more.
  virtual absl::StatusOr<std::vector<std::string>> ReadAudit(uint64_t after, size_t limit) = 0;
  // The newest line's number and chain. Kept elsewhere, it proves later that no line up to it is gone.
  virtual absl::StatusOr<AuditHead> Head() = 0;
};

class DecisionStore : public AuditSource {
 public:
  using Take = std::function<void(LoadedAs, Decision&&)>;
  // Everything needed at a start, one decision after the other, so that a million are in memory once: those that stand or
  // lapsed in the order in which they were first made, then those that are over, newest first, a bounded number.
  virtual absl::StatusOr<LoadReport> Load(int64_t now_ms, const Take& take) = 0;
  // All of the entries, in order, in one transaction; OK only when they are on the disk. On an error none of them is.
  // InvalidArgument: one of them can never be stored (see CheckStorable).
  virtual absl::Status Write(std::span<const StoreEntry* const> entries) = 0;
};

// What a store refuses: a decision that Load could not give back, which is none that a ledger has. InvalidArgument, naming
// the member. Cheap.
absl::Status CheckStorable(const Decision& decision);
absl::Status CheckStorable(const StoreEntry& entry);

}  // namespace stockade
