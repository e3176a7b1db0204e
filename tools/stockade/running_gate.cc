#include "tools/stockade/running_gate.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/time/clock.h"
#include "adapters/http/endpoint_address.h"
#include "engine/status.h"
#include "engine/text.h"
#include "tools/stockade/capture_reading.h"
#include "tools/stockade/console.h"
#include "tools/stockade/privileges.h"

namespace stockade {
namespace {

int64_t WallClockNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// The largest login any endpoint takes, with room for what a dialect puts around it.
size_t LoginBytesMax(const GatewaySettings& gateway) {
  size_t most = size_t{64} << 10;
  for (const EndpointSettings& endpoint : gateway.endpoints) most = std::max(most, endpoint.body_bytes);
  return most + (size_t{64} << 10);
}

std::string AddressText(Endpoint at, uint16_t port) {
  if (!at.is_unix()) at.port = port;
  return ToString(at);
}

}  // namespace

absl::StatusOr<std::unique_ptr<RunningGate>> RunningGate::Start(const RunOptions& options,
                                                                const BookFiles& files, RunLog* log) {
  std::unique_ptr<RunningGate> gate(new RunningGate(options, log));
  ASSIGN_OR_RETURN(gate->parts_, MakeGateParts(options, log, gate->ocsp_));
  const GatewaySettings& gateway = gate->parts_->gateway();
  if (gateway.listeners.empty() && !IsSet(gateway.service.at) && gate->parts_->config.live_sources.empty() &&
      !gate->parts_->config.capture.has_value()) {
    return absl::InvalidArgumentError(Concat(options.config_file,
                                             ": gateway: neither `listen` nor `service` says where to wait "
                                             "for logins, nor are there `sources` or `capture`"));
  }
  if (const auto& capture = gate->parts_->config.capture; capture.has_value() && !capture->user.empty())
    RETURN_IF_ERROR(ForbidNewPrivileges());  // before a thread begins
  RETURN_IF_ERROR(gate->StartDesk(files));
  RETURN_IF_ERROR(gate->StartServices());
  return gate;
}

absl::Status RunningGate::StartDesk(const BookFiles& files) {
  std::vector<std::string> inputs = parts_->loaded->files;
  inputs.push_back(options_.config_file);
  RunLog& log = log_;
  ASSIGN_OR_RETURN(
      books_, GateBooks::Open(files, inputs, [&log](std::string_view why) {
        log.Error(Concat(why, "; THIS LOG HAS STOPPED. Logins go on and are not written any more"));
      }));
  DeskOptions desk;
  desk.engine = parts_->config.engine;
  desk.remember = parts_->gateway().challenges.remember;
  desk.record = !files.record.empty();
  desk.clock = WallClockNs;
  desk.engine.tells_changes = true;
  desk.fields = parts_->fields();
  ASSIGN_OR_RETURN(orders_, GateOrders::Open(parts_->config, books_.get(), &log_));
  ASSIGN_OR_RETURN(desk_, EngineDesk::Create(std::move(desk), parts_->rules(), orders_.get()));
  if (const std::optional<FamiliarSettings>& familiar = parts_->config.familiar; familiar.has_value()) {
    ASSIGN_OR_RETURN(familiar_,
                     FamiliarKeeper::Open(*familiar, parts_->config.engine.hash_key, desk_.get(), &log_));
    familiar_->Load(/*keeps_begun=*/!files.record.empty());
  }
  RETURN_IF_ERROR(orders_->Restore(desk_.get()));
  orders_->FollowMode(desk_->mode());
  allow_stamps_.emplace(parts_->config.allow_files);
  return absl::OkStatus();
}

absl::Status RunningGate::GiveUpPrivileges() {
  if (!parts_->config.capture.has_value() || parts_->config.capture->user.empty()) return absl::OkStatus();
  const CaptureSettings& capture = *parts_->config.capture;
  RETURN_IF_ERROR(DropPrivileges(capture.user, capture.group));
  log_.Say(Concat("privileges are given up; the process is user ", capture.user, " from now on"));
  return absl::OkStatus();
}

absl::Status RunningGate::StartServices() {
  const GatewaySettings& gateway = parts_->gateway();
  ASSIGN_OR_RETURN(std::vector<LiveInput> inputs, OpenLiveInputs(parts_->config, &log_));
  if (const std::optional<CaptureSettings>& capture = parts_->config.capture; capture.has_value()) {
    ASSIGN_OR_RETURN(CaptureReading reading, CaptureReadingOf(parts_->config, parts_->verifier));
    reading.assembly.decoder.tunnels = capture->tunnels;
    ASSIGN_OR_RETURN(std::unique_ptr<DeviceSource> device, DeviceSource::Open(capture->device, reading));
    capture_ = device.get();
    inputs.emplace_back().source = std::move(device);
  }
  // Capabilities without root were given for the interface, and only a process of one thread can give them up.
  const bool keeps_rights = BeginsWithRoot();
  if (!keeps_rights) RETURN_IF_ERROR(GiveUpPrivileges());
  RETURN_IF_ERROR(orders_->Start());
  if (familiar_ != nullptr) {
    // Nobody is asked yet, so that this is not in anybody's way (GateBooks::OnAlarm).
    if (const std::optional<Alarm> alarm = familiar_->refusal()) orders_->OnAlarm(*alarm);
    familiar_->Start();
  }
  certificates_ = std::make_unique<GateCertificates>(parts_->config.engine.hash_key, &log_);
  geo_desk_ = std::make_unique<GeoDesk>(desk_.get(), &log_);
  geo_desk_->Use(parts_->config.geo, parts_->geo);
  certificates_->Use(parts_);
  dialects_ = DialectsOf(parts_, geo_desk_.get(), certificates_.get(), &counters_);
  if (!gateway.listeners.empty()) {
    ASSIGN_OR_RETURN(
        proxy_, Proxy::Start(gateway, ProxyPartsOf(parts_, geo_desk_.get(), certificates_.get(), &unread_)));
  }
  if (IsSet(gateway.service.at)) {
    HttpServiceOptions options;
    options.at = gateway.service.at;
    options.body_bytes_max = LoginBytesMax(gateway);
    // Logins that wait for their certificates hold their connections, and must leave room for those that need not wait.
    const CertificateQueueSettings& queue = gateway.certificates.queue;
    options.connections_max += static_cast<int>(CertificateQueue::JobsMax(queue));
    options.request_time = std::max(options.request_time, LongestJudgement(queue.wait) + absl::Seconds(1));
    ASSIGN_OR_RETURN(service_, HttpService::Start(
                                   options, [this](const ServiceRequest& request, const ServiceLater& later) {
                                     return dialects()->Reply(request, later);
                                   }));
  }
  if (!inputs.empty()) {
    feed_ = std::make_unique<LiveFeed>(
        std::move(inputs),
        [this](const LoginEvent& event, const FieldTable* fields) {
          LoginEvent told = event;
          geo_desk_->Fill(&told.attempt);
          desk_->Witness(told, fields);
        },
        &log_);
    feed_->UseFields(parts_->fields());
  }
  if (IsSet(gateway.admin.at)) {
    AdminParts admin;
    admin.token = parts_->admin_token;
    admin.not_ready = [this] { return NotReady(); };
    admin.mode = [this] { return desk_->mode(); };
    admin.set_mode = [this](Mode mode) {
      desk_->SetMode(mode);
      orders_->FollowMode(mode);
      orders_->Note("operator", "mode", "", Name(mode));
      log_.Say(Concat("the mode is ", Name(mode), " from now on"));
    };
    admin.decisions = orders_->Parts();
    admin.metrics = [this] {
      return MetricsText(desk_->figures(), service_ ? &counters_ : nullptr, Samples());
    };
    admin_desk_ = std::make_unique<AdminDesk>(std::move(admin));
    HttpServiceOptions options;
    options.at = gateway.admin.at;
    ASSIGN_OR_RETURN(admin_, HttpService::Start(options, [this](const ServiceRequest& request) {
                       return admin_desk_->Reply(request);
                     }));
  }
  // Everything is open: addresses, files, the interface. What strangers sent over the wire is read without any right.
  if (keeps_rights) RETURN_IF_ERROR(GiveUpPrivileges());
  return feed_ != nullptr ? feed_->Start() : absl::OkStatus();
}

RunningGate::~RunningGate() {
  static_cast<void>(Stop());  // whoever wants to know has called it
}

std::shared_ptr<const VerdictDialects> RunningGate::dialects() const {
  const std::lock_guard lock(swapped_mutex_);
  return dialects_;
}

std::shared_ptr<const GateParts> RunningGate::parts() const {
  const std::lock_guard lock(swapped_mutex_);
  return parts_;
}

void RunningGate::WarnOfFixed(const Config& before, const Config& after) {
  const auto warn = [this](std::string_view key) {
    log_.Warn(Concat(key, ": changed, and cannot change while running; it takes a restart"));
  };
  if (before.engine.memory_bytes != after.engine.memory_bytes) warn("memory");
  if (before.engine.lateness_ms != after.engine.lateness_ms) warn("lateness");
  if (before.engine.hash_key.k0 != after.engine.hash_key.k0 ||
      before.engine.hash_key.k1 != after.engine.hash_key.k1)
    warn("hash_key");
  if (ToString(before.gateway->service.at) != ToString(after.gateway->service.at))
    warn("gateway.service.address");
  if (ToString(before.gateway->admin.at) != ToString(after.gateway->admin.at)) warn("gateway.admin.address");
  if (before.gateway->admin.token_file != after.gateway->admin.token_file) warn("gateway.admin.token_file");
  if (before.engine.ledger_bytes != after.engine.ledger_bytes) warn("store.memory");
  if (before.familiar != after.familiar) warn("familiar");
  if (before.carried_text != after.carried_text) warn("store or firewalls");
  if (before.sources_text != after.sources_text) warn("sources");
  if (before.capture.has_value() && before.capture_text != after.capture_text)
    warn("capture, or what of gateway it reads by (endpoints, trusted_proxies, certificates and the like)");
  if (before.gateway->workers != after.gateway->workers) warn("gateway.workers");
  // The mode may have been switched by hand since the start: the file says what a start takes.
  if (before.engine.mode != after.engine.mode) warn("mode (PUT /mode switches it)");
}

bool RunningGate::Reload() {
  const auto refuse = [this](const absl::Status& why) {
    log_.Error(Concat("reload refused, everything stays as it was:\n", FromAbsl(why.message())));
    return false;
  };
  absl::StatusOr<std::shared_ptr<const GateParts>> made = MakeGateParts(options_, &log_, ocsp_);
  if (!made.ok()) return refuse(made.status());
  const std::shared_ptr<const GateParts> parts = *std::move(made);
  WarnOfFixed(parts_->config, parts->config);
  // The one step that may fail after this is the engine's; the proxy is asked first, for its files may be broken too,
  // and is given the old parts back if the engine refuses.
  if (proxy_ != nullptr) {
    if (const absl::Status status = proxy_->SwapSettings(
            parts->gateway(), ProxyPartsOf(parts, geo_desk_.get(), certificates_.get(), &unread_));
        !status.ok())
      return refuse(status);
  }
  const bool decides_anew = parts->engine_text != parts_->engine_text;
  if (decides_anew) {
    EngineDesk::Changes changes;
    changes.rules = parts->rules();
    changes.allowlist = parts->config.engine.allowlist;
    changes.certificates = parts->config.engine.certificates;
    changes.policy = parts->config.engine.policy;
    changes.detectors = parts->config.engine.detectors;
    changes.remember = parts->gateway().challenges.remember;
    changes.fields = parts->fields();
    if (const absl::Status status = desk_->Reload(std::move(changes)); !status.ok()) {
      if (proxy_ != nullptr)
        static_cast<void>(proxy_->SwapSettings(
            parts_->gateway(), ProxyPartsOf(parts_, geo_desk_.get(), certificates_.get(), &unread_)));
      return refuse(status);
    }
  }
  {
    std::shared_ptr<const VerdictDialects> dialects =
        DialectsOf(parts, geo_desk_.get(), certificates_.get(), &counters_);
    const std::lock_guard lock(swapped_mutex_);
    dialects_.swap(dialects);
    parts_ = parts;
  }
  geo_desk_->Use(parts->config.geo, parts->geo);
  if (feed_ != nullptr && decides_anew) feed_->UseFields(parts->fields());
  certificates_->Use(parts);
  allow_stamps_.emplace(parts->config.allow_files);
  orders_->Note("operator", "reload", "", decides_anew ? "settings and rules" : "certificates and secrets");
  log_.Say(decides_anew ? "reloaded: settings, rules and certificates; nothing that was counted is lost"
                        : "reloaded: certificates and secrets; settings and rules are the same");
  return true;
}

std::string RunningGate::NotReady() const {
  if (proxy_ == nullptr) return "";
  const std::vector<Proxy::UpstreamHealth> health = proxy_->health();
  const bool any =
      std::any_of(health.begin(), health.end(), [](const auto& upstream) { return upstream.healthy; });
  return any ? "" : "no upstream is healthy";
}

void RunningGate::Tick() {
  desk_->Tick();
  std::string not_ready = NotReady();
  if (not_ready != last_not_ready_) {
    if (not_ready.empty()) {
      log_.Say("ready again");
    } else {
      log_.Warn(Concat("not ready: ", not_ready));
    }
    last_not_ready_ = std::move(not_ready);
  }
  if (allow_stamps_->HaveChanged()) {
    log_.Say("a file of `allow` has changed");
    Reload();
  }
  if (parts_->crls != nullptr) parts_->crls->Look(absl::Now());
  if (parts_->accounts != nullptr) parts_->accounts->Look(absl::Now());
  geo_desk_->Look(absl::Now());
  certificates_->Tick(absl::Now());
  if (feed_ != nullptr) feed_->Tick(absl::Now());
  if (capture_ != nullptr && !capture_failed_) {
    const absl::Status failure = capture_->failure();
    capture_failed_ = !failure.ok();
    if (capture_failed_) log_.Error(Concat(FromAbsl(failure.message()), "; NOTHING IS CAPTURED ANY MORE"));
  }
  SayWhatWasUnread();
}

void RunningGate::SayWhatWasUnread() {
  // Often enough to be seen while an outcome table is being written, too seldom to fill a log.
  constexpr absl::Duration kAtMostEvery = absl::Minutes(1);
  const absl::Time now = absl::Now();
  if (now < unread_said_ + kAtMostEvery) return;
  for (const auto& [endpoint, answers] : unread_.Read()) {
    uint64_t& said = unread_counts_said_[endpoint];
    if (answers.count == said) continue;
    log_.Warn(Concat("endpoint ", endpoint, ": ", answers.count - said,
                     " answers fit no row of `outcomes` and count as unknown; the last had status ",
                     answers.last_status, ". Save one and try: stockade check --answer"));
    said = answers.count;
    unread_said_ = now;
  }
}

std::vector<absl::Status> RunningGate::Stop() {
  if (std::exchange(stopped_, true)) return {};
  // Whoever asks goes first, then what is asked.
  if (proxy_ != nullptr) {
    const int cut = proxy_->Drain(parts_->gateway().limits.drain_time);
    if (cut > 0) log_.Warn(Concat(cut, " connections were still open after drain_time, and were cut"));
  }
  if (service_ != nullptr) service_->Stop();
  if (certificates_ != nullptr) certificates_->Stop();
  if (admin_ != nullptr) admin_->Stop();
  if (feed_ != nullptr) feed_->Stop();
  if (desk_ != nullptr) desk_->Finish();
  std::vector<absl::Status> wrong;
  if (orders_ != nullptr) wrong = orders_->Stop();
  // Of a gate that never began to serve nothing is kept: it knows no more than the file.
  if (familiar_ != nullptr)
    if (absl::Status status = familiar_->Stop(); !status.ok()) wrong.push_back(std::move(status));
  if (books_ != nullptr)
    for (absl::Status& status : books_->Close()) wrong.push_back(std::move(status));
  return wrong;
}

void RunningGate::Describe(const BookFiles& files, std::ostream* out) const {
  const GatewaySettings& gateway = parts_->gateway();
  bool first = true;
  const auto line = [&](std::string_view label, std::string_view text) {
    *out << "  " << PadRight(first ? label : "", 12) << PrintableLine(text) << "\n";
    first = false;
  };
  const auto lines = [&](std::string_view label, const std::vector<std::string>& texts) {
    first = true;
    for (const std::string& text : texts) line(label, text);
  };
  lines("mode", {std::string(Name(desk_->mode()))});
  std::vector<std::string> texts;
  for (size_t i = 0; i < gateway.listeners.size(); ++i) {
    const ListenerSettings& listener = gateway.listeners[i];
    texts.push_back(
        Concat(AddressText(listener.at, proxy_->port(i)), listener.tls ? ", TLS" : "",
               listener.tls && listener.tls->ask_client_certificate ? ", asks for certificates" : "",
               listener.proxy_protocol ? ", expects PROXY headers" : ""));
  }
  lines("listens on", texts);
  texts.clear();
  for (const UpstreamSettings& upstream : gateway.upstreams)
    texts.push_back(Concat(ToString(upstream.at), upstream.tls ? ", TLS" : ""));
  lines("upstreams", texts);
  texts.clear();
  for (const EndpointSettings& endpoint : gateway.endpoints) {
    std::string methods;
    for (const std::string& method : endpoint.methods) Append(&methods, methods.empty() ? "" : ",", method);
    texts.push_back(Concat(endpoint.name, ": ", methods, " ",
                           endpoint.path.empty() ? endpoint.path_regex : endpoint.path));
  }
  lines("logins", texts);
  lines("rules", {Concat(parts_->loaded->rules->rules().size(), " rules and ",
                         parts_->loaded->rules->correlations().size(), " correlations of ",
                         parts_->loaded->files.size(), " files")});
  if (service_ != nullptr) lines("verdicts", {AddressText(gateway.service.at, service_->port())});
  if (admin_ != nullptr) lines("admin", {AddressText(gateway.admin.at, admin_->port())});
  if (feed_ != nullptr) lines("hears of", feed_->Describe());
  lines("decisions", orders_->Describe());
  if (familiar_ != nullptr) lines("remembers", {familiar_->Describe()});
  texts.clear();
  const std::pair<std::string_view, const std::string&> books[] = {{"record", files.record},
                                                                   {"verdicts", files.verdicts},
                                                                   {"decisions", files.decisions},
                                                                   {"alerts", files.alerts}};
  for (const auto& [name, file] : books)
    if (!file.empty()) texts.push_back(Concat(name, " to ", file));
  lines("writes", texts);
}

}  // namespace stockade
