#include "adapters/geo/geo_database.h"

#include <fcntl.h>
#include <maxminddb.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "adapters/owned_file.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

// Where files of each kind keep it: GeoLite2-ASN and GeoIP2-ISP, GeoIP2-Enterprise; then the country files.
constexpr const char* kAsnPaths[][3] = {{"autonomous_system_number", nullptr, nullptr},
                                        {"traits", "autonomous_system_number", nullptr}};
constexpr const char* kCountryPaths[][3] = {{"country", "iso_code", nullptr},
                                            {"registered_country", "iso_code", nullptr}};

absl::Status FileError(std::string_view path, int error) {
  const std::string text = Concat(path, ": cannot be read: ", std::string_view(std::strerror(error)));
  if (error == ENOENT) return absl::NotFoundError(text);
  if (error == EACCES || error == EPERM) return absl::PermissionDeniedError(text);
  return absl::UnavailableError(text);
}

// A copy in memory, by a descriptor.
absl::StatusOr<int> CopyOf(const std::string& path) {
  const OwnedFile file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat about;
  if (file.get() < 0 || fstat(file.get(), &about) != 0) return FileError(path, errno);
  if (!S_ISREG(about.st_mode))
    return absl::InvalidArgumentError(Concat(path, ": is no file. Name a database, as GeoLite2-ASN.mmdb"));
  OwnedFile copy(memfd_create("geo", MFD_CLOEXEC));
  if (copy.get() < 0) return FileError(path, errno);
  std::string piece(size_t{1} << 20, '\0');
  uint64_t copied = 0;
  while (true) {
    const ssize_t size = read(file.get(), piece.data(), piece.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return FileError(path, errno);
    if (size == 0) return copy.Release();
    copied += static_cast<uint64_t>(size);
    if (copied > GeoDatabase::kBytesMax)
      return absl::ResourceExhaustedError(Concat(path, ": has more than ", GeoDatabase::kBytesMax >> 20,
                                                 " MiB, and no database of addresses has. Name another"));
    for (std::string_view left(piece.data(), static_cast<size_t>(size)); !left.empty();) {
      const ssize_t written = write(copy.get(), left.data(), left.size());
      if (written < 0 && errno != EINTR) return FileError(path, errno);
      if (written > 0) left.remove_prefix(static_cast<size_t>(written));
    }
  }
}

}  // namespace

struct GeoDatabase::File {
  MMDB_s database{};
  bool open = false;
  ~File() {
    if (open) MMDB_close(&database);
  }
};

GeoDatabase::GeoDatabase() : file_(std::make_unique<File>()) {}
GeoDatabase::~GeoDatabase() = default;

absl::StatusOr<std::unique_ptr<const GeoDatabase>> GeoDatabase::Open(const std::string& path, Kind kind) {
  std::unique_ptr<GeoDatabase> made(new GeoDatabase);
  made->kind_ = kind;
  ASSIGN_OR_RETURN(const int copied, CopyOf(path));
  const OwnedFile copy(copied);
  const std::string name = Concat("/proc/self/fd/", copy.get());
  File& file = *made->file_;
  if (const int error = MMDB_open(name.c_str(), MMDB_MODE_MMAP, &file.database); error != MMDB_SUCCESS) {
    return absl::InvalidArgumentError(
        Concat(path, ": is no database in MaxMind's format, or a broken one: ", MMDB_strerror(error),
               ". Fetch it anew (geoipupdate), or name another"));
  }
  file.open = true;
  const MMDB_metadata_s& metadata = file.database.metadata;
  if (metadata.database_type != nullptr) made->type_ = metadata.database_type;
  made->built_s_ = static_cast<int64_t>(metadata.build_epoch & INT64_MAX);
  if (made->SaysAnything()) return std::unique_ptr<const GeoDatabase>(std::move(made));
  return absl::InvalidArgumentError(
      Concat(path, ": calls itself ", made->type_.empty() ? "nothing" : made->type_, " and says no ",
             kind == Kind::kAsn ? "AS number of any address. Name one of AS numbers, as GeoLite2-ASN.mmdb"
                                : "country of any address. Name one of countries, as GeoLite2-Country.mmdb"));
}

