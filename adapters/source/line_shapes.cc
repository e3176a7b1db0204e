#include "adapters/source/line_shapes.h"

#include <algorithm>

namespace stockade {

bool LineShapes::MayLearn() noexcept {
  if (!full_) return true;
  if (++missed_ < kForgetAfter) return false;
  steps_.resize(1);
  steps_.front() = Step{};
  tails_.clear();
  full_ = false;
  missed_ = 0;
  return true;
}

void LineShapes::Learn(std::string_view line, std::span<const Value> values, const FieldValues& fields) {
  // A line that cannot be learnt whole is not begun: its steps would only be walked in vain.
  if (values.size() > kValuesMax) return;
  size_t begin = 0;
  for (const Value& value : values) {
    if (value.begin - begin > kTextBytesMax) return;
    begin = value.end;
  }
  if (line.size() - begin > kTextBytesMax) return;

  uint32_t step = 0;
  begin = 0;
  for (const Value& value : values) {
    step = Grow(step, line.substr(begin, value.begin - begin), value.is_text ? Then::kText : Then::kScalar,
                fields.PlaceOf(value.node, value.in_list));
    if (step == 0) return;
    begin = value.end;
  }
  Grow(step, line.substr(begin), Then::kEnd, {});
}

uint32_t LineShapes::Grow(uint32_t parent, std::string_view text, Then then,
                          const FieldValues::Place& place) {
  Step made;
  const size_t in_head = std::min(text.size(), kPadding);
  std::copy_n(text.data(), in_head, made.head.bytes.begin());
  std::fill_n(made.head.mask.begin(), in_head, '\xff');
  made.size = static_cast<uint32_t>(text.size());
  made.then = then;
  made.place = place;

  size_t siblings = 0;
  uint32_t last = 0;
  for (uint32_t i = steps_[parent].child; i != 0; i = steps_[i].sibling) {
    const Step& step = steps_[i];
    if (step.then == then && step.size == made.size && step.head.bytes == made.head.bytes &&
        (text.size() <= kPadding || TailMatches(step, text.data())))
      return i;
    last = i;
    ++siblings;
  }
  if (siblings == kSiblingsMax || steps_.size() == kStepsMax) {
    full_ = true;
    return 0;
  }
  made.tail = static_cast<uint32_t>(tails_.size());
  tails_.append(text.substr(in_head));
  const auto index = static_cast<uint32_t>(steps_.size());
  (last == 0 ? steps_[parent].child : steps_[last].sibling) = index;
  steps_.push_back(made);
  return index;
}

}  // namespace stockade
