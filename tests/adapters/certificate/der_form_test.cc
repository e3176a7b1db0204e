// What is DER and what is merely BER, element by element.
#include "adapters/certificate/der_form.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"

namespace stockade {
namespace {

bool IsDerHex(const std::string& hex) {
  return IsDer(absl::HexStringToBytes(hex));
}

TEST_CASE("one element in its shortest form is DER", "[certificate]") {
  for (const char* hex :
       {"0500",     "0101ff", "010100",     "020100",     "02017f",   "02020080",     "020180",
        "0202ff7f", "0a0101", "030100",     "03020780",   "0302008f", "0400",         "06032a0304",
        "06022a7f", "3000",   "30030101ff", "a003020102", "8000",     "310030003000", "0c0141"}) {
    INFO(hex);
    const bool two = std::string(hex) == "310030003000";  // a SET and more behind it
    CHECK(IsDerHex(hex) == !two);
  }
  CHECK(IsDer(std::string("\x04\x81\x80", 3) + std::string(128, 'x')));
}

TEST_CASE("whatever has a shorter or another spelling is not", "[certificate]") {
  for (const char* hex : {"",
                          "05",
                          "0501",
                          "050000",
                          "0200",
                          "02020001",
                          "0202ff80",
                          "010101",
                          "0102ffff",
                          "0100",
                          "0300",
                          "030101",
                          "03020781",
                          "030208ff",
                          "0600",
                          "060180",
                          "06022a80",
                          "0603802a03",
                          "3080",
                          "30800000",
                          "3081030101ff",
                          "30820003",
                          "04810100",
                          "0482008000",
                          "1000",
                          "1100",
                          "2403040100",
                          "1f0100",
                          "3f1f00",
                          "30020101",
                          "0000",
                          "048400000000",
                          "0488000000000000000041",
                          "04ffffffffff"}) {
    INFO(hex);
    CHECK_FALSE(IsDerHex(hex));
  }
}

TEST_CASE("depth is bounded", "[certificate]") {
  const auto nested = [](int levels) {
    std::string der = "\x05" + std::string(1, '\0');
    for (int i = 0; i < levels; ++i) der = "\x30" + std::string(1, static_cast<char>(der.size())) + der;
    return der;
  };
  CHECK(IsDer(nested(kDerDepthMax)));
  CHECK_FALSE(IsDer(nested(kDerDepthMax + 1)));
}

}  // namespace
}  // namespace stockade
