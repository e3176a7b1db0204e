// stockade decisions import and export.
#include <algorithm>
#include <array>
#include <iostream>
#include <iterator>

#include "CLI/CLI.hpp"
#include "adapters/exchange/crowdsec_decisions.h"
#include "adapters/exchange/exchange_format.h"
#include "adapters/exchange/plain_list.h"
#include "adapters/exchange/stix.h"
#include "engine/decision/policy.h"
#include "engine/decision/target.h"
#include "engine/rule/finding.h"
#include "engine/rule/span_text.h"
#include "engine/status.h"
#include "engine/text.h"
#include "tools/stockade/command.h"
#include "tools/stockade/config_file.h"
#include "tools/stockade/decisions_command.h"
#include "tools/stockade/decisions_text.h"
#include "tools/stockade/interrupt.h"
#include "tools/stockade/program.h"

namespace stockade {
namespace {

constexpr std::string_view kImportFooter = R"(
Formats, told from the content unless --format says:
  plain      an address, network or range (a-b) a line; # and ; begin comments; the first column of CSV
  crowdsec   JSON or CSV of cscli decisions import, JSON of cscli decisions list
  stix       STIX 2.1: indicators that name addresses and nothing else
  ndjson     what export writes, or {"action":"block","value":"203.0.113.9","for":"1h","reason":"…"} a line
What a file says wins over --action and --for, which stand in for what it does not say. One bad line costs that line. The
same file may be imported again: what stands as long already stays as it is.

Examples:
  stockade decisions import -c stockade.yaml feed.txt --for 24h --action challenge --dry-run
  stockade decisions import -c stockade.yaml bundle.json --for 7d --reason "CERT advisory 2026-11"
  cscli decisions list -o json | stockade decisions import -c stockade.yaml -

Exit codes: 0 all of it was taken, or stood already · 1 some was refused, each with its line · 2 wrong arguments, a file that
            cannot be read, or the instance cannot be reached · 130 interrupted
)";

constexpr std::string_view kExportFooter = R"(
Formats:
  ndjson     everything, as list --json; another instance imports it
  plain      addresses and networks that are blocked (--action names others), a line each
  crowdsec   JSON for cscli decisions import: addresses, networks, AS numbers
  stix       a STIX 2.1 bundle: addresses and networks as indicators, what was counted as sightings; the same decisions
             give the same ids
Accounts and fingerprints leave in ndjson only: they are your customers. How many were left out is said on standard error.

Examples:
  stockade decisions export -c stockade.yaml --format stix --tlp amber --producer "Example Bank" > bundle.json
  stockade decisions export -c stockade.yaml --format plain --rule many_accounts > blocked.txt
  stockade decisions export -c stockade.yaml > decisions.ndjson

Exit codes: 0 written · 2 wrong arguments, or the instance cannot be reached · 130 interrupted
)";

// Well below what an instance takes in a request (HttpServiceOptions::body_bytes_max).
constexpr size_t kBatchBytes = size_t{160} << 10;
constexpr size_t kBatchLines = 1000;
// Refused lines that are printed, of a file; the rest is counted.
constexpr size_t kShownMax = 50;

struct ImportOptions {
  std::vector<std::string> files;
  std::string format = "auto", action, span, reason, origin;
  bool dry_run = false;
};

struct Counts {
  size_t added = 0, extended = 0, covered = 0;
  uint64_t refused = 0, passed_over = 0;

  bool any() const noexcept { return added + extended + covered + refused + passed_over > 0; }
};

// What a file does not say.
struct Defaults {
  std::optional<Action> action;
  std::optional<int64_t> for_ms;
};

absl::StatusOr<std::string> ReadInput(const std::string& file) {
  if (file != "-") return ReadWholeFile(file, kExchangeBytesMax);
  std::string text;
  std::array<char, 64 << 10> piece;
  while (std::cin.read(piece.data(), piece.size()), std::cin.gcount() > 0) {
    text.append(piece.data(), static_cast<size_t>(std::cin.gcount()));
    if (text.size() > kExchangeBytesMax)
      return absl::InvalidArgumentError("-: is larger than 256 MiB; split it");
  }
  return text;
}

class Importer {
 public:
  // `client` null: a dry run.
  Importer(const ImportOptions& options, const Defaults& defaults, const AdminClient* client,
           Console* console)
      : options_(options), defaults_(defaults), client_(client), console_(*console) {}

