// A tuning run as one object of JSON, for scripts. Members are only ever added; stockade-tune(1) lists them.
#pragma once

#include <string>

#include "tools/tuning/tuning_report.h"

namespace stockade {

std::string ToJson(const TuningReport& report);

}  // namespace stockade
