// What each word of login.certificate asks of an attempt before the password: a table, so that a firm can say otherwise
// where its customers are other people.
//
//                        preferred                            required
//   valid                allow (the certified lane)           allow
//   missing              allow; owner: challenge (identity)   deny
//   withheld             challenge (identity)                 deny
//   unchecked            allow                                deny
//   unconfirmed          challenge (identity)                 challenge (identity)
//   unverified           throttle                             throttle
//   every other word     deny                                 deny
//
// An owner is an account that has logged in with a valid certificate (Lanes::OwnsCertificate): who has stolen nothing but
// its password must not get round the certificate by leaving it out. Where a table of the firm's own says who has one,
// the word is `withheld` (adapters/certificate/account_table.h). A customer who never had one goes on by his lane.
// Only `missing`, `withheld` and `unchecked` may be allowed by a setting: what was shown and is not good never goes on unasked.
// Where certificates are ignored every word asks for nothing.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "engine/event/outcome.h"
#include "engine/gate/verdict.h"

namespace stockade {

// How certificates count where an event carries login.certificate.
enum class CertificatePolicy : uint8_t {
  kIgnored,    // as if it were not there
  kPreferred,  // valid opens the certified lane, a bad one is denied, a missing one goes on
  kRequired,   // anything but valid is denied
};
inline constexpr std::string_view kCertificatePolicyNames[] = {"ignored", "preferred", "required"};

class CertificateVerdicts {
 public:
  // Implicit: a policy is the table it stands for.
  CertificateVerdicts(CertificatePolicy policy = CertificatePolicy::kPreferred) noexcept  // NOLINT
      : policy_(policy) {
    if (policy == CertificatePolicy::kIgnored) return;
    const bool required = policy == CertificatePolicy::kRequired;
    for (size_t i = 0; i < verdicts_.size(); ++i) {
      const bool denied = required || IsBadCertificate(static_cast<CertificateStatus>(i));
      verdicts_[i] = denied ? VerdictKind::kDeny : VerdictKind::kAllow;
    }
    missing_from_owner_ = required ? VerdictKind::kDeny : VerdictKind::kChallenge;
    Set(CertificateStatus::kValid, VerdictKind::kAllow);
    Set(CertificateStatus::kWithheld, missing_from_owner_);
    Set(CertificateStatus::kUnconfirmed, VerdictKind::kChallenge);
    Set(CertificateStatus::kUnverified, VerdictKind::kThrottle);
  }

  // Whether a setting may have this word answered so.
  static constexpr bool MayBe(CertificateStatus status, VerdictKind verdict) noexcept {
    if (status == CertificateStatus::kValid) return false;
    return verdict != VerdictKind::kAllow || status == CertificateStatus::kMissing ||
           status == CertificateStatus::kWithheld || status == CertificateStatus::kUnchecked;
  }
  void Set(CertificateStatus status, VerdictKind verdict) noexcept {
    verdicts_[static_cast<size_t>(status)] = verdict;
  }
  void SetMissingFromOwner(VerdictKind verdict) noexcept { missing_from_owner_ = verdict; }

  CertificatePolicy policy() const noexcept { return policy_; }
  VerdictKind Of(CertificateStatus status) const noexcept { return verdicts_[static_cast<size_t>(status)]; }
  VerdictKind missing_from_owner() const noexcept { return missing_from_owner_; }

  bool operator==(const CertificateVerdicts&) const = default;

 private:
  CertificatePolicy policy_;
  std::array<VerdictKind, kCertificateNames.size()> verdicts_{};
  VerdictKind missing_from_owner_ = VerdictKind::kAllow;
};

}  // namespace stockade
