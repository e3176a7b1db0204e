#include "engine/rule/yaml_tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <cmath>
#include <exception>
#include <optional>
#include <sstream>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/numbers.h"
#include "engine/text.h"

namespace stockade {
namespace {

// Thrown through yaml-cpp's parser, which offers no other way to stop it; caught in ReadYaml.
struct Stop {};

// Builds trees from the parser's events, bottom up: a node joins its parent when it is complete.
class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(std::string_view text, std::string_view file, Findings* findings)
      : text_(text), file_(file), findings_(findings) {
    line_starts_.push_back(0);
    for (size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\n') line_starts_.push_back(i + 1);
    }
  }

  std::vector<YamlNode> Take() { return std::move(documents_); }

  void OnDocumentStart(const YAML::Mark&) override {
    open_.clear();
    anchors_.clear();
    errors_before_ = findings_->errors();
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Complete(Make(YamlNode::Kind::kNull, mark), anchor);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    YamlNode node = Make(YamlNode::Kind::kText, mark);
    node.plain = tag == "?";
    node.text = value;
    Locate(&node);
    Complete(std::move(node), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) Fail(mark, "an alias inside its own anchor never ends; write the text out");
    YamlNode copy = found->second;
    // Errors inside a copy are found at the anchor; what is wrong with using it here is found here.
    const YamlNode here = Make(YamlNode::Kind::kNull, mark);
    copy.line = here.line;
    copy.column = here.column;
    copy.text_column = here.column;
    copy.verbatim = false;
    CountTree(copy, here);
    if (static_cast<int>(open_.size()) + Depth(copy) > kYamlDepthMax) {
      Fail(mark, Concat("nested deeper than ", kYamlDepthMax, " levels"));
    }
    Join(std::move(copy));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(Make(YamlNode::Kind::kList, mark), mark, anchor);
  }
  void OnSequenceEnd() override { Close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Open(Make(YamlNode::Kind::kMap, mark), mark, anchor);
  }
  void OnMapEnd() override { Close(); }

 private:
  struct OpenNode {
    YamlNode node;
    YAML::anchor_t anchor = 0;
    std::optional<YamlNode> key;                 // of a map: the key whose value comes next
    absl::flat_hash_map<std::string, int> keys;  // and those already there, with their lines
  };

  static YamlNode Make(YamlNode::Kind kind, const YAML::Mark& mark) {
    YamlNode node;
    node.kind = kind;
    node.line = mark.is_null() ? 0 : mark.line + 1;
    node.column = mark.is_null() ? 0 : mark.column + 1;
    return node;
  }

  // Finds out whether the text of a scalar stands in the file as it is, and from which column on.
  void Locate(YamlNode* node) {
    node->text_column = node->column;
    if (node->line < 1 || static_cast<size_t>(node->line) > line_starts_.size()) return;
    size_t at = line_starts_[static_cast<size_t>(node->line) - 1] + static_cast<size_t>(node->column) - 1;
    if (at >= text_.size()) return;
    if (!node->plain && (text_[at] == '"' || text_[at] == '\'')) {
      // yaml-cpp 0.7 takes a text whose quote is never closed, and with it the rest of the file, for whole.
      if (!IsClosed(at)) FailAt(*node, "a quote that is never closed");
      ++at;
      ++node->text_column;
    }
    node->verbatim = text_.substr(at, node->text.size()) == std::string_view(node->text) &&
                     node->text.find('\n') == std::string::npos;
    if (!node->verbatim) node->text_column = node->column;
  }

  // Whether the quote at `at` has its counterpart. Linear in the text between them.
  bool IsClosed(size_t at) const {
    const char quote = text_[at];
    for (size_t i = at + 1; i < text_.size(); ++i) {
      if (quote == '"' && text_[i] == '\\') {
        ++i;
      } else if (text_[i] == quote) {
        if (quote == '"' || i + 1 == text_.size() || text_[i + 1] != quote) return true;
        ++i;  // '' inside single quotes is one of them
      }
    }
    return false;
  }

  [[noreturn]] void Fail(const YAML::Mark& mark, std::string_view what) {
    const YamlNode node = Make(YamlNode::Kind::kNull, mark);
    FailAt(node, what);
  }
  [[noreturn]] void FailAt(const YamlNode& node, std::string_view what) {
    findings_->Error(PlaceOf(node, file_), "", what);
    throw Stop{};
  }