uint32_t GeoDatabase::ValueOf(void* at, bool* broken) const noexcept {
  auto* const entry = static_cast<MMDB_entry_s*>(at);
  for (const auto& path : kind_ == Kind::kAsn ? kAsnPaths : kCountryPaths) {
    MMDB_entry_data_s data;
    const int error = MMDB_aget_value(entry, &data, path);
    if (error == MMDB_LOOKUP_PATH_DOES_NOT_MATCH_DATA_ERROR) continue;
    if (error != MMDB_SUCCESS) {
      *broken = true;
      return 0;
    }
    if (!data.has_data) continue;
    if (kind_ == Kind::kAsn) {
      if (data.type == MMDB_DATA_TYPE_UINT32) return data.uint32;
      if (data.type == MMDB_DATA_TYPE_UINT16) return data.uint16;
      continue;
    }
    const auto is_letter = [](char c) { return c >= 'A' && c <= 'Z'; };
    if (data.type == MMDB_DATA_TYPE_UTF8_STRING && data.data_size == 2 && is_letter(data.utf8_string[0]) &&
        is_letter(data.utf8_string[1]))
      return static_cast<uint32_t>(data.utf8_string[0]) << 8 | static_cast<uint32_t>(data.utf8_string[1]);
  }
  return 0;
}

// Some record near the tree's begin: all of a kind are alike. Depth first, and no further than a look may take.
bool GeoDatabase::SaysAnything() const {
  constexpr int kNodesMax = 50'000;
  constexpr int kRecordsMax = 5'000;
  constexpr size_t kPathMax = 129;
  MMDB_s& database = file_->database;
  std::array<uint32_t, kPathMax> open{};
  size_t depth = 1;
  for (int nodes = 0, records = 0; depth > 0 && nodes < kNodesMax && records < kRecordsMax; ++nodes) {
    MMDB_search_node_s node;
    if (MMDB_read_node(&database, open[--depth], &node) != MMDB_SUCCESS) return false;
    const auto follow = [&](uint64_t record, uint8_t type, MMDB_entry_s* entry) {
      if (type == MMDB_RECORD_TYPE_SEARCH_NODE && depth < open.size())
        open[depth++] = static_cast<uint32_t>(record);
      if (type != MMDB_RECORD_TYPE_DATA) return false;
      ++records;
      bool broken = false;
      return ValueOf(entry, &broken) != 0;
    };
    if (follow(node.right_record, node.right_record_type, &node.right_record_entry)) return true;
    if (follow(node.left_record, node.left_record_type, &node.left_record_entry)) return true;
  }
  return false;
}

GeoDatabase::Found GeoDatabase::Find(const Address& address) const noexcept {
  Found found;
  const MMDB_s& database = file_->database;
  const bool knows_v6 = database.metadata.ip_version == 6;
  if (!address.present() || (address.is_v6() && !knows_v6)) return found;
  sockaddr_storage storage{};
  if (address.is_v4()) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(address.v4());
    std::memcpy(&storage, &to, sizeof to);
  } else {
    sockaddr_in6 to{};
    to.sin6_family = AF_INET6;
    const uint64_t halves[] = {address.high(), address.low()};
    for (size_t i = 0; i < 16; ++i)
      to.sin6_addr.s6_addr[i] = static_cast<uint8_t>(halves[i / 8] >> (56 - 8 * (i % 8)));
    std::memcpy(&storage, &to, sizeof to);
  }
  int error = MMDB_SUCCESS;
  MMDB_lookup_result_s result =
      MMDB_lookup_sockaddr(&database, reinterpret_cast<const sockaddr*>(&storage), &error);
  if (error != MMDB_SUCCESS) {
    found.broken = true;
    return found;
  }
  // In a tree of IPv6 an IPv4 address lies below 96 bits that are 0.
  const int length = address.is_v4() && knows_v6 ? result.netmask - 96 : result.netmask;
  found.length = static_cast<uint8_t>(length < 0 ? 0 : length);
  if (result.found_entry) found.value = ValueOf(&result.entry, &found.broken);
  return found;
}

}  // namespace stockade
