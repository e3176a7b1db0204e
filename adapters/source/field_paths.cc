#include "adapters/source/field_paths.h"

#include <bit>
#include <memory>

namespace stockade {
namespace {

// The tree while it is built: one step a path segment.
struct Growing {
  std::map<std::string, std::unique_ptr<Growing>> next;
  std::vector<FieldPaths::Target> targets;
  FieldPaths::Node number = FieldPaths::kNone;
};

void Grow(Growing* root, std::string_view path, FieldPaths::Target target) {
  Growing* at = root;
  while (true) {
    const size_t dot = path.find('.');
    auto& child = at->next[std::string(path.substr(0, dot))];
    if (child == nullptr) child = std::make_unique<Growing>();
    at = child.get();
    if (dot == std::string_view::npos) break;
    path.remove_prefix(dot + 1);
  }
  at->targets.push_back(target);
}

void Number(Growing* at, std::vector<Growing*>* all) {
  at->number = static_cast<FieldPaths::Node>(all->size());
  all->push_back(at);
  for (auto& [key, child] : at->next) Number(child.get(), all);
}

// Every key that leads on from a node: its children, and what lies below them behind a dot.
void Keys(const Growing& at, const std::string& prefix,
          std::vector<std::pair<std::string, FieldPaths::Node>>* out) {
  for (const auto& [key, child] : at.next) {
    const std::string whole = prefix + key;
    out->emplace_back(whole, child->number);
    Keys(*child, whole + ".", out);
  }
}

}  // namespace

FieldPaths::FieldPaths(const std::map<std::string, std::string>& mapped, const FieldTable* fields) {
  Growing root;
  const auto add = [&](std::string_view name, Target target) {
    const auto found = mapped.find(std::string(name));
    Grow(&root, found != mapped.end() ? std::string_view(found->second) : name, target);
  };
  for (size_t i = 0; i < kKnownFieldCount; ++i) {
    const auto id = static_cast<FieldId>(i);
    if (id == FieldId::kSourcePrefix || id == FieldId::kSourceFingerprint) continue;
    add(kKnownFieldNames[i], Target{id});
  }
  add("login.challenge.human", Target{FieldId::kChallenge, Part::kChallengeHuman});
  add("login.challenge.identity", Target{FieldId::kChallenge, Part::kChallengeIdentity});
  if (fields != nullptr) {
    for (const std::string& name : fields->extra_names()) {
      if (const auto id = fields->Find(name)) add(name, Target{*id});
    }
  }

  std::vector<Growing*> all = {nullptr};  // node 0 is kNone
  Number(&root, &all);
  const bool keeps_unnamed = fields != nullptr && fields->keeps_unnamed();
  for (size_t node = kRoot + 1; keeps_unnamed && node < all.size(); ++node)
    if (all[node]->targets.empty()) all[node]->targets.push_back(Target{kUnnamedField});
  tables_.resize(all.size());
  for (size_t node = kRoot; node < all.size(); ++node) {
    Table& table = tables_[node];
    table.targets_begin = static_cast<uint32_t>(targets_.size());
    table.targets_count = static_cast<uint32_t>(all[node]->targets.size());
    targets_.insert(targets_.end(), all[node]->targets.begin(), all[node]->targets.end());
    std::vector<std::pair<std::string, Node>> keys;
    Keys(*all[node], "", &keys);
    if (keys.empty()) continue;
    const auto size = static_cast<uint32_t>(std::bit_ceil(keys.size() * 2));
    table.begin = static_cast<uint32_t>(slots_.size());
    table.mask = size - 1;
    table.count = static_cast<uint32_t>(keys.size());
    slots_.resize(slots_.size() + size);
    for (const auto& [key, target] : keys) {
      const std::string padded = key + std::string(kKeyPadding, '\0');
      Slot slot{SketchOf(std::string_view(padded).substr(0, key.size())), static_cast<uint32_t>(keys_.size()),
                static_cast<uint32_t>(key.size()), target, static_cast<Node>(node)};
      keys_ += key;
      uint32_t i = Place(slot.sketch, table.mask);
      while (slots_[table.begin + i].node != kNone) i = (i + 1) & table.mask;
      slots_[table.begin + i] = slot;
    }
  }
  if (!keeps_unnamed) return;
  beyond_ = static_cast<Node>(tables_.size());
  tables_.push_back({0, 0, 0, static_cast<uint32_t>(targets_.size()), 1});
  targets_.push_back(Target{kUnnamedField});
}

}  // namespace stockade
