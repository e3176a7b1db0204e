// Proven here: SipHash-2-4-128 gives the 64 vectors that its authors publish (vectors_sip128 of their
// reference code: key 00..0f, input the first n of 00, 01, …), and agrees with OpenSSL's EVP_MAC on random
// keys and inputs.
#include "engine/event/keyed_hash.h"

#include <openssl/evp.h>
#include <openssl/params.h>

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace stockade {
namespace {

constexpr std::array<std::string_view, 64> kVectors = {
    "a3817f04ba25a8e66df67214c7550293", "da87c1d86b99af44347659119b22fc45",
    "8177228da4a45dc7fca38bdef60affe4", "9c70b60c5267a94e5f33b6b02985ed51",
    "f88164c12d9c8faf7d0f6e7c7bcd5579", "1368875980776f8854527a07690e9627",
    "14eeca338b208613485ea0308fd7a15e", "a1f1ebbed8dbc153c0b84aa61ff08239",
    "3b62a9ba6258f5610f83e264f31497b4", "264499060ad9baabc47f8b02bb6d71ed",
    "00110dc378146956c95447d3f3d0fbba", "0151c568386b6677a2b4dc6f81e5dc18",
    "d626b266905ef35882634df68532c125", "9869e247e9c08b10d029934fc4b952f7",
    "31fcefac66d7de9c7ec7485fe4494902", "5493e99933b0a8117e08ec0f97cfc3d9",
    "6ee2a4ca67b054bbfd3315bf85230577", "473d06e8738db89854c066c47ae47740",
    "a426e5e423bf4885294da481feaef723", "78017731cf65fab074d5208952512eb1",
    "9e25fc833f2290733e9344a5e83839eb", "568e495abe525a218a2214cd3e071d12",
    "4a29b54552d16b9a469c10528eff0aae", "c9d184ddd5a9f5e0cf8ce29a9abf691c",
    "2db479ae78bd50d8882a8a178a6132ad", "8ece5f042d5e447b5051b9eacb8d8f6f",
    "9c0b53b4b3c307e87eaee08678141f66", "abf248af69a6eae4bfd3eb2f129eeb94",
    "0664da1668574b88b935f3027358aef4", "aa4b9dc4bf337de90cd4fd3c467c6ab7",
    "ea5c7f471faf6bde2b1ad7d4686d2287", "2939b0183223fafc1723de4f52c43d35",
    "7c3956ca5eeafc3e363e9d556546eb68", "77c6077146f01c32b6b69d5f4ea9ffcf",
    "37a6986cb8847edf0925f0f1309b54de", "a705f0e69da9a8f907241a2e923c8cc8",
    "3dc47d1f29c448461e9e76ed904f6711", "0d62bf01e6fc0e1a0d3c4751c5d3692b",
    "8c03468bca7c669ee4fd5e084bbee7b5", "528a5bb93baf2c9c4473cce5d0d22bd9",
    "df6a301e95c95dad97ae0cc8c6913bd8", "801189902c857f39e73591285e70b6db",
    "e617346ac9c231bb3650ae34ccca0c5b", "27d93437efb721aa401821dcec5adf89",
    "89237d9ded9c5e78d8b1c9b166cc7342", "4a6d8091bf5e7d651189fa94a250b14c",
    "0e33f96055e7ae893ffc0e3dcf492902", "e61c432b720b19d18ec8d84bdc63151b",
    "f7e5aef549f782cf379055a608269b16", "438d030fd0b7a54fa837f2ad201a6403",
    "a590d3ee4fbf04e3247e0d27f286423f", "5fe2c1a172fe93c4b15cd37caef9f538",
    "2c97325cbd06b36eb2133dd08b3a017c", "92c814227a6bca949ff0659f002ad39e",
    "dce850110bd8328cfbd50841d6911d87", "67f14984c7da791248e32bb5922583da",
    "1938f2cf72d54ee97e94166fa91d2a36", "74481e9646ed49fe0f6224301604698e",
    "57fca5de98a9d6d8006438d0583d8a1d", "9fecde1cefdc1cbed4763674d9575359",
    "e3040c00eb28f15366ca73cbd872e740", "7697009a6a831dfecca91c5993670f7a",
    "5853542321f567a005d547a4f04759bd", "5150d1772f50834a503e069a973fbd7c",
};

std::string OpenSslSipHash128(const std::array<unsigned char, 16>& key,
                              const std::vector<unsigned char>& input) {
  const std::unique_ptr<EVP_MAC, decltype(&EVP_MAC_free)> mac(EVP_MAC_fetch(nullptr, "SIPHASH", nullptr),
                                                              EVP_MAC_free);
  const std::unique_ptr<EVP_MAC_CTX, decltype(&EVP_MAC_CTX_free)> context(EVP_MAC_CTX_new(mac.get()),
                                                                          EVP_MAC_CTX_free);
  size_t size = 16;
  const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_size_t("size", &size), OSSL_PARAM_construct_end()};
  std::array<unsigned char, 16> out{};
  size_t written = 0;
  REQUIRE(EVP_MAC_init(context.get(), key.data(), key.size(), parameters) == 1);
  REQUIRE(EVP_MAC_update(context.get(), input.data(), input.size()) == 1);
  REQUIRE(EVP_MAC_final(context.get(), out.data(), &written, out.size()) == 1);
  REQUIRE(written == 16);
  std::string hex;
  for (const unsigned char byte : out) {
    hex.push_back("0123456789abcdef"[byte >> 4]);
    hex.push_back("0123456789abcdef"[byte & 15]);
  }
  return hex;
}

TEST_CASE("SipHash-2-4-128 gives the 64 vectors of its authors", "[event]") {
  const auto key = HashKey::Parse("000102030405060708090a0b0c0d0e0f");
  REQUIRE(key);
  std::string input;
  for (size_t n = 0; n < kVectors.size(); ++n) {
    INFO("length " << n);
    CHECK(ToHex(SipHash128(*key, input)) == kVectors[n]);
    input.push_back(static_cast<char>(n));
  }
}

TEST_CASE("SipHash-2-4-128 agrees with OpenSSL on random keys and inputs", "[event]") {
  const unsigned seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 300; ++round) {
    std::array<unsigned char, 16> key{};
    std::string key_hex;
    for (unsigned char& byte : key) {
      byte = static_cast<unsigned char>(random());
      key_hex.push_back("0123456789ABCDEF"[byte >> 4]);
      key_hex.push_back("0123456789ABCDEF"[byte & 15]);
    }
    std::vector<unsigned char> input(random() % 600);
    for (unsigned char& byte : input) byte = static_cast<unsigned char>(random());
    const auto parsed = HashKey::Parse(key_hex);
    REQUIRE(parsed);
    REQUIRE(ToHex(SipHash128(*parsed, input.data(), input.size())) == OpenSslSipHash128(key, input));
  }
}

