#include "tools/stockade/gate_certificates.h"

#include <utility>

#include "absl/time/clock.h"
#include "adapters/gateway/certificate_warming.h"
#include "engine/text.h"
#include "tools/stockade/gate_parts.h"

namespace stockade {
namespace {

void AppendLoginSamples(const CertificateMemory& memory, std::vector<MetricSample>* samples) {
  for (size_t i = 0; i < kEvidenceFromCount; ++i) {
    samples->push_back({"stockade_certificates_shown_total",
                        "Logins by how they showed a certificate; bare: nobody proved to hold its key",
                        MetricSample::Type::kCounter,
                        {{"from", std::string(Name(static_cast<CertificateEvidence::From>(i)))}},
                        static_cast<double>(memory.shown[i])});
  }
  for (size_t i = 1; i < kEvidenceFaultCount; ++i) {
    samples->push_back({"stockade_certificate_faults_total",
                        "What was shown as a certificate and is none, by why",
                        MetricSample::Type::kCounter,
                        {{"why", std::string(Name(static_cast<CertificateEvidence::Fault>(i)))}},
                        static_cast<double>(memory.faults[i])});
  }
  for (size_t i = 1; i < kCertificateNames.size(); ++i) {
    samples->push_back({"stockade_certificates_total",
                        "Logins by what their certificate says, in the words of login.certificate",
                        MetricSample::Type::kCounter,
                        {{"status", std::string(kCertificateNames[i])}},
                        static_cast<double>(memory.statuses[i])});
  }
  samples->push_back(
      {"stockade_certificates_accepted_unknown_total",
       "Logins with a valid certificate of which nobody knows whether it is revoked, and whose issuer's "
       "policy is to accept that",
       MetricSample::Type::kCounter,
       {},
       static_cast<double>(memory.accepted_unknown)});
  samples->push_back({"stockade_certificate_nonces",
                      "Signatures that would still be fresh and were used",
                      MetricSample::Type::kGauge,
                      {},
                      static_cast<double>(memory.nonces.size())});
}

void AppendQueueSamples(const CertificateQueue::Figures& figures, std::vector<MetricSample>* samples) {
  const auto add = [samples](std::string_view name, std::string_view help, MetricSample::Type type,
                             double value) {
    samples->push_back({std::string(name), std::string(help), type, {}, value});
  };
  using Type = MetricSample::Type;
  add("stockade_certificate_queue_waiting", "Certificates that wait to be looked at", Type::kGauge,
      static_cast<double>(figures.waiting));
  add("stockade_certificate_queue_over_rate",
      "Of these, behind the others because their source shows too many bad ones", Type::kGauge,
      static_cast<double>(figures.over_rate));
  add("stockade_certificate_queue_asking", "Certificates that wait for somebody else's answer", Type::kGauge,
      static_cast<double>(figures.asking));
  add("stockade_certificates_judged_total", "Certificates that a thread has looked at", Type::kCounter,
      static_cast<double>(figures.judged));
  add("stockade_certificate_wait_seconds_total", "How long these had waited, together", Type::kCounter,
      static_cast<double>(figures.waited_ns) / 1e9);
  add("stockade_certificates_asked_total", "Times that somebody else was asked about one", Type::kCounter,
      static_cast<double>(figures.asked));
  add("stockade_certificates_ask_timeouts_total", "Of these, times that no answer came", Type::kCounter,
      static_cast<double>(figures.asks_given_up));
  for (size_t i = 0; i < CertificateQueue::kWhyNames.size(); ++i) {
    samples->push_back({"stockade_certificates_unverified_total",
                        "Certificates that nobody looked at, by why",
                        Type::kCounter,
                        {{"why", CertificateQueue::kWhyNames[i]}},
                        static_cast<double>(figures.unverified[i])});
  }
}

void AppendMemorySamples(const CertificateMemory& memory, std::vector<MetricSample>* samples) {
  for (const bool hit : {true, false}) {
    samples->push_back({"stockade_certificate_cache_total",
                        "Logins that only showed a certificate, by whether it had been verified before",
                        MetricSample::Type::kCounter,
                        {{"result", hit ? "hit" : "miss"}},
                        static_cast<double>(hit ? memory.cache_hits : memory.cache_misses)});
  }
  for (const bool good : {true, false}) {
    samples->push_back(
        {"stockade_certificates_warmed_total",
         "Certificates that were verified anew before anybody asked, by whether they still hold",
         MetricSample::Type::kCounter,
         {{"result", good ? "good" : "bad"}},
         static_cast<double>(good ? memory.warmed : memory.warmed_bad)});
  }
  samples->push_back({"stockade_certificates_known",
                      "Certificates that are verified anew after a reload and with new revocation lists",
                      MetricSample::Type::kGauge,
                      {},
                      static_cast<double>(memory.known.size())});
}

uint64_t EpochOf(const GateParts& parts) {
  return parts.crls == nullptr ? 0 : parts.crls->current()->Get()->epoch();
}

}  // namespace

GateCertificates::GateCertificates(const HashKey& key, RunLog* log)
    : log_(*log),
      queue_({}, key),
      judge_(&queue_, &memory_, [this](const CertificateVerdict& verdict) { return QuestionsOf(verdict); }) {}

GateCertificates::~GateCertificates() {
  Stop();
}

void GateCertificates::Use(std::shared_ptr<const GateParts> parts) {
  if (parts_ != nullptr &&
      parts->gateway().certificates.queue.threads < parts_->gateway().certificates.queue.threads)
    log_.Warn("gateway.certificates.threads: fewer than before; it takes a restart");
  parts_ = std::move(parts);
  {
    // The one before may end here, which takes its thread a moment: not under the lock.
    std::shared_ptr<OcspClient> responders = parts_->ocsp;
    const std::lock_guard lock(responders_mutex_);
    responders_.swap(responders);
  }
  queue_.Use(parts_->gateway().certificates.queue);
  if (parts_->gateway().certificates.known_file != known_file_) Load();
  Warm();
}

std::function<void(std::function<void()>)> GateCertificates::QuestionsOf(
    const CertificateVerdict& verdict) const {
  if (verdict.ask.empty()) return nullptr;
  const std::lock_guard lock(responders_mutex_);
  if (responders_ == nullptr) return nullptr;
  return [responders = responders_, ask = verdict.ask](std::function<void()> then) {
    responders->Ask(ask, std::move(then));
  };
}

CertificateFinding GateCertificates::Find(const GateParts& parts, CertificateEvidence connection,
                                          const EndpointSettings& endpoint, const LoginClaim& claim,
                                          const Address& client) const {
  return judge_.Find(parts.verifier, std::move(connection), endpoint, claim, client);
}

void GateCertificates::Warm() {
  crl_epoch_ = EpochOf(*parts_);
  if (parts_->verifier == nullptr || memory_.known.size() == 0) {
    queue_.Warm(nullptr);
  } else {
    queue_.Warm(WarmingStep(parts_->verifier, &memory_, absl::Now));
  }
}

void GateCertificates::Tick(absl::Time now) {
  if (parts_ == nullptr || stopped_) return;
  if (EpochOf(*parts_) != crl_epoch_) Warm();
  if (now < saved_ + kSaveEvery) return;
  // The first is a while after the start, too.
  if (saved_ != absl::InfinitePast()) Save();
  saved_ = now;
}

void GateCertificates::Load() {
  const std::string& file = known_file_ = parts_->gateway().certificates.known_file;
  is_known_file_ours_ = true;
  if (file.empty()) return;
  const absl::StatusOr<size_t> read = memory_.known.Load(file);
  if (absl::IsFailedPrecondition(read.status()) || absl::IsUnavailable(read.status())) {
    is_known_file_ours_ = false;
    log_.Error(Concat("gateway.certificates.known: ", FromAbsl(read.status().message()),
                      "; it is left alone, and what is known now is not kept over a restart"));
  } else if (!read.ok()) {
    log_.Warn(Concat("gateway.certificates.known: ", FromAbsl(read.status().message()),
                     "; goes on without, and certificates are verified as they come"));
  } else if (*read > 0) {
    log_.Say(Concat(*read, " certificates are known and are being verified anew"));
  }
  saved_changes_ = memory_.known.changes();
}

void GateCertificates::Save() {
  const uint64_t changes = memory_.known.changes();
  if (known_file_.empty() || !is_known_file_ours_ || changes == saved_changes_) return;
  if (const absl::Status status = memory_.known.Save(known_file_); !status.ok()) {
    log_.Warn(Concat("gateway.certificates.known: ", FromAbsl(status.message())));
    return;
  }
  saved_changes_ = changes;
}

void GateCertificates::Stop() {
  if (std::exchange(stopped_, true)) return;
  queue_.Stop();
  if (parts_ != nullptr) Save();
}

std::vector<MetricSample> GateCertificates::Samples() const {
  std::vector<MetricSample> samples;
  AppendLoginSamples(memory_, &samples);
  AppendMemorySamples(memory_, &samples);
  AppendQueueSamples(queue_.figures(), &samples);
  return samples;
}

}  // namespace stockade
