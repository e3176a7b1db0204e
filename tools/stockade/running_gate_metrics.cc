// The figures of all parts of a running gate, for /metrics.
#include <utility>

#include "engine/text.h"
#include "tools/stockade/running_gate.h"

namespace stockade {
namespace {

void AppendOcspSamples(const OcspMemory& memory, std::vector<MetricSample>* samples) {
  for (size_t i = 0; i < kOcspResultCount; ++i) {
    const auto result = static_cast<OcspResult>(i);
    samples->push_back({"stockade_ocsp_requests_total",
                        "Questions to OCSP responders by what came of them",
                        MetricSample::Type::kCounter,
                        {{"result", std::string(Name(result))}},
                        static_cast<double>(memory.count(result))});
  }
  samples->push_back({"stockade_ocsp_answers",
                      "Certificates of which it is remembered what a responder said, or that it said nothing",
                      MetricSample::Type::kGauge,
                      {},
                      static_cast<double>(memory.size())});
}

}  // namespace

std::vector<MetricSample> RunningGate::Samples() const {
  std::vector<MetricSample> samples = books_->Samples();
  for (MetricSample& sample : orders_->Samples()) samples.push_back(std::move(sample));
  if (feed_ != nullptr)
    for (MetricSample& sample : feed_->Samples()) samples.push_back(std::move(sample));
  if (capture_ != nullptr) {
    for (const SourceFigure& figure : capture_->figures())
      samples.push_back({Concat("stockade_capture_", figure.name, "_total"),
                         Concat("Of the capture: ", figure.title),
                         MetricSample::Type::kCounter,
                         {},
                         static_cast<double>(figure.count)});
  }
  if (familiar_ != nullptr)
    for (MetricSample& sample : familiar_->Samples()) samples.push_back(std::move(sample));
  for (MetricSample& sample : geo_desk_->Samples()) samples.push_back(std::move(sample));
  for (MetricSample& sample : certificates_->Samples()) samples.push_back(std::move(sample));
  AppendOcspSamples(*ocsp_, &samples);
  const std::shared_ptr<const GateParts> parts = this->parts();
  if (parts->crls != nullptr)
    for (MetricSample& sample : parts->crls->Samples(absl::Now())) samples.push_back(std::move(sample));
  if (parts->accounts != nullptr)
    for (MetricSample& sample : parts->accounts->Samples()) samples.push_back(std::move(sample));
  if (proxy_ == nullptr) return samples;
  const ProxyCounts counts = proxy_->counts();
  for (size_t i = 0; i < kCountKinds; ++i) {
    const auto count = static_cast<Count>(i);
    const bool is_gauge = count == Count::kConnectionsOpen;
    samples.push_back({Concat("stockade_proxy_", Name(count), is_gauge ? "" : "_total"),
                       "Counted by the proxy",
                       is_gauge ? MetricSample::Type::kGauge : MetricSample::Type::kCounter,
                       {},
                       static_cast<double>(counts.counts[i])});
  }
  for (size_t i = 1; i < kHeadErrorCount; ++i) {
    samples.push_back({"stockade_proxy_refused_heads_total",
                       "Requests and answers refused for their head, by why",
                       MetricSample::Type::kCounter,
                       {{"why", std::string(Name(static_cast<HeadError>(i)))}},
                       static_cast<double>(counts.refused_heads[i])});
  }
  for (size_t i = 1; i < kChunkErrorCount; ++i) {
    samples.push_back({"stockade_proxy_refused_chunks_total",
                       "Bodies refused for their chunks, by why",
                       MetricSample::Type::kCounter,
                       {{"why", std::string(Name(static_cast<ChunkError>(i)))}},
                       static_cast<double>(counts.refused_chunks[i])});
  }
  for (const auto& [endpoint, answers] : unread_.Read()) {
    samples.push_back({"stockade_answers_unread_total",
                       "Answers to logins that fit no row of the endpoint's outcomes, and count as unknown",
                       MetricSample::Type::kCounter,
                       {{"endpoint", endpoint}},
                       static_cast<double>(answers.count)});
  }
  for (const Proxy::UpstreamHealth& upstream : proxy_->health()) {
    samples.push_back({"stockade_upstream_healthy",
                       "1 for an upstream that answers",
                       MetricSample::Type::kGauge,
                       {{"upstream", upstream.name}},
                       upstream.healthy ? 1.0 : 0.0});
  }
  return samples;
}

}  // namespace stockade
