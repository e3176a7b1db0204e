#include "adapters/certificate/verifier.h"

#include <openssl/evp.h>

#include <ctime>
#include <optional>
#include <utility>

#include "adapters/certificate/account_binding.h"
#include "adapters/certificate/certificate_text.h"
#include "adapters/certificate/openssl_owned.h"
#include "adapters/certificate/strict_der.h"
#include "adapters/certificate/verified_cache.h"
#include "engine/event/printable_text.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

// Of every byte shown, each certificate under its length.
std::optional<VerifiedCache::Key> KeyOf(const CertificateEvidence& evidence) {
  const std::unique_ptr<EVP_MD_CTX, FreeBy<EVP_MD_CTX_free>> digest(EVP_MD_CTX_new());
  VerifiedCache::Key key;
  bool good = digest != nullptr && EVP_DigestInit_ex(digest.get(), EVP_sha256(), nullptr) == 1;
  const auto add = [&](const std::string& der) {
    const uint64_t size = der.size();
    good = good && EVP_DigestUpdate(digest.get(), &size, sizeof size) == 1 &&
           EVP_DigestUpdate(digest.get(), der.data(), der.size()) == 1;
  };
  add(evidence.leaf_der);
  for (const std::string& der : evidence.chain_der) add(der);
  if (!good || EVP_DigestFinal_ex(digest.get(), key.data(), nullptr) != 1) return std::nullopt;
  return key;
}

OwnedX509 Read(const std::string& der, std::string* why) {
  if (der.size() > kCertificateBytesMax) {
    *why = Concat("has more than ", kCertificateBytesMax, " bytes");
    return nullptr;
  }
  return ReadCertificate(der, why);
}

class OpensslVerifier final : public CertificateVerifier {
 public:
  OpensslVerifier(std::unique_ptr<CertificatePaths> paths, std::shared_ptr<const CurrentCrls> crls,
                  std::optional<OcspSources> ocsp, AccountBinding binding)
      : paths_(std::move(paths)),
        crls_(std::move(crls)),
        ocsp_(std::move(ocsp)),
        binding_(std::move(binding)),
        cache_(kVerifiedCertificatesMax) {}

  CertificateVerdict Verify(const CertificateEvidence& evidence, std::string_view account,
                            absl::Time now) const override {
    using From = CertificateEvidence::From;
    if (evidence.from == From::kNone) return {CertificateStatus::kMissing, "no certificate was shown", {}};
    if (evidence.from == From::kMalformed) {
      return {CertificateStatus::kMalformed, "what was shown as a certificate cannot be read", {}};
    }
    const ClearErrorsAtEnd clear;
    const std::time_t now_s = absl::ToTimeT(now);
    if (evidence.chain_der.size() > kCertificateChainMax) {
      return {CertificateStatus::kMalformed, "more certificates were sent than a path can hold", {}};
    }
    // The set that is in force now is the one for all of this login.
    const std::shared_ptr<const CrlSet> crls = crls_ == nullptr ? nullptr : crls_->Get();
    RevocationSources revocation(crls.get());
    if (ocsp_) revocation.ocsp = &*ocsp_;
    revocation.brought = evidence.ocsp_der;
    // Before the answers are looked up: what is revoked meanwhile is of a later epoch.
    const RevocationEpochs epochs{crls == nullptr ? 0 : crls->epoch(), ocsp_ ? ocsp_->memory->epoch() : 0};
    const std::optional<VerifiedCache::Key> key = KeyOf(evidence);
    std::optional<VerifiedCertificate> verified;
    if (key) verified = cache_.Find(*key, now_s, epochs);
    // A response that comes now may tell what was unknown.
    if (verified && !verified->revocation_unknown.empty() && !evidence.ocsp_der.empty()) verified.reset();
    std::vector<OcspQuestion> ask;
    if (!verified) {
      VerifiedCertificate fresh;
      CertificateVerdict verdict = VerifyPath(evidence, revocation, now_s, &fresh);
      if (verdict.status != CertificateStatus::kValid) return verdict;
      fresh.epochs = epochs;
      ask = std::move(verdict.ask);
      // What an answer may change at any moment is not remembered.
      if (key && ask.empty()) cache_.Put(*key, fresh);
      verified = std::move(fresh);
    }
    if (!evidence.refused_by_front.empty()) {
      const bool revoked = evidence.refused_by_front == "certificate revoked";
      return {revoked ? CertificateStatus::kRevoked : CertificateStatus::kUntrusted,
              Concat(verified->subject,
                     ": the proxy in front refuses it: ", PrintableText(evidence.refused_by_front)),
              {}};
    }
    if (verified->account.empty()) {
      return {CertificateStatus::kMismatch, Concat(verified->subject, ": ", verified->no_account), {}};
    }
    if (verified->account != FoldedAccount(account)) {
      return {CertificateStatus::kMismatch,
              Concat(verified->subject, ": speaks for \"", PrintableText(verified->account),
                     "\", not for this account"),
              {}};
    }
    if (!verified->revocation_unknown.empty()) {
      return {CertificateStatus::kValid, verified->revocation_unknown, RevocationUnknown::kAccept,
              std::move(ask)};
    }
    return {CertificateStatus::kValid, verified->subject, {}};
  }

  size_t remembered() const override { return cache_.size(); }

 private:
  CertificateVerdict VerifyPath(const CertificateEvidence& evidence, const RevocationSources& revocation,
                                std::time_t now_s, VerifiedCertificate* verified) const {
    std::string why;
    const OwnedX509 leaf = Read(evidence.leaf_der, &why);
    if (leaf == nullptr) return {CertificateStatus::kMalformed, Concat("the certificate ", why), {}};
    std::vector<OwnedX509> sent;
    for (const std::string& der : evidence.chain_der) {
      sent.push_back(Read(der, &why));
      if (sent.back() == nullptr) {
        return {
            CertificateStatus::kMalformed,
            Concat(SubjectOf(leaf.get()), ": certificate ", sent.size(), " of what was sent with it ", why),
            {}};
      }
    }
    PathAnswer answer = paths_->Verify(leaf.get(), sent, revocation, now_s);
    if (answer.status != CertificateStatus::kValid)
      return {answer.status, std::move(answer.text), answer.revocation_unknown, std::move(answer.ask)};
    verified->from_s = answer.from_s;
    verified->until_s = answer.until_s;
    verified->subject = SubjectOf(leaf.get());
    if (answer.revocation_unknown) verified->revocation_unknown = std::move(answer.text);
    verified->account = binding_.AccountOf(leaf.get(), &verified->no_account).value_or("");
    return {CertificateStatus::kValid, "", {}, std::move(answer.ask)};
  }

  const std::unique_ptr<CertificatePaths> paths_;
  const std::shared_ptr<const CurrentCrls> crls_;
  const std::optional<OcspSources> ocsp_;
  const AccountBinding binding_;
  mutable VerifiedCache cache_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<CertificateVerifier>> CertificateVerifier::Create(
    const CertificateVerifierOptions& options) {
  const ClearErrorsAtEnd clear;
  ASSIGN_OR_RETURN(std::unique_ptr<CertificatePaths> paths,
                   CertificatePaths::Create(options.anchor_files, options.intermediate_files, options.path));
  ASSIGN_OR_RETURN(AccountBinding binding,
                   AccountBinding::Create(options.account_from, options.account_pattern));
  return std::make_unique<OpensslVerifier>(std::move(paths), options.crls, options.ocsp, std::move(binding));
}

}  // namespace stockade
