#include "engine/detect/familiar_reader.h"

#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

constexpr size_t kPartHeadBytes = 8;
constexpr std::string_view kLearnAgain =
    "move it away to start with nothing known, or make one of old logs: stockade replay --learn FILE LOG…";

absl::Status NotASnapshot() {
  return absl::InvalidArgumentError(
      Concat("is no snapshot of who is familiar; name another file, or ", kLearnAgain));
}

}  // namespace

FamiliarReader::FamiliarReader(const HashKey& key, Lanes* lanes, ProvenCustomers* customers) noexcept
    : seal_key_(FamiliarSealKey(key)),
      key_id_(FamiliarKeyId(key)),
      lanes_(*lanes),
      customers_(*customers),
      given_way_before_(lanes->evicted()) {}

absl::Status FamiliarReader::Broken(std::string_view what) const {
  return absl::DataLossError(Concat("the snapshot is broken at byte ", offset_, ": ", what,
                                    "; put a backup in its place, ", kLearnAgain));
}

absl::Status FamiliarReader::Read(std::string_view bytes) {
  facts_.bytes += bytes.size();
  pending_.append(bytes);
  std::string_view left = pending_;
  const auto take = [&](size_t size) {
    const std::string_view taken = left.substr(0, size);
    left.remove_prefix(size);
    return taken;
  };
  if (!has_head_ && left.size() >= kFamiliarHeadBytes + kFamiliarSealBytes) {
    RETURN_IF_ERROR(TakeHead(take(kFamiliarHeadBytes + kFamiliarSealBytes)));
    offset_ += kFamiliarHeadBytes + kFamiliarSealBytes;
  }
  while (has_head_ && left.size() >= kPartHeadBytes) {
    if (has_end_) return Broken("bytes stand behind its end");
    LittleReader head(left);
    const auto kind = head.Take<uint32_t>();
    const auto size = head.Take<uint32_t>();
    if (size > kFamiliarPartBytesMax)
      return Broken(Concat("a part of ", size, " bytes, and none is larger than ", kFamiliarPartBytesMax));
    if (left.size() < kPartHeadBytes + size + kFamiliarSealBytes) break;
    const std::string_view part = take(kPartHeadBytes + size);
    LittleReader seal(take(kFamiliarSealBytes));
    std::string sealed;
    sealed.reserve(kFamiliarSealBytes + part.size());
    AppendHash(seal_, &sealed);
    sealed.append(part);
    const Hash128 wanted = SipHash128(seal_key_, sealed);
    if (seal.TakeHash() != wanted) return Broken("its checksum is wrong");
    RETURN_IF_ERROR(TakePart(static_cast<FamiliarPart>(kind), part.substr(kPartHeadBytes)));
    seal_ = wanted;
    offset_ += part.size() + kFamiliarSealBytes;
    ++parts_;
  }
  pending_.erase(0, pending_.size() - left.size());
  return absl::OkStatus();
}

absl::Status FamiliarReader::TakeHead(std::string_view head) {
  LittleReader reader(head.substr(kFamiliarMagic.size()));
  if (!head.starts_with(kFamiliarMagic)) return NotASnapshot();
  if (const auto version = reader.Take<uint32_t>(); version != kFamiliarVersion) {
    return absl::FailedPreconditionError(Concat("the snapshot is of version ", version,
                                                ", and this program reads ", kFamiliarVersion,
                                                "; use the program that wrote it, ", kLearnAgain));
  }
  static_cast<void>(reader.Take<uint32_t>());
  if (reader.TakeHash() != key_id_) {
    return absl::FailedPreconditionError(Concat(
        "the snapshot was written under another hash key; set hash_key_file to the one it was written with, ",
        kLearnAgain));
  }
  facts_.as_of_ms = reader.Take<int64_t>();
  const auto buckets = reader.Take<uint64_t>();
  static_cast<void>(reader.Take<uint64_t>());
  seal_ = SipHash128(seal_key_, head.substr(0, kFamiliarHeadBytes));
  if (reader.TakeHash() != seal_) return Broken("its checksum is wrong");
  // Event times are nanoseconds elsewhere.
  if (facts_.as_of_ms < 0 || facts_.as_of_ms > INT64_MAX / 1'000'000) return Broken("no such time can be");
  has_head_ = true;
  now_ = DayQuarterOf(facts_.as_of_ms * 1'000'000);
  lanes_.records().MakeRoom(buckets);
  return absl::OkStatus();
}