  void Open(YamlNode node, const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (open_.size() >= static_cast<size_t>(kYamlDepthMax)) {
      Fail(mark, Concat("nested deeper than ", kYamlDepthMax, " levels"));
    }
    if (!open_.empty() && open_.back().node.is_map() && !open_.back().key.has_value()) {
      Fail(mark, "a key must be a text, not a list or a map");
    }
    OpenNode open;
    open.node = std::move(node);
    open.anchor = anchor;
    open_.push_back(std::move(open));
  }

  void Close() {
    YamlNode node = std::move(open_.back().node);
    const YAML::anchor_t anchor = open_.back().anchor;
    open_.pop_back();
    Complete(std::move(node), anchor);
  }

  void Count(const YamlNode& node, const YamlNode& blamed) {
    ++nodes_;
    text_bytes_ += node.text.size();
    if (nodes_ > kYamlNodesMax || text_bytes_ > kYamlTextBytesMax) {
      FailAt(blamed, Concat("more than ", kYamlNodesMax, " nodes or ", kYamlTextBytesMax,
                            " bytes with all aliases written out; split the file"));
    }
  }
  void CountTree(const YamlNode& node, const YamlNode& blamed) {
    Count(node, blamed);
    for (const YamlNode& item : node.items) CountTree(item, blamed);
    for (const YamlEntry& entry : node.entries) {
      CountTree(entry.key, blamed);
      CountTree(entry.value, blamed);
    }
  }
  static int Depth(const YamlNode& node) {
    int below = 0;
    for (const YamlNode& item : node.items) below = std::max(below, Depth(item));
    for (const YamlEntry& entry : node.entries) below = std::max(below, Depth(entry.value));
    return node.is_list() || node.is_map() ? below + 1 : 0;
  }

  void Complete(YamlNode node, YAML::anchor_t anchor) {
    // Lists and maps bring children that were counted when they were completed.
    Count(node, node);
    if (anchor != 0) {
      CountTree(node, node);
      anchors_[anchor] = node;
    }
    Join(std::move(node));
  }

  // Puts a complete node where it belongs: into its parent, or among the documents.
  void Join(YamlNode node) {
    if (open_.empty()) {
      if (node.is_null()) return;  // "---" with nothing behind it
      if (documents_.size() == kYamlDocumentsMax) {
        FailAt(node, Concat("more than ", kYamlDocumentsMax, " documents in one file"));
      }
      node.sound = findings_->errors() == errors_before_;
      documents_.push_back(std::move(node));
      return;
    }
    OpenNode& parent = open_.back();
    if (parent.node.is_list()) {
      parent.node.items.push_back(std::move(node));
    } else if (!parent.key.has_value()) {
      TakeKey(&parent, std::move(node));
    } else {
      // The parser places a value that is not there at whatever comes next; it belongs to its key.
      if (node.is_null() && node.line != parent.key->line) {
        node.line = parent.key->line;
        node.column = parent.key->column;
      }
      parent.node.entries.push_back(YamlEntry{std::move(*parent.key), std::move(node)});
      parent.key.reset();
    }
  }

  void TakeKey(OpenNode* parent, YamlNode key) {
    if (key.is_null()) {
      key.kind = YamlNode::Kind::kText;
      key.text = "null";
    }
    if (!key.is_text()) FailAt(key, "a key must be a text, not a list or a map");
    if (key.plain && key.text == "<<") {
      FailAt(key, "merge keys (<<) are not of YAML 1.2; write the entries out");
    }
    const auto [at, is_new] = parent->keys.try_emplace(key.text, key.line);
    if (!is_new) {
      // Not fatal: the tree keeps the first, and the finding keeps the document out.
      findings_->Error(
          PlaceOf(key, file_), key.text,
          Concat("written twice in one map, first in line ", at->second, "; one of the two would be lost"));
    }
    parent->key = std::move(key);
  }

