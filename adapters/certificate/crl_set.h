// The revocation lists (CRLs, RFC 5280 §5) that are known at one moment: read from files and folders, then never changed.
//
// A reload reads a new set and hands it to CurrentCrls (current.h); nobody waits. A file that cannot be read costs its own
// lists and nothing else: it becomes a problem, which the caller must say aloud, and the certificates it would have spoken
// of are then of unknown revocation, never of good.
//
// A list is used as OpenSSL can use it: base, delta (the base must be there too), indirect, and split by reasons or by
// distribution points. Left out when read, and named among the problems: what is not DER (strict_der.h), what is signed too
// weakly (path_floors.h). Left out when asked, by the time of the question: what is older than `age_max`, and what says no
// nextUpdate where no `age_max` is set, since nobody could tell when it went stale.
// A list past its nextUpdate is handed out all the same: a certificate it names stays revoked, for any other it says
// nothing (certificate_path.h).
//
// Cost: reading 1 to 3 s a million entries; memory some 200 bytes an entry. Set: immutable, any thread at once.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/time/time.h"
#include "adapters/certificate/current.h"
#include "adapters/certificate/path_floors.h"
#include "adapters/certificate/strict_der.h"

namespace stockade {

// One file. The largest public CRLs have some 40 MiB.
inline constexpr size_t kCrlFileBytesMax = size_t{128} << 20;
// All lists of a set.
inline constexpr size_t kCrlsMax = 4096;

struct CrlSetOptions {
  // Files, or folders whose files are all read (not those of folders within, nor names that begin with a dot). PEM, any
  // number of lists a file, or DER, one a file.
  std::vector<std::string> paths;
  absl::Duration age_max = absl::InfiniteDuration();  // from thisUpdate on
  PathFloors floors;
};

struct CrlScope {
  bool indirect = false;
  // Only of authorities, or only of others: which a certificate of version 1 or 2 does not say of itself.
  bool of_one_kind = false;
};

// What the operator should know of one list.
struct CrlSummary {
  std::string file;
  std::string issuer;  // printable, RFC 2253
  absl::Time this_update;
  absl::Time next_update;  // InfinitePast where it says none
  size_t entries = 0;
  bool delta = false;
  bool indirect = false;
};

struct CrlProblem {
  std::string file;  // printable
  std::string what;  // "cannot be read", "list 2 names two algorithms for its signature"
};

class CrlSet {
 public:
  // Never fails: what went wrong is in problems().
  static std::shared_ptr<const CrlSet> Load(const CrlSetOptions& options);
  // The same of lists in DER that came otherwise; `options.paths` is not looked at.
  static std::shared_ptr<const CrlSet> FromDer(const std::vector<std::string>& lists,
                                               const CrlSetOptions& options);

  const std::vector<CrlSummary>& lists() const noexcept { return lists_; }
  const std::vector<CrlProblem>& problems() const noexcept { return problems_; }
  // Which lists are stale at `now`: one line each, for logs; empty where all is well.
  std::vector<std::string> StaleAt(absl::Time now) const;

  // Those that may speak of certificates of `issuer`, and every indirect one. `*until_s`, seconds since 1970, is lowered to
  // the last second at which this answer is what it is now.
  void For(const X509_name_st* issuer, int64_t now_s, int64_t* until_s,
           const std::function<void(X509_CRL*, CrlScope)>& use) const;

  // Another number for each set of this process: what was worked out with one set is not taken for the answer of another.
  uint64_t epoch() const noexcept { return epoch_; }

 private:
  struct Entry {
    OwnedCrl crl;
    int64_t this_update_s = 0;
    int64_t next_update_s = 0;  // of kNever: it says none
    CrlScope scope;
  };
  explicit CrlSet(const CrlSetOptions& options);
  void AddFile(const std::string& file, const CrlSetOptions& options);
  void Add(const std::string& file, size_t number, std::string_view der, const CrlSetOptions& options);

  uint64_t epoch_;
  int64_t age_max_s_ = 0;
  std::vector<Entry> entries_;
  std::unordered_multimap<uint64_t, size_t>
      by_issuer_;  // hash of the name in OpenSSL's canonical form → entries_
  std::vector<size_t> indirect_;
  std::vector<CrlSummary> lists_;  // in the order of entries_
  std::vector<CrlProblem> problems_;
};

using CurrentCrls = Current<CrlSet>;

}  // namespace stockade
