// The command. Its figures are those that an independent count makes of what `replay --verdicts` and the labels say, line by line; one
// job and two give the same bytes; mistakes are told with their place; nothing of a log acts in its page.
#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "simdjson.h"
#include "tests/end_to_end/scene.h"

namespace stockade {
namespace {

using Catch::Contains;
using simdjson::dom::element;

const std::string kRules = STOCKADE_SOURCE_DIR "/rules";

std::string TextOf(const element& value) {
  return std::string(std::string_view(value));
}

// A labelled world of three days, with an attack that has marks and one that has none.
void MakeWorld(const Scene& scene) {
  const ProgramRun made = RunStockade(
      {"simulate", "--customers", "250", "--days", "3", "--seed", "5", "--attack",
       "burst:attempts=250,at=2d2h", "--attack", "mimic:attempts=150,at=2d3h", "--attack",
       "lockout:attempts=160,at=2d5h", "--labels", scene.Path("labels"), "-o", scene.Path("log")});
  REQUIRE(made.exit_code == kExitFine);
}

struct Count {
  uint64_t attempts = 0;
  uint64_t challenged = 0;
  uint64_t turned_away = 0;
  uint64_t denied = 0;

  void Add(std::string_view verdict, bool reached) {
    ++attempts;
    denied += verdict == "deny";
    challenged += verdict == "challenge";
    turned_away += verdict == "challenge" && !reached;
  }
  bool Is(element score) const {
    return attempts == uint64_t(score["attempts"]) && challenged == uint64_t(score["challenged"]) &&
           turned_away == uint64_t(score["turned_away"]) && denied == uint64_t(score["denied"]);
  }
};

// The independent count: over lines of text, with no code of tuning.
struct Oracle {
  std::map<std::string, std::pair<uint64_t, uint64_t>> campaigns;  // attempts, reached
  Count customers;
  Count history;
  Count first_login;
  Count programs;
  std::map<std::string, uint64_t> verdicts;
  std::set<uint64_t> people_challenged;
  uint64_t reached = 0;
  uint64_t taken_over = 0;
  uint64_t locked_by_strangers = 0;
  uint64_t locked_by_owner = 0;

  Oracle(const Scene& scene, const std::string& verdict_file) {
    const std::vector<std::string> log = Lines(scene.Read("log"));
    const std::vector<std::string> labels = Lines(scene.Read("labels"));
    const std::vector<std::string> answers = Lines(scene.Read(verdict_file));
    REQUIRE(log.size() == labels.size());
    REQUIRE(log.size() == answers.size());
    std::map<std::string, std::pair<int, bool>> rows;  // wrong passwords in a row, a stranger among them
    for (size_t i = 0; i < log.size(); ++i) {
      simdjson::dom::parser of_event;
      simdjson::dom::parser of_label;
      simdjson::dom::parser of_answer;
      const element event = of_event.parse(log[i]);
      const element label = of_label.parse(labels[i]);
      const element answer = of_answer.parse(answers[i]);
      const std::string verdict = TextOf(answer["verdict"]);
      bool passed = verdict == "allow";
      if (verdict == "challenge")
        passed = TextOf(event["login"]["challenge"][TextOf(answer["kind"])]) == "passed";
      const std::string reason = TextOf(event["event"]["reason"]);
      ++verdicts[verdict];
      reached += passed;
      const bool attack = TextOf(label["who"]) == "attack";
      const bool other_account = label["on"].error() == simdjson::SUCCESS;
      if (attack) {
        auto& campaign =
            campaigns[std::to_string(uint64_t(label["campaign"])) + " " + TextOf(label["class"])];
        ++campaign.first;
        campaign.second += passed;
        taken_over += passed && reason == "success";
      } else if (label["via"].error() == simdjson::SUCCESS) {
        programs.Add(verdict, passed);
      } else {
        customers.Add(verdict, passed);
        (bool(label["history"]) ? history : first_login).Add(verdict, passed);
        if (verdict == "challenge") people_challenged.insert(uint64_t(label["id"]));
      }
      if (!passed) continue;
      auto& row = rows[TextOf(event["user"]["name"])];
      if (reason == "success") row = {0, false};
      if (reason != "bad_password") continue;
      row.second |= attack || other_account;
      if (++row.first < 5) continue;
      ++(row.second ? locked_by_strangers : locked_by_owner);
      row = {0, false};
    }
  }

