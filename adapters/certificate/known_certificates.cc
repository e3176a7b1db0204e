#include "adapters/certificate/known_certificates.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <utility>

#include "engine/text.h"

namespace stockade {
namespace {

constexpr std::string_view kMagic = "stockade known certificates 1\n";
constexpr size_t kSumBytes = sizeof(Sha256Digest);
// The records, 5 bytes a certificate for their frames, and the rest.
constexpr size_t kFileBytesMax = kKnownBytesMax + kMagic.size() + kSumBytes;

void AppendCertificate(const std::string& der, std::string* out) {
  for (int shift = 0; shift < 32; shift += 8) out->push_back(static_cast<char>(der.size() >> shift & 0xff));
  out->append(der);
}

// Takes one certificate off the front.
bool TakeCertificate(std::string_view* bytes, std::string* der) {
  if (bytes->size() < 4) return false;
  size_t size = 0;
  for (size_t i = 0; i < 4; ++i) size |= size_t{static_cast<unsigned char>((*bytes)[i])} << (8 * i);
  bytes->remove_prefix(4);
  if (size == 0 || size > kCertificateBytesMax || size > bytes->size()) return false;
  der->assign(bytes->substr(0, size));
  bytes->remove_prefix(size);
  return true;
}

bool TakeRecord(std::string_view* bytes, CertificateEvidence* evidence) {
  if (!TakeCertificate(bytes, &evidence->leaf_der) || bytes->empty()) return false;
  const size_t count = static_cast<unsigned char>(bytes->front());
  bytes->remove_prefix(1);
  if (count > kCertificateChainMax) return false;
  evidence->chain_der.resize(count);
  for (std::string& der : evidence->chain_der)
    if (!TakeCertificate(bytes, &der)) return false;
  evidence->from = CertificateEvidence::From::kTls;
  return true;
}

absl::Status SystemError(const std::string& file, std::string_view what) {
  return absl::UnavailableError(Concat(file, ": ", what, ": ", strerror(errno)));
}

// A descriptor that closes with it.
struct OpenFile {
  explicit OpenFile(int descriptor_in) : descriptor(descriptor_in) {}
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile() {
    if (descriptor >= 0) close(descriptor);
  }
  const int descriptor;
};

bool WriteAll(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

// The part of a record that is its leaf, with its length.
std::string_view LeafPart(std::string_view record) {
  std::string_view left = record;
  std::string leaf;
  return TakeCertificate(&left, &leaf) ? record.substr(0, record.size() - left.size()) : record;
}

}  // namespace

void KnownCertificates::Note(const CertificateEvidence& evidence) {
  if (evidence.leaf_der.empty() || evidence.leaf_der.size() > kCertificateBytesMax ||
      evidence.chain_der.size() > kCertificateChainMax)
    return;
  std::string record;
  AppendCertificate(evidence.leaf_der, &record);
  record.push_back(static_cast<char>(evidence.chain_der.size()));
  for (const std::string& der : evidence.chain_der) {
    if (der.empty() || der.size() > kCertificateBytesMax) return;
    AppendCertificate(der, &record);
  }
  Put(std::move(record));
}

void KnownCertificates::Put(std::string record) {
  Sha256Digest leaf;
  if (!Sha256(LeafPart(record), &leaf)) return;
  const std::lock_guard lock(mutex_);
  const auto found = by_leaf_.find(leaf);
  if (found != by_leaf_.end()) {
    if (*found->second->record == record) {
      entries_.splice(entries_.begin(), entries_, found->second);
      return;
    }
    Erase(found->second);
  }
  if (record.size() > bytes_max_ || certificates_max_ == 0) return;
  while (entries_.size() >= certificates_max_ || bytes_ + record.size() > bytes_max_)
    Erase(std::prev(entries_.end()));
  bytes_ += record.size();
  ++changes_;
  entries_.push_front({leaf, std::make_shared<const std::string>(std::move(record))});
  by_leaf_.emplace(leaf, entries_.begin());
}

void KnownCertificates::Erase(std::list<Entry>::iterator entry) {
  bytes_ -= entry->record->size();
  ++changes_;
  by_leaf_.erase(entry->leaf);
  entries_.erase(entry);
}

void KnownCertificates::Forget(const Record& record) {
  Sha256Digest leaf;
  if (!Sha256(LeafPart(*record), &leaf)) return;
  const std::lock_guard lock(mutex_);
  const auto found = by_leaf_.find(leaf);
  if (found != by_leaf_.end()) Erase(found->second);
}

std::vector<KnownCertificates::Record> KnownCertificates::All() const {
  const std::lock_guard lock(mutex_);
  std::vector<Record> all;
  all.reserve(entries_.size());
  for (const Entry& entry : entries_) all.push_back(entry.record);
  return all;
}

std::optional<CertificateEvidence> KnownCertificates::Read(const std::string& record) {
  CertificateEvidence evidence;
  std::string_view left = record;
  if (!TakeRecord(&left, &evidence) || !left.empty()) return std::nullopt;
  return evidence;
}

size_t KnownCertificates::size() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

size_t KnownCertificates::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

uint64_t KnownCertificates::changes() const {
  const std::lock_guard lock(mutex_);
  return changes_;
}

absl::Status KnownCertificates::Save(const std::string& file) const {
  std::string bytes(kMagic);
  const std::vector<Record> all = All();
  for (auto record = all.rbegin(); record != all.rend(); ++record) bytes += **record;
  Sha256Digest sum;
  if (!Sha256(bytes, &sum)) return absl::ResourceExhaustedError("OpenSSL: out of memory");
  bytes.append(reinterpret_cast<const char*>(sum.data()), sum.size());

  const std::string beside = file + ".new";
  // One that was left by a process that died, or that somebody put there, is not written through.
  unlink(beside.c_str());
  const OpenFile out(open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (out.descriptor < 0) return SystemError(beside, "cannot be made");
  if (!WriteAll(out.descriptor, bytes) || fsync(out.descriptor) != 0) {
    const absl::Status failed = SystemError(beside, "cannot be written");
    unlink(beside.c_str());
    return failed;
  }
  if (rename(beside.c_str(), file.c_str()) != 0) {
    const absl::Status failed = SystemError(file, "cannot be replaced");
    unlink(beside.c_str());
    return failed;
  }
  return absl::OkStatus();
}

absl::StatusOr<size_t> KnownCertificates::Load(const std::string& file) {
  const OpenFile in(open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (in.descriptor < 0) {
    if (errno == ENOENT) return 0;
    return SystemError(file, "cannot be read");
  }
  const auto refuse = [&](std::string_view why) { return absl::DataLossError(Concat(file, ": ", why)); };
  const auto foreign = [&](std::string_view why) {
    return absl::FailedPreconditionError(Concat(file, ": ", why));
  };
  struct stat about;
  if (fstat(in.descriptor, &about) != 0) return SystemError(file, "cannot be read");
  if (!S_ISREG(about.st_mode)) return foreign("is no file");
  if (static_cast<size_t>(about.st_size) > kFileBytesMax)
    return foreign(Concat("has more than ", kFileBytesMax, " bytes"));
  std::string bytes(static_cast<size_t>(about.st_size), '\0');
  size_t got = 0;
  while (got < bytes.size()) {
    const ssize_t more = read(in.descriptor, bytes.data() + got, bytes.size() - got);
    if (more < 0 && errno == EINTR) continue;
    if (more < 0) return SystemError(file, "cannot be read");
    if (more == 0) break;
    got += static_cast<size_t>(more);
  }
  bytes.resize(got);
  std::string_view left = bytes;
  if (left.empty()) return refuse("is empty");
  if (!left.starts_with(kMagic))
    return foreign("is not one of known certificates, or of another version of this program");
  if (left.size() < kMagic.size() + kSumBytes) return refuse("is cut off");
  Sha256Digest sum;
  if (!Sha256(left.substr(0, left.size() - kSumBytes), &sum) ||
      std::memcmp(sum.data(), left.data() + left.size() - kSumBytes, kSumBytes) != 0)
    return refuse("is cut off or damaged: its sum is another");
  left.remove_suffix(kSumBytes);
  left.remove_prefix(kMagic.size());
  std::vector<std::string> records;
  while (!left.empty()) {
    const std::string_view begin = left;
    CertificateEvidence evidence;
    if (!TakeRecord(&left, &evidence)) return refuse(Concat("record ", records.size() + 1, " is none"));
    records.emplace_back(begin.substr(0, begin.size() - left.size()));
  }
  const size_t count = records.size();
  for (std::string& record : records) Put(std::move(record));
  return count;
}

}  // namespace stockade
