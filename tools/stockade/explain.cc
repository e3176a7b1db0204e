// stockade explain: why a decision was made, or what happened to one line of a log.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "engine/rule/finding.h"
#include "engine/status.h"
#include "engine/text.h"
#include "tools/stockade/command.h"
#include "tools/stockade/explanation_text.h"
#include "tools/stockade/input_copy.h"
#include "tools/stockade/interrupt.h"
#include "tools/stockade/program.h"
#include "tools/stockade/replay_session.h"
#include "tools/stockade/trace.h"

namespace stockade {
namespace {

constexpr std::string_view kExplainingFooter = R"(
Give it the inputs and options of the replay whose answer is to be explained: it replays them, up to three times. What can
be read only once, standard input or a pipe, is copied to $TMPDIR first.

Examples:
  stockade explain --line 4711 logins.ndjson
  stockade explain --decision 0123456789abcdef -c stockade.yaml logins.*.gz
  ssh gate cat auth.log | stockade explain --line 17 -

The line is the "line" of the verdicts file, counted over all inputs as merged. The id is the "id" of the
decisions file.

Exit codes: 0 explained · 1 there is no such line or decision · 2 wrong arguments or settings, or an input that
            cannot be read · 130 interrupted
)";

absl::Status CheckQuestion(const Question& question, bool line_given, bool attempt_given) {
  if (line_given == !question.decision_id.empty()) {
    return absl::InvalidArgumentError("name either --line or --decision");
  }
  if (line_given && question.line == 0) return absl::InvalidArgumentError("--line: lines count from 1");
  if (attempt_given && (!line_given || question.attempt == 0))
    return absl::InvalidArgumentError("--attempt: of the attempts of a --line, counted from 1");
  return absl::OkStatus();
}

// It reads its inputs more than once: what can be read only once is copied.
absl::StatusOr<std::vector<InputCopy>> CopyInputs(ReplayOptions* options) {
  std::vector<InputCopy> copies;
  options->shown = options->inputs;
  if (std::ranges::count(options->inputs, "-") > 1)
    return absl::InvalidArgumentError("standard input (-) is named twice");
  for (std::string& input : options->inputs) {
    if (!InputCopy::Needs(input)) continue;
    ASSIGN_OR_RETURN(InputCopy copy, InputCopy::Of(input));
    copies.push_back(std::move(copy));
    input = copies.back().path();
  }
  return copies;
}

std::string NothingThere(const Question& question, const Explanation& explanation, uint64_t lines) {
  if (!question.decision_id.empty())
    return Concat("no decision ", Quoted(question.decision_id),
                  " in this replay; replay --decisions lists them. Are rules, settings and inputs the same?");
  const size_t attempts = explanation.of_line.size();
  if (attempts > 0)
    return Concat("line ", question.line, " holds ", attempts, attempts == 1 ? " attempt" : " attempts",
                  ", and no number ", question.attempt);
  if (explanation.line_passed || lines >= question.line)
    return Concat("line ", question.line, " holds no login attempt");
  return Concat("there is no line ", question.line, ": the inputs have ", lines);
}

}  // namespace

int RunExplain(std::span<const std::string> arguments, Console& console) {
  ReplayOptions options;
  Question question;
  bool json = false;
  CLI::App app("Shows why: for a decision, or for one line of a log.", "stockade explain");
  const CLI::Option* line =
      app.add_option("--line", question.line, "Explain what happened to this line")->type_name("N");
  const CLI::Option* attempt = app.add_option("--attempt", question.attempt,
                                              "Of a line that stands for several attempts (message repeated "
                                              "5 times), this one; without it the "
                                              "first that was stopped, or the last")
                                   ->type_name("K");
  app.add_option("--decision", question.decision_id, "Explain this decision")->type_name("ID");
  app.add_flag("--json", json, "Print JSON");
  AddReplayOptions(&app, &options);
  app.footer(std::string(kExplainingFooter));
  if (const std::optional<int> done = ParseArguments(&app, arguments, console)) return *done;

  if (const absl::Status status = CheckQuestion(question, line->count() > 0, attempt->count() > 0);
      !status.ok()) {
    return Fail(console, Concat(status.message(), "\nstockade explain --help says more"));
  }
  const absl::StatusOr<std::vector<InputCopy>> copies = CopyInputs(&options);
  if (Interrupted()) return kExitInterrupted;
  if (!copies.ok()) return Fail(console, FromAbsl(copies.status().message()));
  absl::StatusOr<ReplaySession> session = ReplaySession::Open(options);
  if (!session.ok()) return Fail(console, FromAbsl(session.status().message()));
  const absl::StatusOr<Explanation> explanation = Explain(&*session, question);
  if (!explanation.ok()) return Fail(console, FromAbsl(explanation.status().message()));
  if (Interrupted()) return kExitInterrupted;
  if (explanation->found == Explanation::Found::kNothing) {
    console.err << "stockade: " << NothingThere(question, *explanation, session->source().counters().lines)
                << "\n";
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
