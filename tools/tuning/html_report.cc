#include "tools/tuning/html_report.h"

#include <algorithm>

#include "absl/strings/str_format.h"
#include "engine/decision/decision.h"
#include "engine/text.h"
#include "tools/stockade/console.h"
#include "tools/tuning/html_style.h"
#include "tools/tuning/html_table.h"
#include "tools/tuning/html_text.h"
#include "tools/tuning/svg_plot.h"

namespace stockade {
namespace {

class Page {
 public:
  explicit Page(const TuningReport& report) : report_(report), backtest_(report.backtest) {
    for (const Figures& run : report.runs) costs_.push_back(CostsOf(run));
    on_front_.resize(costs_.size());
    for (const size_t one : ParetoFront(costs_)) on_front_[one] = true;
  }

  std::string Write() {
    html_ =
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
        "'unsafe-inline'\">\n"
        "<title>Stockade: tuning report</title>\n";
    html_ += kReportStyle;
    html_ += "</head>\n<body>\n<main>\n";
    Head();
    Recommendation();
    Budget();
    Trade();
    Timeline();
    Candidates();
    Campaigns();
    Customers();
    Speakers();
    Names();
    Judged();
    html_ += "</main>\n</body>\n</html>\n";
    return std::move(html_);
  }

 private:
  bool has_best() const { return report_.recommended.has_value(); }

  void Head() {
    const EventLog& log = backtest_.log;
    html_ += "<h1>Tuning report</h1>\n<p class=\"soft\">";
    for (size_t i = 0; i < report_.inputs.size(); ++i)
      Append(&html_, i == 0 ? "" : ", ", HtmlText(report_.inputs[i]));
    size_t quiet = 0;
    for (const LogDay& day : backtest_.days.days) quiet += day.quiet ? 1 : 0;
    const int64_t begin_ms = backtest_.days.days.front().begin_ms;
    const int64_t end_ms = backtest_.days.days.back().begin_ms;
    const uint64_t attacks = report_.current().attack().attempts;
    Append(&html_, ": ", CountText(log.size()), " attempts from ", FormatTimeMs(begin_ms).substr(0, 10),
           " to ", FormatTimeMs(end_ms).substr(0, 10), ", ", CountText(attacks), " of attacks and ",
           CountText(report_.current().customer().attempts), " of customers",
           backtest_.labels.guessed ? " (guessed)" : "", "; ", quiet, " of ", backtest_.days.days.size(),
           " days quiet. ", report_.runs.size(), " settings tried.</p>\n");
    for (const std::string& note : report_.notes) Append(&html_, "<p>", HtmlText(note), "</p>\n");
    const Costs& now = costs_[0];
    const Costs& best = costs_[report_.recommended.value_or(0)];
    html_ += "<ul class=\"cards\">\n";
    const auto card = [&](const std::string& figure, std::string_view what) {
      Append(&html_, "<li><b>", figure, "</b><span>", what, "</span></li>\n");
    };
    card(ChangeText(now.reached, best.reached), "attack attempts reached the password check");
    card(ChangeText(now.taken_over, best.taken_over), "of them with the right password, let in");
    card(ChangeText(now.asked, best.asked), "customers’ attempts challenged or throttled");
    card(ChangeText(now.denied, best.denied), "customers’ attempts denied");
    card(ChangeText(now.locked, best.locked), "locks of accounts by strangers");
    card(ChangeText(report_.current().quiet_alarms, report_.best().quiet_alarms), "alarms on quiet days");
    html_ += "</ul>\n";
  }

