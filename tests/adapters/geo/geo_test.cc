// Proves that look-ups say what MaxMind's own source data of its test files says, remembered or not; that broken and hostile files are
// errors or say nothing, and end no process; that a file cut short while it is used changes nothing; and that what an event says itself
// stays.
#include <simdjson.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "adapters/geo/geo_lookup.h"
#include "tests/adapters/programs.h"

namespace stockade {
namespace {

namespace fs = std::filesystem;
using Kind = GeoDatabase::Kind;

// The folder of MaxMind's test files; without it the test skips and says so.
std::string Corpus(const std::string& name) {
  const fs::path folder = fs::path(STOCKADE_CORPORA) / "maxmind-db-test";
  if (!fs::exists(folder)) {
    std::cout << "skipped: " << folder << " is not there\n" << std::flush;
    std::_Exit(77);
  }
  return folder / name;
}

std::shared_ptr<const GeoDatabase> Open(const std::string& name, Kind kind) {
  auto database = GeoDatabase::Open(Corpus("test-data/" + name), kind);
  INFO(database.status());
  REQUIRE(database.ok());
  return *std::move(database);
}

std::string OpenError(const std::string& path, Kind kind) {
  return std::string(GeoDatabase::Open(path, kind).status().message());
}

struct Said {
  Prefix network;
  uint32_t asn = 0;
  std::string country;
};
std::vector<Said> SourceData(const std::string& name) {
  std::vector<Said> all;
  simdjson::dom::parser parser;
  const simdjson::dom::element root = parser.load(Corpus("source-data/" + name));
  for (const simdjson::dom::element entry : simdjson::dom::array(root)) {
    for (const auto& [key, value] : simdjson::dom::object(entry)) {
      const std::optional<Prefix> network = Prefix::Parse(std::string_view(key.data(), key.size()));
      if (!network) continue;
      Said said;
      said.network = *network;
      uint64_t asn = 0;
      if (value["autonomous_system_number"].get(asn) == simdjson::SUCCESS)
        said.asn = static_cast<uint32_t>(asn);
      std::string_view country;
      if (value["country"]["iso_code"].get(country) == simdjson::SUCCESS ||
          value["registered_country"]["iso_code"].get(country) == simdjson::SUCCESS)
        said.country = country;
      all.push_back(said);
    }
  }
  REQUIRE(all.size() > 200);
  return all;
}

// The narrowest of the networks that holds it.
const Said* Oracle(const std::vector<Said>& all, const Address& address) {
  const Said* best = nullptr;
  for (const Said& said : all)
    if (said.network.Contains(address) && (best == nullptr || said.network.length >= best->network.length))
      best = &said;
  return best;
}

// The first address of a network, the last, and those just outside.
std::vector<Address> AddressesOf(const std::vector<Said>& all) {
  std::vector<Address> addresses;
  for (const Said& said : all) {
    const Address& first = said.network.address;
    addresses.push_back(first);
    if (first.is_v4()) {
      const uint32_t size = said.network.length == 0 ? 0 : uint32_t{1} << (32 - said.network.length);
      for (const uint32_t other : {first.v4() + size - 1, first.v4() + size, first.v4() - 1})
        addresses.push_back(Address::V4(other));
    }
  }
  return addresses;
}

TEST_CASE("look-ups say what the source data says, the second time too", "[geo]") {
  const std::vector<Said> asns = SourceData("GeoLite2-ASN-Test.json");
  const std::vector<Said> countries = SourceData("GeoLite2-Country-Test.json");
  GeoLookup lookup(
      {Open("GeoLite2-ASN-Test.mmdb", Kind::kAsn), Open("GeoLite2-Country-Test.mmdb", Kind::kCountry)});
  std::vector<Address> addresses = AddressesOf(asns);
  for (const Address& address : AddressesOf(countries)) addresses.push_back(address);
  int told = 0;
  for (int round = 0; round < 2; ++round) {
    for (const Address& address : addresses) {
      INFO(address.ToString());
      Attempt attempt;
      attempt.source = address;
      lookup.Fill(&attempt);
      const Said* const asn = Oracle(asns, address);
      const Said* const country = Oracle(countries, address);
      CHECK(attempt.asn == (asn == nullptr ? 0 : asn->asn));
      CHECK(attempt.country == (country == nullptr ? "" : country->country));
      told += attempt.asn != 0 && !attempt.country.empty() ? 1 : 0;
    }
  }
  CHECK(told > 0);
  CHECK(lookup.counts().asked == 2 * addresses.size());
  CHECK(lookup.counts().remembered > addresses.size() / 2);
  CHECK(lookup.counts().broken == 0);
}

TEST_CASE("files of other layouts are understood: ISP, Enterprise", "[geo]") {
  CHECK(Open("GeoIP2-ISP-Test.mmdb", Kind::kAsn)->Find(*Address::Parse("1.128.0.1")).value == 1221);
  const auto enterprise = Open("GeoIP2-Enterprise-Test.mmdb", Kind::kCountry);
  CHECK(enterprise->Find(*Address::Parse("2.125.160.217")).value == (uint32_t{'G'} << 8 | 'B'));
  CHECK(Open("GeoIP2-Enterprise-Test.mmdb", Kind::kAsn)->type() == "GeoIP2-Enterprise");
}

TEST_CASE("what the event says itself stays, and an attempt without an address is left alone", "[geo]") {
  GeoLookup lookup(
      {Open("GeoLite2-ASN-Test.mmdb", Kind::kAsn), Open("GeoLite2-Country-Test.mmdb", Kind::kCountry)});
  Attempt attempt;
  lookup.Fill(&attempt);
  CHECK(lookup.counts().asked == 0);
  attempt.source = *Address::Parse("81.2.69.142");
  attempt.asn = 64500;
  attempt.country = "TW";
  lookup.Fill(&attempt);
  CHECK(attempt.asn == 64500);
  CHECK(attempt.country == "TW");
  attempt.country = {};
  lookup.Fill(&attempt);
  CHECK(attempt.country == "GB");
  // A log that says "no country" has said something.
  attempt.country = "";
  lookup.Fill(&attempt);
  CHECK(attempt.country.empty());
}

TEST_CASE("a file of the other kind, none at all and one that is missing are named with what to do",
          "[geo]") {
  CHECK_THAT(OpenError(Corpus("test-data/GeoLite2-Country-Test.mmdb"), Kind::kAsn),
             Catch::Contains("GeoLite2-Country") && Catch::Contains("says no AS number"));
  CHECK_THAT(OpenError(Corpus("test-data/GeoLite2-ASN-Test.mmdb"), Kind::kCountry),
             Catch::Contains("says no country"));
  CHECK_THAT(OpenError("/nowhere/x.mmdb", Kind::kAsn), Catch::Contains("No such file"));
  TemporaryFolder folder;
  CHECK_THAT(OpenError(folder.path(), Kind::kAsn), Catch::Contains("is no file"));
  CHECK_THAT(OpenError(folder.Write("empty", ""), Kind::kAsn), Catch::Contains("is no database"));
  CHECK_THAT(OpenError(folder.Write("text", std::string(5000, 'x')), Kind::kAsn),
             Catch::Contains("is no database"));
}

TEST_CASE("a file that is cut short or overwritten while it is used changes nothing", "[geo]") {
  TemporaryFolder folder;
  const std::string path = folder / "asn.mmdb";
  fs::copy_file(Corpus("test-data/GeoLite2-ASN-Test.mmdb"), path);
  const auto database = GeoDatabase::Open(path, Kind::kAsn);
  REQUIRE(database.ok());
  fs::resize_file(path, 10);
  CHECK((*database)->Find(*Address::Parse("1.128.0.1")).value == 1221);
  fs::remove(path);
  CHECK((*database)->Find(*Address::Parse("12.81.92.1")).value == 7018);
}

// In a process of its own: whatever the library does, the test sees it. 0: well.
int InChild(const std::function<void()>& run) {
  const pid_t child = fork();
  if (child == 0) {
    run();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return status;
}

void AskMuch(const std::string& path) {
  for (const Kind kind : {Kind::kAsn, Kind::kCountry}) {
    const auto database = GeoDatabase::Open(path, kind);
    if (!database.ok()) {
      if (database.status().message().empty()) _exit(9);
      continue;
    }
    for (uint32_t i = 0; i < 4096; ++i) (*database)->Find(Address::V4(i << 20 | i));
    for (uint8_t i = 0; i < 255; ++i) {
      const std::array<uint8_t, 16> bytes = {0x20, i, i, i, 1, i};
      (*database)->Find(Address::V6(bytes));
    }
  }
}

TEST_CASE("broken and hostile files of MaxMind's corpus end no process", "[geo]") {
  std::vector<std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(Corpus("bad-data")))
    files.push_back(entry.path());
  for (const auto& entry : fs::directory_iterator(Corpus("test-data"))) files.push_back(entry.path());
  size_t databases = 0;
  for (const std::string& file : files) {
    if (!file.ends_with(".mmdb")) continue;
    ++databases;
    INFO(file);
    CHECK(InChild([&] { AskMuch(file); }) == 0);
  }
  CHECK(databases > 20);
}

TEST_CASE("any byte of a good file may be wrong, and any end missing", "[geo]") {
  TemporaryFolder folder;
  std::ifstream stream(Corpus("test-data/GeoLite2-ASN-Test.mmdb"), std::ios::binary);
  const std::string good((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  for (size_t at = 7; at < good.size(); at += good.size() / 60) {
    std::string bytes = good;
    for (size_t more = 0; more < 16 && at + more * 5 < bytes.size(); ++more)
      bytes[at + more * 5] = static_cast<char>(bytes[at + more * 5] ^ static_cast<char>(0x5b + more));
    const std::string changed = folder.Write("changed", bytes);
    const std::string cut = folder.Write("cut", good.substr(0, at));
    INFO("at byte " << at);
    CHECK(InChild([&] {
            AskMuch(changed);
            AskMuch(cut);
          }) == 0);
  }
}

}  // namespace
}  // namespace stockade
