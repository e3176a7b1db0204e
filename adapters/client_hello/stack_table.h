// Which TLS stacks are known to say what a JA4 sums up, and whether a user agent's claim agrees with that.
//
// A row is a hello that somebody has seen (known_stacks.csv, built in; each with its source). A JA4 is looked up whole, and if
// it is not there by its ciphers alone: a stack's list of ciphers outlives its releases, while extensions come and go with
// each and with the request (ALPN, a session resumed). Two stacks may share a list (Tor Browser has Chrome's): then it may
// be either. Lists below kStackCiphersMin are nobody's: the three suites of TLS 1.3 are what everyone says over QUIC.
//
// What is not in the table is unknown, and contradicts nothing: a browser released tomorrow is no mismatch. Left: telling
// stacks by the form of a hello (GREASE, order), which a JA4 does not keep.
//
// Immutable; any thread. A look-up is two binary searches, 50 ns. Errors of Parse: file, line and what is wrong.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "adapters/client_hello/agent_claim.h"

namespace stockade {

// With fewer ciphers than browsers offer (15 and more) but more than any hand-written list of the strong ones of TLS 1.2
// and 1.3 (9), a list says who made it.
inline constexpr int kStackCiphersMin = 10;
// Rows of a table: all stacks of this world many times over.
inline constexpr size_t kStackRowsMax = 10'000;

class StackTable {
 public:
  // `name`: of the file, for errors.
  static absl::StatusOr<StackTable> Parse(std::string_view text, std::string_view name);
  // known_stacks.csv as it was when this was built; lives for ever.
  static const StackTable& Shipped();

  // "python"; "chromium|firefox" where it may be either; empty where it is unknown. Lives as long as the table.
  std::string_view StackOf(std::string_view ja4) const noexcept;
  // "apple/python": claimed, spoken. Empty: they agree, or one of them is unknown. Lives as long as the table.
  std::string_view MismatchOf(std::string_view ja4, StackClaim claim) const noexcept;

  size_t size() const noexcept { return row_count_; }

 private:
  // What one JA4, or one list of ciphers, may be; with the text of each mismatch, by claim.
  struct Entry {
    std::string key;
    std::vector<std::string> stacks;
    std::string text;
    std::string mismatches[4];
  };
  static void Finish(std::vector<Entry>* entries);
  static const Entry* FindIn(const std::vector<Entry>& entries, std::string_view key) noexcept;
  const Entry* Find(std::string_view ja4) const noexcept;

  std::vector<Entry> whole_, ciphers_;  // ascending
  size_t row_count_ = 0;
};

}  // namespace stockade
