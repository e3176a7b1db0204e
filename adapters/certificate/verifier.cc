#include "adapters/certificate/verifier.h"

#include <openssl/bn.h>
#include <openssl/evp.h>

#include <algorithm>
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

// Of every byte shown.
std::optional<VerifiedCache::Shown> ShownOf(const CertificateEvidence& evidence) {
  VerifiedCache::Shown shown;
  if (!Sha256(evidence.leaf_der, &shown.leaf)) return std::nullopt;
  if (evidence.chain_der.empty()) return shown;
  std::string chain;
  for (const std::string& der : evidence.chain_der) Append(&chain, der.size(), ":", der);
  if (!Sha256(chain, &shown.chain)) return std::nullopt;
  return shown;
}

OwnedX509 Read(const std::string& der, std::string* why) {
  if (der.size() > kCertificateBytesMax) {
    *why = Concat("has more than ", kCertificateBytesMax, " bytes");
    return nullptr;
  }
  return ReadCertificate(der, why);
}

std::string IssuerSerialOf(const X509* certificate) {
  const std::unique_ptr<BIGNUM, FreeBy<BN_free>> number(
      ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr));
  char* const hex = number == nullptr ? nullptr : BN_bn2hex(number.get());
  std::string key = IssuerSerialKey(NameText(X509_get_issuer_name(certificate)), hex == nullptr ? "" : hex);
  OPENSSL_free(hex);
  return key;
}

// What was shown and is no certificate, or no signature that counts.
CertificateVerdict Faulted(CertificateEvidence::Fault fault) {
  switch (fault) {
    case CertificateEvidence::Fault::kStale:
      return {CertificateStatus::kStale, "the login was signed at another time than now", {}};
    case CertificateEvidence::Fault::kReplayed:
      return {CertificateStatus::kReplayed, "the signature of the login was used before", {}};
    case CertificateEvidence::Fault::kBadSignature:
      return {CertificateStatus::kBadSignature,
              "the signature of the login is not over it, or not with this key",
              {}};
    case CertificateEvidence::Fault::kTooManyNonces:
      return {CertificateStatus::kUnverified,
              "too many signatures are remembered to tell a new one from a used one",
              {}};
    default:
      return {CertificateStatus::kMalformed, "what was shown as a certificate cannot be read", {}};
  }
}

class OpensslVerifier final : public CertificateVerifier {
 public:
  OpensslVerifier(std::unique_ptr<CertificatePaths> paths, std::shared_ptr<const CurrentCrls> crls,
                  std::optional<OcspSources> ocsp, std::shared_ptr<const Current<AccountTable>> accounts,
                  AccountBinding binding)
      : paths_(std::move(paths)),
        crls_(std::move(crls)),
        ocsp_(std::move(ocsp)),
        accounts_(std::move(accounts)),
        binding_(std::move(binding)),
        cache_(kVerifiedCertificatesMax) {}

  CertificateVerdict Verify(const CertificateEvidence& evidence, std::string_view account,
                            absl::Time now) const override {
    return Judge(evidence, account, now, nullptr);
  }

  std::optional<CertificateVerdict> VerifyKnown(const CertificateEvidence& evidence, std::string_view account,
                                                absl::Time now) const override {
    bool is_new = false;
    CertificateVerdict verdict = Judge(evidence, account, now, &is_new);
    if (is_new) return std::nullopt;
    return verdict;
  }

  size_t remembered() const override { return cache_.size(); }

