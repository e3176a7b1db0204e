#include "tools/stockade/replay_summary.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "absl/strings/str_format.h"
#include "engine/text.h"
#include "tools/stockade/json_writer.h"
#include "tools/stockade/program.h"

namespace stockade {
namespace {

constexpr size_t kLabelColumns = 16;

// A fast 64-bit hash for counting distinct names in a report: eight bytes a multiplication. Fixed, so that
// two runs report the same; nothing is decided by it.
uint64_t Mix(uint64_t a, uint64_t b) noexcept {
  const auto product = static_cast<unsigned __int128>(a ^ 0x9e3779b97f4a7c15) * (b ^ 0xe7037ed1a0b428db);
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}
uint64_t HashText(std::string_view text) noexcept {
  uint64_t hash = Mix(text.size(), 0x8ebc6af09c88c6e3);
  uint64_t word = 0;
  const char* at = text.data();
  const char* const end = at + text.size();
  for (; end - at >= 8; at += 8) {
    std::memcpy(&word, at, 8);
    hash = Mix(hash, word);
  }
  uint64_t tail = 0;
  if (const auto left = static_cast<size_t>(end - at); left > 0) {
    if (std::endian::native == std::endian::little && text.size() >= 8) {
      std::memcpy(&word, end - 8, 8);  // with what was hashed before it, which the shift drops
      tail = word >> (64 - 8 * left);
    } else {
      std::memcpy(&tail, at, left);
    }
  }
  return Mix(Mix(hash, tail), hash);
}
uint64_t HashAddress(const Address& address) noexcept {
  const uint64_t low = Mix(address.low(), static_cast<uint64_t>(address.bits()));
  return Mix(Mix(low, address.high()), low);
}

std::string DistinctText(const DistinctCount& count) {
  return Concat(count.exact() ? "" : "about ", CountText(count.count()));
}

std::string Plural(uint64_t count, std::string_view one, std::string_view many) {
  return Concat(CountText(count), " ", count == 1 ? one : many);
}

// Rules with their counts, the largest first.
// The kind of an alarm that goes before all others: somebody got in who is not the customer.

std::vector<std::pair<std::string_view, uint64_t>> ByCount(const std::map<std::string, uint64_t>& counts) {
  std::vector<std::pair<std::string_view, uint64_t>> sorted(counts.begin(), counts.end());
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  return sorted;
}

uint64_t Sum(const std::map<std::string, uint64_t>& counts) {
  uint64_t sum = 0;
  for (const auto& entry : counts) sum += entry.second;
  return sum;
}

}  // namespace

void ReplaySummary::AddVerdict(const LoginEvent& event, const Verdict& verdict, bool reaches) {
  const Attempt& attempt = event.attempt;
  if (attempts_ == 0) first_ns_ = last_ns_ = attempt.time_ns;
  first_ns_ = std::min(first_ns_, attempt.time_ns);
  last_ns_ = std::max(last_ns_, attempt.time_ns);
  ++attempts_;
  reached_ += reaches ? 1 : 0;
  ++verdicts_[static_cast<size_t>(verdict.kind)];
  ++outcomes_[reaches ? 1 : 0][static_cast<size_t>(event.aftermath.outcome)];
  if (attempt.has_account()) {
    const uint64_t hash = HashText(attempt.account);
    accounts_.Add(hash);
    if (!reaches) accounts_stopped_.Add(hash);
  }
  if (attempt.source.present()) {
    const uint64_t hash = HashAddress(attempt.source);
    sources_.Add(hash);
    if (!reaches) {
      sources_stopped_.Add(hash);
      top_stopped_.Add(attempt.source);
    }
  }
}

void ReplaySummary::AddAlarm(const Alarm& alarm) {
  ++alarms_[alarm.kind];
  std::vector<Alarm>& kept = alarm.kind == kTakeoverAlarm ? takeovers_ : other_alarms_;
  if (kept.size() < kAlarmsKept) kept.push_back(alarm);
}

void ReplaySummary::AddOutcome(Outcome outcome) {
  --outcomes_[1][static_cast<size_t>(Outcome::kUnknown)];
  ++outcomes_[1][static_cast<size_t>(outcome)];
}

void ReplaySummary::Print(const ReplayRun& run, const std::vector<InputDescription>& inputs,
                          const SourceCounters& source, const EngineCounters& engine,
                          const std::vector<SourceFigure>& figures, const Console& console,
                          std::ostream& out) const {
  const auto line = [&](std::string_view label, std::string_view text) {
    out << Styled(console, Style::kBold, PadRight(label, kLabelColumns)) << text << "\n";
  };
  const auto row = [&](std::string_view name, size_t name_columns, uint64_t count, std::string_view more) {
    out << "  " << PadRight(name, name_columns) << PadLeft(CountText(count), 14) << more << "\n";
  };

  if (run.interrupted)
    out << Styled(console, Style::kYellow, "Interrupted: this is true of what was read.") << "\n";
  line("Read", Concat(Plural(attempts_, "attempt", "attempts"), ", ", BytesText(source.bytes)));
  if (attempts_ > 0) {
    line("", Concat(TimeText(first_ns_ / 1000000), " … ", TimeText(last_ns_ / 1000000), " (",
                    DurationText((last_ns_ - first_ns_) / 1000000), ")"));
  }
  if (source.unreadable() > 0) {
    line("", Styled(console, Style::kYellow,
                    Concat(Plural(source.unreadable(), "record", "records"), " could not be read")));
  }
  if (source.other > 0) line("", Concat(Plural(source.other, "line was", "lines were"), " no login attempt"));
  constexpr size_t kInputsShown = 10;
  for (size_t i = 0; i < inputs.size() && i < kInputsShown; ++i) {
    line(i == 0 ? "Inputs" : "",
         Concat(PrintableText(inputs[i].name), ": ", inputs[i].format, ", ", PrintableText(inputs[i].why)));
  }
  if (inputs.size() > kInputsShown) line("", Concat("and ", inputs.size() - kInputsShown, " more"));
  bool is_first_figure = true;
  for (const SourceFigure& figure : figures) {
    if (figure.count == 0) continue;
    line(is_first_figure ? "Capture" : "", Concat(CountText(figure.count), " ", figure.title));
    is_first_figure = false;
  }
  line("Mode",
       Concat(Name(run.mode), ", ",
              run.observe                  ? "everything was let through (--observe)"
              : run.mode == Mode::kObserve ? "nothing is stopped; decisions are made and not carried out"
                                           : "a stopped attempt counts for nothing (what if)"));

  const auto alarms = [&](std::string_view title, Style style, const std::vector<Alarm>& kept,
                          uint64_t count) {
    if (count == 0) return;
    constexpr size_t kAlarmsShown = 10;
    out << "\n" << Styled(console, style, PadRight(title, 30)) << PadLeft(CountText(count), 14) << "\n";
    for (size_t i = 0; i < kept.size() && i < kAlarmsShown; ++i)
      out << "  " << TimeText(kept[i].time_ms) << "  " << PrintableText(kept[i].text) << "\n";
    if (count > kAlarmsShown) out << "  and " << CountText(count - kAlarmsShown) << " more\n";
  };
  const auto takeovers = alarms_.find(std::string(kTakeoverAlarm));
  const uint64_t taken_over = takeovers == alarms_.end() ? 0 : takeovers->second;
  // First of all: somebody may be logged in who is not the customer.
  alarms("Takeovers", Style::kRed, takeovers_, taken_over);
  alarms("Alarms", Style::kYellow, other_alarms_, Sum(alarms_) - taken_over);

  out << "\n" << Styled(console, Style::kBold, "Verdicts") << "\n";
  for (size_t kind = 0; kind < verdicts_.size(); ++kind) {
    const uint64_t count = verdicts_[kind];
    const Style style = count == 0  ? Style::kDim
                        : kind == 0 ? Style::kGreen
                        : kind == 3 ? Style::kRed
                                    : Style::kYellow;
    out << "  " << Styled(console, style, PadRight(kVerdictNames[kind], 28)) << PadLeft(CountText(count), 14)
        << PadLeft(ShareText(count, attempts_), 10) << "\n";
  }

  out << "\n"
      << Styled(console, Style::kBold, PadRight("What came of it", 30)) << PadLeft("reached check", 14)
      << PadLeft("stopped", 14) << "\n";
  for (size_t i = 1; i <= kOutcomes; ++i) {
    const size_t outcome = i % kOutcomes;  // unknown last
    if (outcomes_[0][outcome] + outcomes_[1][outcome] == 0) continue;
    row(kOutcomeNames[outcome], 28, outcomes_[1][outcome], PadLeft(CountText(outcomes_[0][outcome]), 14));
  }
  if (const uint64_t right = outcomes_[0][static_cast<size_t>(Outcome::kSuccess)]; right > 0) {
    out << Styled(
               console, Style::kYellow,
               Concat("  ", Plural(right, "stopped attempt", "stopped attempts"),
                      " had the right password: ", "takeovers that did not happen, or customers turned away"))
        << "\n";
  }

  out << "\n";
  line("Accounts",
       Concat(DistinctText(accounts_), " named, ", DistinctText(accounts_stopped_), " by stopped attempts"));
  line("Sources", Concat(DistinctText(sources_), " seen, ", DistinctText(sources_stopped_), " stopped"));
  const auto top = top_stopped_.Top(kTopSources);
  if (!top.empty()) {
    out << "\n"
        << Styled(console, Style::kBold, PadRight("Most stopped sources", 30)) << PadLeft("attempts", 14)
        << "\n";
    for (const auto& [address, count] : top) {
      row(address.ToString(), 28, count, top_stopped_.missed() > 0 ? " at least" : "");
    }
  }
  const auto by_rule = [&](std::string_view title, const std::map<std::string, uint64_t>& counts) {
    out << "\n"
        << Styled(console, Style::kBold, PadRight(title, 30)) << PadLeft(CountText(Sum(counts)), 14) << "\n";
    constexpr size_t kRulesShown = 20;
    const auto sorted = ByCount(counts);
    for (size_t i = 0; i < sorted.size() && i < kRulesShown; ++i) {
      row(PrintableText(sorted[i].first), 28, sorted[i].second, "");
    }
    if (sorted.size() > kRulesShown) out << "  and " << sorted.size() - kRulesShown << " more rules\n";
  };
  by_rule("Decisions by rule", decisions_);
  by_rule("Alerts by rule", alerts_);

  out << "\n";
  if (engine.late + engine.too_late + engine.wild > 0) {
    line("Times", Concat(CountText(engine.late), " late and counted, ", CountText(engine.too_late),
                         " too late to count, ", CountText(engine.wild), " in a future nothing confirmed"));
  }
  line("Memory",
       Concat(BytesText(engine.memory_bytes), " of ", BytesText(run.memory_ceiling), ", ",
              engine.windows_evicted == 0
                  ? std::string("nothing evicted")
                  : Concat(Plural(engine.windows_evicted, "window", "windows"),
                           " evicted, a count may be too low by ", CountText(engine.undercount_max))));
  if (engine.scan_failures > 0) {
    line("Patterns",
         Styled(console, Style::kYellow,
                Concat(Plural(engine.scan_failures, "scan", "scans"), " failed and went the slow way")));
  }
  line("Speed",
       Concat(absl::StrFormat("%.2f s", run.seconds), ", ",
              CountText(run.seconds > 0 ? static_cast<uint64_t>(static_cast<double>(attempts_) / run.seconds)
                                        : 0),
              " attempts/s"));
}

std::string ReplaySummary::ToJson(const ReplayRun& run, const std::vector<InputDescription>& inputs,
                                  const SourceCounters& source, const EngineCounters& engine,
                                  const std::vector<SourceFigure>& figures) const {
  JsonWriter json;
  const auto counts = [&json](std::string_view key, const std::map<std::string, uint64_t>& by_rule) {
    json.Key(key).BeginObject().Key("total").Count(Sum(by_rule)).Key("by_rule").BeginObject();
    for (const auto& [rule, count] : ByCount(by_rule)) json.Key(rule).Count(count);
    json.EndObject().EndObject();
  };
  const auto distinct = [&json](std::string_view key, const DistinctCount& all, const DistinctCount& some) {
    json.Key(key).BeginObject().Key("seen").Count(all.count()).Key("stopped").Count(some.count());
    json.Key("exact").Bool(all.exact()).EndObject();
  };

  json.BeginObject().Key("stockade").Text(Version()).Key("mode").Text(Name(run.mode));
  json.Key("observe").Bool(run.observe).Key("interrupted").Bool(run.interrupted);
  json.Key("inputs").BeginList();
  for (const InputDescription& input : inputs) {
    json.BeginObject()
        .Key("name")
        .Text(input.name)
        .Key("format")
        .Text(input.format)
        .Key("why")
        .Text(input.why);
    json.EndObject();
  }
  json.EndList();
  json.Key("read").BeginObject().Key("lines").Count(source.lines).Key("attempts").Count(attempts_);
  json.Key("unreadable")
      .Count(source.unreadable())
      .Key("other")
      .Count(source.other)
      .Key("blank")
      .Count(source.blank);
  json.Key("bytes").Count(source.bytes).Key("errors").BeginObject();
  for (size_t i = 1; i < kReadErrorCount; ++i) {
    if (source.errors[i] > 0) json.Key(kReadErrorNames[i]).Count(source.errors[i]);
  }
  json.EndObject().EndObject();
  if (!figures.empty()) {
    json.Key("capture").BeginObject();
    for (const SourceFigure& figure : figures) json.Key(figure.name).Count(figure.count);
    json.EndObject();
  }
  json.Key("time").BeginObject().Key("first");
  if (attempts_ > 0) {
    json.Text(FormatTimeMs(first_ns_ / 1000000)).Key("last").Text(FormatTimeMs(last_ns_ / 1000000));
  } else {
    json.Null().Key("last").Null();
  }
  json.Key("late").Count(engine.late).Key("too_late").Count(engine.too_late).Key("wild").Count(engine.wild);
  json.EndObject();
  json.Key("verdicts").BeginObject();
  for (size_t kind = 0; kind < verdicts_.size(); ++kind) json.Key(kVerdictNames[kind]).Count(verdicts_[kind]);
  json.EndObject();
  json.Key("reached").Count(reached_).Key("stopped").Count(stopped());
  json.Key("outcomes").BeginObject();
  for (const size_t reached : {size_t{1}, size_t{0}}) {
    json.Key(reached == 1 ? "reached" : "stopped").BeginObject();
    for (size_t i = 0; i < kOutcomes; ++i) json.Key(kOutcomeNames[i]).Count(outcomes_[reached][i]);
    json.EndObject();
  }
  json.EndObject();
  distinct("accounts", accounts_, accounts_stopped_);
  distinct("sources", sources_, sources_stopped_);
  json.Key("top_stopped_sources").BeginList();
  for (const auto& [address, count] : top_stopped_.Top(kTopSources)) {
    json.BeginObject().Key("source").Text(address.ToString()).Key("attempts").Count(count);
    json.Key("at_least").Bool(top_stopped_.missed() > 0).EndObject();
  }
  json.EndList();
  counts("decisions", decisions_);
  counts("alerts", alerts_);
  const auto alarm_list = [&json](const std::vector<Alarm>& alarms) {
    json.BeginList();
    for (const Alarm& alarm : alarms)
      json.BeginObject()
          .Key("time")
          .Text(FormatTimeMs(alarm.time_ms))
          .Key("kind")
          .Text(alarm.kind)
          .Key("text")
          .Text(alarm.text)
          .EndObject();
    json.EndList();
  };
  json.Key("takeovers");
  alarm_list(takeovers_);
  json.Key("alarms").BeginObject().Key("total").Count(Sum(alarms_)).Key("by_kind").BeginObject();
  for (const auto& [kind, count] : ByCount(alarms_)) json.Key(kind).Count(count);
  json.EndObject().Key("others");
  alarm_list(other_alarms_);
  json.EndObject();
  json.Key("memory")
      .BeginObject()
      .Key("bytes")
      .Count(engine.memory_bytes)
      .Key("ceiling_bytes")
      .Count(run.memory_ceiling);
  json.Key("windows_evicted")
      .Count(engine.windows_evicted)
      .Key("undercount_max")
      .Count(engine.undercount_max);
  json.EndObject();
  if (run.learnt.has_value()) {
    json.Key("learnt").BeginObject().Key("accounts").Count(run.learnt->accounts);
    json.Key("bytes").Count(run.learnt->bytes).EndObject();
  }
  json.Key("scan_failures").Count(engine.scan_failures);
  json.Key("seconds").Number(run.seconds);
  json.EndObject();
  return json.text();
}

}  // namespace stockade
