#include "tools/stockade/sample_report.h"

#include <optional>
#include <utility>

#include "engine/text.h"

namespace stockade {

CheckedSamples CheckSamples(const Config& config, const std::vector<std::string>& files,
                            const std::string& request_file, Findings* findings) {
  auto exchange = LoginExchange::Create(config.gateway->endpoints, config.engine.hash_key);
  CheckedSamples checked;
  if (!exchange.ok()) return checked;  // what is wrong was said where the settings were read
  checked.exchange = *std::move(exchange);
  const auto refuse = [findings](const std::string& file, const absl::Status& status) {
    findings->Error(Place{file, 0, 0}, "", FromAbsl(status.message()));
  };
  std::string request_text;
  std::optional<AnswerSample> request;
  if (!request_file.empty()) {
    auto text = ReadWholeFile(request_file, kSampleBytesMax);
    if (!text.ok()) {
      refuse(request_file, text.status());
      return checked;
    }
    request_text = *std::move(text);
    auto read = ReadAnswerSample(request_text);
    if (!read.ok() || !read->has_request) {
      refuse(request_file, read.ok() ? absl::InvalidArgumentError("holds no request") : read.status());
      return checked;
    }
    request = *std::move(read);
  }
  for (const std::string& file : files) {
    const auto text = ReadWholeFile(file, kSampleBytesMax);
    if (!text.ok()) {
      refuse(file, text.status());
      continue;
    }
    auto sample = ReadAnswerSample(*text);
    if (!sample.ok()) {
      refuse(file, sample.status());
      continue;
    }
    if (!sample->has_request && request.has_value()) {
      sample->has_request = true;
      sample->method = request->method;
      sample->target = request->target;
      sample->request_fields = request->request_fields;
      sample->request_body = request->request_body;
    }
    if (!sample->has_answer) {
      refuse(file, absl::InvalidArgumentError("holds no answer"));
      continue;
    }
    checked.readings.push_back(ReadSample(*checked.exchange, *sample, file, findings));
  }
  return checked;
}

void PrintSamples(const CheckedSamples& checked, Console& console) {
  const auto line = [&console](std::string_view name, const std::string& value) {
    if (!value.empty()) console.out << "  " << PadRight(name, 10) << PrintableLine(value) << "\n";
  };
  for (const SampleReading& sample : checked.readings) {
    console.out << Styled(console, Style::kBold, PrintableLine(sample.file)) << "\n";
    line("request", sample.request);
    if (sample.endpoint == LoginExchange::kNoEndpoint) continue;
    line("endpoint", sample.endpoint_name);
    if (!sample.request.empty()) {
      line("account", sample.claim.has_account ? sample.claim.account : "none");
      line("password", sample.claim.password_id.empty() ? "none" : "found, not shown");
      line("device", sample.claim.device);
    }
    line("status", std::to_string(sample.status));
    if (sample.row >= 0) {
      const auto& rows = checked.exchange->endpoint(sample.endpoint).outcomes;
      line("row", Concat(sample.row + 1, ": ", RowText(rows[static_cast<size_t>(sample.row)])));
    }
    const bool known = sample.outcome != Outcome::kUnknown;
    console.out << "  " << PadRight("outcome", 10)
                << Styled(console, known ? Style::kGreen : Style::kYellow, std::string(Name(sample.outcome)))
                << "\n";
  }
}

void SamplesJson(const CheckedSamples& checked, JsonWriter* json) {
  json->Key("samples").BeginList();
  for (const SampleReading& sample : checked.readings) {
    json->BeginObject().Key("file").Text(sample.file);
    if (!sample.request.empty()) json->Key("request").Text(sample.request);
    if (sample.endpoint != LoginExchange::kNoEndpoint) {
      json->Key("endpoint").Text(sample.endpoint_name);
      if (!sample.request.empty()) {
        if (sample.error != LoginReadError::kNone) json->Key("read_error").Text(Name(sample.error));
        if (sample.claim.has_account) json->Key("account").Text(sample.claim.account);
        json->Key("password_found").Bool(!sample.claim.password_id.empty());
        if (!sample.claim.device.empty()) json->Key("device").Text(sample.claim.device);
      }
      json->Key("status").Count(static_cast<uint64_t>(sample.status));
      if (sample.row >= 0) json->Key("row").Count(static_cast<uint64_t>(sample.row) + 1);
      json->Key("outcome").Text(Name(sample.outcome));
    }
    json->EndObject();
  }
  json->EndList();
}

}  // namespace stockade
