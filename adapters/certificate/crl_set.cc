#include "adapters/certificate/crl_set.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <limits>
#include <system_error>
#include <utility>

#include "adapters/certificate/certificate_text.h"
#include "engine/event/printable_text.h"
#include "engine/text.h"

namespace stockade {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

uint64_t HashOf(const X509_NAME* name) {
  int ok = 0;
  const unsigned long hash = X509_NAME_hash_ex(name, nullptr, nullptr, &ok);
  return ok == 1 ? hash : 0;
}

// The regular files of a folder in the order of their names, or the file itself.
std::vector<std::string> FilesOf(const std::string& path, std::error_code* error) {
  if (!fs::is_directory(path, *error)) {
    error->clear();
    return {path};
  }
  std::vector<std::string> files;
  fs::directory_iterator at(path, *error);
  for (; !*error && at != fs::directory_iterator(); at.increment(*error)) {
    std::error_code ignored;
    if (!at->path().filename().string().starts_with('.') && at->is_regular_file(ignored))
      files.push_back(at->path().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

bool ReadFile(const std::string& file, std::string* bytes) {
  std::error_code error;
  const std::uintmax_t size = fs::file_size(file, error);
  if (error || size > kCrlFileBytesMax) return false;
  std::ifstream in(file, std::ios::binary);
  bytes->resize(static_cast<size_t>(size));
  in.read(bytes->data(), static_cast<std::streamsize>(size));
  return in && static_cast<std::uintmax_t>(in.gcount()) == size;
}

CrlScope ScopeOf(const X509_CRL* crl) {
  auto* point = static_cast<ISSUING_DIST_POINT*>(
      X509_CRL_get_ext_d2i(crl, NID_issuing_distribution_point, nullptr, nullptr));
  if (point == nullptr) return {};
  const CrlScope scope{point->indirectCRL > 0, point->onlyuser > 0 || point->onlyCA > 0};
  ISSUING_DIST_POINT_free(point);
  return scope;
}

uint64_t NextEpoch() {
  static std::atomic<uint64_t> last{0};
  return ++last;
}

}  // namespace

CrlSet::CrlSet(const CrlSetOptions& options)
    : epoch_(NextEpoch()),
      // Beyond a century it is for ever, and no sum overflows.
      age_max_s_(options.age_max > absl::Hours(24 * 36525) ? kNever : absl::ToInt64Seconds(options.age_max)) {
}

std::shared_ptr<const CrlSet> CrlSet::FromDer(const std::vector<std::string>& lists,
                                              const CrlSetOptions& options) {
  const ClearErrorsAtEnd clear;
  const std::shared_ptr<CrlSet> set(new CrlSet(options));
  for (size_t i = 0; i < lists.size(); ++i) set->Add("(from memory)", i + 1, lists[i], options);
  return set;
}

std::shared_ptr<const CrlSet> CrlSet::Load(const CrlSetOptions& options) {
  const ClearErrorsAtEnd clear;
  const std::shared_ptr<CrlSet> set(new CrlSet(options));
  for (const std::string& path : options.paths) {
    std::error_code error;
    const std::vector<std::string> files = FilesOf(path, &error);
    if (error) {
      set->problems_.push_back({PrintableLine(path), Concat("cannot be read: ", error.message())});
      continue;
    }
    for (const std::string& file : files) set->AddFile(file, options);
  }
  return set;
}

void CrlSet::AddFile(const std::string& file, const CrlSetOptions& options) {
  const auto problem = [&](std::string what) { problems_.push_back({PrintableLine(file), std::move(what)}); };
  std::string bytes;
  if (!ReadFile(file, &bytes)) {
    return problem(Concat("cannot be read, or has more than ", kCrlFileBytesMax >> 20, " MiB"));
  }
  if (bytes.find("-----BEGIN ") == std::string::npos) return Add(file, 1, bytes, options);
  const OwnedBio bio(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
  if (bio == nullptr) return problem("out of memory");
  size_t count = 0;
  for (;;) {
    char* name = nullptr;
    char* header = nullptr;
    unsigned char* data = nullptr;
    long size = 0;
    if (PEM_read_bio(bio.get(), &name, &header, &data, &size) != 1) break;
    if (std::string_view(name) == PEM_STRING_X509_CRL) {
      Add(file, ++count, std::string_view(reinterpret_cast<const char*>(data), static_cast<size_t>(size)),
          options);
    }
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(data);
  }
  const unsigned long error = ERR_peek_last_error();
  if (ERR_GET_LIB(error) != ERR_LIB_PEM || ERR_GET_REASON(error) != PEM_R_NO_START_LINE)
    return problem(Concat("behind list ", count, " cannot be read: ", LastOpensslError()));
  ERR_clear_error();
  if (count == 0) problem("holds no CRL in PEM");
}

void CrlSet::Add(const std::string& file, size_t number, std::string_view der, const CrlSetOptions& options) {
  const auto problem = [&](std::string_view what) {
    problems_.push_back({PrintableLine(file), Concat("list ", number, " ", what)});
  };
  if (entries_.size() == kCrlsMax) return problem(Concat("is beyond the ", kCrlsMax, " that are kept"));
  std::string why;
  Entry entry;
  entry.crl = ReadCrl(der, &why);
  if (entry.crl == nullptr) return problem(why);
  X509_CRL* crl = entry.crl.get();
  const X509_ALGOR* algorithm = nullptr;
  X509_CRL_get0_signature(crl, nullptr, &algorithm);
  if (!IsStrongSignature(algorithm, options.floors)) return problem("is signed too weakly");
  const ASN1_TIME* next = X509_CRL_get0_nextUpdate(crl);
  // Both were read before: ReadCrl asks for it.
  entry.this_update_s = SecondsOf(X509_CRL_get0_lastUpdate(crl)).value_or(0);
  entry.next_update_s = next == nullptr ? kNever : SecondsOf(next).value_or(0);

  CrlSummary summary;
  summary.file = PrintableLine(file);
  summary.issuer = NameText(X509_CRL_get_issuer(crl));
  summary.this_update = absl::FromUnixSeconds(entry.this_update_s);
  summary.next_update = next == nullptr ? absl::InfinitePast() : absl::FromUnixSeconds(entry.next_update_s);
  summary.entries = static_cast<size_t>(std::max(0, sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl))));
  summary.delta = X509_CRL_get_ext_by_NID(crl, NID_delta_crl, -1) >= 0;
  entry.scope = ScopeOf(crl);
  summary.indirect = entry.scope.indirect;
  if (summary.indirect) {
    indirect_.push_back(entries_.size());
  } else {
    by_issuer_.emplace(HashOf(X509_CRL_get_issuer(crl)), entries_.size());
  }
  lists_.push_back(std::move(summary));
  entries_.push_back(std::move(entry));
}

std::vector<std::string> CrlSet::StaleAt(absl::Time now) const {
  std::vector<std::string> stale;
  for (const CrlSummary& list : lists_) {
    const bool old = age_max_s_ != kNever && now - list.this_update > absl::Seconds(age_max_s_);
    const bool unsaid = list.next_update == absl::InfinitePast();
    std::string_view why;
    if (old) why = "is older than the age that is set";
    if (unsaid && age_max_s_ == kNever) why = "says no nextUpdate, and no greatest age is set";
    if (!unsaid && now >= list.next_update) why = "is past its nextUpdate";
    if (why.empty()) continue;
    stale.push_back(
        Concat(list.file, ": the CRL of ", list.issuer, " ", why,
               unsaid ? std::string()
                      : absl::FormatTime(", %Y-%m-%d %H:%M:%S UTC", list.next_update, absl::UTCTimeZone())));
  }
  return stale;
}

void CrlSet::For(const X509_NAME* issuer, int64_t now_s, int64_t* until_s,
                 const std::function<void(X509_CRL*, CrlScope)>& use) const {
  const auto consider = [&](const Entry& entry) {
    const int64_t age_s = now_s - entry.this_update_s;
    if (age_s < 0) {  // not in force yet: until it is
      *until_s = std::min(*until_s, entry.this_update_s - 1);
    } else if (age_max_s_ != kNever) {
      if (age_s > age_max_s_) return;
      *until_s = std::min(*until_s, entry.this_update_s + age_max_s_);
    } else if (entry.next_update_s == kNever) {
      return;
    }
    // At nextUpdate itself it is stale.
    if (entry.next_update_s > now_s) *until_s = std::min(*until_s, entry.next_update_s - 1);
    use(entry.crl.get(), entry.scope);
  };
  const auto [first, last] = by_issuer_.equal_range(HashOf(issuer));
  for (auto it = first; it != last; ++it) {
    const Entry& entry = entries_[it->second];
    if (X509_NAME_cmp(X509_CRL_get_issuer(entry.crl.get()), issuer) == 0) consider(entry);
  }
  for (const size_t i : indirect_) consider(entries_[i]);
}

}  // namespace stockade
