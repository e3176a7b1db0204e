// YAML text → a plain tree in which every node knows its place. The only file that includes yaml-cpp: its
// exceptions end here, and so do the ways in which YAML can hurt. What is bounded: bytes of the text, nodes
// and bytes of the tree with every alias written out (a "billion laughs" is refused where it passes the
// bound), depth, documents. What is refused because two readers would read it differently: a key written
// twice, a key that is not a text, merge keys
// ("<<"), a quote that is never closed, an alias inside its own anchor, text that is not UTF-8, control
// characters (yaml-cpp ends silently at U+0004).
//
// A tree owns its text. Load time only; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/rule/finding.h"

namespace stockade {

// A file of rules. All 613 published login, cloud and Linux rules of SigmaHQ together are 1.1 MB.
inline constexpr size_t kYamlBytesMax = size_t{4} << 20;
// Nodes of one file, aliases written out; at some 150 bytes a node, 30 MB.
inline constexpr size_t kYamlNodesMax = 200'000;
// Bytes of text in those nodes: as much again as a file may hold, for its aliases.
inline constexpr size_t kYamlTextBytesMax = 2 * kYamlBytesMax;
// A list in a map in a list …: a rule needs 6. Bounds the recursion of everything that walks a tree.
inline constexpr int kYamlDepthMax = 32;
inline constexpr size_t kYamlDocumentsMax = 10'000;

struct YamlEntry;

struct YamlNode {
  enum class Kind : uint8_t { kNull, kText, kList, kMap };
  Kind kind = Kind::kNull;
  bool plain = false;     // kText: written without quotes, so that 5 and true are a number and a boolean
  bool verbatim = false;  // kText: its characters stand in the file one after another from text_column on
  bool sound = true;      // of a document: no key in it was written twice
  int line = 0;           // of the node's first character, from 1
  int column = 0;         // in bytes, from 1
  int text_column = 0;    // kText: column of the text's first character, behind the quote
  std::string text;       // kText
  std::vector<YamlNode> items;     // kList
  std::vector<YamlEntry> entries;  // kMap, in the order of the file, no key twice

  bool is_map() const noexcept { return kind == Kind::kMap; }
  bool is_list() const noexcept { return kind == Kind::kList; }
  bool is_text() const noexcept { return kind == Kind::kText; }
  bool is_null() const noexcept { return kind == Kind::kNull; }

  // The value of `key`, or null if this is no map or has no such key. O(entries).
  const YamlNode* Find(std::string_view key) const noexcept;
  const YamlEntry* FindEntry(std::string_view key) const noexcept;
};

struct YamlEntry {
  YamlNode key;  // always kText
  YamlNode value;
};

// Where `node` was written; with `offset`, where the character of its text at that byte offset was, as far as
// that can be told (not in a block or folded text: there it is where the text begins).
Place PlaceOf(const YamlNode& node, std::string_view file, size_t offset = 0);

// The documents of a text, in order; empty ones are left out. What is wrong goes to `findings` as errors: at
// the first breach of YAML itself the rest of the text cannot be read, and the documents before it are
// returned. Linear in text and tree. Never throws.
std::vector<YamlNode> ReadYaml(std::string_view text, std::string_view file, Findings* findings);

// What a plain text stands for in the core schema of YAML 1.2 (§10.3.2): decimal numbers, `true` and `false`.
// Hexadecimal and octal forms stay text: logs write them as text ("0x10"), and rules mean what the log says.
enum class ScalarKind : uint8_t { kText, kNumber, kBool };
ScalarKind KindOfPlain(std::string_view text, double* number, bool* boolean) noexcept;

}  // namespace stockade
