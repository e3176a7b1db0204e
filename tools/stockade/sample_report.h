// stockade check --answer: reads samples of answers and shows what was read.
//
// Load time only; one thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tools/stockade/answer_sample.h"
#include "tools/stockade/config_file.h"
#include "tools/stockade/console.h"
#include "tools/stockade/json_writer.h"

namespace stockade {

struct CheckedSamples {
  std::vector<SampleReading> readings;
  std::unique_ptr<LoginExchange> exchange;  // that they were read by; null: none was
};

// Each of `files` as the sidecar would read it. `request_file`: the request of those that hold an answer only; may be
// empty. `config` has a gateway and no errors. What is wrong, or unknown, goes to `findings`.
CheckedSamples CheckSamples(const Config& config, const std::vector<std::string>& files,
                            const std::string& request_file, Findings* findings);

// A few lines each, for a person; a member "samples" of an open object, for a script. Never a password.
void PrintSamples(const CheckedSamples& checked, Console& console);
void SamplesJson(const CheckedSamples& checked, JsonWriter* json);

}  // namespace stockade
