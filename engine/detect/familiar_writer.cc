#include "engine/detect/familiar_writer.h"

#include "engine/status.h"

namespace stockade {

FamiliarWriter::FamiliarWriter(const HashKey& key) noexcept
    : seal_key_(FamiliarSealKey(key)), key_id_(FamiliarKeyId(key)) {}

bool FamiliarWriter::Copy(const Lanes& lanes, const ProvenCustomers& customers, int64_t as_of_ms) {
  copied_ = next_;
  switch (next_) {
    case Step::kNetworks:
      as_of_ms_ = as_of_ms;
      buckets_ = lanes.records().bucket_count();
      total_ = lanes.CopyShares(Lanes::ShareKind::kNetwork, &shares_);
      next_ = Step::kDevices;
      return true;
    case Step::kDevices:
      total_ = lanes.CopyShares(Lanes::ShareKind::kDevice, &shares_);
      next_ = Step::kStepUps;
      return true;
    case Step::kStepUps:
      lanes.CopyStepUps(&step_ups_);
      next_ = Step::kSources;
      return true;
    case Step::kSources:
      if (!customers.sources().Copy(kStepSources, &source_next_, &sources_)) next_ = Step::kAccounts;
      return true;
    case Step::kAccounts:
      if (!lanes.records().Copy(kStepBuckets, &place_, &accounts_)) next_ = Step::kEnd;
      return true;
    case Step::kEnd:
      return false;
  }
  return false;
}

void FamiliarWriter::Encode(std::string* out) {
  switch (copied_) {
    case Step::kNetworks:
      EncodeHead(out);
      EncodeShares(Lanes::ShareKind::kNetwork, out);
      break;
    case Step::kDevices:
      EncodeShares(Lanes::ShareKind::kDevice, out);
      break;
    case Step::kStepUps:
      EncodeStepUps(out);
      break;
    case Step::kSources:
      EncodeSources(out);
      break;
    case Step::kAccounts:
      EncodeAccounts(out);
      break;
    case Step::kEnd: {
      const uint64_t before = parts_;
      Begin(FamiliarPart::kEnd, out);
      AppendLittle(accounts_written_, out);
      AppendLittle(before, out);
      Seal(out);
      break;
    }
  }
}

void FamiliarWriter::EncodeHead(std::string* out) {
  const size_t at = out->size();
  out->append(kFamiliarMagic);
  AppendLittle(kFamiliarVersion, out);
  AppendLittle(uint32_t{0}, out);
  AppendHash(key_id_, out);
  AppendLittle(as_of_ms_, out);
  AppendLittle(buckets_, out);
  AppendLittle(uint64_t{0}, out);
  STOCKADE_DCHECK(out->size() - at == kFamiliarHeadBytes);
  seal_ = SipHash128(seal_key_, out->data() + at, out->size() - at);
  AppendHash(seal_, out);
}

void FamiliarWriter::Begin(FamiliarPart part, std::string* out) {
  part_at_ = out->size();
  AppendLittle(static_cast<uint32_t>(part), out);
  AppendLittle(uint32_t{0}, out);  // its size, which Seal knows
}

void FamiliarWriter::Seal(std::string* out) {
  const size_t size = out->size() - part_at_ - 2 * sizeof(uint32_t);
  STOCKADE_CHECK(size <= kFamiliarPartBytesMax);
  std::string digits;
  AppendLittle(static_cast<uint32_t>(size), &digits);
  out->replace(part_at_ + sizeof(uint32_t), digits.size(), digits);
  sealed_.clear();
  AppendHash(seal_, &sealed_);
  sealed_.append(*out, part_at_);
  seal_ = SipHash128(seal_key_, sealed_);
  AppendHash(seal_, out);
  ++parts_;
}

void FamiliarWriter::EncodeShares(Lanes::ShareKind kind, std::string* out) {
  for (size_t row = 0; row < Lanes::kShareRows; ++row) {
    Begin(FamiliarPart::kShares, out);
    AppendLittle(static_cast<uint8_t>(kind), out);
    AppendLittle(static_cast<uint8_t>(row), out);
    AppendLittle(total_, out);
    const uint32_t* const counts = shares_.data() + row * Lanes::kShareColumns;
    for (size_t column = 0; column < Lanes::kShareColumns;) {
      AppendVarint(counts[column], out);
      if (counts[column++] != 0) continue;
      size_t zeros = 0;
      while (column + zeros < Lanes::kShareColumns && counts[column + zeros] == 0) ++zeros;
      AppendVarint(static_cast<uint32_t>(zeros), out);
      column += zeros;
    }
    Seal(out);
  }
}

void FamiliarWriter::EncodeStepUps(std::string* out) {
  if (step_ups_.empty()) return;
  Begin(FamiliarPart::kStepUps, out);
  for (const Lanes::StepUp& step_up : step_ups_) {
    AppendLittle(step_up.tag, out);
    AppendLittle(step_up.until_ms, out);
  }
  Seal(out);
  step_ups_.clear();
}

void FamiliarWriter::EncodeSources(std::string* out) {
  if (sources_.empty()) return;
  Begin(FamiliarPart::kSources, out);
  for (const SharedSources::Source& source : sources_) {
    AppendLittle(source.place, out);
    for (const uint32_t account : source.accounts) AppendLittle(account, out);
    for (const int32_t minute : source.minutes) AppendLittle(minute, out);
  }
  Seal(out);
  sources_.clear();
}

void FamiliarWriter::EncodeAccounts(std::string* out) {
  if (accounts_.empty()) return;
  Begin(FamiliarPart::kAccounts, out);
  for (const auto& [tag, record] : accounts_) {
    AppendLittle(tag, out);
    uint8_t which = record.has_certificate != 0 ? 0x80 : 0;
    for (size_t i = 0; i < record.networks.size(); ++i)
      if (record.networks[i].token != 0) which |= static_cast<uint8_t>(1U << i);
    for (size_t i = 0; i < record.devices.size(); ++i)
      if (record.devices[i].token != 0) which |= static_cast<uint8_t>(0x10U << i);
    AppendLittle(which, out);
    AppendLittle(record.count, out);
    AppendLittle(record.quarter, out);
    AppendLittle(record.certified, out);
    AppendLittle(record.in_second, out);
    const auto append = [out](const SeenToken& seen) {
      if (seen.token == 0) return;
      AppendLittle(seen.token, out);
      AppendLittle(seen.count, out);
      AppendLittle(seen.quarter, out);
    };
    for (const SeenToken& seen : record.networks) append(seen);
    for (const SeenToken& seen : record.devices) append(seen);
  }
  Seal(out);
  accounts_written_ += accounts_.size();
  accounts_.clear();
}

}  // namespace stockade