  void Recommendation() {
    html_ += "<h2>What to change</h2>\n";
    if (!has_best()) {
      html_ +=
          "<p>Nothing: of the settings tried none is better on this log without being worse somewhere. The "
          "plot "
          "below shows what each would trade.</p>\n";
      return;
    }
    const Candidate& best = report_.candidates[*report_.recommended];
    Append(&html_,
           "<p>The figures above are those of the current settings → of these. To be written into "
           "stockade.yaml:</p>\n"
           "<pre><code>",
           HtmlLines(ToYaml(best.changes)), "</code></pre>\n");
    html_ +=
        "<p>Run as one, on this log nothing gets worse by it. It was chosen on these days; try it on others, "
        "with "
        "<code>stockade tune</code> or <code>stockade replay</code>, before you rely on it.</p>\n";
  }

  void Budget() {
    const AlarmBudget& budget = report_.budget;
    html_ += "<h2>Alarm budget</h2>\n";
    if (budget.quiet_days == 0) {
      html_ +=
          "<p>No day of this log is quiet, so nothing can be said of false alarms: give a log with some days "
          "without an attack.</p>\n";
      return;
    }
    Append(&html_, "<p>On ", budget.quiet_days, budget.quiet_days == 1 ? " quiet day" : " quiet days",
           ", every alarm is false. So that chance alone raises at most ",
           absl::StrFormat("%g", budget.alarms_a_day),
           " a day, a threshold must be h = max(6.9, ln(first contacts a day / false alarms a day)).</p>\n");
    std::string rows;
    const auto row = [&](const char* what, double contacts, double h, const std::string& setting,
                         double now) {
      Append(&rows, "<tr><td>", what, "</td>", HtmlCell(absl::StrFormat("%.0f", contacts)),
             HtmlCell(absl::StrFormat("%.1f", h)), HtmlCell(absl::StrFormat("%.1f", now)),
             "<td class=\"text\"><code>", setting, "</code></td></tr>\n");
    };
    if (const auto& detectors = report_.candidates[0].options.detectors) {
      row("Strangers under pressure", budget.pressure_contacts_a_day, budget.pressure_h, "detectors.charts.h",
          detectors->pressure.h);
      row("Strangers’ sources", budget.source_contacts_a_day, budget.source_h, "detectors.evidence.suspect",
          detectors->evidence.suspect);
      html_ += HtmlTable("Thresholds from quiet days", {"", "first contacts a day", "h", "now", ""}, rows);
    }
    if (const Figures* run = report_.budget_run()) {
      const Costs costs = CostsOf(*run);
      Append(&html_, "<p>Both as the budget has them, against now: attack attempts that reach the check ",
             ChangeText(costs_[0].reached, costs.reached), ", customers’ attempts touched ",
             ChangeText(costs_[0].touched(), costs.touched()), ", alarms on quiet days ",
             ChangeText(report_.current().quiet_alarms, run->quiet_alarms), ".</p>\n");
    }
  }

  void Trade() {
    std::vector<PlotPoint> points;
    for (size_t i = 0; i < costs_.size(); ++i) {
      PlotPoint point{
          costs_[i].touched(), costs_[i].reached, HtmlText(report_.candidates[i].Name()), "dot", false,
          on_front_[i]};
      if (i == 0) point = {point.x, point.y, "now", "now", true, point.on_front};
      if (report_.recommended == i) point = {point.x, point.y, "recommended", "best", true, point.on_front};
      points.push_back(point);
    }
    Append(
        &html_, "<h2>What each setting trades</h2>\n<figure>",
        ScatterPlot(
            points, "customers’ attempts challenged, throttled or denied",
            "attack attempts that reached the check",
            Concat(
                "Attack attempts that reached the password check against customers’ attempts touched, for ",
                points.size(), " settings. Now: ", CountText(costs_[0].reached), " and ",
                CountText(costs_[0].touched()), ".")),
        "<figcaption>Each dot is a setting; left and low is good. The dashed line joins those that no other "
        "beats in both. "
        "The table below has all of them by name.</figcaption></figure>\n");
  }

