#include "tools/stockade/crl_watch.h"

#include <utility>

#include "engine/text.h"

namespace stockade {
namespace {

// A revocation takes effect this long after its list was put in place, at most.
constexpr absl::Duration kLookAtListsEvery = absl::Seconds(30);
// Often enough that nobody misses it, seldom enough that nobody filters it.
constexpr absl::Duration kSayStaleEvery = absl::Hours(1);

}  // namespace

CrlWatch::CrlWatch(CrlSetOptions options, absl::Time now, RunLog* log)
    : options_(std::move(options)), log_(*log), stamps_(options_.paths), looked_(now) {
  current_ = std::make_shared<CurrentCrls>(nullptr);
  Read(now);
}

void CrlWatch::Look(absl::Time now) {
  if (now < looked_ + kLookAtListsEvery) return;
  looked_ = now;
  if (stamps_.HaveChanged()) return Read(now);
  if (now >= stale_said_ + kSayStaleEvery) SayStale(now);
}

void CrlWatch::Read(absl::Time now) {
  std::shared_ptr<const CrlSet> set = CrlSet::Load(options_);
  for (const CrlProblem& problem : set->problems())
    log_.Error(Concat("revocation list ", problem.file, ": ", problem.what,
                      "; what it would say is unknown until it can be read"));
  log_.Say(Concat("revocation lists in force: ", set->lists().size()));
  current_->Put(std::move(set));
  SayStale(now);
}

void CrlWatch::SayStale(absl::Time now) {
  const std::vector<std::string> stale = current_->Get()->StaleAt(now);
  for (const std::string& line : stale) log_.Error(Concat("revocation list is stale: ", line));
  stale_said_ = stale.empty() ? absl::InfinitePast() : now;
}

std::vector<MetricSample> CrlWatch::Samples(absl::Time now) const {
  const std::shared_ptr<const CrlSet> set = current_->Get();
  const auto gauge = [](std::string name, std::string help, size_t value) {
    return MetricSample{
        std::move(name), std::move(help), MetricSample::Type::kGauge, {}, static_cast<double>(value)};
  };
  return {gauge("stockade_crls", "Revocation lists in force", set->lists().size()),
          gauge("stockade_crls_stale", "Of them, past their nextUpdate: they revoke, and vouch for nobody",
                set->StaleAt(now).size()),
          gauge("stockade_crl_problems", "Revocation lists that could not be read", set->problems().size())};
}

}  // namespace stockade
