// Tells an attempt whose TLS stack its JA4 shows (login.tls_stack), and whether its user agent claims another
// (login.tls_mismatch, "chromium/python": says Chrome, speaks Python), where the event says neither: what was seen at the
// time goes before what a table says today.
//
// A mismatch is a hint, not a proof: offices whose proxy opens TLS speak with its stack under their browsers' names, and so
// do apps that borrow a browser's. And no mismatch proves nothing: tools that copy a browser's hello have none.
//
// What was found for a pair is remembered: 15 ns. Only that makes it not thread-safe.
#pragma once

#include <cstdint>

#include "adapters/client_hello/stack_table.h"
#include "engine/event/login_event.h"
#include "engine/event/pair_memo.h"

namespace stockade {

class StackLookup {
 public:
  // `table` outlives it, and every attempt that it has filled.
  explicit StackLookup(const StackTable& table = StackTable::Shipped()) : table_(table) {}

  void Fill(Attempt* attempt);

  struct Counts {
    uint64_t asked = 0;       // attempts with a JA4
    uint64_t known = 0;       // of these in the table
    uint64_t mismatched = 0;  // of these under another name
  };
  const Counts& counts() const noexcept { return counts_; }

 private:
  struct Found {
    std::string_view stack, mismatch;
  };

  const StackTable& table_;
  PairMemo<Found> memo_;
  Counts counts_;
};

}  // namespace stockade