TEST_CASE("two hashes made at once are those made one after the other", "[event]") {
  const HashKey first_key{1, 2};
  const HashKey second_key{3, 4};
  std::string first;
  for (int n = 0; n < 40; ++n, first.push_back(static_cast<char>(7 * n))) {
    std::string second;
    for (int m = 0; m < 40; ++m, second.push_back(static_cast<char>(-m))) {
      const HashPair both =
          SipHash128Two({first_key, first.data(), first.size()}, {second_key, second.data(), second.size()});
      REQUIRE(both.first == SipHash128(first_key, first));
      REQUIRE(both.second == SipHash128(second_key, second));
    }
  }
}

TEST_CASE("a hash key is 32 hexadecimal digits and nothing else", "[event]") {
  for (const std::string_view bad :
       {"", "00", "000102030405060708090a0b0c0d0e0", "000102030405060708090a0b0c0d0e0f0",
        "g00102030405060708090a0b0c0d0e0f", " 00102030405060708090a0b0c0d0e0f",
        "0x0102030405060708090a0b0c0d0e0f"}) {
    INFO(bad);
    CHECK_FALSE(HashKey::Parse(bad));
  }
  CHECK(HashKey::Parse("0123456789abcdefFEDCBA9876543210")->k0 == 0xefcdab8967452301ULL);
}