absl::Status FamiliarReader::TakePart(FamiliarPart kind, std::string_view bytes) {
  const auto number = static_cast<uint32_t>(kind);
  LittleReader reader(bytes);
  bool good = number >= last_kind_;
  switch (kind) {
    case FamiliarPart::kShares:
      good = good && TakeShares(&reader);
      break;
    case FamiliarPart::kStepUps:
      good = good && TakeStepUps(&reader);
      break;
    case FamiliarPart::kSources:
      good = good && TakeSources(&reader);
      break;
    case FamiliarPart::kAccounts:
      good = good && TakeAccounts(&reader);
      break;
    case FamiliarPart::kEnd:
      good = good && TakeEnd(&reader);
      break;
    default:
      good = false;
  }
  last_kind_ = number;
  if (good && !reader.failed() && reader.is_empty()) return absl::OkStatus();
  return Broken(Concat("a part of kind ", number, " says what cannot be"));
}

// One a kind and row, in their order: none is there twice, and none is missing at the end.
bool FamiliarReader::TakeShares(LittleReader* reader) {
  const auto kind = reader->Take<uint8_t>();
  const auto row = reader->Take<uint8_t>();
  const auto total = reader->Take<uint64_t>();
  if (shares_ >= 2 * Lanes::kShareRows || kind != shares_ / Lanes::kShareRows ||
      row != shares_ % Lanes::kShareRows || total >= Lanes::kShareTotalMax)
    return false;
  counts_.assign(Lanes::kShareColumns, 0);
  for (size_t column = 0; column < Lanes::kShareColumns;) {
    const uint32_t count = reader->TakeVarint();
    if (count > total || reader->failed()) return false;
    counts_[column++] = count;
    if (count != 0) continue;
    const uint32_t zeros = reader->TakeVarint();
    if (zeros > Lanes::kShareColumns - column) return false;
    column += zeros;
  }
  if (reader->failed()) return false;
  const auto of = static_cast<Lanes::ShareKind>(kind);
  lanes_.RestoreShares(of, row, 0, counts_);
  lanes_.RestoreShareTotal(of, total);
  ++shares_;
  return true;
}

bool FamiliarReader::TakeStepUps(LittleReader* reader) {
  while (!reader->is_empty()) {
    Lanes::StepUp step_up;
    step_up.tag = reader->Take<uint64_t>();
    step_up.until_ms = reader->Take<int64_t>();
    if (step_up.tag == 0 || reader->failed()) return false;
    lanes_.Restore(step_up);
  }
  return true;
}

bool FamiliarReader::TakeSources(LittleReader* reader) {
  while (!reader->is_empty()) {
    SharedSources::Source source;
    source.place = reader->Take<uint64_t>();
    for (uint32_t& account : source.accounts) account = reader->Take<uint32_t>();
    for (int32_t& minute : source.minutes) minute = reader->Take<int32_t>();
    if (source.place == 0 || reader->failed() || !customers_.sources().Restore(source)) return false;
  }
  return true;
}

bool FamiliarReader::TakeAccounts(LittleReader* reader) {
  while (!reader->is_empty()) {
    TaggedRecord account;
    account.tag = reader->Take<uint64_t>();
    const auto which = reader->Take<uint8_t>();
    AccountRecord& record = account.record;
    record.count = reader->Take<uint16_t>();
    record.quarter = reader->Take<uint16_t>();
    record.certified = reader->Take<uint16_t>();
    record.has_certificate = which >> 7;
    record.in_second = reader->Take<uint8_t>();
    bool good = record.in_second <= 1;
    const auto take = [&](SeenToken* seen) {
      seen->token = reader->Take<uint32_t>();
      seen->count = reader->Take<uint16_t>();
      seen->quarter = reader->Take<uint16_t>();
      good = good && seen->token != 0;
    };
    for (size_t i = 0; i < record.networks.size(); ++i)
      if ((which >> i & 1) != 0) take(&record.networks[i]);
    for (size_t i = 0; i < record.devices.size(); ++i)
      if ((which >> (4 + i) & 1) != 0) take(&record.devices[i]);
    if (!good || account.tag == 0 || reader->failed() || !lanes_.records().Restore(account, now_))
      return false;
    ++facts_.accounts;
  }
  return true;
}

bool FamiliarReader::TakeEnd(LittleReader* reader) {
  const auto accounts = reader->Take<uint64_t>();
  const auto parts = reader->Take<uint64_t>();
  has_end_ = true;
  return accounts == facts_.accounts && parts == parts_ && shares_ == 2 * Lanes::kShareRows;
}

absl::StatusOr<FamiliarFacts> FamiliarReader::Finish() {
  const std::string_view left = pending_;
  if (!has_head_ && !kFamiliarMagic.starts_with(left.substr(0, kFamiliarMagic.size()))) return NotASnapshot();
  if (!has_end_ || !pending_.empty()) {
    offset_ = facts_.bytes;
    return Broken(has_end_ ? "bytes stand behind its end" : "it ends too early");
  }
  facts_.id = seal_;
  facts_.given_way = lanes_.evicted() - given_way_before_;
  return facts_;
}

}  // namespace stockade
