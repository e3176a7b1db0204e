#include "adapters/source/options.h"

#include <utility>

#include "adapters/source/registry.h"
#include "engine/event/printable_text.h"
#include "engine/text.h"
#include "re2/re2.h"

namespace stockade {
namespace {

// "200", "4xx".
bool IsStatusPattern(std::string_view text) noexcept {
  if (text.size() != 3 || text[0] < '1' || text[0] > '5') return false;
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  return text.substr(1) == "xx" || (is_digit(text[1]) && is_digit(text[2]));
}

// What is wrong with the name of a field; empty: nothing.
std::string FieldNameProblem(std::string_view option, const std::string& name, const FieldTable* fields) {
  if (name.empty()) return Concat(option, ": a field without a name");
  if (FindKnownField(name).has_value() || (fields != nullptr && fields->Find(name).has_value())) return "";
  return Concat(option, ": no rule asks for the field ", PrintableText(name),
                " and it is none of the known ones (source.ip, user.name, …)");
}

}  // namespace

std::optional<AccessLogOptions::LoginPath> ParseLoginPath(std::string_view text) {
  using PathMatch = AccessLogOptions::PathMatch;
  if (!text.starts_with('/')) return std::nullopt;
  if (text.size() == 1 || !text.ends_with('*'))
    return AccessLogOptions::LoginPath{PathMatch::kExact, std::string(text)};
  return AccessLogOptions::LoginPath{PathMatch::kPrefix, std::string(text.substr(0, text.size() - 1))};
}

const ForeignFormat* FindForeignFormat(std::string_view name, const SourceOptions& options) noexcept {
  for (const ForeignFormat& format : options.foreign_formats)
    if (format.name == name) return &format;
  return nullptr;
}

std::vector<std::string> Problems(const SourceOptions& options) {
  std::vector<std::string> problems;
  const auto say = [&problems](const auto&... pieces) { problems.push_back(Concat(pieces...)); };
  if (options.format != "auto" && FindSourceFormat(options.format) == nullptr &&
      FindForeignFormat(options.format, options) == nullptr) {
    say("format: there is no format ", PrintableText(options.format), "; there are auto, ",
        SourceFormatNames(options));
  } else if (!options.format_file.empty() && options.format != "auto" && options.format != "text") {
    say("format: ", options.format, " and a format file exclude each other; leave one out");
  } else if (options.format == "text" && options.format_file.empty()) {
    say("format: text needs a format file (rules/formats has some)");
  }
  for (const auto& [name, path] : options.field_paths) {
    if (std::string problem = FieldNameProblem("fields", name, options.fields); !problem.empty())
      problems.push_back(std::move(problem));
    if (path.empty() || path.front() == '.' || path.back() == '.' || path.find("..") != std::string::npos)
      say("fields: ", PrintableText(name), ": \"", PrintableText(path), "\" is no dotted path");
  }
  for (const auto& [name, column] : options.columns) {
    if (std::string problem = FieldNameProblem("columns", name, options.fields); !problem.empty())
      problems.push_back(std::move(problem));
    if (column.empty()) say("columns: ", PrintableText(name), ": a column without a name");
  }
  if (options.delimiter == '"' || options.delimiter == '\n' || options.delimiter == '\r')
    say("delimiter: a quote or a line end cannot be one; use , ; | or a tab");
  if (options.year.has_value() && (*options.year < 1970 || *options.year > 2261))
    say("year: ", *options.year, " is not within 1970 to 2261");
  const AccessLogOptions& access = options.access_log;
  for (const AccessLogOptions::LoginPath& path : access.login_paths) {
    if (path.text.empty()) say("login_paths: an empty path matches nothing");
    if (path.match != AccessLogOptions::PathMatch::kRegex) continue;
    const re2::RE2 pattern(path.text, re2::RE2::Quiet);
    if (!pattern.ok()) say("login_paths: ", PrintableText(path.text), ": ", PrintableText(pattern.error()));
  }
  if (access.methods.empty() && !access.basic)
    say("methods: without a method and without basic no request is a login");
  for (const auto& [status, outcome] : access.outcomes) {
    if (!IsStatusPattern(status)) {
      say("outcomes: \"", PrintableText(status), "\" is no status; write three digits, or 4xx for a class");
    }
  }
  return problems;
}

absl::Status Validate(const SourceOptions& options) {
  const std::vector<std::string> problems = Problems(options);
  return problems.empty() ? absl::OkStatus() : absl::InvalidArgumentError(problems.front());
}

}  // namespace stockade
