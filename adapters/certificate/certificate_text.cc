#include "adapters/certificate/certificate_text.h"

#include <openssl/x509.h>

#include <algorithm>
#include <ctime>
#include <string_view>

#include "absl/time/time.h"
#include "adapters/certificate/openssl_owned.h"
#include "engine/event/printable_text.h"

namespace stockade {

std::string NameText(const X509_NAME* name) {
  const OwnedBio bio(BIO_new(BIO_s_mem()));
  if (bio == nullptr) return "";
  X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &bytes);
  return PrintableText(std::string_view(bytes, static_cast<size_t>(std::max(size, 0L))));
}

std::string SubjectOf(const X509* certificate) {
  return NameText(X509_get_subject_name(certificate));
}

std::optional<int64_t> SecondsOf(const ASN1_TIME* time) {
  std::tm parts{};
  // Null would mean the time of this machine.
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return std::nullopt;
  return static_cast<int64_t>(timegm(&parts));
}

std::string TimeText(const ASN1_TIME* time) {
  const auto seconds = SecondsOf(time);
  if (!seconds) return "an unreadable time";
  return absl::FormatTime("%Y-%m-%d %H:%M:%S UTC", absl::FromUnixSeconds(*seconds), absl::UTCTimeZone());
}

std::string LastOpensslError() {
  char text[256];
  ERR_error_string_n(ERR_peek_last_error(), text, sizeof text);
  return text;
}

}  // namespace stockade
