// Keys on the command line's side and on the server's, over one file.
#include "adapters/firewall/api_keys.h"

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <thread>

#include "engine/text.h"
#include "tests/adapters/programs.h"

namespace stockade {
namespace {

constexpr int64_t kMadeMs = 1'790'000'000'123;

TEST_CASE("a key is shown once, stored as its hash, and found by a server that runs", "[api_keys]") {
  const TemporaryFolder folder;
  const std::string file = folder / "keys";
  ApiKeys keys(file);
  CHECK_FALSE(keys.Find("").has_value());
  CHECK(ListApiKeys(file)->empty());
  const auto key = AddApiKey(file, "edge-1", ApiKeyRole::kBouncer, kMadeMs);
  REQUIRE(key.ok());
  CHECK(key->size() == 64);
  const auto owner = keys.Find(*key);
  REQUIRE(owner.has_value());
  CHECK(owner->name == "edge-1");
  CHECK(owner->role == ApiKeyRole::kBouncer);

  std::ifstream stored(file);
  const std::string text((std::istreambuf_iterator<char>(stored)), {});
  CHECK(text.find(*key) == std::string::npos);
  struct stat about {};
  REQUIRE(stat(file.c_str(), &about) == 0);
  CHECK((about.st_mode & 0777) == 0600);

  const auto machine = AddApiKey(file, "agent@10.0.0.1", ApiKeyRole::kMachine, kMadeMs);
  REQUIRE(machine.ok());
  CHECK(*machine != *key);
  CHECK(keys.Stands("agent@10.0.0.1", ApiKeyRole::kMachine));
  CHECK_FALSE(keys.Stands("agent@10.0.0.1", ApiKeyRole::kBouncer));
  const auto listed = ListApiKeys(file);
  REQUIRE(listed->size() == 2);
  CHECK((*listed)[0].name == "edge-1");
  CHECK((*listed)[0].created_ms == kMadeMs);

  REQUIRE(RevokeApiKey(file, "edge-1").ok());
  CHECK_FALSE(keys.Find(*key).has_value());
  CHECK(keys.Find(*machine).has_value());
  CHECK(absl::IsNotFound(RevokeApiKey(file, "edge-1")));
  // No keys is no file's fault.
  std::filesystem::remove(file);
  CHECK_FALSE(keys.Find(*machine).has_value());
  CHECK(keys.trouble().empty());
}

TEST_CASE("names that would break the file or a terminal are refused, and doubles", "[api_keys]") {
  const TemporaryFolder folder;
  const std::string file = folder / "keys";
  for (const std::string& name :
       {std::string(), std::string("a b"), std::string("a\nb"), std::string("\x1b[1m"), std::string(65, 'a'),
        std::string("a\0b", 3), std::string("é")})
    CHECK(absl::IsInvalidArgument(AddApiKey(file, name, ApiKeyRole::kBouncer, kMadeMs).status()));
  CHECK(ListApiKeys(file)->empty());
  REQUIRE(AddApiKey(file, std::string(64, 'a'), ApiKeyRole::kBouncer, kMadeMs).ok());
  CHECK(absl::IsAlreadyExists(AddApiKey(file, std::string(64, 'a'), ApiKeyRole::kMachine, kMadeMs).status()));
  CHECK_FALSE(AddApiKey(folder / "nowhere/keys", "a", ApiKeyRole::kBouncer, kMadeMs).ok());
}

TEST_CASE("a bad line costs that line, is told, and is not overwritten", "[api_keys]") {
  const TemporaryFolder folder;
  const std::string file = folder / "keys";
  const auto key = AddApiKey(file, "edge-1", ApiKeyRole::kBouncer, kMadeMs);
  REQUIRE(key.ok());
  ApiKeys keys(file);
  std::ofstream(file, std::ios::app) << "\n# mine\nnonsense\n"
                                     << std::string(64, 'z') << " bouncer x y\n"
                                     << std::string(100'000, 'a');
  CHECK(keys.Find(*key).has_value());
  CHECK(keys.trouble().find(":5: ") != std::string::npos);
  CHECK_FALSE(ListApiKeys(file).ok());
  CHECK(absl::IsFailedPrecondition(AddApiKey(file, "edge-2", ApiKeyRole::kBouncer, kMadeMs).status()));
  CHECK(absl::IsFailedPrecondition(RevokeApiKey(file, "edge-1")));
  // What cannot be read leaves what was read; a folder of that name is such a thing.
  std::filesystem::remove(file);
  std::filesystem::create_directory(file);
  CHECK(keys.Find(*key).has_value());
  CHECK_FALSE(keys.trouble().empty());
}

TEST_CASE("two who change the file at once both do", "[api_keys]") {
  const TemporaryFolder folder;
  const std::string file = folder / "keys";
  std::vector<std::thread> threads;
  std::atomic<int> added = 0;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 8; ++i)
        added += AddApiKey(file, Concat("k", t, "-", i), ApiKeyRole::kBouncer, kMadeMs).ok() ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(added == 32);
  CHECK(ListApiKeys(file)->size() == 32);
}

}  // namespace
}  // namespace stockade
