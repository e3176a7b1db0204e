// A tuning run as one page of HTML: opens offline, needs no script and no file beside it, light or dark as the reader has it, readable
// without colours and aloud. Everything that stood in a log, a rule or a setting is escaped (html_text.h).
#pragma once

#include <string>

#include "tools/tuning/tuning_report.h"

namespace stockade {

std::string ToHtml(const TuningReport& report);

}  // namespace stockade
