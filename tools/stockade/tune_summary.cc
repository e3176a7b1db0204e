#include "tools/stockade/tune_summary.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "engine/text.h"

namespace stockade {
namespace {

// Rows beside the current and the recommended settings.
constexpr size_t kRowsShown = 8;
constexpr size_t kNameColumns = 46;

std::string NameCell(const std::string& name) {
  const std::string shown = PrintableText(name);
  if (shown.size() <= kNameColumns) return PadRight(shown, kNameColumns);
  return PadRight(shown.substr(0, kNameColumns - 1) + "…", kNameColumns);
}

void PrintRow(const TuningReport& report, size_t run, const std::string& name, std::string_view word,
              std::ostream& out) {
  const Costs costs = CostsOf(report.runs[run]);
  out << "  " << NameCell(name) << PadLeft(CountText(costs.reached), 9)
      << PadLeft(CountText(costs.touched()), 11) << PadLeft(CountText(costs.denied), 8)
      << PadLeft(CountText(costs.taken_over), 8) << PadLeft(CountText(costs.locked), 7)
      << PadLeft(CountText(report.runs[run].quiet_alarms), 8) << (word.empty() ? "" : "  ") << word << "\n";
}

void PrintTruth(const TuningReport& report, const Console& console, std::ostream& out) {
  const Backtest& backtest = report.backtest;
  size_t quiet = 0;
  for (const LogDay& day : backtest.days.days) quiet += day.quiet ? 1 : 0;
  out << Styled(console, Style::kBold, "Read            ") << CountText(backtest.log.size())
      << " attempts on " << backtest.days.days.size()
      << (backtest.days.days.size() == 1 ? " day, " : " days, ") << quiet << " of them quiet\n"
      << Styled(console, Style::kBold, "Judged by       ")
      << (backtest.labels.guessed ? "who gets in later or earlier (a guess; the report says its limits)"
                                  : PrintableText(report.labels_file))
      << ": " << CountText(report.current().attack().attempts) << " attempts of attacks, "
      << CountText(report.current().customer().attempts) << " of customers, "
      << CountText(report.current().programs.attempts) << " of programs of theirs, "
      << CountText(backtest.labels.without_label) << " of neither\n";
  for (const std::string& note : report.notes) out << "                " << PrintableLine(note) << "\n";
}

void PrintBudget(const TuningReport& report, const Console& console, std::ostream& out) {
  const AlarmBudget& budget = report.budget;
  out << "\n" << Styled(console, Style::kBold, "Alarm budget    ");
  if (budget.quiet_days == 0) {
    out << "no day is quiet: nothing can be said of false alarms\n";
    return;
  }
  const auto& detectors = report.candidates[0].options.detectors;
  out << absl::StrFormat("%g", budget.alarms_a_day) << " false "
      << (budget.alarms_a_day == 1 ? "alarm" : "alarms") << " a day, from " << budget.quiet_days << " quiet "
      << (budget.quiet_days == 1 ? "day" : "days") << ": h = max(6.9, ln(first contacts / alarms))\n";
  if (!detectors) return;
  const auto line = [&](const char* setting, double contacts, double h, double now) {
    out << absl::StrFormat("  %-30s %8.0f first contacts a day → %.1f (now %.1f)\n", setting, contacts, h,
                           now);
  };
  line("detectors.charts.h", budget.pressure_contacts_a_day, budget.pressure_h, detectors->pressure.h);
  line("detectors.evidence.suspect", budget.source_contacts_a_day, budget.source_h,
       detectors->evidence.suspect);
}

void PrintRecommendation(const TuningReport& report, const Console& console, std::ostream& out) {
  out << "\n" << Styled(console, Style::kBold, "Change          ");
  if (!report.recommended) {
    out << "nothing: no setting that was tried is better on this log without being worse somewhere\n";
    return;
  }
  out << "in stockade.yaml:\n";
  std::string yaml = ToYaml(report.candidates[*report.recommended].changes);
  for (std::string_view rest = yaml; !rest.empty();) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    out << "  " << PrintableLine(rest.substr(0, end)) << "\n";
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  const Costs now = CostsOf(report.current());
  const Costs best = CostsOf(report.best());
  std::string why;
  const auto say = [&](std::string_view what, uint64_t before, uint64_t after) {
    if (before != after)
      Append(&why, why.empty() ? "" : ", ", what, " ", CountText(before), " → ", CountText(after));
  };
  say("attacks reached", now.reached, best.reached);
  say("let in", now.taken_over, best.taken_over);
  say("customers touched", now.touched(), best.touched());
  say("of them denied", now.denied, best.denied);
  say("locks by strangers", now.locked, best.locked);
  say("alarms on quiet days", report.current().quiet_alarms, report.best().quiet_alarms);
  out << Styled(console, Style::kBold, "Why             ")
      << (why.empty() ? "it costs nothing on this log, and keeps the alarm budget" : why) << "\n"
      << "                chosen on these days; try it on others before you rely on it\n";
}

}  // namespace

void PrintSummary(const TuningReport& report, const Console& console, std::ostream& out) {
  PrintTruth(report, console, out);
  out << "\n"
      << Styled(console, Style::kBold, PadRight(Concat(CountText(report.runs.size()), " settings tried"), 48))
      << PadLeft("attacks", 9) << PadLeft("customers", 11) << PadLeft("denied", 8) << PadLeft("let in", 8)
      << PadLeft("locks", 7) << PadLeft("quiet", 8) << "\n"
      << PadRight("", 48) << PadLeft("reached", 9) << PadLeft("touched", 11) << PadLeft("", 23)
      << PadLeft("alarms", 8) << "\n";
  PrintRow(report, 0, "current settings", "", out);
  // Those that are better or a trade, the better ones first; alike and worse ones are in the report.
  const Costs current = CostsOf(report.current());
  std::vector<size_t> rows;
  for (size_t i = 1; i < report.runs.size(); ++i) {
    const Comparison comparison = Compare(report, i);
    if (report.recommended != i && (comparison == Comparison::kBetter || comparison == Comparison::kTrade))
      rows.push_back(i);
  }
  std::ranges::stable_sort(rows, [&](size_t a, size_t b) {
    const bool a_better = Compare(report, a) == Comparison::kBetter;
    const bool b_better = Compare(report, b) == Comparison::kBetter;
    if (a_better != b_better) return a_better;
    return GainOf(CostsOf(report.runs[a]), current) > GainOf(CostsOf(report.runs[b]), current);
  });
  if (report.recommended)
    PrintRow(report, *report.recommended, report.candidates[*report.recommended].Name(), "recommended", out);
  const size_t shown = std::min(rows.size(), kRowsShown);
  for (size_t i = 0; i < shown; ++i) {
    PrintRow(report, rows[i], report.candidates[rows[i]].Name(),
             kComparisonNames[static_cast<size_t>(Compare(report, rows[i]))], out);
  }
  const size_t others = report.runs.size() - 1 - (report.recommended ? 1 : 0) - shown;
  if (others > 0) out << "  and " << CountText(others) << " more, in --report and --json\n";
  PrintBudget(report, console, out);
  PrintRecommendation(report, console, out);
}

}  // namespace stockade
