// A file in MaxMind's format (.mmdb: GeoLite2, GeoIP2, DB-IP), read by libmaxminddb: which AS, or which country, an address is of.
//
// The file is copied into memory of our own first: the library maps it, and a mapped file that somebody cuts short in place ends the
// process (SIGBUS). So whatever becomes of the file, an open database stays as it was.
//
// Files may come from anybody. The library checks the metadata; what is broken further in is an answer of its own (Found::broken), and is
// taken for nothing. A file that cannot be opened, or in which nothing of what is asked for can be found, is an error that says so.
//
// Immutable; any thread at once. Find costs a walk down a tree of some 24 nodes and one record, 200 to 900 ns, nothing allocated.
// Source: https://maxmind.github.io/MaxMind-DB/. Oracle: the source data of MaxMind's test files, in tests/adapters/geo.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "engine/event/address.h"

namespace stockade {

class GeoDatabase {
 public:
  enum class Kind : uint8_t { kAsn, kCountry };
  // The largest of MaxMind's files, Enterprise, has some 400 MB.
  static constexpr uint64_t kBytesMax = uint64_t{1} << 30;

  // Errors, each naming the file: NotFound, PermissionDenied, InvalidArgument (no such database, a broken one, or one that says nothing
  // of this kind), ResourceExhausted.
  static absl::StatusOr<std::unique_ptr<const GeoDatabase>> Open(const std::string& path, Kind kind);
  ~GeoDatabase();
  GeoDatabase(const GeoDatabase&) = delete;
  GeoDatabase& operator=(const GeoDatabase&) = delete;

  struct Found {
    // The number of the AS; or of a country the two letters, the first in the higher byte. 0: it says nothing.
    uint32_t value = 0;
    // For how many leading bits of the address the same is said.
    uint8_t length = 0;
    bool broken = false;
  };
  Found Find(const Address& address) const noexcept;

  // What it calls itself, "GeoLite2-ASN", and when it was made.
  const std::string& type() const noexcept { return type_; }
  int64_t built_s() const noexcept { return built_s_; }

 private:
  struct File;  // the library's handle
  GeoDatabase();

  bool SaysAnything() const;
  uint32_t ValueOf(void* entry, bool* broken) const noexcept;

  Kind kind_ = Kind::kAsn;
  std::unique_ptr<File> file_;
  std::string type_;
  int64_t built_s_ = 0;
};

}  // namespace stockade
