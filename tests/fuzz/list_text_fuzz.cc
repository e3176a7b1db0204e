// List files of any content, in each format: what is read of them is written so that it reads back as the same.
#include <string>

#include "adapters/firewall/list_text.h"
#include "engine/status.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace stockade;
  const std::string_view content(reinterpret_cast<const char*>(data), size);
  for (const ListFormat format :
       {ListFormat::kNdjson, ListFormat::kPlain, ListFormat::kNginxDeny, ListFormat::kNginxGeo}) {
    const ListText text(format, Action::kChallenge);
    const ListText::Read read = text.Parse(content);
    const std::string written = text.Write(read.lines);
    const ListText::Read again = text.Parse(written);
    STOCKADE_CHECK(again.strange == 0);
    STOCKADE_CHECK(text.Write(again.lines) == written);
    std::vector<Enforced> standing;
    std::vector<Enforced> standing_again;
    text.AppendStanding(read.lines, &standing);
    text.AppendStanding(again.lines, &standing_again);
    STOCKADE_CHECK(standing.size() == standing_again.size());
    for (size_t i = 0; i < standing.size(); ++i) STOCKADE_CHECK(standing[i].key == standing_again[i].key);
  }
  return 0;
}