  void Timeline() {
    const LogDays& days = backtest_.days;
    html_ += "<h2>Hour by hour</h2>\n";
    const auto plot = [&](const Figures& run, std::string_view whose) {
      std::vector<TimeBar> attacks;
      std::vector<TimeBar> customers;
      for (size_t i = 0; i < days.hours.size(); ++i) {
        attacks.push_back(
            {days.hours[i], run.hours[i].attacks_stopped, days.attacks[i] - run.hours[i].attacks_stopped});
        customers.push_back({days.hours[i], 0, run.hours[i].customers_touched});
      }
      Append(&html_, "<figure>", TimePlot(attacks, "reached", Concat("Attack attempts over time, ", whose)),
             "<figcaption><span class=\"key stopped\"></span>attack attempts stopped <span class=\"key "
             "reached\"></span>reached the "
             "check; ",
             whose, "</figcaption></figure>\n");
      Append(&html_, "<figure>",
             TimePlot(customers, "touched", Concat("Customers’ attempts touched over time, ", whose)),
             "<figcaption><span class=\"key touched\"></span>customers’ attempts challenged, throttled or "
             "denied; ",
             whose, "</figcaption></figure>\n");
    };
    plot(report_.current(), "current settings");
    if (has_best()) plot(report_.best(), "recommended settings");
  }

  void Candidates() {
    uint64_t most_reached = 1;
    uint64_t most_touched = 1;
    for (const Costs& costs : costs_) {
      most_reached = std::max(most_reached, costs.reached);
      most_touched = std::max(most_touched, costs.touched());
    }
    std::string rows;
    std::string unchanged;
    size_t unchanged_count = 0;
    for (size_t i = 0; i < costs_.size(); ++i) {
      const Costs& costs = costs_[i];
      const bool best = report_.recommended == i;
      // What made no difference would hide what did.
      if (i > 0 && !best && costs == costs_[0] &&
          report_.runs[i].quiet_alarms == report_.current().quiet_alarms) {
        ++unchanged_count;
        Append(&unchanged, "<li>", HtmlText(report_.candidates[i].Name()), "</li>\n");
        continue;
      }
      const std::string_view word =
          best ? "recommended" : kComparisonNames[static_cast<size_t>(Compare(report_, i))];
      Append(&rows,
             best     ? "<tr class=\"best\">"
             : i == 0 ? "<tr class=\"current\">"
                      : "<tr>",
             "<td>", HtmlText(report_.candidates[i].Name()), "</td>",
             HtmlCell(Concat(CountText(costs.reached),
                             RowBar(costs.reached, most_reached, costs_[0].reached, "reached"))),
             HtmlCell(Concat(CountText(costs.touched()),
                             RowBar(costs.touched(), most_touched, costs_[0].touched(), "touched"))),
             HtmlCell(costs.denied), HtmlCell(costs.taken_over), HtmlCell(costs.locked),
             HtmlCell(report_.runs[i].quiet_alarms), "<td class=\"text\">", word,
             on_front_[i] ? ", front" : "", "</td></tr>\n");
    }
    html_ += "<h2>Settings tried</h2>\n";
    html_ += HtmlTable(
        "Bars: the line is where the current settings are. “Front”: no other beats it in both attacks "
        "reached "
        "and customers touched.",
        {"setting", "attacks reached", "customers touched", "denied", "let in", "locks", "quiet alarms", ""},
        rows);
    if (unchanged_count > 0) {
      Append(&html_, "<details><summary>", CountText(unchanged_count),
             " more came to the same as the current settings on this log</summary>\n<ul class=\"names\">\n",
             unchanged, "</ul></details>\n");
    }
  }

  static std::string FirstStop(const CampaignFigures& campaign) {
    if (campaign.first_stop == 0) return "never";
    return Concat(CountText(campaign.first_stop), ", ", DurationText(campaign.first_stop_ms));
  }
  static std::string SettledAfter(const CampaignFigures& campaign) {
    if (!campaign.settled) return "never";
    return Concat(CountText(campaign.settled_after), ", ", DurationText(campaign.settled_after_ms));
  }
  static std::string Either(const std::string& now, const std::string& best) {
    return now == best ? now : Concat(now, " → ", best);
  }

