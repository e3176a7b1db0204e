#include "adapters/certificate/path_policies.h"

#include <openssl/x509v3.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string_view>

#include "adapters/certificate/openssl_owned.h"

namespace stockade {
namespace {

constexpr std::string_view kAnyPolicy = "2.5.29.32.0";

// In place of those that were set.
const std::string* Replace(const std::vector<std::string>& policies, X509_VERIFY_PARAM* param) {
  X509_VERIFY_PARAM_set1_policies(param, nullptr);
  for (const std::string& policy : policies) {
    ASN1_OBJECT* object = OBJ_txt2obj(policy.c_str(), 1);
    if (object == nullptr || X509_VERIFY_PARAM_add0_policy(param, object) != 1) {
      ASN1_OBJECT_free(object);
      return &policy;
    }
  }
  return nullptr;
}

void FreeMappings(POLICY_MAPPINGS* mappings) noexcept {
  sk_POLICY_MAPPING_pop_free(mappings, POLICY_MAPPING_free);
}

// The policies that an anchor issues under, what it maps them to, or none where it is any.
std::vector<std::string> PoliciesOf(const X509* anchor) {
  const auto text = [](const ASN1_OBJECT* object) {
    char dots[128];
    OBJ_obj2txt(dots, sizeof dots, object, 1);
    return std::string(dots);
  };
  const std::unique_ptr<CERTIFICATEPOLICIES, FreeBy<CERTIFICATEPOLICIES_free>> policies(
      static_cast<CERTIFICATEPOLICIES*>(
          X509_get_ext_d2i(anchor, NID_certificate_policies, nullptr, nullptr)));
  const std::unique_ptr<POLICY_MAPPINGS, FreeBy<FreeMappings>> mappings(
      static_cast<POLICY_MAPPINGS*>(X509_get_ext_d2i(anchor, NID_policy_mappings, nullptr, nullptr)));
  std::vector<std::string> all;
  for (int i = 0; i < sk_POLICYINFO_num(policies.get()); ++i) {
    all.push_back(text(sk_POLICYINFO_value(policies.get(), i)->policyid));
    if (all.back() == kAnyPolicy) return {};
  }
  const size_t own = all.size();
  for (int i = 0; i < sk_POLICY_MAPPING_num(mappings.get()); ++i) {
    const POLICY_MAPPING* mapping = sk_POLICY_MAPPING_value(mappings.get(), i);
    const auto end = all.begin() + static_cast<std::ptrdiff_t>(own);
    if (std::find(all.begin(), end, text(mapping->issuerDomainPolicy)) != end)
      all.push_back(text(mapping->subjectDomainPolicy));
  }
  return all;
}

}  // namespace

const std::string* SetPolicies(const std::vector<std::string>& policies, X509_VERIFY_PARAM* param) {
  // With none OpenSSL takes it that no policy would do, wherever an authority asks for one.
  static const std::vector<std::string> any = {std::string(kAnyPolicy)};
  return Replace(policies.empty() ? any : policies, param);
}

bool SaysPolicies(const X509* anchor) {
  return X509_get_ext_by_NID(anchor, NID_certificate_policies, -1) >= 0 ||
         X509_get_ext_by_NID(anchor, NID_policy_constraints, -1) >= 0 ||
         X509_get_ext_by_NID(anchor, NID_inhibit_any_policy, -1) >= 0;
}

bool NarrowPolicies(const X509& anchor, const std::vector<std::string>& asked, X509_VERIFY_PARAM* param) {
  const std::unique_ptr<POLICY_CONSTRAINTS, FreeBy<POLICY_CONSTRAINTS_free>> constraints(
      static_cast<POLICY_CONSTRAINTS*>(X509_get_ext_d2i(&anchor, NID_policy_constraints, nullptr, nullptr)));
  unsigned long flags = 0;
  if (constraints != nullptr && constraints->requireExplicitPolicy != nullptr)
    flags |= X509_V_FLAG_EXPLICIT_POLICY;
  if (constraints != nullptr && constraints->inhibitPolicyMapping != nullptr)
    flags |= X509_V_FLAG_INHIBIT_MAP;
  if (X509_get_ext_by_NID(&anchor, NID_inhibit_any_policy, -1) >= 0) flags |= X509_V_FLAG_INHIBIT_ANY;
  X509_VERIFY_PARAM_set_flags(param, flags);
  std::vector<std::string> policies = PoliciesOf(&anchor);
  if (policies.empty()) return true;
  if (!asked.empty()) {
    std::erase_if(policies, [&](const std::string& policy) {
      return std::find(asked.begin(), asked.end(), policy) == asked.end();
    });
    // The name of the extension, which is no policy: none will do.
    if (policies.empty()) policies.push_back("2.5.29.32");
  }
  return Replace(policies, param) == nullptr;
}

}  // namespace stockade
