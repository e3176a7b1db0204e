#include "tools/tuning/json_report.h"

#include "engine/decision/decision.h"
#include "tools/stockade/json_writer.h"

namespace stockade {
namespace {

void Write(std::string_view key, const CustomerScore& score, JsonWriter* json) {
  json->Key(key).BeginObject();
  json->Key("attempts").Count(score.attempts).Key("challenged").Count(score.challenged);
  json->Key("turned_away").Count(score.turned_away).Key("throttled").Count(score.throttled);
  json->Key("denied").Count(score.denied).Key("stopped_right").Count(score.stopped_right);
  json->EndObject();
}

// Members of what an attack came to.
void WriteAttack(const CampaignFigures& attack, JsonWriter* json) {
  json->Key("attempts").Count(attack.attempts).Key("reached").Count(attack.reached);
  json->Key("reached_first_minute").Count(attack.reached_first_minute);
  json->Key("reached_first_ten_minutes").Count(attack.reached_first_ten_minutes);
  json->Key("challenges_solved").Count(attack.challenges_solved);
  json->Key("valid_tried").Count(attack.valid_tried).Key("taken_over").Count(attack.taken_over);
}

void WriteCampaigns(const Labels& labels, const Figures& figures, JsonWriter* json) {
  json->Key("campaigns").BeginList();
  for (size_t i = 0; i < figures.campaigns.size(); ++i) {
    const CampaignFigures& campaign = figures.campaigns[i];
    json->BeginObject().Key("name").Text(labels.campaigns[i]);
    WriteAttack(campaign, json);
    json->Key("first_stop");
    if (campaign.first_stop == 0) {
      json->Null();
    } else {
      json->Count(campaign.first_stop)
          .Key("first_stop_ms")
          .Count(static_cast<uint64_t>(campaign.first_stop_ms));
    }
    json->Key("settled_after");
    if (!campaign.settled) {
      json->Null();
    } else {
      json->Count(campaign.settled_after);
      json->Key("settled_after_ms").Count(static_cast<uint64_t>(campaign.settled_after_ms));
    }
    json->EndObject();
  }
  json->EndList();
}

void WriteCustomers(const Figures& figures, JsonWriter* json) {
  json->Key("customers").BeginObject();
  Write("all", figures.customer(), json);
  for (const bool quiet : {true, false}) {
    json->Key(quiet ? "quiet_days" : "campaign_days").BeginObject();
    Write("history", figures.customer(quiet, true), json);
    Write("first_login", figures.customer(quiet, false), json);
    json->EndObject();
  }
  json->Key("lanes").BeginObject();
  for (size_t lane = 0; lane < 4; ++lane)
    Write(kLaneNames[lane], figures.customer_in(static_cast<Lane>(lane)), json);
  json->EndObject();
  json->Key("people_challenged").Count(figures.challenged.people);
  json->Key("people_denied").Count(figures.denied.people).EndObject();
}

void WriteLocks(const LockFigures& locks, JsonWriter* json) {
  json->Key("locked").BeginObject();
  for (size_t by = 0; by < kLockedByNames.size(); ++by) {
    json->Key(kLockedByNames[by]).BeginObject();
    json->Key("times").Count(locks.by(static_cast<LockedBy>(by))).Key("lanes").BeginObject();
    for (size_t lane = 0; lane < 4; ++lane) json->Key(kLaneNames[lane]).Count(locks.times[by][lane]);
    json->EndObject().EndObject();
  }
  json->Key("accounts_by_strangers").Count(locks.by_strangers.people).EndObject();
}

void WriteNames(std::string_view key, const TouchedPeople& touched, const EventLog& log, JsonWriter* json) {
  json->Key(key).BeginList();
  for (const NamedCount& named : touched.names) {
    json->BeginObject().Key("account").Text(log.AccountName(named.account));
    json->Key("times").Count(named.count).EndObject();
  }
  json->EndList();
}

void WriteChanges(std::string_view key, const std::vector<SettingOverride>& changes, JsonWriter* json) {
  json->Key(key).BeginList();
  for (const SettingOverride& change : changes)
    json->BeginObject().Key("setting").Text(change.path).Key("value").Text(change.value).EndObject();
  json->EndList();
}

void WriteRun(const TuningReport& report, size_t run, bool on_front, JsonWriter* json) {
  const Figures& figures = report.runs[run];
  json->BeginObject().Key("name").Text(report.candidates[run].Name());
  json->Key("role").Text(run == 0 ? "current" : run < report.combined ? "swept" : "combined");
  WriteChanges("changes", report.candidates[run].changes, json);
  json->Key("comparison").Text(kComparisonNames[static_cast<size_t>(Compare(report, run))]);
  json->Key("pareto").Bool(on_front);
  json->Key("attempts").Count(figures.attempts).Key("reached").Count(figures.reached);
  json->Key("verdicts").BeginObject();
  for (size_t i = 0; i < 4; ++i) json->Key(kVerdictNames[i]).Count(figures.verdicts[i]);
  json->EndObject();
  json->Key("attacks").BeginObject();
  WriteAttack(figures.attack(), json);
  json->EndObject();
  WriteCampaigns(report.backtest.labels, figures, json);
  WriteCustomers(figures, json);
  Write("programs", figures.programs, json);
  Write("cover", figures.cover, json);
  Write("undecided", figures.undecided, json);
  WriteLocks(figures.locks, json);
  json->Key("by").BeginObject();
  for (const auto& [name, speaker] : figures.by) {
    json->Key(name).BeginObject().Key("attacks_stopped").Count(speaker.attacks_stopped);
    json->Key("customers_touched").Count(speaker.customers_touched);
    json->Key("others_stopped").Count(speaker.others).EndObject();
  }
  json->EndObject();
  json->Key("alerts").Count(figures.alerts).Key("decisions").Count(figures.decisions);
  json->Key("alarms").Count(figures.alarms).Key("alarms_on_quiet_days").Count(figures.quiet_alarms);
  json->Key("windows_evicted").Count(figures.windows_evicted);
  // Names of people only where somebody will look at them.
  if (run == 0 || report.recommended == run) {
    json->Key("names").BeginObject();
    WriteNames("challenged", figures.challenged, report.backtest.log, json);
    WriteNames("denied", figures.denied, report.backtest.log, json);
    WriteNames("locked_by_strangers", figures.locks.by_strangers, report.backtest.log, json);
    json->EndObject();
  }
  json->EndObject();
}

void WriteBudget(const TuningReport& report, JsonWriter* json) {
  const AlarmBudget& budget = report.budget;
  json->Key("alarm_budget").BeginObject().Key("quiet_days_counted").Count(budget.quiet_days);
  json->Key("alarms_a_day").Number(budget.alarms_a_day);
  if (budget.quiet_days > 0) {
    json->Key("pressure").BeginObject().Key("first_contacts_a_day").Number(budget.pressure_contacts_a_day);
    json->Key("h").Number(budget.pressure_h).EndObject();
    json->Key("sources").BeginObject().Key("first_contacts_a_day").Number(budget.source_contacts_a_day);
    json->Key("h").Number(budget.source_h).EndObject();
  }
  WriteChanges("changes", report.budget_changes, json);
  json->EndObject();
}

}  // namespace

std::string ToJson(const TuningReport& report) {
  const Backtest& backtest = report.backtest;
  JsonWriter json;
  json.BeginObject().Key("version").Count(1);
  json.Key("log").BeginObject().Key("inputs").BeginList();
  for (const std::string& input : report.inputs) json.Text(input);
  json.EndList().Key("attempts").Count(backtest.log.size());
  json.Key("unreadable").Count(backtest.log.notes().unreadable);
  json.Key("accounts").Count(backtest.log.accounts() - 2).Key("days").BeginList();
  for (const LogDay& day : backtest.days.days) {
    json.BeginObject().Key("day").Text(FormatTimeMs(day.begin_ms).substr(0, 10));
    json.Key("attempts").Count(day.attempts).Key("attacks").Count(day.attacks);
    json.Key("quiet").Bool(day.quiet).EndObject();
  }
  json.EndList().EndObject();
  json.Key("labels").BeginObject().Key("guessed").Bool(backtest.labels.guessed);
  json.Key("without_label").Count(backtest.labels.without_label);
  json.Key("without_attempt").Count(backtest.labels.without_attempt).EndObject();
  json.Key("lock").BeginObject().Key("limit").Count(static_cast<uint64_t>(backtest.lock.limit));
  json.Key("reset_ms").Count(static_cast<uint64_t>(backtest.lock.reset_ms)).EndObject();
  std::vector<Costs> costs;
  for (const Figures& run : report.runs) costs.push_back(CostsOf(run));
  std::vector<bool> on_front(costs.size());
  for (const size_t one : ParetoFront(costs)) on_front[one] = true;
  json.Key("candidates").BeginList();
  for (size_t i = 0; i < report.runs.size(); ++i) WriteRun(report, i, on_front[i], &json);
  json.EndList();
  WriteBudget(report, &json);
  json.Key("recommended").BeginObject().Key("candidate");
  if (report.recommended) {
    json.Text(report.candidates[*report.recommended].Name());
    WriteChanges("changes", report.candidates[*report.recommended].changes, &json);
    json.Key("yaml").Text(ToYaml(report.candidates[*report.recommended].changes));
  } else {
    json.Null();
  }
  json.EndObject();
  json.Key("hours").BeginList();
  for (size_t i = 0; i < backtest.days.hours.size(); ++i) {
    json.BeginObject().Key("hour").Text(FormatTimeMs(backtest.days.hours[i]));
    json.Key("attacks").Count(backtest.days.attacks[i]).Key("customers").Count(backtest.days.customers[i]);
    json.Key("attacks_stopped").Count(report.current().hours[i].attacks_stopped);
    json.Key("customers_touched").Count(report.current().hours[i].customers_touched);
    json.Key("recommended_attacks_stopped").Count(report.best().hours[i].attacks_stopped);
    json.Key("recommended_customers_touched").Count(report.best().hours[i].customers_touched).EndObject();
  }
  json.EndList();
  json.Key("notes").BeginList();
  for (const std::string& note : report.notes) json.Text(note);
  json.EndList().EndObject();
  return json.text();
}

}  // namespace stockade