  absl::Status Import(const std::string& file) {
    file_ = file == "-" ? "standard input" : file;
    shown_ = 0;
    ASSIGN_OR_RETURN(const std::string text, ReadInput(file));
    const ExchangeFormat format = ParseExchangeFormat(options_.format).value_or(DetectExchangeFormat(text));
    absl::StatusOr<Exchanged> read = ReadExchanged(format, text, WallClockMs());
    if (!read.ok())
      return absl::InvalidArgumentError(Concat(file_, ": as ", Name(format), ": ", read.status().message()));
    counts_.passed_over += read->passed_over;
    for (const ExchangeProblem& problem : read->problems) Refuse(problem.line, problem.what);
    const uint64_t untold = read->refused - read->problems.size();
    counts_.refused += untold;
    shown_ += untold;
    const size_t total = read->decisions.size();
    size_t done = 0;
    for (NewDecision& decision : read->decisions) {
      if (Interrupted()) break;
      RETURN_IF_ERROR(Take(std::move(decision)));
      ShowProgress(++done, total);
    }
    RETURN_IF_ERROR(Send());
    ClearProgress();
    if (shown_ > kShownMax)
      console_.err << file_ << ": " << CountText(shown_ - kShownMax) << " more lines were refused\n";
    console_.err << PrintableText(file_) << ": " << Name(format) << ", " << CountText(total)
                 << (total == 1 ? " decision\n" : " decisions\n");
    return absl::OkStatus();
  }

  const Counts& counts() const { return counts_; }

 private:
  void Refuse(size_t line, std::string_view why) {
    ++counts_.refused;
    if (++shown_ > kShownMax) return;
    ClearProgress();
    console_.err << PrintableText(file_) << ":" << line << ": " << PrintableText(why) << "\n";
  }

  absl::Status Take(NewDecision decision) {
    const size_t line = decision.line;
    // An account is locked where anything else is blocked; CrowdSec's reader says so itself.
    if (!decision.action) decision.action = defaults_.action;
    if (!decision.for_ms && !decision.until_ms) decision.for_ms = defaults_.for_ms;
    if (!decision.action) {
      Refuse(line, "the file does not say what is to be done; give --action");
      return absl::OkStatus();
    }
    if (!decision.for_ms && !decision.until_ms) {
      Refuse(line, "the file does not say how long; give --for");
      return absl::OkStatus();
    }
    if (!options_.reason.empty()) decision.reason = options_.reason;
    if (decision.reason.empty())
      decision.reason = CutText(Concat("listed in ", PrintableLine(file_)), kReasonBytesMax);
    if (!options_.origin.empty()) decision.origin = options_.origin;
    if (decision.origin.empty()) decision.origin = CutText(Concat("import:", Base(file_)), kOriginBytesMax);
    if (const absl::Status status = CheckNewDecision(decision, WallClockMs()); !status.ok()) {
      Refuse(line, FromAbsl(status.message()));
      return absl::OkStatus();
    }
    const std::string json = ToJson(decision);
    if (lines_.size() == kBatchLines || batch_.size() + json.size() > kBatchBytes) RETURN_IF_ERROR(Send());
    Append(&batch_, json, "\n");
    lines_.push_back(line);
    return absl::OkStatus();
  }

  absl::Status Send() {
    if (lines_.empty()) return absl::OkStatus();
    const std::vector<size_t> lines = std::exchange(lines_, {});
    const std::string batch = std::exchange(batch_, {});
    if (client_ == nullptr) {
      counts_.added += lines.size();
      return absl::OkStatus();
    }
    ASSIGN_OR_RETURN(const std::vector<AddAnswer> answers, PostDecisions(*client_, batch));
    if (answers.size() != lines.size())
      return absl::UnavailableError(
          Concat(ToString(client_->at()), ": answered ", answers.size(), " of ", lines.size(), " decisions"));
    for (size_t i = 0; i < answers.size(); ++i) {
      const AddAnswer& answer = answers[i];
      if (answer.state == "added") {
        ++counts_.added;
      } else if (answer.state == "extended") {
        ++counts_.extended;
      } else if (answer.state == "covered") {
        ++counts_.covered;
      } else {
        Refuse(lines[i], answer.why.empty() ? answer.state : answer.why);
      }
    }
    return absl::OkStatus();
  }

