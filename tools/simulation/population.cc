#include "tools/simulation/population.h"

#include <algorithm>

#include "tools/simulation/trading_day.h"

namespace stockade {
namespace {

constexpr int64_t kYearMs = 365 * kDayMs;
constexpr uint32_t kLoginsADay = 16;  // numbers that a day's logins of one customer may take

Customer MakeCustomer(const WorldOptions& options, const Shocks& shocks, uint32_t number) {
  Chance chance = Chance::Of(options.seed, Stream::kPopulation, number);
  Customer customer;
  customer.home_provider = static_cast<uint8_t>(DrawHomeProvider(&chance));
  customer.home_line = static_cast<uint32_t>(chance.Below(kHomeAddresses));
  customer.home_v6 = chance.Happens(400'000);
  customer.carrier = static_cast<uint8_t>(DrawCarrier(&chance));
  customer.region = static_cast<uint8_t>(chance.Below(kCarrierRegions));
  customer.mobile_v6 = chance.Happens(450'000);
  // Offices of broken sizes: the first hundred of them have half of all office workers.
  if (chance.Happens(125'000)) {
    customer.office =
        static_cast<uint32_t>(chance.Happens(500'000) ? chance.Below(100) : chance.Below(8'000));
  }
  const uint64_t activity = chance.Below(10);
  customer.logins_ppm = activity < 1 ? 1'600'000 : activity < 5 ? 500'000 : 100'000;
  const uint64_t owns = chance.Below(100);
  customer.has_computer = owns < 60;
  customer.has_phone = owns >= 25;
  customer.prefers_phone = owns >= 42;
  customer.has_aggregator = chance.Happens(options.aggregator_ppm);
  if (chance.Happens(options.certificates_ppm)) {
    customer.certificate_expires_ms = options.start_ms + 1 + static_cast<int64_t>(chance.Below(kYearMs));
    int64_t lag_ms = chance.Happens(700'000) ? 0 : chance.Between(kDayMs, 5 * kDayMs);
    // A cliff comes before its time, and nobody has renewed ahead of it.
    const int64_t cliff = shocks.CliffOf(number, options.start_ms, customer.certificate_expires_ms);
    if (cliff != 0) {
      customer.certificate_expires_ms = cliff;
      lag_ms = kHourMs + chance.Wait(2 * kDayMs);
    }
    customer.certificate_renewed_ms = customer.certificate_expires_ms + lag_ms;
  }
  return customer;
}

}  // namespace

Population::Population(const WorldOptions& options, const Shocks* shocks, const ClientTable* clients)
    : options_(options), shocks_(*shocks), clients_(*clients) {
  customers_.reserve(options.customers);
  for (uint32_t i = 0; i < options.customers; ++i) customers_.push_back(MakeCustomer(options, *shocks, i));
}

void Population::Change(Customer* customer, Chance* chance) const noexcept {
  if (chance->Happens(options_.home_change_ppm)) {
    customer->home_line = static_cast<uint32_t>(chance->Below(kHomeAddresses));
  }
  for (Customer::Device* device : {&customer->computer, &customer->phone}) {
    if (device->bare && chance->Happens(700'000)) device->bare = false;
  }
  if (chance->Happens(options_.new_device_ppm)) {
    Customer::Device& device = customer->has_computer && (!customer->has_phone || chance->Happens(400'000))
                                   ? customer->computer
                                   : customer->phone;
    ++device.generation;
    device.fresh = true;
    device.bare = true;
  }
  // Some clear their browser.
  if (chance->Happens(4'000)) ++customer->computer.cookie;
}

void Population::BeginDay(int64_t day, std::vector<PlannedLogin>* logins) {
  logins->clear();
  const bool weekday = IsWeekday(day);
  const int64_t midnight = TaipeiMidnight(day);
  const auto since_start = static_cast<uint32_t>(day - TaipeiDay(options_.start_ms));
  for (uint32_t i = 0; i < size(); ++i) {
    Customer& customer = customers_[i];
    Chance chance = Chance::Of(options_.seed, Stream::kDay, static_cast<uint64_t>(day), i);
    Change(&customer, &chance);
    const uint32_t expected_ppm = weekday ? customer.logins_ppm : customer.logins_ppm / 7;
    const uint32_t count = expected_ppm / kMillion + (chance.Happens(expected_ppm % kMillion) ? 1 : 0);
    for (uint32_t k = 0; k < count; ++k) {
      logins->push_back(
          {midnight + DrawTimeOfDay(weekday, &chance), i, since_start * kLoginsADay + k, false});
    }
    if (customer.has_aggregator) {
      const int64_t time_ms = midnight + 6 * kHourMs + static_cast<int64_t>(chance.Below(2 * kHourMs));
      logins->push_back({time_ms, i, since_start * kLoginsADay + kLoginsADay - 1, true});
    }
  }
  AddRushes(day, logins);
  std::sort(logins->begin(), logins->end(), [](const PlannedLogin& a, const PlannedLogin& b) {
    return a.time_ms != b.time_ms     ? a.time_ms < b.time_ms
           : a.customer != b.customer ? a.customer < b.customer
                                      : a.number < b.number;
  });
}

void Population::AddRushes(int64_t day, std::vector<PlannedLogin>* logins) const {
  const auto since_start = static_cast<uint32_t>(day - TaipeiDay(options_.start_ms));
  for (const Shocks::Rush& rush : shocks_.rushes()) {
    if (TaipeiDay(rush.begin_ms) != day) continue;
    const auto usual = static_cast<uint64_t>(
        std::count_if(logins->begin(), logins->end(), [&rush](const PlannedLogin& login) {
          return rush.begin_ms <= login.time_ms && login.time_ms < rush.end_ms && !login.by_aggregator;
        }));
    Chance chance = Chance::Of(options_.seed, Stream::kShock, static_cast<uint64_t>(day), 1);
    for (uint64_t k = usual * (rush.factor - 1); k > 0; --k) {
      const int64_t time_ms =
          rush.begin_ms +
          static_cast<int64_t>(chance.Below(static_cast<uint64_t>(rush.end_ms - rush.begin_ms)));
      const auto customer = static_cast<uint32_t>(chance.Below(size()));
      logins->push_back({time_ms, customer,
                         since_start * kLoginsADay + 2 + static_cast<uint32_t>(k % (kLoginsADay - 3)),
                         false});
    }
  }
}

uint64_t Population::TokenOf(uint32_t customer, DeviceSlot slot) const noexcept {
  const uint64_t device = static_cast<uint64_t>(slot) << 16 | DeviceOf(customer, slot).generation;
  return Chance::Of(options_.seed, Stream::kToken, customer, device).Next();
}

ClientPrint Population::PrintOf(uint32_t customer, DeviceSlot slot, int64_t time_ms) const noexcept {
  const uint64_t token = TokenOf(customer, slot);
  // Each updates on another day of the four weeks.
  const auto days = static_cast<uint32_t>((time_ms - options_.start_ms) / kDayMs);
  const uint32_t version = (days + static_cast<uint32_t>(token >> 32) % 28) / 28;
  if (slot == DeviceSlot::kComputer)
    return clients_.Customer(ClientKind::kComputer, token, version, AppRelease::kOld);
  const bool app = token % 20 < 17;
  const bool is_new = app && shocks_.HasNewRelease(customer, time_ms);
  // An app's version changes with its release alone.
  return clients_.Customer(app ? ClientKind::kApp : ClientKind::kPhoneBrowser, token, app ? 0 : version,
                           is_new ? AppRelease::kNew : AppRelease::kOld);
}

uint64_t Population::DeviceIdOf(uint32_t customer, DeviceSlot slot) const noexcept {
  const uint64_t token = TokenOf(customer, slot);
  const bool app = slot == DeviceSlot::kPhone && token % 20 < 17;
  if (app) return Chance::Mix(token ^ 1) | 1;
  if (Chance::Mix(token ^ 2) % kMillion >= options_.cookies_ppm) return 0;
  return Chance::Mix(token + 0x100u * (1u + DeviceOf(customer, slot).cookie)) | 1;
}

CertificateStatus Population::CertificateOf(uint32_t customer, DeviceSlot slot,
                                            int64_t time_ms) const noexcept {
  const Customer& owner = customers_[customer];
  if (owner.certificate_expires_ms == 0 || DeviceOf(customer, slot).bare) return CertificateStatus::kMissing;
  const bool lapsed = owner.certificate_expires_ms <= time_ms && time_ms < owner.certificate_renewed_ms;
  return lapsed ? CertificateStatus::kExpired : CertificateStatus::kValid;
}

void Population::NoteSuccess(uint32_t customer, DeviceSlot slot, int64_t time_ms) noexcept {
  Customer& owner = customers_[customer];
  owner.history = true;
  owner.resets_obeyed = static_cast<uint8_t>(shocks_.ResetsBegun(time_ms));
  Customer::Device& device = slot == DeviceSlot::kComputer ? owner.computer : owner.phone;
  device.fresh = false;
  device.bare = false;
}

}  // namespace stockade
