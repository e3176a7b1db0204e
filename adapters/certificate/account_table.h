// Which accounts a certificate may log in to, as the firm's own books say: a file that goes before the names in the subject.
//
// One JSON object a line:
//   {"fingerprint": "5f1e…", "accounts": ["alice", "alice-margin"]}
//   {"issuer": "CN=Customers CA,O=Bank", "serial": "0A1B2C", "accounts": ["bob"]}
// `fingerprint` is the SHA-256 of the certificate in DER, as `openssl x509 -fingerprint -sha256` prints it, colons or not;
// `issuer` is spelt as `stockade cert check` prints it, `serial` is hexadecimal; other members are let stand. An empty list
// of accounts is a certificate that may log in nowhere: take one back by issuer and serial, since whoever holds a certificate
// under an elliptic curve can write it in another way, with another fingerprint, and it stays valid. Of lines about one certificate all accounts count, and where both
// kinds of line name it, the fingerprint's do.
//
// Accounts are folded (account_binding.h). A line that cannot be read refuses the whole file, by its number: half a table
// would turn customers away, and nobody would know whom.
//
// Immutable; any thread at once; Find is two look-ups at most. Memory some 200 bytes a line; reading a million lines takes
// about 2 s.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "adapters/certificate/sha256.h"

namespace stockade {

// The largest brokers have some millions of customers, and a line some 150 bytes.
inline constexpr size_t kAccountTableBytesMax = size_t{1} << 30;

class AccountTable {
 public:
  using Accounts = std::vector<std::string>;

  // Errors name the file, and the line where one is at fault.
  static absl::StatusOr<std::shared_ptr<const AccountTable>> Load(const std::string& file);
  // `name`: what errors call the text.
  static absl::StatusOr<std::shared_ptr<const AccountTable>> Read(std::string_view text,
                                                                  std::string_view name);

  // The accounts, folded, of the certificate with this fingerprint, or with the issuer and serial of `issuer_serial`
  // (IssuerSerialKey); null where no line names it.
  const Accounts* Find(const Sha256Digest& fingerprint, std::string_view issuer_serial) const;
  // Whether any line gives this account, folded, a certificate.
  bool Owns(std::string_view account) const;
  size_t certificates() const noexcept { return by_fingerprint_.size() + by_serial_.size(); }

 private:
  AccountTable() = default;
  absl::Status AddLine(std::string_view line);

  absl::flat_hash_map<Sha256Digest, Accounts, Sha256DigestHash> by_fingerprint_;
  absl::flat_hash_map<std::string, Accounts> by_serial_;
  absl::flat_hash_set<std::string> owners_;
};

// What issuer and serial are looked up by: the name as NameText spells it, the serial in upper hexadecimal digits without
// leading zeros.
std::string IssuerSerialKey(std::string_view issuer, std::string_view serial_hex);

}  // namespace stockade