  static std::string_view Base(std::string_view file) {
    const size_t slash = file.rfind('/');
    return slash == std::string_view::npos ? file : file.substr(slash + 1);
  }

  void ShowProgress(size_t done, size_t total) {
    if (!console_.err_is_terminal || done % kBatchLines != 0) return;
    console_.err << "\r\033[K" << PrintableText(file_) << ": " << CountText(done) << " of "
                 << CountText(total) << std::flush;
    progress_shown_ = true;
  }
  void ClearProgress() {
    if (std::exchange(progress_shown_, false)) console_.err << "\r\033[K" << std::flush;
  }

  const ImportOptions& options_;
  const Defaults defaults_;
  const AdminClient* const client_;
  Console& console_;
  std::string file_;
  std::string batch_;          // of the next request
  std::vector<size_t> lines_;  // where each of its lines stood
  Counts counts_;
  uint64_t shown_ = 0;  // refused lines of this file
  bool progress_shown_ = false;
};

absl::StatusOr<Defaults> DefaultsOf(const ImportOptions& options) {
  Defaults defaults;
  if (options.format != "auto" && !ParseExchangeFormat(options.format))
    return absl::InvalidArgumentError("--format: is none of auto, plain, crowdsec, stix, ndjson");
  if (!options.action.empty()) {
    defaults.action = ParseAction(options.action);
    if (!defaults.action)
      return absl::InvalidArgumentError("--action: is none of challenge, throttle, block, lock");
  }
  if (!options.span.empty()) {
    SpanError error;
    defaults.for_ms = ParseSpanMs(options.span, Policy::kDurationMsMax, &error);
    if (!defaults.for_ms) return absl::InvalidArgumentError(Concat("--for: ", error.what));
  }
  if (options.reason.size() > kReasonBytesMax || options.origin.size() > kOriginBytesMax)
    return absl::InvalidArgumentError(
        Concat("--reason takes ", kReasonBytesMax, " bytes, --origin ", kOriginBytesMax));
  return defaults;
}

void PrintCounts(const Counts& counts, bool dry_run, Console& console) {
  const std::pair<std::string_view, uint64_t> all[] = {{dry_run ? "would be sent" : "added", counts.added},
                                                       {"extended", counts.extended},
                                                       {"stood already", counts.covered},
                                                       {"refused", counts.refused},
                                                       {"passed over", counts.passed_over}};
  std::string text;
  for (const auto& [what, count] : all)
    if (count > 0 || what == all[0].first)
      Append(&text, text.empty() ? "" : ", ", CountText(count), " ", what);
  console.out << text << "\n";
}

struct ExportOptions {
  FilterOptions filter;
  std::string format = "ndjson", tlp, producer;
};

absl::StatusOr<std::string> WriteExport(const ExportOptions& options, ExchangeFormat format,
                                        std::span<const Decision> decisions, size_t* left_out) {
  StixOptions stix;
  switch (format) {
    case ExchangeFormat::kPlain: {
      *left_out =
          static_cast<size_t>(std::count_if(decisions.begin(), decisions.end(), [](const Decision& decision) {
            return decision.shadow || !NamesAddresses(decision.scope);
          }));
      return WritePlainList(decisions);
    }
    case ExchangeFormat::kCrowdsec:
      return WriteCrowdsecDecisions(decisions, WallClockMs(), left_out);
    case ExchangeFormat::kStix:
      stix.producer = options.producer;
      stix.tlp = ParseTlp(options.tlp).value_or(Tlp::kNone);
      return WriteStix(decisions, stix, left_out);
    case ExchangeFormat::kNdjson:
      break;
  }
  return absl::InternalError("ndjson is written as it comes");
}

}  // namespace

