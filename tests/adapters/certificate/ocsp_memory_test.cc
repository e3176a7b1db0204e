// What responders said is remembered as long as it holds, revocations longer, and never an older word over a newer one: by
// cases, and against a plain map that is never full.
#include "adapters/certificate/ocsp_memory.h"

#include <catch2/catch.hpp>
#include <map>
#include <random>

#include "adapters/certificate/ocsp_question.h"

namespace stockade {
namespace {

using Status = OcspStatus;

OcspMemory::Key Key(unsigned char which) {
  OcspMemory::Key key{};
  key[0] = which;
  return key;
}

OcspAnswer Good(int64_t from_s, int64_t until_s) {
  return {Status::kGood, "", from_s, until_s};
}
OcspAnswer Revoked(int64_t from_s, int64_t until_s) {
  return {Status::kRevoked, "revoked at some time", from_s, until_s};
}

TEST_CASE("an answer is good through its last second, and then unknown", "[certificate]") {
  OcspMemory memory;
  CHECK(memory.Find(Key(1), 100).status == Status::kUnknown);
  CHECK(memory.Find(Key(1), 100).ask);
  memory.Put(Key(1), Good(90, 200), 100);
  for (const int64_t now_s : {100, 200}) {
    const OcspMemory::Known known = memory.Find(Key(1), now_s);
    CHECK(known.status == Status::kGood);
    CHECK(known.until_s == 200);
    CHECK_FALSE(known.ask);
  }
  CHECK(memory.Find(Key(1), 201).status == Status::kUnknown);
  CHECK(memory.Find(Key(1), 201).ask);
  CHECK(memory.Find(Key(2), 100).status == Status::kUnknown);
  CHECK(memory.size() == 1);
}

TEST_CASE("who is revoked stays revoked until a newer answer says otherwise", "[certificate]") {
  OcspMemory memory;
  const uint64_t epoch = memory.epoch();
  memory.Put(Key(1), Good(90, 1000), 100);
  CHECK(memory.epoch() == epoch);
  memory.Put(Key(1), Revoked(110, 200), 110);
  CHECK(memory.epoch() != epoch);
  const uint64_t revoked = memory.epoch();
  CHECK(memory.Find(Key(1), 150).status == Status::kRevoked);
  CHECK_FALSE(memory.Find(Key(1), 150).ask);
  // Past its time it counts, and is asked anew.
  CHECK(memory.Find(Key(1), 300).status == Status::kRevoked);
  CHECK(memory.Find(Key(1), 300).ask);
  // What was true before, sent again by whoever kept it.
  memory.Put(Key(1), Good(90, 1000), 300);
  CHECK(memory.Find(Key(1), 300).status == Status::kRevoked);
  CHECK_FALSE(memory.Find(Key(1), 300).ask);
  CHECK(memory.Find(Key(1), 300 + kOcspSilenceSeconds + 1).ask);
  memory.Put(Key(1), Good(110, 1000), 300);
  CHECK(memory.Find(Key(1), 300).status == Status::kRevoked);
  CHECK(memory.epoch() == revoked);
  memory.Put(Key(1), Good(111, 1000), 300);  // it was on hold
  CHECK(memory.Find(Key(1), 300).status == Status::kGood);
}

TEST_CASE("an answer that has ended gives way to an older one that still holds", "[certificate]") {
  OcspMemory memory;
  memory.Put(Key(1), Good(100, 150), 100);
  memory.Put(Key(1), Good(90, 300), 200);
  CHECK(memory.Find(Key(1), 200).status == Status::kGood);
}

TEST_CASE("silence is remembered for its time, and takes nothing away", "[certificate]") {
  OcspMemory memory;
  memory.PutSilence(Key(1), "nobody there", 100, 115);
  CHECK(memory.Find(Key(1), 100).why == "nobody there");
  CHECK(memory.Find(Key(1), 100).until_s == 115);
  CHECK_FALSE(memory.Find(Key(1), 115).ask);
  CHECK(memory.Find(Key(1), 116).ask);
  CHECK(memory.Find(Key(1), 116).why.empty());
  CHECK(memory.Find(Key(1), 99).ask);  // a clock set back does not make it last
  memory.Put(Key(1), Good(100, 200), 101);
  memory.PutSilence(Key(1), "nobody there", 102, 117);
  CHECK(memory.Find(Key(1), 103).status == Status::kGood);
  memory.Put(Key(2), Revoked(100, 101), 101);
  memory.PutSilence(Key(2), "nobody there", 102, 117);
  CHECK(memory.Find(Key(2), 103).status == Status::kRevoked);
  CHECK_FALSE(memory.Find(Key(2), 103).ask);
}

TEST_CASE("when it is full, what was longest unasked is unknown again", "[certificate]") {
  OcspMemory memory(2);
  memory.Put(Key(1), Good(1, 1000), 10);
  memory.Put(Key(2), Revoked(1, 1000), 10);
  CHECK(memory.Find(Key(1), 10).status == Status::kGood);
  memory.Put(Key(3), Good(1, 1000), 10);
  CHECK(memory.size() == 2);
  CHECK(memory.Find(Key(2), 10).status == Status::kUnknown);
  CHECK(memory.Find(Key(2), 10).ask);
  CHECK(memory.Find(Key(1), 10).status == Status::kGood);
}

// The rules as they are said, over every answer that ever came.
struct Model {
  OcspAnswer counts;  // unknown: none
  int64_t silent_from_s = 0, silent_until_s = -1;

