// A log written line by line, and read into memory as a tuning run reads it.
#pragma once

#include <catch2/catch.hpp>
#include <cstdio>
#include <string>

#include "adapters/source/open_inputs.h"
#include "tools/tuning/event_log.h"

namespace stockade {

class WrittenLog {
 public:
  // An attempt `seconds` after Monday 2026-01-05T00:00:00Z, with further members of JSON (",…").
  WrittenLog& Add(int64_t seconds, const std::string& source, const std::string& account,
                  const std::string& reason, const std::string& more = "") {
    char time[40];
    std::snprintf(time, sizeof time, "2026-01-%02dT%02d:%02d:%02dZ",
                  static_cast<int>(5 + seconds / 86400) % 32, static_cast<int>(seconds / 3600 % 24),
                  static_cast<int>(seconds / 60 % 60), static_cast<int>(seconds % 60));
    text_ += R"({"@timestamp":")" + std::string(time) + R"(","source":{"ip":")" + source +
             R"("},"user":{"name":")" + account + R"("},"event":{"reason":")" + reason + "\"}" + more + "}\n";
    return *this;
  }

  const std::string& text() const { return text_; }

  EventLog Read(size_t bytes_max = size_t{64} << 20) const {
    absl::StatusOr<EventLog> log = TryRead(bytes_max);
    REQUIRE(log.ok());
    return *std::move(log);
  }
  absl::StatusOr<EventLog> TryRead(size_t bytes_max) const {
    SourceOptions options;
    options.fields = &fields_;
    absl::StatusOr<OpenedInputs> inputs = OpenText(text_, "log", options);
    REQUIRE(inputs.ok());
    return EventLog::Read(inputs->source.get(), {bytes_max, nullptr});
  }

 private:
  std::string text_;
  FieldTable fields_;
};

}  // namespace stockade
