#include "adapters/source/options.h"

#include "adapters/source/registry.h"
#include "engine/event/printable_text.h"
#include "engine/status.h"
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

absl::Status CheckFieldName(std::string_view option, const std::string& name, const FieldTable* fields) {
  const bool known =
      FindKnownField(name).has_value() || (fields != nullptr && fields->Find(name).has_value());
  if (name.empty()) return absl::InvalidArgumentError(Concat(option, ": a field without a name"));
  if (!known) {
    return absl::InvalidArgumentError(Concat(option, ": no rule asks for the field ", PrintableText(name),
                                             " and it is none of the known ones (source.ip, user.name, …)"));
  }
  return absl::OkStatus();
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

absl::Status Validate(const SourceOptions& options) {
  if (options.format != "auto" && FindSourceFormat(options.format) == nullptr &&
      FindForeignFormat(options.format, options) == nullptr) {
    std::string names = SourceFormatNames();
    for (const ForeignFormat& format : options.foreign_formats) Append(&names, ", ", format.name);
    return absl::InvalidArgumentError(
        Concat("format: there is no format ", PrintableText(options.format), "; there are auto, ", names));
  }
  if (!options.format_file.empty() && options.format != "auto" && options.format != "text") {
    return absl::InvalidArgumentError(
        Concat("format: ", options.format, " and a format file exclude each other; leave one out"));
  }
  if (options.format == "text" && options.format_file.empty()) {
    return absl::InvalidArgumentError("format: text needs a format file (rules/formats has some)");
  }
  for (const auto& [name, path] : options.field_paths) {
    RETURN_IF_ERROR(CheckFieldName("fields", name, options.fields));
    if (path.empty() || path.front() == '.' || path.back() == '.' || path.find("..") != std::string::npos) {
      return absl::InvalidArgumentError(
          Concat("fields: ", PrintableText(name), ": \"", PrintableText(path), "\" is no dotted path"));
    }
  }
  for (const auto& [name, column] : options.columns) {
    RETURN_IF_ERROR(CheckFieldName("columns", name, options.fields));
    if (column.empty())
      return absl::InvalidArgumentError(
          Concat("columns: ", PrintableText(name), ": a column without a name"));
  }
  if (options.delimiter == '"' || options.delimiter == '\n' || options.delimiter == '\r') {
    return absl::InvalidArgumentError("delimiter: a quote or a line end cannot be one; use , ; | or a tab");
  }
  if (options.year.has_value() && (*options.year < 1970 || *options.year > 2261)) {
    return absl::InvalidArgumentError(Concat("year: ", *options.year, " is not within 1970 to 2261"));
  }
  const AccessLogOptions& access = options.access_log;
  for (const AccessLogOptions::LoginPath& path : access.login_paths) {
    if (path.text.empty()) return absl::InvalidArgumentError("login_paths: an empty path matches nothing");
    if (path.match != AccessLogOptions::PathMatch::kRegex) continue;
    const re2::RE2 pattern(path.text, re2::RE2::Quiet);
    if (!pattern.ok()) {
      return absl::InvalidArgumentError(
          Concat("login_paths: ", PrintableText(path.text), ": ", PrintableText(pattern.error())));
    }
  }
  if (access.methods.empty() && !access.basic) {
    return absl::InvalidArgumentError("methods: without a method and without basic no request is a login");
  }
  for (const auto& [status, outcome] : access.outcomes) {
    if (!IsStatusPattern(status)) {
      return absl::InvalidArgumentError(Concat("outcomes: \"", PrintableText(status),
                                               "\" is no status; write three digits, or 4xx for a class"));
    }
  }
  return absl::OkStatus();
}

}  // namespace stockade
