#include "adapters/source/line_shapes.h"

#include <algorithm>

#include "engine/status.h"

namespace stockade {
namespace {

// What is open at a place between two values: for each object and list its bracket behind the key it stands
// under, and a comma for a list behind its first element. One text, so that two places can be compared.
class Open {
 public:
  const std::string& text() const noexcept { return text_; }

  // Goes on over the text of a step; gives the fields that begin in it.
  uint16_t Pass(std::string_view step) {
    uint16_t fields = 0;
    for (size_t i = 0; i < step.size(); ++i) {
      switch (step[i]) {
        case '"': {
          const size_t begin = i++;
          while (i < step.size() && step[i] != '"') i += step[i] == '\\' ? 2 : 1;
          if (i >= step.size()) return fields;  // the opening quote of the value
          key_ = step.substr(begin, i + 1 - begin);
          ++fields;
          break;
        }
        case '[':
          ++fields;
          [[fallthrough]];
        case '{':
          begins_.push_back(text_.size());
          text_.append(key_);
          text_.push_back(step[i]);
          key_ = {};
          break;
        case ']':
        case '}':
          text_.resize(begins_.back());
          begins_.pop_back();
          break;
        case ',':
          if (text_.back() == '[') text_.push_back(',');
          key_ = {};
          break;
        default:
          break;  // a colon, or white space
      }
    }
    return fields;
  }

 private:
  std::string text_;
  std::vector<size_t> begins_;  // in text_, of each that is open
  std::string_view key_;        // the last one, of which the value has not begun
};

}  // namespace

bool LineShapes::Miss() noexcept {
  ++misses_;
  if (!full_ && fruitless_ < kFruitlessMax) {
    ++fruitless_;
    return true;
  }
  if (++rested_ < kRest) return false;
  if (full_) {
    steps_.assign(1, Step{});
    tails_.clear();
    known_.clear();
    full_ = false;
  }
  fruitless_ = 0;
  rested_ = 0;
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

  Open open;
  uint16_t last = 0;
  begin = 0;
  for (size_t i = 0; i <= values.size(); ++i) {
    Step step;
    std::string_view text = line.substr(begin);
    if (i < values.size()) {
      const Value& value = values[i];
      text = line.substr(begin, value.begin - begin);
      step.then = value.is_text ? Then::kText : Then::kScalar;
      step.place = fields.PlaceOf(value.node, value.in_list);
      begin = value.end;
    }
    const std::string before = open.text();
    step.fields = open.Pass(text);
    if (open.text().size() > kOpenBytesMax) return;
    last = Follow(last, before, text, step);
    if (last == 0) return;
  }
}

uint16_t LineShapes::Follow(uint16_t last, std::string_view open, std::string_view text, const Step& like) {
  // No string of a line holds a line end, so the key says where one part of it ends and the next begins.
  std::string key(open);
  key.push_back('\n');
  key.push_back(static_cast<char>('0' + static_cast<int>(like.then)));
  key.append(text);
  uint16_t& index = known_[std::move(key)];
  auto& next = steps_[last].next;
  const auto place = std::find_if(next.begin(), next.end(), [&](uint16_t i) { return i == 0 || i == index; });
  if (place != next.end() && *place != 0) return index;
  if (place == next.end() || (index == 0 && steps_.size() == kStepsMax)) {
    full_ = true;
    return 0;
  }
  fruitless_ = 0;
  if (index != 0) {
    STOCKADE_DCHECK(steps_[index].place.node == like.place.node && steps_[index].fields == like.fields);
    *place = index;
    return index;
  }
  index = *place = static_cast<uint16_t>(steps_.size());
  Step step = like;
  const size_t in_head = std::min(text.size(), kPadding);
  std::copy_n(text.data(), in_head, step.head.bytes.begin());
  std::fill_n(step.head.mask.begin(), in_head, '\xff');
  step.size = static_cast<uint32_t>(text.size());
  step.tail = static_cast<uint32_t>(tails_.size());
  tails_.append(text.substr(in_head));
  steps_.push_back(step);
  return index;
}

}  // namespace stockade