  void CheckAgainst(element candidate) const {
    REQUIRE(campaigns.size() == simdjson::dom::array(candidate["campaigns"]).size());
    for (const element campaign : simdjson::dom::array(candidate["campaigns"])) {
      const std::string name = TextOf(campaign["name"]);
      INFO(name);
      REQUIRE(campaigns.count(name) == 1);
      CHECK(uint64_t(campaign["attempts"]) == campaigns.at(name).first);
      CHECK(uint64_t(campaign["reached"]) == campaigns.at(name).second);
    }
    CHECK(customers.Is(candidate["customers"]["all"]));
    // Both periods together.
    for (const char* sort : {"history", "first_login"}) {
      const Count& expected = sort == std::string("history") ? history : first_login;
      const element quiet = candidate["customers"]["quiet_days"][sort];
      const element attacked = candidate["customers"]["campaign_days"][sort];
      CHECK(expected.attempts == uint64_t(quiet["attempts"]) + uint64_t(attacked["attempts"]));
      CHECK(expected.challenged == uint64_t(quiet["challenged"]) + uint64_t(attacked["challenged"]));
      CHECK(expected.denied == uint64_t(quiet["denied"]) + uint64_t(attacked["denied"]));
    }
    uint64_t in_lanes = 0;
    for (const char* lane : {"certified", "familiar", "half", "unfamiliar"})
      in_lanes += uint64_t(candidate["customers"]["lanes"][lane]["attempts"]);
    CHECK(in_lanes == customers.attempts);
    CHECK(programs.Is(candidate["programs"]));
    for (const char* word : {"allow", "throttle", "challenge", "deny"}) {
      const auto found = verdicts.find(word);
      CHECK(uint64_t(candidate["verdicts"][word]) == (found == verdicts.end() ? 0 : found->second));
    }
    CHECK(uint64_t(candidate["customers"]["people_challenged"]) == people_challenged.size());
    CHECK(uint64_t(candidate["reached"]) == reached);
    CHECK(uint64_t(candidate["attacks"]["taken_over"]) == taken_over);
    CHECK(uint64_t(candidate["locked"]["strangers"]["times"]) == locked_by_strangers);
    CHECK(uint64_t(candidate["locked"]["owner"]["times"]) == locked_by_owner);
  }
};

TEST_CASE("figures are what replay's verdicts and the labels say, one job or two", "[tune]") {
  const Scene scene;
  MakeWorld(scene);
  // Settings under which locks happen, rules whose numbers were changed, detectors that were switched off.
  const std::vector<std::string> common = {"tune",
                                           "--rules",
                                           kRules,
                                           "--labels",
                                           scene.Path("labels"),
                                           "--json",
                                           "--sweep",
                                           "detectors=off",
                                           "--sweep",
                                           "detectors.evidence.suspect=9",
                                           "--sweep",
                                           "thresholds.address_fails_on_8_accounts.gte=3"};
  const auto tune = [&](const std::string& jobs, const std::string& page) {
    std::vector<std::string> arguments = common;
    arguments.insert(arguments.end(), {"--jobs", jobs, "--report", scene.Path(page), scene.Path("log")});
    return RunStockade(arguments);
  };
  const ProgramRun one = tune("1", "one.html");
  REQUIRE(one.exit_code == kExitFine);
  const ProgramRun two = tune("2", "two.html");
  CHECK(one.out == two.out);
  CHECK(scene.Read("one.html") == scene.Read("two.html"));

  simdjson::dom::parser parser;
  const element report = parser.parse(one.out);
  const simdjson::dom::array candidates = report["candidates"];
  REQUIRE(candidates.size() >= 4);
  const std::vector<std::string> settings = {"mode: protect\n", "detectors: off\n",
                                             "detectors: {evidence: {suspect: 9}}\n",
                                             "thresholds: {address_fails_on_8_accounts: {gte: 3}}\n"};
  for (size_t i = 0; i < settings.size(); ++i) {
    INFO(settings[i]);
    scene.Write("settings.yaml", settings[i]);
    REQUIRE(RunStockade({"replay", "-c", scene.Path("settings.yaml"), "--rules", kRules, "--verdicts",
                         scene.Path("verdicts"), scene.Path("log")})
                .exit_code == kExitFine);
    const Oracle oracle(scene, "verdicts");
    oracle.CheckAgainst(candidates.at(i));
    if (i == 1) CHECK(oracle.locked_by_strangers > 0);
  }
  CHECK(bool(report["labels"]["guessed"]) == false);
  CHECK(uint64_t(report["labels"]["without_label"]) == 0);
  CHECK(uint64_t(report["alarm_budget"]["quiet_days_counted"]) == 2);
}

TEST_CASE("mistakes in sweeps, labels and options are told with their place", "[tune]") {
  const Scene scene;
  const std::string log = scene.Write("log", LoginLine(1, "198.51.100.1", "alice", "success"));
  const auto error = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"tune", "--rules", scene.Path("rules.yml")});
    arguments.push_back(log);
    const ProgramRun run = RunStockade(arguments);
    CHECK(run.exit_code == kExitUsage);
    CHECK(run.out.empty());
    return run.err;
  };
  CHECK_THAT(error({"--sweep", "detectors.chart.h=7"}),
             Contains("detectors.chart: unknown key; did you mean 'charts'?"));
  CHECK_THAT(error({"--sweep", "detectors.charts.h=70"}), Contains("is no number from 5 to 20"));
  CHECK_THAT(error({"--sweep", "thresholds.frequenzy.gte=7"}), Contains("did you mean 'frequency'?"));
  scene.Write("sweeps", "# ours\nthresholds.frequency.gte=3,4\ndetectors.pressure=on,of\n");
  CHECK_THAT(error({"--sweep-file", scene.Path("sweeps")}),
             Contains("sweeps:3: ") && Contains("none of: on, shadow, off"));
  scene.Write("labels", "{\"line\":1,\"who\":\"customer\"}\n{\"line\":2,\"who\":\"nobody\"}\n");
  CHECK_THAT(error({"--labels", scene.Path("labels"), "--sweep", "mode=protect"}),
             Contains("labels:2: ") && Contains("'nobody' is neither customer nor attack"));
  CHECK_THAT(error({"--alarms-per-day", "0"}), Contains("--alarms-per-day"));
  CHECK_THAT(error({"--report", log}), Contains("log"));
  CHECK_THAT(error({"--grid"}), Contains("--sweep"));
  CHECK(scene.Read("log").size() > 10);
}

