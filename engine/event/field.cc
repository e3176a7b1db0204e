#include "engine/event/field.h"

namespace stockade {

std::optional<FieldId> FindKnownField(std::string_view name) noexcept {
  // Twenty names, of which a comparison of lengths already rules out all but two or three.
  for (size_t i = 0; i < kKnownFieldNames.size(); ++i)
    if (kKnownFieldNames[i] == name) return static_cast<FieldId>(i);
  return std::nullopt;
}

std::optional<FieldId> FieldTable::Intern(std::string_view name) {
  if (name.empty()) return std::nullopt;
  if (const std::optional<FieldId> existing = Find(name)) return existing;
  if (size() >= kFieldsMax) return std::nullopt;
  const auto id = static_cast<FieldId>(size());
  extra_names_.emplace_back(name);
  ids_.emplace(std::string(name), id);
  return id;
}

std::optional<FieldId> FieldTable::Find(std::string_view name) const {
  if (const std::optional<FieldId> known = FindKnownField(name)) return known;
  const auto found = ids_.find(name);
  if (found == ids_.end()) return std::nullopt;
  return found->second;
}

std::string_view FieldTable::Name(FieldId id) const {
  const auto index = static_cast<size_t>(id);
  if (index < kKnownFieldCount) return kKnownFieldNames[index];
  const size_t extra = index - kKnownFieldCount;
  return extra < extra_names_.size() ? std::string_view(extra_names_[extra]) : std::string_view();
}

}  // namespace stockade
