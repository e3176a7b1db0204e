#include "tools/stockade/replay_session.h"

#include <algorithm>
#include <utility>

#include "CLI/CLI.hpp"
#include "absl/time/clock.h"
#include "adapters/decision_json.h"
#include "adapters/source/text_format.h"
#include "engine/status.h"
#include "engine/text.h"
#include "tools/stockade/capture_reading.h"
#include "tools/stockade/familiar_snapshot.h"
#include "tools/stockade/units.h"

namespace stockade {
namespace {

// The settings that the command line overrides.
absl::Status ApplyOptions(const ReplayOptions& options, Config* config) {
  if (!options.rules.empty()) config->rules = options.rules;
  if (options.rules_only) config->engine.detectors.reset();
  // A format and a format file exclude each other: of the two, the one that the command line names wins over the file's.
  if (!options.format.empty()) {
    config->source.format = options.format;
    if (options.format != "text") config->source.format_file.clear();
  } else if (!options.text_format.empty()) {
    config->source.format = "text";
  }
  if (!options.text_format.empty()) config->source.format_file = options.text_format;
  if (options.year) config->source.year = *options.year;
  if (!options.timezone.empty() && !absl::LoadTimeZone(options.timezone, &config->source.time_zone)) {
    return absl::InvalidArgumentError(Concat("--timezone: ", Quoted(options.timezone),
                                             " is no time zone of this system; write UTC or Asia/Tokyo"));
  }
  if (!options.geo.asn.empty()) config->geo.asn = options.geo.asn;
  if (!options.geo.country.empty()) config->geo.country = options.geo.country;
  if (!options.login_paths.empty()) config->source.access_log.login_paths.clear();
  for (const std::string& text : options.login_paths) {
    std::optional<AccessLogOptions::LoginPath> path = ParseLoginPath(text);
    if (!path) {
      return absl::InvalidArgumentError(
          Concat("--login-path: ", Quoted(text), " is no path; write /login, or /auth/* for all below it"));
    }
    config->source.access_log.login_paths.push_back(*std::move(path));
  }
  if (!options.memory.empty()) {
    const std::optional<uint64_t> bytes = ParseBytes(options.memory);
    if (!bytes || *bytes < kMemoryBytesMin) {
      return absl::InvalidArgumentError(Concat("--memory: ", Quoted(options.memory),
                                               " is no amount of memory of at least ", kMemoryBytesMin >> 20,
                                               "MiB; write 256MiB or 1GiB"));
    }
    config->engine.memory_bytes = *bytes;
  }
  return absl::OkStatus();
}

}  // namespace

void AddLogOptions(CLI::App* app, ReplayOptions* options) {
  app->add_option("-c,--config", options->config_file, "Settings (stockade.yaml); without it the defaults")
      ->type_name("FILE");
  app->add_option("--rules", options->rules,
                  "Rules instead of the shipped ones: a folder or a file; may be repeated")
      ->type_name("PATH")
      ->allow_extra_args(false);
  app->add_option(
         "--format", options->format,
         "What the inputs are: ndjson, csv, combined, sshd, pcap, …; without it each input is looked at")
      ->type_name("NAME");
  app->add_option("--login-path", options->login_paths,
                  "Path that logins are sent to, in access logs and captures: /portal/enter, or /auth/* for "
                  "all below it, "
                  "instead of the usual ones; may be repeated")
      ->type_name("PATH")
      ->allow_extra_args(false);
  app->add_option("--text-format", options->text_format, "Read lines by the patterns of this format file")
      ->type_name("FILE");
  app->add_option("--timezone", options->timezone, "Zone of dates without one, as Asia/Tokyo (UTC)")
      ->type_name("ZONE");
  app->add_option(
         "--year", options->year,
         "Year of the first date without one of each input (the latest that is not after the file was "
         "last written, or after now)")
      ->type_name("YEAR");
  app->add_option("--memory", options->memory, "What the engine may keep (1GiB)")->type_name("SIZE");
  app->add_option("--geo-asn", options->geo.asn,
                  "Tell the AS of a source from this file (.mmdb), where an event does not say it")
      ->type_name("FILE");
  app->add_option("--geo-country", options->geo.country, "The same of its country")->type_name("FILE");
  app->add_option("--familiar", options->familiar,
                  "Begin with what this snapshot knows of who is at home; without it nobody is known")
      ->type_name("FILE");
  app->add_flag("--rules-only", options->rules_only,
                "Without detectors: what the rules alone would have done");
  app->add_option("INPUT", options->inputs, "Logs or captures: files, also .gz and .zst; - is standard input")
      ->type_name("")
      ->required();
}

void AddReplayOptions(CLI::App* app, ReplayOptions* options) {
  AddLogOptions(app, options);
  app->add_flag(
      "--observe", options->observe,
      "Let every attempt through, as the system did that wrote the log; without it a stopped attempt is not "
      "observed, as if Stockade had stood in front");
}

absl::StatusOr<Config> ReadSettings(const ReplayOptions& options) {
  std::string text;
  if (!options.config_file.empty()) {
    ASSIGN_OR_RETURN(text, ReadWholeFile(options.config_file, kYamlBytesMax));
  }
  Findings findings;
  Config config =
      ReadConfig(text, options.config_file, &findings, GatewayFiles::kNotLookedAt, options.overrides);
  RETURN_IF_ERROR(findings.ToStatus());
  RETURN_IF_ERROR(ApplyOptions(options, &config));
  return config;
}

absl::StatusOr<ReplaySession> ReplaySession::Open(const ReplayOptions& options) {
  ReplaySession session;
  session.options_ = options;
  ASSIGN_OR_RETURN(session.config_, ReadSettings(options));
  ASSIGN_OR_RETURN(session.rules_, LoadRules(session.config_));
  ASSIGN_OR_RETURN(GeoDatabases databases, OpenGeo(session.config_.geo));
  if (databases.any()) session.geo_ = std::make_unique<GeoLookup>(std::move(databases));
  session.config_.source.fields = session.rules_.fields.get();
  session.config_.source.hash_key = session.config_.engine.hash_key;
  session.config_.source.reference_time = absl::Now();
  session.config_.source.foreign_formats.push_back(CaptureFormat(
      [config = session.config_] { return CaptureReadingOf(config); }, CaptureReadingText(session.config_)));
  RETURN_IF_ERROR(Validate(session.config_.source));
  if (!session.config_.source.format_file.empty())
    RETURN_IF_ERROR(ReadTextFormat(session.config_.source, &session.format_doubts_).status());
  return session;
}

void FollowDecision(const Record& record, ReplaySession* session) {
  const absl::StatusOr<Decision> decision = ParseDecision(record.text);
  if (!decision.ok()) {
    if (session->notes().unread_decisions++ == 0) session->notes().first_unread_decision = record.position;
    return;
  }
  Engine& engine = session->engine();
  switch (record.kind) {
    case RecordKind::kOrdered:
      engine.Propose(*decision, {}, {});
      break;
    case RecordKind::kRestored:
      engine.Restore(*decision, record.event.attempt.time_ns / 1'000'000);
      break;
    default:
      engine.Remove(*decision, {}, {});
  }
}

absl::Status ReplaySession::Start(EngineListener* listener) {
  ASSIGN_OR_RETURN(inputs_, OpenInputs(options_.inputs, config_.source));
  for (size_t i = 0; i < options_.shown.size(); ++i) inputs_.inputs[i].name = options_.shown[i];
  notes_ = RecordNotes();
  EngineOptions engine = config_.engine;
  engine.lets_through = options_.observe;
  ASSIGN_OR_RETURN(engine_, Engine::Create(engine, rules_.rules.get(), listener));
  if (!options_.familiar.empty()) {
    ASSIGN_OR_RETURN(familiar_, ReadSnapshot(options_.familiar, [this](const auto& next) {
                       return engine_->LoadFamiliar(next);
                     }));
  }
  return absl::OkStatus();
}

}  // namespace stockade