// A long multiplication in digits of 32 bits: the bits 64 to 127 of the sum of products.
uint64_t MultiplyShift(const std::array<Hash128, 4>& factors, const std::array<uint64_t, 3>& words) {
  std::array<uint64_t, 4> digits{};
  const auto add = [&digits](size_t at, uint64_t value) {
    for (; at < digits.size() && value != 0; ++at) {
      digits[at] += value & 0xffffffff;
      value = (value >> 32) + (digits[at] >> 32);
      digits[at] &= 0xffffffff;
    }
  };
  const auto digits_of = [](const Hash128& number) {
    return std::array<uint64_t, 4>{number.low & 0xffffffff, number.low >> 32, number.high & 0xffffffff,
                                   number.high >> 32};
  };
  for (size_t word = 0; word < 3; ++word)
    for (size_t i = 0; i < 4; ++i)
      for (size_t j = 0; j < 2; ++j)
        add(i + j, digits_of(factors[word])[i] * (words[word] >> (32 * j) & 0xffffffff));
  for (size_t i = 0; i < 4; ++i) add(i, digits_of(factors[3])[i]);
  return digits[3] << 32 | digits[2];
}

TEST_CASE("the hash of words is multiply-shift under factors of its own for each use", "[event][oracle]") {
  const unsigned seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 500; ++round) {
    const HashKey key{random(), random()};
    const std::string use = std::to_string(random());
    const Hash128 own = SipHash128(key, use);
    std::array<std::array<Hash128, 4>, 2> factors;
    for (uint64_t number = 0; number < 8; ++number)
      factors[number / 4][number % 4] = SipHash128({own.low, own.high}, &number, sizeof number);
    const WordHash hash(key, use);
    const auto any = [&] { return random() % 4 == 0 ? 0 : random() % 4 == 0 ? UINT64_MAX : random(); };
    const std::array<uint64_t, 3> words = {any(), any(), any()};
    const auto spread = [](uint64_t half) {
      half = (half ^ (half >> 32)) * 0xd6e8feb86659fd93ULL;
      return half ^ (half >> 32);
    };
    const Hash128 got = hash(words[0], words[1], words[2]);
    REQUIRE(got.low == spread(MultiplyShift(factors[0], words)));
    REQUIRE(got.high == spread(MultiplyShift(factors[1], words)));
    REQUIRE(hash.Short(words[0], words[1], words[2]) == got.low);
    REQUIRE(WordHash(key, use + "'")(words[0], words[1], words[2]) != got);
  }
}

TEST_CASE("addresses in a row, and networks, spread over a table", "[event]") {
  constexpr size_t kLines = 2048;
  constexpr uint64_t kAddresses = 8 * kLines;
  for (uint64_t n = 0; n < 40; ++n) {
    const WordHash hash({n, ~n}, "test");
    for (const uint64_t step : {uint64_t{1}, uint64_t{1} << 8, uint64_t{1} << 16, uint64_t{1} << 40}) {
      std::array<int, kLines> fullest{};
      for (uint64_t i = 0; i < kAddresses; ++i) ++fullest[hash(0xc0000200 + i * step, 0, 32).low % kLines];
      // Of 8 on average; chance has some 22 in the fullest.
      CHECK(*std::max_element(fullest.begin(), fullest.end()) < 40);
    }
  }
}

TEST_CASE("combined hashes tell the order and the parts of a tuple apart", "[event]") {
  const HashKey key{1, 2};
  std::vector<Hash128> parts;
  for (int i = 0; i < 60; ++i) parts.push_back(SipHash128(key, std::to_string(i)));
  std::set<Hash128> seen;
  for (const Hash128& a : parts)
    for (const Hash128& b : parts) seen.insert(Combine(a, b));
  CHECK(seen.size() == parts.size() * parts.size());
}

}  // namespace
}  // namespace stockade