  void Campaigns() {
    constexpr size_t kCampaignsShown = 100;
    if (backtest_.labels.campaigns.empty()) return;
    std::string rows;
    for (size_t i = 0; i < std::min(backtest_.labels.campaigns.size(), kCampaignsShown); ++i) {
      const CampaignFigures& now = report_.current().campaigns[i];
      const CampaignFigures& best = report_.best().campaigns[i];
      Append(&rows, "<tr><td>", HtmlName(backtest_.labels.campaigns[i]), "</td>", HtmlCell(now.attempts),
             HtmlCell(ChangeText(now.reached, best.reached)),
             HtmlCell(ChangeText(now.reached_first_minute, best.reached_first_minute)),
             HtmlCell(ChangeText(now.reached_first_ten_minutes, best.reached_first_ten_minutes)),
             HtmlCell(Either(FirstStop(now), FirstStop(best))),
             HtmlCell(Either(SettledAfter(now), SettledAfter(best))), HtmlCell(now.valid_tried),
             HtmlCell(ChangeText(now.taken_over, best.taken_over)), "</tr>\n");
    }
    const size_t more =
        backtest_.labels.campaigns.size() - std::min(backtest_.labels.campaigns.size(), kCampaignsShown);
    html_ += "<h2>Campaigns</h2>\n";
    html_ += HtmlTable(Concat("First stop: the attempt that was stopped first, and how long after the first. "
                              "Settled: after so many attempts, and "
                              "so long, at least 95 % of the next 200 are stopped.",
                              has_best() ? " Current → recommended settings." : "",
                              more == 0 ? "" : Concat(" ", more, " more are in the JSON.")),
                       {"campaign", "attempts", "reached", "first minute", "first 10 min", "first stop",
                        "settled", "right pairs", "let in"},
                       rows);
  }

  void CustomerRow(const std::string& name, const CustomerScore& now, const CustomerScore& best,
                   std::string* rows) {
    if (now.attempts + best.attempts == 0) return;
    Append(rows, "<tr><td>", name, "</td>", HtmlCell(ChangeText(now.attempts, best.attempts)),
           HtmlShareCell(now.challenged, now.attempts), HtmlCell(now.turned_away), HtmlCell(now.throttled),
           HtmlShareCell(now.denied, now.attempts));
    if (has_best())
      *rows += HtmlShareCell(best.challenged, best.attempts) + HtmlCell(best.turned_away) +
               HtmlCell(best.throttled) + HtmlShareCell(best.denied, best.attempts);
    *rows += "</tr>\n";
  }

  void Customers() {
    const Figures& now = report_.current();
    const Figures& best = report_.best();
    std::string rows;
    for (const bool quiet : {true, false}) {
      for (const bool history : {true, false}) {
        CustomerRow(Concat(quiet ? "quiet days" : "days with attacks", history ? ", known" : ", first login"),
                    now.customer(quiet, history), best.customer(quiet, history), &rows);
      }
    }
    for (size_t lane = 0; lane < 4; ++lane) {
      CustomerRow(Concat(kLaneNames[lane], " lane"), now.customer_in(static_cast<Lane>(lane)),
                  best.customer_in(static_cast<Lane>(lane)), &rows);
    }
    CustomerRow("programs of theirs", now.programs, best.programs, &rows);
    CustomerRow("undecided", now.undecided, best.undecided, &rows);
    std::vector<std::string> heads = {"", "attempts", "challenged", "turned away", "throttled", "denied"};
    if (has_best()) heads.insert(heads.end(), {"→ challenged", "→ turned away", "→ throttled", "→ denied"});
    html_ += "<h2>Customers</h2>\n";
    html_ +=
        HtmlTable(Concat("Attempts. As people: ", ChangeText(now.challenged.people, best.challenged.people),
                         " challenged, ", ChangeText(now.denied.people, best.denied.people), " denied",
                         has_best() ? " (current → recommended)." : "."),
                  heads, rows);
    if (backtest_.lock.limit == 0) return;
    rows.clear();
    for (size_t by = 0; by < kLockedByNames.size(); ++by) {
      Append(&rows, "<tr><td>", kLockedByNames[by], "</td>",
             HtmlCell(ChangeText(now.locks.by(static_cast<LockedBy>(by)),
                                 best.locks.by(static_cast<LockedBy>(by)))));
      for (size_t lane = 0; lane < 4; ++lane)
        rows += HtmlCell(ChangeText(now.locks.times[by][lane], best.locks.times[by][lane]));
      rows += "</tr>\n";
    }
    html_ += HtmlTable(Concat("Locks of the gateway, after ", backtest_.lock.limit,
                              " wrong passwords in a row; by lane of the attempt that completed the row. "
                              "Accounts locked by strangers: ",
                              ChangeText(now.locks.by_strangers.people, best.locks.by_strangers.people), "."),
                       {"with in the row", "locks", "certified", "familiar", "half", "unfamiliar"}, rows);
  }