int RunDecisionsImport(std::span<const std::string> arguments, Console& console) {
  InstanceOptions instance;
  ImportOptions options;
  CLI::App app("Takes decisions from files: lists, CrowdSec exports, STIX bundles, other instances.",
               "stockade decisions import");
  app.add_option("FILE", options.files, "What to read; - is standard input")->required();
  app.add_option("--format", options.format, "auto, plain, crowdsec, stix, ndjson")->type_name("FORMAT");
  app.add_option("--action", options.action,
                 "What to do where the file does not say: block, challenge, throttle")
      ->type_name("ACTION");
  app.add_option("--for", options.span, "For how long where the file does not say, as 24h, 7d")
      ->type_name("SPAN");
  app.add_option("--reason", options.reason, "Why, instead of what the file says")->type_name("TEXT");
  app.add_option("--origin", options.origin, "What it is from, instead of what the file says")
      ->type_name("NAME");
  app.add_flag("--dry-run", options.dry_run, "Read and check everything, send nothing; needs no instance");
  AddInstanceOptions(&app, &instance);
  app.footer(std::string(kImportFooter));
  if (const std::optional<int> done = ParseArguments(&app, arguments, console)) return *done;

  const absl::StatusOr<Defaults> defaults = DefaultsOf(options);
  if (!defaults.ok()) return Fail(console, FromAbsl(defaults.status().message()));
  std::optional<AdminClient> client;
  if (!options.dry_run) {
    absl::StatusOr<AdminClient> opened = AdminClient::Open(instance);
    if (!opened.ok()) return Fail(console, FromAbsl(opened.status().message()));
    client.emplace(*std::move(opened));
  }
  Importer importer(options, *defaults, client ? &*client : nullptr, &console);
  absl::Status status;
  for (const std::string& file : options.files) {
    if (Interrupted()) break;
    // What one file holds does not depend on another; one that cannot be read ends it, with what was done told.
    if (status = importer.Import(file); !status.ok()) break;
  }
  if (status.ok() || importer.counts().any()) PrintCounts(importer.counts(), options.dry_run, console);
  if (!status.ok()) return Fail(console, FromAbsl(status.message()));
  if (Interrupted()) return kExitInterrupted;
  return importer.counts().refused > 0 ? kExitFindings : kExitFine;
}

int RunDecisionsExport(std::span<const std::string> arguments, Console& console) {
  InstanceOptions instance;
  ExportOptions options;
  CLI::App app("Writes standing decisions for others, to standard output.", "stockade decisions export");
  app.add_option("--format", options.format, "ndjson, plain, crowdsec, stix")->type_name("FORMAT");
  app.add_option("--tlp", options.tlp, "Of stix: who may see it: clear, green, amber, red")
      ->type_name("COLOUR");
  app.add_option("--producer", options.producer, "Of stix: the organisation that it is from")
      ->type_name("NAME");
  AddFilterOptions(&app, &options.filter);
  AddInstanceOptions(&app, &instance);
  app.footer(std::string(kExportFooter));
  if (const std::optional<int> done = ParseArguments(&app, arguments, console)) return *done;

  const std::optional<ExchangeFormat> format = ParseExchangeFormat(options.format);
  if (!format) return Fail(console, "--format: is none of ndjson, plain, crowdsec, stix");
  if (*format != ExchangeFormat::kStix && !(options.tlp.empty() && options.producer.empty()))
    return Fail(console, "--tlp and --producer are of --format stix");
  if (!options.tlp.empty() && !ParseTlp(options.tlp))
    return Fail(console, "--tlp: is none of clear, green, amber, red");
  if (options.producer.size() > kReasonBytesMax) return Fail(console, "--producer: is too long for a name");
  // A list says nothing of what is to be done, and whoever reads it blocks.
  if (*format == ExchangeFormat::kPlain && options.filter.action.empty())
    options.filter.action = Name(Action::kBlock);

  const absl::StatusOr<AdminClient> client = AdminClient::Open(instance);
  if (!client.ok()) return Fail(console, FromAbsl(client.status().message()));
  std::vector<Decision> all;
  absl::Status status =
      VisitDecisions(*client, options.filter, [&](std::span<const Decision> page, std::string_view lines) {
        if (*format == ExchangeFormat::kNdjson) {
          console.out << lines;
        } else {
          all.insert(all.end(), page.begin(), page.end());
        }
        return console.out.good();
      });
  if (!status.ok()) return Fail(console, FromAbsl(status.message()));
  if (Interrupted()) return kExitInterrupted;
  if (*format == ExchangeFormat::kNdjson) return kExitFine;
  size_t left_out = 0;
  const absl::StatusOr<std::string> text = WriteExport(options, *format, all, &left_out);
  if (!text.ok()) return Fail(console, FromAbsl(text.status().message()));
  console.out << *text;
  if (left_out > 0)
    console.err << "stockade: " << CountText(left_out) << " of " << CountText(all.size())
                << " were left out: " << Name(*format)
                << " is for addresses, others' eyes, and what is carried out\n";
  return kExitFine;
}

}  // namespace stockade
