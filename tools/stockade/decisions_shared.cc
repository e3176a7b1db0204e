#include <chrono>

#include "CLI/CLI.hpp"
#include "adapters/decision_json.h"
#include "adapters/gateway/decision_filter.h"
#include "engine/status.h"
#include "engine/text.h"
#include "simdjson.h"
#include "tools/stockade/decisions_command.h"
#include "tools/stockade/decisions_text.h"
#include "tools/stockade/interrupt.h"

namespace stockade {
namespace {

// Some MiB an answer: the instance copies a page while logins wait for it.
constexpr size_t kPage = 5000;

}  // namespace

std::vector<std::pair<std::string, std::string>> FilterOptions::parameters() const {
  std::vector<std::pair<std::string, std::string>> parameters;
  const std::pair<std::string_view, const std::string&> all[] = {
      {"scope", scope},   {"value", value},       {"rule", rule},
      {"action", action}, {"campaign", campaign}, {"contains", contains}};
  for (const auto& [name, text] : all)
    if (!text.empty()) parameters.emplace_back(name, text);
  return parameters;
}

void AddFilterOptions(CLI::App* app, FilterOptions* options) {
  app->add_option("--scope", options->scope, "Only those on: ip, range, asn, fingerprint, account")
      ->type_name("SCOPE");
  app->add_option("--value", options->value, "Only those on exactly this address, network, account, …")
      ->type_name("VALUE");
  app->add_option("--contains", options->contains, "Only those on this address and on networks that hold it")
      ->type_name("ADDRESS");
  app->add_option("--rule", options->rule, "Only those that this rule made")->type_name("NAME");
  app->add_option("--action", options->action, "Only: challenge, throttle, block, lock")->type_name("ACTION");
  app->add_option("--campaign", options->campaign, "Only those of this campaign")->type_name("NAME");
}

absl::Status VisitDecisions(
    const AdminClient& client, const FilterOptions& filter,
    const std::function<bool(std::span<const Decision>, std::string_view lines)>& visit) {
  std::string after;
  while (!Interrupted()) {
    std::vector<std::pair<std::string, std::string>> parameters = filter.parameters();
    parameters.emplace_back("limit", std::to_string(kPage));
    if (!after.empty()) parameters.emplace_back("after", after);
    ASSIGN_OR_RETURN(const std::string lines,
                     client.Ask("GET", Concat("/decisions?", QueryText(parameters))));
    std::vector<Decision> page;
    absl::Status status;
    VisitLines(lines, [&](std::string_view line) {
      absl::StatusOr<Decision> decision = ParseDecision(line);
      if (decision.ok()) {
        page.push_back(*std::move(decision));
      } else if (status.ok()) {
        status = absl::UnavailableError(Concat(ToString(client.at()), ": answers with what is no decision: ",
                                               decision.status().message(), "; is it of this version?"));
      }
    });
    // One that knows no pages would say the same for ever.
    if (status.ok() && page.size() > kPage)
      status = absl::UnavailableError(Concat(ToString(client.at()), ": is an instance of another version"));
    RETURN_IF_ERROR(status);
    if (!page.empty() && !visit(page, lines)) break;
    if (page.size() < kPage) break;
    after = PageEnd(page.back());
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<AddAnswer>> PostDecisions(const AdminClient& client, std::string_view lines) {
  ASSIGN_OR_RETURN(const std::string body, client.Ask("POST", "/decisions", lines));
  std::vector<AddAnswer> answers;
  bool broken = false;
  simdjson::dom::parser parser;
  VisitLines(body, [&](std::string_view line) {
    simdjson::dom::object object;
    uint64_t number = 0;
    std::string_view state, id, why;
    if (parser.parse(line.data(), line.size()).get(object) != simdjson::SUCCESS ||
        object["line"].get(number) != simdjson::SUCCESS || object["state"].get(state) != simdjson::SUCCESS) {
      broken = true;
      return;
    }
    if (object["id"].get(id) != simdjson::SUCCESS) id = {};
    if (object["why"].get(why) != simdjson::SUCCESS) why = {};
    answers.push_back({number, std::string(state), std::string(id), std::string(why)});
  });
  if (broken)
    return absl::UnavailableError(Concat(ToString(client.at()), ": the answer is none of an instance"));
  return answers;
}

int64_t WallClockMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace stockade
