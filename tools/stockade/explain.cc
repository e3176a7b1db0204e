// stockade explain: why a decision was made, or what happened to one line of a log.
#include <sys/stat.h>

#include <optional>
#include <string>

#include "CLI/CLI.hpp"
#include "engine/rule/finding.h"
#include "engine/text.h"
#include "tools/stockade/command.h"
#include "tools/stockade/explanation_text.h"
#include "tools/stockade/interrupt.h"
#include "tools/stockade/program.h"
#include "tools/stockade/replay_session.h"
#include "tools/stockade/trace.h"

namespace stockade {
namespace {

constexpr std::string_view kExplainingFooter = R"(
Give it the inputs and options of the replay whose answer is to be explained: it replays them, up to three times.

Examples:
  stockade explain --line 4711 logins.ndjson
  stockade explain --decision 0123456789abcdef -c stockade.yaml logins.*.gz

The line is the "line" of the verdicts file, counted over all inputs as merged. The id is the "id" of the
decisions file.

Exit codes: 0 explained · 1 there is no such line or decision · 2 wrong arguments or settings, or an input that
            cannot be read · 130 interrupted
)";

absl::Status CheckQuestion(const Question& question, bool line_given, const ReplayOptions& options) {
  if (line_given == !question.decision_id.empty()) {
    return absl::InvalidArgumentError("name either --line or --decision");
  }
  if (line_given && question.line == 0) return absl::InvalidArgumentError("--line: lines count from 1");
  for (const std::string& input : options.inputs) {
    struct stat about;
    if (input == "-" || (stat(input.c_str(), &about) == 0 && !S_ISREG(about.st_mode))) {
      return absl::InvalidArgumentError(
          Concat(Quoted(input), ": explain reads its inputs more than once, so they must be files"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

int RunExplain(std::span<const std::string> arguments, Console& console) {
  ReplayOptions options;
  Question question;
  bool json = false;
  CLI::App app("Shows why: for a decision, or for one line of a log.", "stockade explain");
  const CLI::Option* line =
      app.add_option("--line", question.line, "Explain what happened to this line")->type_name("N");
  app.add_option("--decision", question.decision_id, "Explain this decision")->type_name("ID");
  app.add_flag("--json", json, "Print JSON");
  AddReplayOptions(&app, &options);
  app.footer(std::string(kExplainingFooter));
  if (const std::optional<int> done = ParseArguments(&app, arguments, console)) return *done;

  if (const absl::Status status = CheckQuestion(question, line->count() > 0, options); !status.ok()) {
    return Fail(console, Concat(status.message(), "\nstockade explain --help says more"));
  }
  absl::StatusOr<ReplaySession> session = ReplaySession::Open(options);
  if (!session.ok()) return Fail(console, FromAbsl(session.status().message()));
  const absl::StatusOr<Explanation> explanation = Explain(&*session, question);
  if (!explanation.ok()) return Fail(console, FromAbsl(explanation.status().message()));
  if (Interrupted()) return kExitInterrupted;
  if (explanation->found == Explanation::Found::kNothing) {
    if (question.decision_id.empty()) {
      console.err << "stockade: line " << question.line
                  << " holds no login attempt, or the inputs have fewer lines; they have "
                  << session->source().counters().lines << "\n";
    } else {
      console.err
          << "stockade: no decision " << Quoted(question.decision_id)
          << " in this replay; replay --decisions lists them. Are rules, settings and inputs the same?\n";
    }
    return kExitFindings;
  }
  if (json) {
    console.out << ToJson(*explanation) << "\n";
  } else {
    PrintExplanation(*explanation, console, console.out);
  }
  return kExitFine;
}

}  // namespace stockade
