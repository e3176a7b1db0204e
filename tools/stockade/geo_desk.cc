#include "tools/stockade/geo_desk.h"

#include <utility>

#include "engine/text.h"

namespace stockade {
namespace {

// Networks change hands over days; a new file counts this long after it was put in place, at most.
constexpr absl::Duration kGeoLookEvery = absl::Seconds(30);

}  // namespace

void GeoDesk::Use(const GeoSettings& settings, GeoDatabases databases) {
  settings_ = settings;
  stamps_.emplace(settings.files());
  const std::lock_guard lock(mutex_);
  databases_ = std::move(databases);
  lookup_.Use(databases_);
}

void GeoDesk::Look(absl::Time now) {
  if (!stamps_.has_value() || now < looked_ + kGeoLookEvery) return;
  looked_ = now;
  if (!stamps_->HaveChanged()) return;
  absl::StatusOr<GeoDatabases> databases = OpenGeo(settings_);
  if (!databases.ok()) {
    log_.Error(Concat(FromAbsl(databases.status().message()), "; what was read before stays in force"));
    const std::lock_guard lock(mutex_);
    ++errors_;
    return;
  }
  log_.Say("geo: read anew");
  const std::lock_guard lock(mutex_);
  databases_ = *std::move(databases);
  lookup_.Use(databases_);
}

void GeoDesk::Fill(Attempt* attempt) {
  const std::lock_guard lock(mutex_);
  lookup_.Fill(attempt);
  stacks_.Fill(attempt);
}

GateAnswer GeoDesk::Assess(const Attempt& attempt) {
  Attempt told = attempt;
  Fill(&told);
  return desk_.Assess(told);
}

std::vector<MetricSample> GeoDesk::Samples() const {
  const std::lock_guard lock(mutex_);
  std::vector<MetricSample> samples;
  if (databases_.any()) AppendGeoSamples(&samples);
  const StackLookup::Counts& counts = stacks_.counts();
  const auto add = [&samples](const char* name, const char* help, uint64_t count) {
    samples.push_back({name, help, MetricSample::Type::kCounter, {}, static_cast<double>(count)});
  };
  add("stockade_tls_fingerprints_total", "Attempts of which a JA4 is known", counts.asked);
  add("stockade_tls_stacks_known_total", "Of these, those whose TLS stack is known", counts.known);
  add("stockade_tls_mismatches_total", "Of these, those whose user agent claims another stack",
      counts.mismatched);
  return samples;
}

void GeoDesk::AppendGeoSamples(std::vector<MetricSample>* out) const {
  using Type = MetricSample::Type;
  std::vector<MetricSample>& samples = *out;
  const auto built = [&](const GeoDatabase* database, const char* file) {
    if (database == nullptr) return;
    samples.push_back({"stockade_geo_built_timestamp_seconds",
                       "When the database that is in force was made",
                       Type::kGauge,
                       {{"file", file}},
                       static_cast<double>(database->built_s())});
  };
  built(databases_.asn.get(), "asn");
  built(databases_.country.get(), "country");
  const GeoLookup::Counts& counts = lookup_.counts();
  samples.push_back({"stockade_geo_lookups_total",
                     "Attempts whose AS or country was looked up",
                     Type::kCounter,
                     {},
                     static_cast<double>(counts.asked)});
  samples.push_back({"stockade_geo_broken_total",
                     "Look-ups that came upon a broken place of a database, and told nothing",
                     Type::kCounter,
                     {},
                     static_cast<double>(counts.broken)});
  samples.push_back({"stockade_geo_errors_total",
                     "Databases that were replaced by one that cannot be read",
                     Type::kCounter,
                     {},
                     static_cast<double>(errors_)});
}

}  // namespace stockade
