// Login logs made from a number: the same number gives the same bytes on every machine.
//
// The NDJSON log is a day at a gateway with 20,000 accounts, in the manner of the ECS. Four lines in five are
// customers: each has a home address, a browser and its TLS fingerprint, mostly a device cookie, and a
// password. One login in twenty-five fails, and some come over a carrier's NAT or from an office. One line in
// five is stuffing: 50,000 addresses, one in three with a faked browser, names from a list of which one
// in twenty is an account here.
//
// The sshd log is an auth.log of ten days: half of it failed passwords on root and invented names from 20,000
// addresses, a tenth accepted ones, the rest cron, PAM and disconnects.
#pragma once

#include <cstdint>
#include <string>

namespace stockade {

// A stream of numbers: splitmix64 (Steele, Lea, Flood 2014), good enough to draw by and the same everywhere.
class Draw {
 public:
  explicit Draw(uint64_t seed) noexcept : state_(seed) {}
  uint64_t Next() noexcept {
    uint64_t x = state_ += 0x9e3779b97f4a7c15ULL;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
  }
  // 0 … bound - 1; the bias for bounds of a log is none that shows.
  uint64_t Below(uint64_t bound) noexcept { return Next() % bound; }
  bool OneIn(uint64_t bound) noexcept { return Below(bound) == 0; }

 private:
  uint64_t state_;
};

// About 480 bytes a line.
std::string MakeNdjsonLog(int lines, uint64_t seed);
// About 100 bytes a line; dates without a year, from Mar 2 on.
std::string MakeSshdLog(int lines, uint64_t seed);

}  // namespace stockade
