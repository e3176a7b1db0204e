// Proves that what is known comes back from its file as it went in, within its bounds, the last noted first; and that a file
// that is anything else is refused whole.
#include "adapters/certificate/known_certificates.h"

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "tests/adapters/certificate/pki.h"

namespace stockade {
namespace {

CertificateEvidence Evidence(const std::string& leaf, std::vector<std::string> chain = {}) {
  CertificateEvidence evidence;
  evidence.from = CertificateEvidence::From::kHeader;
  evidence.leaf_der = leaf;
  evidence.chain_der = std::move(chain);
  return evidence;
}

// Leaves, the last noted first.
std::string Leaves(const KnownCertificates& known) {
  std::string all;
  for (const KnownCertificates::Record& record : known.All()) {
    const auto evidence = KnownCertificates::Read(*record);
    REQUIRE(evidence.has_value());
    all += evidence->leaf_der + " ";
  }
  return all;
}

TEST_CASE("what is known is kept once, and the longest unasked goes first", "[certificate]") {
  KnownCertificates known(3);
  for (const char* name : {"a", "b", "c"}) known.Note(Evidence(name));
  known.Note(Evidence("a"));
  CHECK(Leaves(known) == "a c b ");
  known.Note(Evidence("d"));
  CHECK(Leaves(known) == "d a c ");
  known.Note(Evidence("a", {"with another chain"}));
  CHECK(Leaves(known) == "a d c ");
  CHECK(KnownCertificates::Read(*known.All().front())->chain_der ==
        std::vector<std::string>{"with another chain"});
  // However many chains one leaf comes with, nobody else is pushed out.
  for (int i = 0; i < 100; ++i) known.Note(Evidence("a", {std::to_string(i)}));
  CHECK(Leaves(known) == "a d c ");
  known.Forget(known.All().front());
  CHECK(Leaves(known) == "d c ");
  known.Note(CertificateEvidence{});
  known.Note(Evidence(std::string(kCertificateBytesMax + 1, 'x')));
  known.Note(Evidence("x", std::vector<std::string>(kCertificateChainMax + 1, "y")));
  CHECK(known.size() == 2);
}

TEST_CASE("the bytes are bounded too", "[certificate]") {
  KnownCertificates known(1000, 1000);
  for (int i = 0; i < 100; ++i) known.Note(Evidence(std::string(95, 'a') + std::to_string(i)));
  CHECK(known.bytes() <= 1000);
  CHECK(known.size() == 9);
  known.Note(Evidence(std::string(2000, 'x')));
  CHECK(known.size() == 9);
}

TEST_CASE("a file comes back as it was written, for its owner alone, and replaces the one before",
          "[certificate]") {
  const TemporaryFolder folder;
  const std::string file = folder / "known";
  KnownCertificates known;
  CHECK(*known.Load(file) == 0);
  known.Note(Evidence("leaf", {"inter", std::string("b\0c", 3)}));
  known.Note(Evidence("second"));
  REQUIRE(known.Save(file).ok());
  known.Note(Evidence("third"));
  REQUIRE(known.Save(file).ok());
  struct stat about;
  REQUIRE(stat(file.c_str(), &about) == 0);
  CHECK((about.st_mode & 0777) == 0600);
  CHECK(access((file + ".new").c_str(), F_OK) != 0);

  KnownCertificates again;
  CHECK(*again.Load(file) == 3);
  CHECK(Leaves(again) == "third second leaf ");
  CHECK(KnownCertificates::Read(*again.All().back())->chain_der ==
        std::vector<std::string>{"inter", std::string("b\0c", 3)});
  CHECK_FALSE(known.Save(folder / "no/such").ok());
}

TEST_CASE("what is no such file is refused whole, wherever it was damaged", "[certificate]") {
  const TemporaryFolder folder;
  const std::string file = folder / "known";
  KnownCertificates known;
  known.Note(Evidence("leaf", {"inter"}));
  known.Note(Evidence("second"));
  REQUIRE(known.Save(file).ok());
  const std::string whole = ReadWholeFile(file);
  const auto refused = [&](const std::string& bytes) {
    std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
    KnownCertificates read;
    const auto status = read.Load(file).status();
    return !status.ok() && read.size() == 0 && std::string(status.message()).find(file) == 0;
  };
  for (size_t i = 0; i < whole.size(); ++i) {
    INFO(i);
    CHECK(refused(whole.substr(0, i)));
    std::string damaged = whole;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    CHECK(refused(damaged));
  }
  CHECK(refused(whole + "x"));
  CHECK_FALSE(known.Load(folder.path()).ok());
}

}  // namespace
}  // namespace stockade