TEST_CASE("names from a log are text in the page, and the page needs nothing else", "[tune]") {
  const Scene scene;
  const std::string hostile = "<img src=x onerror=alert(1)>";
  std::string log;
  // Known, then behind the block of an address that fails often.
  log += LoginLine(0, "203.0.113.7", hostile, "success");
  for (int i = 0; i < 12; ++i)
    log += LoginLine(10 + i, "203.0.113.7", "victim" + std::to_string(i), "bad_password");
  log += LoginLine(60, "203.0.113.7", hostile, "success");
  log += LoginLine(60 * 60 * 7, "203.0.113.7", hostile, "success");
  scene.Write("log", log);
  std::string labels;
  for (int line = 1; line <= 15; ++line) {
    labels += line == 1 || line > 13
                  ? "{\"line\":" + std::to_string(line) + ",\"who\":\"customer\",\"id\":1}\n"
                  : "{\"line\":" + std::to_string(line) +
                        ",\"who\":\"attack\",\"class\":\"</title><script>\",\"campaign\":1}\n";
  }
  scene.Write("labels", labels);
  const ProgramRun run =
      RunStockade({"tune", "--rules-only", "--rules", scene.Path("rules.yml"), "--labels",
                   scene.Path("labels"), "--report", scene.Path("page"), scene.Path("log")});
  REQUIRE(run.exit_code == kExitFine);
  const std::string page = scene.Read("page");
  CHECK_THAT(page,
             Contains("&lt;img src=x onerror=alert(1)&gt;") && !Contains("<img") && !Contains("<script"));
  CHECK_THAT(page,
             !Contains("http://") && !Contains("https://") && !Contains("url(") && !Contains("@import"));
  CHECK_THAT(page, Contains("prefers-color-scheme") && Contains("lang=\"en\""));
}