  void Speakers() {
    std::map<std::string, std::pair<SpeakerFigures, SpeakerFigures>> all;
    for (const auto& [name, speaker] : report_.current().by) all[name].first = speaker;
    for (const auto& [name, speaker] : report_.best().by) all[name].second = speaker;
    std::string rows;
    for (const auto& [name, both] : all) {
      Append(&rows, "<tr><td>", HtmlName(name), "</td>",
             HtmlCell(ChangeText(both.first.attacks_stopped, both.second.attacks_stopped)),
             HtmlCell(ChangeText(both.first.customers_touched, both.second.customers_touched)),
             HtmlCell(ChangeText(both.first.others, both.second.others)), "</tr>\n");
    }
    if (rows.empty()) return;
    html_ += "<h2>Who spoke</h2>\n";
    html_ += HtmlTable(Concat("Rules and detectors by whose word attempts were stopped or customers asked",
                              has_best() ? "; current → recommended settings." : "."),
                       {"rule or detector", "attacks stopped", "customers touched", "others stopped"}, rows);
  }

  void NameList(std::string_view what, const TouchedPeople& touched) {
    if (touched.people == 0) return;
    Append(&html_, "<details><summary>", what, ": ", CountText(touched.people),
           touched.names.size() < touched.people ? Concat(", the ", touched.names.size(), " most often") : "",
           "</summary>\n<ul class=\"names\">\n");
    for (const NamedCount& named : touched.names)
      Append(&html_, "<li>", HtmlName(backtest_.log.AccountName(named.account)), " <span class=\"soft\">×",
             named.count, "</span></li>\n");
    html_ += "</ul></details>\n";
  }

  void Names() {
    html_ += "<h2>By name</h2>\n";
    const auto lists = [&](const Figures& run, const char* whose) {
      NameList(Concat("Challenged customers, ", whose), run.challenged);
      NameList(Concat("Denied customers, ", whose), run.denied);
      NameList(Concat("Accounts locked by strangers, ", whose), run.locks.by_strangers);
      if (run.challenged.people + run.denied.people + run.locks.by_strangers.people == 0)
        Append(&html_, "<p>Nobody was challenged, denied or locked, ", whose, ".</p>\n");
    };
    lists(report_.current(), "current settings");
    if (has_best()) lists(report_.best(), "recommended settings");
  }

  void Judged() {
    html_ += "<h2>How this was judged</h2>\n";
    for (const std::string& paragraph : HowItWasJudged(report_))
      Append(&html_, "<p>", HtmlText(paragraph), "</p>\n");
  }

  const TuningReport& report_;
  const Backtest& backtest_;
  std::vector<Costs> costs_;
  std::vector<bool> on_front_;
  std::string html_;
};

}  // namespace

std::string ToHtml(const TuningReport& report) {
  return Page(report).Write();
}

}  // namespace stockade