 private:
  // `is_new`: null, or where it is said that a signature would have to be checked, which then is not done.
  CertificateVerdict Judge(const CertificateEvidence& evidence, std::string_view account, absl::Time now,
                           bool* is_new) const {
    using From = CertificateEvidence::From;
    const std::string folded = FoldedAccount(account);
    const std::shared_ptr<const AccountTable> table = accounts_ == nullptr ? nullptr : accounts_->Get();
    if (evidence.from == From::kNone) {
      if (table != nullptr && table->Owns(folded))
        return {CertificateStatus::kWithheld, "no certificate was shown, and the account has one", {}};
      return {CertificateStatus::kMissing, "no certificate was shown", {}};
    }
    if (evidence.from == From::kMalformed) return Faulted(evidence.fault);
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
    const std::optional<VerifiedCache::Shown> shown = ShownOf(evidence);
    if (!shown) return {CertificateStatus::kUntrusted, "OpenSSL could not digest the certificate", {}};
    std::optional<VerifiedCertificate> verified = cache_.Find(*shown, now_s, epochs);
    // A response that comes now may tell what was unknown.
    if (verified && !verified->revocation_unknown.empty() && !evidence.ocsp_der.empty()) verified.reset();
    if (!verified && is_new != nullptr) {
      *is_new = true;
      return {};
    }
    std::vector<OcspQuestion> ask;
    if (!verified) {
      VerifiedCertificate fresh;
      CertificateVerdict verdict = VerifyPath(evidence, revocation, now_s, &fresh);
      if (verdict.status != CertificateStatus::kValid) return verdict;
      fresh.fingerprint = shown->leaf;
      fresh.epochs = epochs;
      ask = std::move(verdict.ask);
      // What an answer may change at any moment is not remembered.
      if (ask.empty()) cache_.Put(*shown, fresh);
      verified = std::move(fresh);
    }
    if (!evidence.refused_by_front.empty()) {
      const bool revoked = evidence.refused_by_front == "certificate revoked";
      return {revoked ? CertificateStatus::kRevoked : CertificateStatus::kUntrusted,
              Concat(verified->subject,
                     ": the proxy in front refuses it: ", PrintableText(evidence.refused_by_front)),
              {}};
    }
    if (std::string why; !SpeaksFor(folded, *verified, table.get(), &why))
      return {CertificateStatus::kMismatch, Concat(verified->subject, ": ", why), {}};
    if (verified->unconfirmed) {
      return {CertificateStatus::kUnconfirmed, verified->revocation_unknown, RevocationUnknown::kChallenge,
              std::move(ask)};
    }
    if (!verified->revocation_unknown.empty()) {
      return {CertificateStatus::kValid, verified->revocation_unknown, RevocationUnknown::kAccept,
              std::move(ask)};
    }
    return {CertificateStatus::kValid, verified->subject, {}};
  }

  bool SpeaksFor(const std::string& account, const VerifiedCertificate& certificate,
                 const AccountTable* table, std::string* why) const {
    const AccountTable::Accounts* const listed =
        table == nullptr ? nullptr : table->Find(certificate.fingerprint, certificate.issuer_serial);
    if (listed != nullptr) {
      if (std::find(listed->begin(), listed->end(), account) != listed->end()) return true;
      *why = Concat("speaks for ", listed->size(), " accounts of the table, not for this one");
      return false;
    }
    if (certificate.account.empty()) {
      *why = certificate.no_account;
      return false;
    }
    if (certificate.account == account) return true;
    *why = Concat("speaks for \"", PrintableText(certificate.account), "\", not for this account");
    return false;
  }

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
    verified->unconfirmed = answer.status == CertificateStatus::kUnconfirmed;
    if (answer.status != CertificateStatus::kValid && !verified->unconfirmed)
      return {answer.status, std::move(answer.text), answer.revocation_unknown, std::move(answer.ask)};
    verified->from_s = answer.from_s;
    verified->until_s = answer.until_s;
    verified->subject = SubjectOf(leaf.get());
    verified->issuer_serial = IssuerSerialOf(leaf.get());
    if (answer.revocation_unknown) verified->revocation_unknown = std::move(answer.text);
    verified->account = binding_.AccountOf(leaf.get(), &verified->no_account).value_or("");
    return {CertificateStatus::kValid, "", {}, std::move(answer.ask)};
  }

  const std::unique_ptr<CertificatePaths> paths_;
  const std::shared_ptr<const CurrentCrls> crls_;
  const std::optional<OcspSources> ocsp_;
  const std::shared_ptr<const Current<AccountTable>> accounts_;
  const AccountBinding binding_;
  mutable VerifiedCache cache_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<CertificateVerifier>> CertificateVerifier::Create(
    const CertificateVerifierOptions& options) {
  const ClearErrorsAtEnd clear;
  ASSIGN_OR_RETURN(std::unique_ptr<CertificatePaths> paths,
                   CertificatePaths::Create(options.anchor_files, options.intermediate_files, options.path));
  ASSIGN_OR_RETURN(
      AccountBinding binding,
      AccountBinding::Create(options.account_from, options.account_pattern, options.account_template));
  return std::make_unique<OpensslVerifier>(std::move(paths), options.crls, options.ocsp, options.accounts,
                                           std::move(binding));
}

}  // namespace stockade
