// Forwarding fields of any bytes. Whatever a client sends, what a listed proxy appends behind it is what comes out.
//
// Input: the lines of the field, separated by line ends.
#include "adapters/gateway/client_address.h"

#include <cstdlib>
#include <string>
#include <vector>

namespace {

using stockade::Address;
using stockade::ClientAddress;
using stockade::ForwardingField;

void Require(bool condition) {
  if (!condition) std::abort();
}

void Check(ForwardingField field, const char* name, const char* appended,
           const std::vector<std::string>& lines) {
  const stockade::Prefix listed[] = {*stockade::Prefix::Parse("10.0.0.0/8")};
  const stockade::ClientAddressReader reader(listed, field);
  const Address peer = *Address::Parse("10.0.0.1");
  std::vector<stockade::HeaderField> fields;
  for (const std::string& line : lines) fields.push_back({name, line});
  const ClientAddress client = reader.Read(peer, fields);
  Require(client.stop != ClientAddress::Stop::kPeer && client.address.present());
  Require((client.stop == ClientAddress::Stop::kFound) != reader.Lists(client.address));
  // A stranger's fields are not looked at.
  const Address stranger = *Address::Parse("203.0.113.9");
  Require(reader.Read(stranger, fields).address == stranger);

  const Address truth = *Address::Parse("198.51.100.7");
  std::vector<std::string> longer = lines;
  if (longer.empty()) longer.emplace_back();
  longer.back() += ", ";
  longer.back() += appended;
  fields.clear();
  for (const std::string& line : longer) fields.push_back({name, line});
  Require(reader.Read(peer, fields).address == truth);
  longer = lines;
  longer.emplace_back(appended);
  fields.clear();
  for (const std::string& line : longer) fields.push_back({name, line});
  Require(reader.Read(peer, fields).address == truth);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::vector<std::string> lines;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (size_t start = 0; start < text.size() && lines.size() < 16;) {
    const size_t end = std::min(text.find('\n', start), text.size());
    lines.emplace_back(text.substr(start, end - start));
    start = end + 1;
  }
  Check(ForwardingField::kXForwardedFor, "X-Forwarded-For", "198.51.100.7", lines);
  Check(ForwardingField::kXForwardedFor, "X-Forwarded-For", "198.51.100.7:80, 10.1.2.3", lines);
  Check(ForwardingField::kForwarded, "Forwarded", "for=198.51.100.7", lines);
  Check(ForwardingField::kForwarded, "Forwarded", "host=\"a,\\\"b\";for=\"198.51.100.7:80\", for=10.1.2.3",
        lines);
  return 0;
}