  void Put(const OcspAnswer& answer, int64_t now_s) {
    const bool holds =
        counts.status == Status::kRevoked || (counts.status == Status::kGood && now_s <= counts.until_s);
    const bool newer =
        answer.from_s > counts.from_s || (answer.from_s == counts.from_s && answer.status >= counts.status);
    if (holds && !newer) {
      silent_from_s = now_s;
      silent_until_s = now_s + kOcspSilenceSeconds;
    } else {
      counts = answer;
      silent_until_s = -1;
    }
  }
};

TEST_CASE("any answers in any order: never good without one that holds and is not outdone", "[certificate]") {
  const unsigned seed = 20261126;
  INFO("seed " << seed);
  std::mt19937 random(seed);
  const auto pick = [&](int64_t most) {
    return static_cast<int64_t>(random() % static_cast<unsigned>(most + 1));
  };
  for (int run = 0; run < 300; ++run) {
    OcspMemory memory;
    std::map<unsigned char, Model> models;
    int64_t now_s = 100;
    for (int step = 0; step < 60; ++step) {
      const auto which = static_cast<unsigned char>(pick(2));
      Model& model = models[which];
      now_s += pick(8);
      const int64_t from_s = now_s - pick(30), until_s = now_s + pick(20);
      switch (pick(2)) {
        case 0: {
          const OcspAnswer answer = pick(3) == 0 ? Revoked(from_s, until_s) : Good(from_s, until_s);
          memory.Put(Key(which), answer, now_s);
          model.Put(answer, now_s);
          break;
        }
        case 1:
          memory.PutSilence(Key(which), "silence", now_s, now_s + 15);
          model.silent_from_s = now_s;
          model.silent_until_s = now_s + 15;
          break;
        default:
          break;
      }
      const OcspMemory::Known known = memory.Find(Key(which), now_s);
      const bool in_force = model.counts.status != Status::kUnknown && now_s <= model.counts.until_s;
      const bool silent = model.silent_from_s <= now_s && now_s <= model.silent_until_s;
      const Status expected =
          in_force || model.counts.status == Status::kRevoked ? model.counts.status : Status::kUnknown;
      REQUIRE(known.status == expected);
      REQUIRE(known.ask == (!in_force && !silent));
      if (known.status == Status::kGood) REQUIRE(now_s <= known.until_s);
      if (known.until_s != 0) REQUIRE(now_s <= known.until_s);
    }
  }
}

TEST_CASE("a responder's URL is plain http and says one thing", "[certificate]") {
  const auto read = ParseResponderUrl("http://ocsp.bank.example:8080/a/b?c=d");
  REQUIRE(read.has_value());
  CHECK(read->host == "ocsp.bank.example");
  CHECK(read->port == 8080);
  CHECK(read->authority == "ocsp.bank.example:8080");
  CHECK(read->target == "/a/b?c=d");
  CHECK(ParseResponderUrl("HTTP://a")->target == "/");
  CHECK(ParseResponderUrl("http://a")->port == 80);
  CHECK(ParseResponderUrl("http://a?q")->target == "/?q");
  CHECK(ParseResponderUrl("http://[::1]:81/x")->host == "::1");
  CHECK(ParseResponderUrl("http://[::1]:81/x")->port == 81);
  CHECK(ParseResponderUrl("http://[::1]")->port == 80);
  for (const char* bad : {"",
                          "http://",
                          "https://a/",
                          "ldap://a/",
                          "http:/a",
                          "http://a b/",
                          "http://a\r\nX: y/",
                          "http://u@a/",
                          "http://a:0/",
                          "http://a:65536/",
                          "http://a:/",
                          "http://a:8o/",
                          "http://a:+8/",
                          "http://[::1/",
                          "http://[::1]x/",
                          "http://[zz]/",
                          "http://a/#b",
                          "http://a/\xc3\xa4",
                          "//a/",
                          "http:///path",
                          "http://:80/"}) {
    INFO(bad);
    CHECK_FALSE(ParseResponderUrl(bad).has_value());
  }
  CHECK_FALSE(ParseResponderUrl("http://a/" + std::string(kResponderUrlBytesMax, 'a')).has_value());
}

}  // namespace
}  // namespace stockade
