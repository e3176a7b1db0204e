// HAProxy's answers on any bytes; and any bytes as a word of a command, read as HAProxy reads it: one word, and the same.
#include <algorithm>
#include <string>

#include "adapters/firewall/haproxy_text.h"
#include "engine/status.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace stockade;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const size_t count : {size_t{0}, size_t{1}, size_t{2}}) {
    const auto answers = SplitAnswers(text, count);
    if (answers.ok()) STOCKADE_CHECK(answers->size() == count);
  }
  (void)FindMapState(text, "/etc/haproxy/block.map");
  (void)ParseNewVersion(text);
  (void)ParseTableIsV6(text);
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    if (const auto entry = ParseMapEntry(line))
      STOCKADE_CHECK(entry->key.size() + entry->value.size() < line.size());
    (void)ParseTableEntry(line, "gpc0");
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
  }
  for (const char c : HaproxyValue(text))
    STOCKADE_CHECK(c != ' ' && c != ';' && c != '\n' && c != '\\' && c != '<');
  if (!IsHaproxyKey(text)) return 0;
  std::string word;
  AppendHaproxyWord(text, &word);
  std::string read;
  for (size_t i = 0; i < word.size(); ++i) {
    STOCKADE_CHECK(word[i] != ' ' && word[i] != ';' && word[i] != '<' && word[i] != '\n');
    if (word[i] == '\\') ++i;
    STOCKADE_CHECK(i < word.size());
    read.push_back(word[i]);
  }
  STOCKADE_CHECK(read == text);
  return 0;
}
