// Client certificates verified a second: OpenSSL alone, ours when the certificate is new, and ours when it was good before.
// A PKI is made in memory: root, intermediate, and more customers than the memory of good certificates holds, all P-256.
// Before anything is timed both sides verify the same certificates, and must agree.
//
//   BM_Openssl_VerifyCert      parse leaf and intermediate, X509_verify_cert for clients: the floor
//   BM_Ours_Cold               CertificateVerifier on certificates it does not remember
//   BM_Ours_ColdWithCrl/n      the same, asking a CRL of n entries for the leaf and an empty one for the intermediate
//   BM_Ours_Cached             on those it does
//   BM_Ours_BadSignature       on a stranger's: nothing is remembered
#include <benchmark/benchmark.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "adapters/certificate/openssl_owned.h"
#include "adapters/certificate/verifier.h"
#include "engine/status.h"

namespace stockade {
namespace {

constexpr size_t kCustomers = kVerifiedCertificatesMax * 2;
constexpr int64_t kNowS = 1714953600;  // 2024-05-06
constexpr int64_t kDayS = 86400;

using OwnedKey = std::unique_ptr<EVP_PKEY, FreeBy<EVP_PKEY_free>>;

template <typename Object>
std::string DerOf(Object* object, int (*encode)(const Object*, unsigned char**)) {
  unsigned char* bytes = nullptr;
  const int size = encode(object, &bytes);
  STOCKADE_CHECK(size > 0);
  std::string der(reinterpret_cast<char*>(bytes), static_cast<size_t>(size));
  OPENSSL_free(bytes);
  return der;
}

void SetName(X509_NAME* name, const std::string& common_name) {
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1, 0);
}

void AddExtension(X509* certificate, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
  STOCKADE_CHECK(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1);
  X509_EXTENSION_free(extension);
}

struct Signer {
  OwnedX509 certificate;
  OwnedKey key;
};

OwnedX509 Issue(const std::string& name, long serial, EVP_PKEY* key, X509* issuer, EVP_PKEY* issuer_key,
                bool ca) {
  OwnedX509 certificate(X509_new());
  X509* const made = certificate.get();
  X509_set_version(made, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(made), serial);
  ASN1_TIME_set(X509_getm_notBefore(made), kNowS - 100 * kDayS);
  ASN1_TIME_set(X509_getm_notAfter(made), kNowS + 100 * kDayS);
  SetName(X509_get_subject_name(made), name);
  X509_set_issuer_name(made, X509_get_subject_name(issuer == nullptr ? made : issuer));
  X509_set_pubkey(made, key);
  X509* const by = issuer == nullptr ? made : issuer;
  AddExtension(made, by, NID_basic_constraints, ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
  AddExtension(made, by, NID_key_usage, ca ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature");
  AddExtension(made, by, NID_subject_key_identifier, "hash");
  AddExtension(made, by, NID_authority_key_identifier, "keyid");
  if (!ca) AddExtension(made, by, NID_ext_key_usage, "clientAuth");
  STOCKADE_CHECK(X509_sign(made, issuer_key, EVP_sha256()) > 0);
  return certificate;
}

std::string MakeCrl(const Signer& signer, long entries) {
  const std::unique_ptr<X509_CRL, FreeBy<X509_CRL_free>> crl(X509_CRL_new());
  X509_CRL_set_version(crl.get(), X509_CRL_VERSION_2);
  X509_CRL_set_issuer_name(crl.get(), X509_get_subject_name(signer.certificate.get()));
  ASN1_TIME* const time = ASN1_TIME_set(nullptr, kNowS - kDayS);
  X509_CRL_set1_lastUpdate(crl.get(), time);
  for (long i = 0; i < entries; ++i) {
    X509_REVOKED* const entry = X509_REVOKED_new();
    ASN1_INTEGER* const serial = ASN1_INTEGER_new();
    ASN1_INTEGER_set(serial, 100'000'000 + i);
    X509_REVOKED_set_serialNumber(entry, serial);
    X509_REVOKED_set_revocationDate(entry, time);
    X509_CRL_add0_revoked(crl.get(), entry);
    ASN1_INTEGER_free(serial);
  }
  ASN1_TIME_set(time, kNowS + kDayS);
  X509_CRL_set1_nextUpdate(crl.get(), time);
  ASN1_TIME_free(time);
  X509_CRL_sort(crl.get());
  STOCKADE_CHECK(X509_CRL_sign(crl.get(), signer.key.get(), EVP_sha256()) > 0);
  return DerOf<X509_CRL>(crl.get(), i2d_X509_CRL);
}

struct Scene {
  Signer root, inter;
  std::string anchor_file = "certificate_bench_root.pem";
  OwnedX509Store store{X509_STORE_new()};
  std::vector<CertificateEvidence> shown;
  CertificateEvidence bad;

  Scene() {
    root.key.reset(EVP_EC_gen("P-256"));
    root.certificate = Issue("Root", 1, root.key.get(), nullptr, root.key.get(), true);
    inter.key.reset(EVP_EC_gen("P-256"));
    inter.certificate = Issue("Inter", 2, inter.key.get(), root.certificate.get(), root.key.get(), true);
    X509_STORE_add_cert(store.get(), root.certificate.get());
    const OwnedBio file(BIO_new_file(anchor_file.c_str(), "wb"));
    STOCKADE_CHECK(file != nullptr && PEM_write_bio_X509(file.get(), root.certificate.get()) == 1);
    const OwnedKey customer(EVP_EC_gen("P-256"));
    for (size_t i = 0; i < kCustomers; ++i) {
      CertificateEvidence evidence;
      evidence.from = CertificateEvidence::From::kTls;
      evidence.leaf_der = DerOf<X509>(Issue("customer" + std::to_string(i), static_cast<long>(1000 + i),
                                            customer.get(), inter.certificate.get(), inter.key.get(), false)
                                          .get(),
                                      i2d_X509);
      evidence.chain_der = {DerOf<X509>(inter.certificate.get(), i2d_X509)};
      shown.push_back(std::move(evidence));
    }
    bad = shown[0];
    bad.leaf_der.back() = static_cast<char>(bad.leaf_der.back() ^ 1);
  }
  ~Scene() { std::remove(anchor_file.c_str()); }

  bool Openssl(const CertificateEvidence& evidence) const {
    const auto parse = [](const std::string& der) {
      const auto* at = reinterpret_cast<const unsigned char*>(der.data());
      return OwnedX509(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
    };
    const OwnedX509 leaf = parse(evidence.leaf_der);
    const OwnedCertificates sent(sk_X509_new_null());
    sk_X509_push(sent.get(), parse(evidence.chain_der[0]).release());
    const OwnedX509StoreContext context(X509_STORE_CTX_new());
    X509_STORE_CTX_init(context.get(), store.get(), leaf.get(), sent.get());
    X509_VERIFY_PARAM* const param = X509_STORE_CTX_get0_param(context.get());
    X509_VERIFY_PARAM_set_time(param, kNowS);
    X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_CLIENT);
    X509_VERIFY_PARAM_set_auth_level(param, 2);
    const bool good = X509_verify_cert(context.get()) == 1;
    ERR_clear_error();
    return good;
  }
  std::unique_ptr<CertificateVerifier> Ours(std::shared_ptr<const CurrentCrls> crls = nullptr) const {
    CertificateVerifierOptions options;
    options.anchor_files = {anchor_file};
    options.crls = std::move(crls);
    auto verifier = CertificateVerifier::Create(options);
    STOCKADE_CHECK(verifier.ok());
    return std::move(*verifier);
  }
};

const Scene& TheScene() {
  static const Scene scene;
  return scene;
}

bool IsGood(const CertificateVerifier& verifier, size_t customer) {
  return verifier
             .Verify(TheScene().shown[customer], "customer" + std::to_string(customer),
                     absl::FromUnixSeconds(kNowS))
             .status == CertificateStatus::kValid;
}

void BM_Openssl_VerifyCert(benchmark::State& state) {
  size_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(TheScene().Openssl(TheScene().shown[i]));
    i = (i + 1) % kCustomers;
  }
  state.SetItemsProcessed(state.iterations());
}

// Each customer comes again only when the memory has forgotten him.
void RunCold(benchmark::State& state, const CertificateVerifier& verifier) {
  size_t i = 0;
  for (auto _ : state) {
    if (!IsGood(verifier, i)) state.SkipWithError("a good certificate was refused");
    i = (i + 1) % kCustomers;
  }
  state.SetItemsProcessed(state.iterations());
}

void BM_Ours_Cold(benchmark::State& state) {
  RunCold(state, *TheScene().Ours());
}

void BM_Ours_ColdWithCrl(benchmark::State& state) {
  const auto crls =
      CrlSet::FromDer({MakeCrl(TheScene().root, 0), MakeCrl(TheScene().inter, state.range(0))}, {});
  STOCKADE_CHECK(crls->problems().empty());
  RunCold(state, *TheScene().Ours(std::make_shared<CurrentCrls>(crls)));
}

void BM_Ours_Cached(benchmark::State& state) {
  const auto verifier = TheScene().Ours();
  constexpr size_t kKnown = 4096;
  for (size_t i = 0; i < kKnown; ++i) STOCKADE_CHECK(IsGood(*verifier, i));
  size_t i = 0;
  for (auto _ : state) {
    if (!IsGood(*verifier, i)) state.SkipWithError("a known certificate was refused");
    i = (i + 1) % kKnown;
  }
  state.SetItemsProcessed(state.iterations());
}

void BM_Ours_BadSignature(benchmark::State& state) {
  const auto verifier = TheScene().Ours();
  for (auto _ : state)
    benchmark::DoNotOptimize(verifier->Verify(TheScene().bad, "customer0", absl::FromUnixSeconds(kNowS)));
  STOCKADE_CHECK(verifier->remembered() == 0);
  state.SetItemsProcessed(state.iterations());
}

BENCHMARK(BM_Openssl_VerifyCert)->Unit(benchmark::kMicrosecond);
BENCHMARK(BM_Ours_Cold)->Unit(benchmark::kMicrosecond);
BENCHMARK(BM_Ours_ColdWithCrl)->Arg(0)->Arg(1000)->Arg(100000)->Unit(benchmark::kMicrosecond);
BENCHMARK(BM_Ours_Cached)->Unit(benchmark::kMicrosecond);
BENCHMARK(BM_Ours_BadSignature)->Unit(benchmark::kMicrosecond);

void BothAgree() {
  const auto verifier = TheScene().Ours();
  for (size_t i = 0; i < 1000; ++i)
    STOCKADE_CHECK(TheScene().Openssl(TheScene().shown[i]) && IsGood(*verifier, i));
  STOCKADE_CHECK(!TheScene().Openssl(TheScene().bad));
  STOCKADE_CHECK(verifier->Verify(TheScene().bad, "customer0", absl::FromUnixSeconds(kNowS)).status ==
                 CertificateStatus::kBadSignature);
}

}  // namespace
}  // namespace stockade

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  stockade::BothAgree();
  benchmark::RunSpecifiedBenchmarks();
}
