#include "tools/stockade/live_inputs.h"

#include <set>
#include <utility>

#ifdef STOCKADE_HAS_JOURNAL
#include "adapters/live/journal_source.h"
#endif
#include "adapters/live/push_source.h"
#include "adapters/live/syslog_source.h"
#include "adapters/live/tail_source.h"
#include "engine/status.h"
#include "engine/text.h"
#include "tools/stockade/gate_parts.h"

namespace stockade {
namespace {

using MadeSource = absl::StatusOr<std::unique_ptr<LiveSource>>;

template <typename Made>
MadeSource AsSource(absl::StatusOr<std::unique_ptr<Made>> made) {
  RETURN_IF_ERROR(made.status());
  return std::unique_ptr<LiveSource>(*std::move(made));
}

// How a source of each kind is made.
struct MakeSource {
  const EngineOptions& engine;
  const std::function<void(std::string_view)> say;

  MadeSource operator()(TailOptions tail) const {
    tail.reading.hash_key = engine.hash_key;
    tail.say = say;
    return AsSource(TailSource::Open(std::move(tail)));
  }
  MadeSource operator()(SyslogOptions syslog) const {
    syslog.reading.hash_key = engine.hash_key;
    return AsSource(SyslogSource::Open(std::move(syslog)));
  }
  MadeSource operator()([[maybe_unused]] JournalOptions journal) const {
#ifdef STOCKADE_HAS_JOURNAL
    journal.reading.hash_key = engine.hash_key;
    journal.say = say;
    return AsSource(JournalSource::Open(std::move(journal)));
#else
    return absl::UnimplementedError(
        "sources.journald: this build reads no journal; build with -DSTOCKADE_JOURNAL=ON");
#endif
  }
  MadeSource operator()(PushSettings push) const {
    push.options.reading.hash_key = engine.hash_key;
    ASSIGN_OR_RETURN(push.options.key, ReadToken(push.key_file, "sources.push.key_file"));
    return AsSource(PushSource::Open(std::move(push.options)));
  }
};

}  // namespace

absl::StatusOr<std::vector<LiveInput>> OpenLiveInputs(const Config& config, RunLog* log) {
  std::vector<LiveInput> inputs;
  std::set<std::string> names;
  const MakeSource make{config.engine, [log](std::string_view text) { log->Warn(text); }};
  for (const LiveSourceSettings& settings : config.live_sources) {
    LiveInput input;
    input.silence = settings.silence;
    ASSIGN_OR_RETURN(input.source, std::visit(make, settings.kind));
    if (!names.insert(input.source->name()).second) {
      return absl::InvalidArgumentError(
          Concat("sources: two are called ", input.source->name(), "; give one of them a `name` of its own"));
    }
    inputs.push_back(std::move(input));
  }
  return inputs;
}

}  // namespace stockade
