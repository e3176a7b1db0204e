#include "adapters/certificate/account_table.h"

#include <simdjson.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <system_error>
#include <utility>

#include "adapters/certificate/account_binding.h"
#include "engine/event/digits.h"
#include "engine/event/printable_text.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

// RFC 5280 §4.1.2.2 has 20 octets at most; what is longer is no serial number that could be shown.
constexpr size_t kSerialDigitsMax = 2 * 20;

// The hexadecimal digits of a text in which colons may stand between them; nothing where anything else does.
std::optional<std::string> DigitsOf(std::string_view text) {
  std::string digits;
  for (const char c : text) {
    if (c == ':') continue;
    if (HexDigit(c) < 0) return std::nullopt;
    digits.push_back(static_cast<char>(std::toupper(static_cast<unsigned char>(c))));
  }
  if (digits.empty()) return std::nullopt;
  return digits;
}

std::optional<Sha256Digest> ParseFingerprint(std::string_view text) {
  const std::optional<std::string> digits = DigitsOf(text);
  Sha256Digest fingerprint;
  if (!digits || digits->size() != 2 * fingerprint.size()) return std::nullopt;
  for (size_t i = 0; i < fingerprint.size(); ++i)
    fingerprint[i] = static_cast<uint8_t>(HexDigit((*digits)[2 * i]) << 4 | HexDigit((*digits)[2 * i + 1]));
  return fingerprint;
}

using Object = simdjson::dom::object;

// A member that is a text, or absent; an error where it is anything else.
absl::Status ReadMember(const Object& line, const char* name, std::optional<std::string>* text) {
  simdjson::dom::element member;
  if (line.at_key(name).get(member) != simdjson::SUCCESS) return absl::OkStatus();
  std::string_view value;
  if (member.get(value) != simdjson::SUCCESS)
    return absl::InvalidArgumentError(Concat(name, " must be a text"));
  text->emplace(value);
  return absl::OkStatus();
}

absl::StatusOr<AccountTable::Accounts> ReadAccounts(const Object& line) {
  simdjson::dom::array items;
  if (line.at_key("accounts").get(items) != simdjson::SUCCESS)
    return absl::InvalidArgumentError("accounts must be a list: \"accounts\": [\"alice\"]");
  AccountTable::Accounts accounts;
  for (const simdjson::dom::element item : items) {
    std::string_view account;
    if (item.get(account) != simdjson::SUCCESS)
      return absl::InvalidArgumentError("an account must be a text");
    accounts.push_back(FoldedAccount(account));
    if (accounts.back().empty()) return absl::InvalidArgumentError("an account is empty");
  }
  return accounts;
}

void AddAll(const AccountTable::Accounts& more, AccountTable::Accounts* all) {
  all->insert(all->end(), more.begin(), more.end());
}

}  // namespace

std::string IssuerSerialKey(std::string_view issuer, std::string_view serial_hex) {
  const size_t digits = std::min(serial_hex.find_first_not_of('0'), serial_hex.size());
  return Concat(serial_hex.substr(digits), "\n", issuer);
}

absl::Status AccountTable::AddLine(std::string_view text) {
  thread_local simdjson::dom::parser parser;
  simdjson::dom::element element;
  if (const simdjson::error_code error = parser.parse(text.data(), text.size()).get(element);
      error != simdjson::SUCCESS)
    return absl::InvalidArgumentError(
        Concat("is no JSON: ", std::string_view(simdjson::error_message(error))));
  Object line;
  if (element.get(line) != simdjson::SUCCESS)
    return absl::InvalidArgumentError("must be an object: {\"fingerprint\": …, \"accounts\": […]}");
  std::optional<std::string> fingerprint, issuer, serial;
  RETURN_IF_ERROR(ReadMember(line, "fingerprint", &fingerprint));
  RETURN_IF_ERROR(ReadMember(line, "issuer", &issuer));
  RETURN_IF_ERROR(ReadMember(line, "serial", &serial));
  ASSIGN_OR_RETURN(const Accounts accounts, ReadAccounts(line));
  if (fingerprint.has_value() == (issuer.has_value() || serial.has_value()) ||
      issuer.has_value() != serial.has_value())
    return absl::InvalidArgumentError("needs a fingerprint, or an issuer and a serial");
  if (fingerprint) {
    const std::optional<Sha256Digest> key = ParseFingerprint(*fingerprint);
    if (!key)
      return absl::InvalidArgumentError(
          Concat("\"", PrintableText(*fingerprint), "\" is no SHA-256 in 64 hexadecimal digits"));
    AddAll(accounts, &by_fingerprint_[*key]);
  } else {
    const std::optional<std::string> digits = DigitsOf(*serial);
    if (!digits || digits->size() > kSerialDigitsMax)
      return absl::InvalidArgumentError(
          Concat("\"", PrintableText(*serial), "\" is no serial number in hexadecimal digits"));
    AddAll(accounts, &by_serial_[IssuerSerialKey(*issuer, *digits)]);
  }
  owners_.insert(accounts.begin(), accounts.end());
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const AccountTable>> AccountTable::Read(std::string_view text,
                                                                       std::string_view name) {
  std::shared_ptr<AccountTable> table(new AccountTable);
  size_t number = 0;
  while (!text.empty()) {
    ++number;
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.find_first_not_of(" \t") == std::string_view::npos) continue;
    if (const absl::Status status = table->AddLine(line); !status.ok())
      return absl::InvalidArgumentError(Concat(name, ":", number, ": ", FromAbsl(status.message())));
  }
  return table;
}

absl::StatusOr<std::shared_ptr<const AccountTable>> AccountTable::Load(const std::string& file) {
  const std::string name = PrintableText(file);
  // A pipe would hold up whoever opens it until somebody writes.
  std::error_code failed;
  if (!std::filesystem::is_regular_file(file, failed))
    return absl::InvalidArgumentError(
        Concat(name, ": is no file", failed ? ": " : "", failed ? failed.message() : ""));
  std::ifstream in(file, std::ios::binary | std::ios::ate);
  if (!in)
    return absl::InvalidArgumentError(Concat(name, ": cannot be read: ", std::string_view(strerror(errno))));
  const std::streamoff size = in.tellg();
  if (size < 0 || static_cast<uint64_t>(size) > kAccountTableBytesMax)
    return absl::InvalidArgumentError(
        Concat(name, ": is no file, or has more than ", kAccountTableBytesMax, " bytes"));
  std::string text(static_cast<size_t>(size), '\0');
  in.seekg(0);
  in.read(text.data(), size);
  if (in.gcount() != size)
    return absl::InvalidArgumentError(Concat(name, ": was shortened while it was read"));
  return Read(text, name);
}

const AccountTable::Accounts* AccountTable::Find(const Sha256Digest& fingerprint,
                                                 std::string_view issuer_serial) const {
  if (const auto found = by_fingerprint_.find(fingerprint); found != by_fingerprint_.end())
    return &found->second;
  const auto found = by_serial_.find(ToAbsl(issuer_serial));
  return found == by_serial_.end() ? nullptr : &found->second;
}

bool AccountTable::Owns(std::string_view account) const {
  return owners_.contains(ToAbsl(account));
}

}  // namespace stockade
