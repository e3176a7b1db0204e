#include "adapters/certificate/path_revocation.h"

#include <algorithm>
#include <optional>

#include "adapters/certificate/certificate_text.h"
#include "adapters/certificate/ocsp_response.h"
#include "adapters/certificate/openssl_owned.h"
#include "engine/text.h"

namespace stockade {
namespace {

using Certificate = PathRevocation::Certificate;

// Of whom the lists leave it open, the lowest first, each once.
std::vector<Certificate> LeftOpen(int anchor_depth, const PathWatch& lists,
                                  const RevocationSources& sources) {
  std::vector<Certificate> open;
  if (sources.crls == nullptr) {
    for (int depth = 0; sources.ocsp != nullptr && depth < anchor_depth; ++depth) open.push_back({depth, ""});
    return open;
  }
  for (const PathWatch::Unknown& unknown : lists.unknown()) {
    const bool known =
        std::any_of(open.begin(), open.end(), [&](const auto& one) { return one.depth == unknown.depth; });
    if (!known) open.push_back({unknown.depth, X509_verify_cert_error_string(unknown.error)});
  }
  return open;
}

std::string UrlFor(X509* certificate, const OcspSources& sources) {
  const auto set = sources.responders.find(NameText(X509_get_issuer_name(certificate)));
  if (set != sources.responders.end()) return set->second;
  return sources.from_certificate ? ResponderUrlOf(certificate) : "";
}

// What holds of it goes into the memory; what does not is why.
std::string TakeBrought(X509* leaf, X509* issuer, const OcspMemory::Key& key,
                        const RevocationSources& sources, const PathFloors& floors, int64_t now_s) {
  const OcspOptions options{sources.ocsp->age_max, kResponderAheadMax, floors};
  const OcspAnswer answer =
      ReadOcspResponse(sources.brought, leaf, issuer, absl::FromUnixSeconds(now_s), options);
  if (answer.status == OcspStatus::kUnknown) return Concat("what came with it: ", answer.why);
  sources.ocsp->memory->Put(key, answer, now_s);
  return "";
}

std::string Both(const std::string& one, std::string_view other) {
  return Concat(one, one.empty() || other.empty() ? "" : "; ", other);
}

class LookUp {
 public:
  LookUp(const STACK_OF(X509) * path, const RevocationSources& sources, const PathFloors& floors,
         int64_t now_s)
      : path_(path), sources_(sources), floors_(floors), now_s_(now_s) {}

  void Ask(const Certificate& open) {
    X509* certificate = sk_X509_value(path_, open.depth);
    // One without an issuer is an anchor itself.
    X509* issuer = open.depth + 1 < sk_X509_num(path_) ? sk_X509_value(path_, open.depth + 1) : nullptr;
    const auto key =
        issuer == nullptr || sources_.ocsp == nullptr ? std::nullopt : OcspMemory::KeyOf(certificate, issuer);
    if (!key) {
      found_.unknown.push_back(open);
      return;
    }
    OcspMemory& memory = *sources_.ocsp->memory;
    OcspMemory::Known known = memory.Find(*key, now_s_);
    const bool settled = known.status != OcspStatus::kUnknown && !known.ask;
    std::string brought;
    if (!settled && open.depth == 0 && !sources_.brought.empty()) {
      brought = TakeBrought(certificate, issuer, *key, sources_, floors_, now_s_);
      known = memory.Find(*key, now_s_);
    }
    if (known.status == OcspStatus::kRevoked) found_.revoked.push_back({open.depth, known.why});
    const std::string url = known.ask ? UrlFor(certificate, *sources_.ocsp) : std::string();
    if (!url.empty()) AddQuestion(certificate, issuer, *key, url);
    if (known.status == OcspStatus::kUnknown)
      found_.unknown.push_back({open.depth, Both(Both(open.why, brought), WhyUnknown(known, url))});
    if (known.until_s > 0) found_.until_s = std::min(found_.until_s, known.until_s);
  }

  PathRevocation Take() { return std::move(found_); }

 private:
  static std::string_view WhyUnknown(const OcspMemory::Known& known, std::string_view url) {
    if (!known.why.empty()) return known.why;
    return url.empty() ? "no responder is known for it" : "its responder was not asked yet";
  }

  void AddQuestion(X509* certificate, X509* issuer, const OcspMemory::Key& key, const std::string& url) {
    OcspQuestion question;
    question.key = key;
    question.url = url;
    question.about = SubjectOf(certificate);
    if (EncodeDer(certificate, &question.certificate_der) && EncodeDer(issuer, &question.issuer_der))
      found_.ask.push_back(std::move(question));
  }

  const STACK_OF(X509) * const path_;
  const RevocationSources& sources_;
  const PathFloors& floors_;
  const int64_t now_s_;
  PathRevocation found_;
};

}  // namespace

PathRevocation LookUpRevocation(const STACK_OF(X509) * path, const PathWatch& lists,
                                const RevocationSources& sources, const PathFloors& floors, int64_t now_s) {
  LookUp look_up(path, sources, floors, now_s);
  for (const Certificate& open : LeftOpen(sk_X509_num(path) - 1, lists, sources)) look_up.Ask(open);
  PathRevocation found = look_up.Take();
  found.until_s = std::min(found.until_s, lists.until_s());
  const int listed = lists.revoked_depth();
  if (listed >= 0) {
    found.revoked.insert(found.revoked.begin(), {listed, ""});
    found.ask.clear();  // no answer would change it
  }
  return found;
}

}  // namespace stockade