TEST_CASE("a log without labels is judged by who gets in, and the page says how", "[tune]") {
  const Scene scene;
  std::string log;
  for (int day = 0; day < 3; ++day)
    log += LoginLine(day * 3600, "192.0.2.1", "alice", "success", R"(,"login":{"device":"d"})");
  for (int i = 0; i < 30; ++i)
    log += LoginLine(2 * 3600 + 10 + i, "203.0.113.7", "victim" + std::to_string(i), "bad_password");
  scene.Write("log", log);
  const ProgramRun run =
      RunStockade({"tune", "--rules", scene.Path("rules.yml"), "--sweep", "thresholds.frequency.gte=3",
                   "--report", scene.Path("page"), scene.Path("log")});
  REQUIRE(run.exit_code == kExitFine);
  CHECK_THAT(run.out,
             Contains("a guess") && Contains("30 attempts of attacks, 3 of customers, 0 of programs"));
  CHECK_THAT(scene.Read("page"), Contains("The guess has limits") && Contains("circular"));
}

TEST_CASE("a gate's record, whose outcomes come later, is run as replay runs it", "[tune]") {
  const Scene scene;
  std::string record = "{\"stockade\":{\"record\":1},\"@timestamp\":\"2026-11-23T09:00:00Z\"}\n";
  const auto line = [&record](const std::string& what, int number, const std::string& more) {
    record += "{\"stockade\":{\"" + what + "\":" + std::to_string(number) +
              "},\"@timestamp\":\"2026-11-23T09:00:" + std::to_string(10 + number) + "Z\"" + more + "}\n";
  };
  const std::string from = R"(,"source.ip":"203.0.113.7","user.name":"victim")";
  // Two are under way at any time; one is never told of.
  for (int number = 1; number <= 12; ++number) {
    line("attempt", number, from);
    if (number > 2 && number != 6) line("observe", number - 2, R"(,"event.reason":"bad_password")");
  }
  scene.Write("record", record);
  REQUIRE(scene.Replay({"--format", "record", scene.Path("record")}).exit_code == kExitFine);
  size_t denied = 0;
  for (const std::string& answer : Lines(scene.Read("verdicts")))
    denied += answer.find("\"deny\"") != std::string::npos;
  CHECK(denied > 0);
  const ProgramRun run =
      RunStockade({"tune", "--rules-only", "--rules", scene.Path("rules.yml"), "--json", "--format", "record",
                   "--sweep", "thresholds.frequency.gte=3", scene.Path("record")});
  REQUIRE(run.exit_code == kExitFine);
  simdjson::dom::parser parser;
  const element report = parser.parse(run.out);
  CHECK(uint64_t(report["candidates"].at(0)["verdicts"]["deny"]) == denied);
  CHECK(uint64_t(report["candidates"].at(1)["verdicts"]["deny"]) > denied);
}

TEST_CASE("other numbers of a rule in the settings hold for replay, and a wrong name is told", "[tune]") {
  const Scene scene;
  std::string log;
  for (int i = 0; i < 6; ++i) log += LoginLine(i, "203.0.113.7", "victim", "bad_password");
  scene.Write("log", log);
  const auto denied = [&](const std::string& settings) {
    scene.Write("settings.yaml", settings);
    const ProgramRun run = scene.Replay({"-c", scene.Path("settings.yaml"), scene.Path("log")});
    CHECK(run.exit_code == kExitFine);
    size_t count = 0;
    for (const std::string& line : Lines(scene.Read("verdicts")))
      count += line.find("\"deny\"") != std::string::npos;
    return count;
  };
  CHECK(denied("mode: protect\n") == 1);
  CHECK(denied("thresholds: {frequency: {gte: 3}}\n") == 3);
  CHECK(denied("thresholds: {frequency: {gte: 3, timespan: 1s}}\n") == 0);
  scene.Write("settings.yaml", "thresholds:\n  frequence: {gte: 3}\n");
  const ProgramRun wrong = scene.Replay({"-c", scene.Path("settings.yaml"), scene.Path("log")});
  CHECK(wrong.exit_code == kExitUsage);
  CHECK_THAT(wrong.err, Contains("settings.yaml:2:3: ") && Contains("did you mean 'frequency'?"));
}

}  // namespace
}  // namespace stockade
