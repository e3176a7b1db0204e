// Templates of signed texts: what they make, and which could make one text of two logins. The nonce memory: once, within
// its time and bounds, from many threads.
#include "adapters/certificate/signed_text.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <string>
#include <thread>
#include <vector>

#include "adapters/certificate/nonce_memory.h"
#include "engine/text.h"

namespace stockade {
namespace {

using Answer = NonceMemory::Answer;

std::string Filled(std::string_view form, const SignedText::Values& values) {
  const auto text = SignedText::Parse(form);
  REQUIRE(text.ok());
  return text->Fill(values).value_or("(nothing)");
}

TEST_CASE("a template is filled with what stands in the login, byte for byte", "[certificate]") {
  CHECK(Filled("{account}\n{timestamp}\n{nonce}", {"Alice ", "1714953600", "abcdefgh"}) ==
        "Alice \n1714953600\nabcdefgh");
  CHECK(Filled("login {nonce} at {timestamp} as {account}!", {"a\nb", "1", "n"}) == "login n at 1 as a\nb!");
  CHECK(Filled("{account}|{timestamp}|{nonce}", {"a|b", "2024-05-06T00:00:00Z", "x-y"}) ==
        "a|b|2024-05-06T00:00:00Z|x-y");
  CHECK(Filled("{account}|{timestamp}|{nonce}", {"{nonce}", "1", "{account}"}) == "{nonce}|1|{account}");
  // One text must not be two logins.
  CHECK(Filled("{account}|{timestamp}|{nonce}", {"a", "1", "x|y"}) == "(nothing)");
  CHECK(Filled("{account}-{timestamp}-{nonce}", {"a", "1", "x-y"}) == "(nothing)");
  CHECK(Filled("{account}:{timestamp}:{nonce}", {"a", "2024-05-06T00:00:00Z", "x"}) == "(nothing)");
  CHECK(Filled("{account}\n{timestamp}\n{nonce}", {"a", "1\n2", "x"}) == "(nothing)");
  CHECK(Filled("{account}\n{timestamp}\n{nonce}", {std::string(kSignedTextBytesMax, 'a'), "1", "x"}) ==
        "(nothing)");
}

TEST_CASE("a template that signs less than it should is refused with what would be right", "[certificate]") {
  const auto why = [](std::string_view form) {
    const auto text = SignedText::Parse(form);
    return text.ok() ? std::string() : std::string(FromAbsl(text.status().message()));
  };
  CHECK(why("{account}\n{timestamp}\n{nonce}").empty());
  CHECK_THAT(why(""), Catch::Contains("lacks"));
  CHECK_THAT(why("{account}\n{nonce}"), Catch::Contains("lacks"));
  CHECK_THAT(why("{account}{timestamp}\n{nonce}"),
             Catch::Contains("nothing between {account} and {timestamp}"));
  CHECK_THAT(why("{account}\n{timestamp}\n{nonce}{account}"), Catch::Contains("{account} twice"));
  CHECK_THAT(why("{user}\n{timestamp}\n{nonce}"), Catch::Contains("{user}"));
  CHECK_THAT(why("{account}\n{timestamp}\n{nonce"), Catch::Contains("{nonce"));
  CHECK_THAT(why("}{account}\n{timestamp}\n{nonce}"), Catch::Contains("what is filled in"));
  CHECK_THAT(why("{account}\\n{timestamp}\\n{nonce}"), Catch::Contains("double quotes"));
  CHECK_THAT(why(std::string(5000, 'a')), Catch::Contains("longer"));
}

absl::Time At(int64_t seconds) {
  return absl::FromUnixSeconds(1'000'000 + seconds);
}

TEST_CASE("a nonce is new once, as long as its signature is fresh", "[certificate]") {
  NonceMemory memory;
  CHECK(memory.Note("alice", "n", At(120), At(0)) == Answer::kNew);
  CHECK(memory.Note("alice", "n", At(120), At(0)) == Answer::kSeen);
  CHECK(memory.Note("alice", "n", At(240), At(120)) == Answer::kSeen);  // signed anew: the nonce is the same
  CHECK(memory.Note("bob", "n", At(120), At(0)) == Answer::kNew);
  CHECK(memory.Note("alice", "m", At(120), At(0)) == Answer::kNew);
  CHECK(memory.Note("alic", "en", At(120), At(0)) == Answer::kNew);
  CHECK(memory.size() == 4);
  CHECK(memory.Note("alice", "later", At(241), At(121)) == Answer::kNew);
  CHECK(memory.size() == 1);
  CHECK(memory.Note("alice", "n", At(120), At(121)) == Answer::kPast);
  CHECK(memory.Note("alice", "n", At(241), At(121)) == Answer::kNew);
}

TEST_CASE("a clock that runs backwards makes no copy new", "[certificate]") {
  NonceMemory memory;
  CHECK(memory.Note("alice", "n", At(120), At(0)) == Answer::kNew);
  CHECK(memory.Note("alice", "ahead", At(100'120), At(100'000)) == Answer::kNew);
  CHECK(memory.size() == 1);
  CHECK(memory.Note("alice", "n", At(120), At(10)) == Answer::kPast);
  // And costs only signatures of that time.
  CHECK(memory.Note("alice", "m", At(121), At(10)) == Answer::kNew);
}

TEST_CASE("a full memory refuses what is new, counts it, and forgets nothing", "[certificate]") {
  NonceMemory memory(4);
  for (int i = 0; i < 4; ++i) CHECK(memory.Note(Concat("c", i), "n", At(10 + i), At(0)) == Answer::kNew);
  CHECK(memory.Note("c9", "n", At(10), At(0)) == Answer::kFull);
  CHECK(memory.Note("c0", "n", At(10), At(0)) == Answer::kSeen);
  CHECK(memory.refused_full() == 1);
  CHECK(memory.Note("c9", "n", At(20), At(11)) == Answer::kNew);  // one place is free again
  CHECK(memory.Note("c8", "n", At(20), At(11)) == Answer::kFull);
}

TEST_CASE("one certificate cannot take all places", "[certificate]") {
  NonceMemory memory;
  for (size_t i = 0; i < kNoncesPerCertificateMax; ++i)
    REQUIRE(memory.Note("alice", Concat("n", i), At(10), At(0)) == Answer::kNew);
  CHECK(memory.Note("alice", "one more", At(10), At(0)) == Answer::kTooMany);
  CHECK(memory.refused_too_many() == 1);
  CHECK(memory.Note("bob", "n", At(10), At(0)) == Answer::kNew);
  CHECK(memory.Note("alice", "one more", At(30), At(11)) == Answer::kNew);
}

TEST_CASE("of many threads with one signature, one is first", "[certificate]") {
  NonceMemory memory;
  std::atomic<int> firsts{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i)
        if (memory.Note(Concat("c", i), "n", At(10), At(0)) == Answer::kNew) ++firsts;
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(firsts == 200);
}

}  // namespace
}  // namespace stockade