  std::string_view text_;
  std::string_view file_;
  Findings* findings_;
  std::vector<size_t> line_starts_;
  std::vector<OpenNode> open_;
  absl::flat_hash_map<YAML::anchor_t, YamlNode> anchors_;
  std::vector<YamlNode> documents_;
  size_t nodes_ = 0;
  size_t text_bytes_ = 0;
  size_t errors_before_ = 0;  // when the document began
};

// Length of the well-formed UTF-8 sequence at the front of `text` (RFC 3629 §4), or 0.
size_t Utf8Length(std::string_view text) noexcept {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(i < text.size() ? text[i] : 0); };
  const auto follows = [&](size_t i) { return (byte(i) & 0xc0) == 0x80; };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) return follows(1) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef) {
    if (!follows(1) || !follows(2)) return 0;
    if (lead == 0xe0 && byte(1) < 0xa0) return 0;
    if (lead == 0xed && byte(1) > 0x9f) return 0;
    return 3;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    if (!follows(1) || !follows(2) || !follows(3)) return 0;
    if (lead == 0xf0 && byte(1) < 0x90) return 0;
    if (lead == 0xf4 && byte(1) > 0x8f) return 0;
    return 4;
  }
  return 0;
}

// Whether every character is one that rules may hold; if not, says where and what.
bool CheckCharacters(std::string_view text, std::string_view file, Findings* findings) {
  int line = 1;
  size_t line_start = 0;
  for (size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const size_t length = Utf8Length(text.substr(i));
    const bool is_control = byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r';
    if (length == 0 || is_control || byte == 0x7f) {
      findings->Error(Place{std::string(file), line, static_cast<int>(i - line_start) + 1}, "",
                      length == 0 ? std::string("not UTF-8; save the file as UTF-8")
                                  : Concat("control character ", Quoted(text.substr(i, 1)), " in the text"));
      return false;
    }
    if (byte == '\n') {
      ++line;
      line_start = i + 1;
    }
    i += length;
  }
  return true;
}

}  // namespace

const YamlEntry* YamlNode::FindEntry(std::string_view key) const noexcept {
  for (const YamlEntry& entry : entries) {
    if (entry.key.text == key) return &entry;
  }
  return nullptr;
}

const YamlNode* YamlNode::Find(std::string_view key) const noexcept {
  const YamlEntry* entry = FindEntry(key);
  return entry == nullptr ? nullptr : &entry->value;
}

Place PlaceOf(const YamlNode& node, std::string_view file, size_t offset) {
  const int column = node.verbatim && offset > 0 ? node.text_column + static_cast<int>(offset) : node.column;
  return Place{std::string(file), node.line, column};
}

std::vector<YamlNode> ReadYaml(std::string_view text, std::string_view file, Findings* findings) {
  if (text.size() > kYamlBytesMax) {
    findings->Error(Place{std::string(file)}, "",
                    Concat(text.size(), " bytes are more than the ", kYamlBytesMax,
                           " that a file of rules may have; split it"));
    return {};
  }
  if (text.substr(0, 3) == "\xef\xbb\xbf") text.remove_prefix(3);
  if (!CheckCharacters(text, file, findings)) return {};
  TreeBuilder builder(text, file, findings);
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const Stop&) {
    // Said already, where it was found.
  } catch (const YAML::Exception& error) {
    Place place{std::string(file)};
    if (!error.mark.is_null()) {
      place.line = error.mark.line + 1;
      place.column = error.mark.column + 1;
    }
    findings->Error(place, "", Concat("not YAML: ", error.msg));
  } catch (const std::exception& error) {
    findings->Error(Place{std::string(file)}, "", Concat("not YAML: ", error.what()));
  }
  return builder.Take();
}

ScalarKind KindOfPlain(std::string_view text, double* number, bool* boolean) noexcept {
  if (text == "true" || text == "True" || text == "TRUE" || text == "false" || text == "False" ||
      text == "FALSE") {
    *boolean = text[0] == 't' || text[0] == 'T';
    return ScalarKind::kBool;
  }
  // [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?
  size_t i = 0;
  const auto digits = [&] {
    const size_t from = i;
    while (i < text.size() && text[i] >= '0' && text[i] <= '9') ++i;
    return i - from;
  };
  if (i < text.size() && (text[i] == '-' || text[i] == '+')) ++i;
  const size_t whole = digits();
  size_t fraction = 0;
  if (i < text.size() && text[i] == '.') {
    ++i;
    fraction = digits();
  }
  if (whole + fraction == 0) return ScalarKind::kText;
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    if (i < text.size() && (text[i] == '-' || text[i] == '+')) ++i;
    if (digits() == 0) return ScalarKind::kText;
  }
  if (i != text.size()) return ScalarKind::kText;
  double value = 0;
  if (!absl::SimpleAtod(ToAbsl(text), &value) || !std::isfinite(value)) return ScalarKind::kText;
  *number = value;
  return ScalarKind::kNumber;
}

}  // namespace stockade
