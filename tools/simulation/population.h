// The customers: where they live and work, what they carry, when they log in, and how all of that changes.
//
// Every customer has a home line (IPv4, or at two homes in five also IPv6), most a phone on a carrier's shared addresses,
// one in eight an office, and a computer or a phone or both. Of customers one in ten trades daily (1.6 logins a
// weekday), four log in every other day and five every other week: the mean of detectors.md's SSO year lies between. At
// weekends a seventh of that is left. Once a day homes may be renumbered, devices replaced and cookies lost.
//
// Certificates, where the world has them, are valid for a year and spread over it; 70 % of their owners renew in time,
// the rest find out when they log in and take 1 to 5 days. A new device has none until its owner has logged in once, or,
// as where he cannot without one, has fetched it by another way: seven in ten do within a day.
//
// Some 88 bytes a customer; BeginDay is linear in them, some 15 ns each. Not thread-safe.
#pragma once

#include <cstdint>
#include <vector>

#include "tools/simulation/attempt.h"
#include "tools/simulation/client_table.h"
#include "tools/simulation/shocks.h"
#include "tools/simulation/world_options.h"

namespace stockade {

enum class DeviceSlot : uint8_t { kComputer, kPhone };

struct Customer {
  struct Device {
    uint8_t generation = 0;  // how often it was replaced
    uint8_t cookie = 0;      // how often its cookie was lost
    bool fresh = false;      // replaced, and no login on it has succeeded yet
    bool bare = false;       // replaced, and no certificate is on it yet
  };
  uint32_t home_line = 0;
  uint32_t logins_ppm = 0;    // a weekday
  uint32_t office = kNobody;  // kNobody: none
  uint8_t home_provider = 0;
  uint8_t carrier = 0;
  uint8_t region = 0;
  bool home_v6 = false;
  bool mobile_v6 = false;
  bool has_computer = false;
  bool has_phone = false;
  bool prefers_phone = false;
  bool has_aggregator = false;
  bool history = false;       // a login of his has succeeded
  uint8_t resets_obeyed = 0;  // Shocks::ResetsBegun when he last got in
  Device computer;
  Device phone;
  int64_t certificate_expires_ms = 0;  // 0: he has none
  int64_t certificate_renewed_ms = 0;  // from then on he has the next one
};

// A login that somebody means to make.
struct PlannedLogin {
  int64_t time_ms = 0;
  uint32_t customer = 0;
  uint32_t number = 0;  // of his logins, in this world
  bool by_aggregator = false;
};

class Population {
 public:
  // All of them outlive it. `options` are complete.
  Population(const WorldOptions& options, const Shocks* shocks, const ClientTable* clients);

  uint32_t size() const noexcept { return static_cast<uint32_t>(customers_.size()); }
  const Customer& operator[](uint32_t customer) const noexcept { return customers_[customer]; }

  // Lets a day begin: what changes overnight changes, and the day's logins are planned into `logins`, in order of time.
  void BeginDay(int64_t day, std::vector<PlannedLogin>* logins);

  bool DeviceIsFresh(uint32_t customer, DeviceSlot slot) const noexcept {
    return DeviceOf(customer, slot).fresh;
  }
  ClientPrint PrintOf(uint32_t customer, DeviceSlot slot, int64_t time_ms) const noexcept;
  // The id of its cookie or app; 0: it has none.
  uint64_t DeviceIdOf(uint32_t customer, DeviceSlot slot) const noexcept;
  CertificateStatus CertificateOf(uint32_t customer, DeviceSlot slot, int64_t time_ms) const noexcept;

  // A login on this device has succeeded.
  void NoteSuccess(uint32_t customer, DeviceSlot slot, int64_t time_ms) noexcept;
  void NoteAggregatorSuccess(uint32_t customer) noexcept { customers_[customer].history = true; }

 private:
  const Customer::Device& DeviceOf(uint32_t customer, DeviceSlot slot) const noexcept {
    return slot == DeviceSlot::kComputer ? customers_[customer].computer : customers_[customer].phone;
  }
  // A number of this very device, the same until it is replaced.
  uint64_t TokenOf(uint32_t customer, DeviceSlot slot) const noexcept;
  void Change(Customer* customer, Chance* chance) const noexcept;
  void AddRushes(int64_t day, std::vector<PlannedLogin>* logins) const;

  WorldOptions options_;
  const Shocks& shocks_;
  const ClientTable& clients_;
  std::vector<Customer> customers_;
};

}  // namespace stockade
