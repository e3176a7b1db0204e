// Snapshots of any bytes: as they are, and once more with every seal made right, which only who has the key could write. Neither may
// do more than be refused or be known; what is taken in reads back as the same.
#include <algorithm>
#include <string>

#include "engine/detect/familiar_reader.h"
#include "engine/detect/familiar_writer.h"
#include "engine/status.h"

namespace stockade {
namespace {

constexpr HashKey kKey{7, 9};

struct Knowledge {
  Lanes lanes{Lanes::kBytesMin, kKey};
  ProvenCustomers customers{kKey, 64};
  absl::StatusOr<FamiliarFacts> Load(std::string_view bytes) {
    lanes.Clear();
    customers.sources().Clear();
    FamiliarReader reader(kKey, &lanes, &customers);
    if (absl::Status status = reader.Read(bytes); !status.ok()) return status;
    return reader.Finish();
  }
  std::string Write() {
    FamiliarWriter writer(kKey);
    std::string bytes;
    for (bool more = true; more;) {
      more = writer.Copy(lanes, customers, 1);
      writer.Encode(&bytes);
    }
    return bytes;
  }
};

// The same bytes, the head that of a snapshot of ours and every seal right.
std::string Sealed(std::string_view bytes) {
  std::string head(kFamiliarMagic);
  AppendLittle(kFamiliarVersion, &head);
  AppendLittle(uint32_t{0}, &head);
  AppendHash(FamiliarKeyId(kKey), &head);
  head.append(bytes.substr(std::min(head.size(), bytes.size())));
  head.resize(std::max(head.size(), kFamiliarHeadBytes + kFamiliarSealBytes));
  bytes = head;
  std::string out = head.substr(0, kFamiliarHeadBytes);
  Hash128 seal = SipHash128(FamiliarSealKey(kKey), out);
  AppendHash(seal, &out);
  bytes.remove_prefix(kFamiliarHeadBytes + kFamiliarSealBytes);
  while (bytes.size() >= 8) {
    LittleReader sizes(bytes.substr(4));
    const size_t size = std::min<size_t>(sizes.Take<uint32_t>(), bytes.size() - 8);
    std::string part;
    AppendHash(seal, &part);
    part.append(bytes.substr(0, 4));
    AppendLittle(static_cast<uint32_t>(size), &part);
    part.append(bytes.substr(8, size));
    seal = SipHash128(FamiliarSealKey(kKey), part);
    out.append(part, kFamiliarSealBytes);
    AppendHash(seal, &out);
    bytes.remove_prefix(std::min(bytes.size(), 8 + size + kFamiliarSealBytes));
  }
  return out;
}

void Check(Knowledge* knowledge, std::string_view bytes) {
  const auto facts = knowledge->Load(bytes);
  if (!facts.ok()) {
    STOCKADE_CHECK(!facts.status().message().empty());
    return;
  }
  STOCKADE_CHECK(knowledge->lanes.bytes() <= Lanes::kBytesMin);
  STOCKADE_CHECK(facts->given_way + knowledge->lanes.accounts() == facts->accounts);
  Attempt attempt;
  attempt.account = "mia";
  attempt.source = *Address::Parse("192.0.2.1");
  attempt.device = "tablet";
  attempt.time_ns = facts->as_of_ms * 1'000'000;
  knowledge->lanes.StandingOf(attempt);
  for (int i = 0; i < 3; ++i) knowledge->lanes.Learn(attempt, Lane::kUnfamiliar);
  const std::string again = knowledge->Write();
  STOCKADE_CHECK(knowledge->Load(again).ok());
  STOCKADE_CHECK(knowledge->Write() == again);
}

}  // namespace
}  // namespace stockade

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static stockade::Knowledge knowledge;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  stockade::Check(&knowledge, bytes);
  stockade::Check(&knowledge, stockade::Sealed(bytes));
  return 0;
}
