#include "engine/window/sliding_count.h"

namespace stockade {

TimesView DropExpired(uint32_t* times, uint32_t* tags, int size, uint32_t now, uint32_t span) noexcept {
  TimesView view;
  // Mostly nothing has run out, and the values stay where they are.
  while (view.size < size && now - times[view.size] < span) {
    const uint32_t age = now - times[view.size];
    if (age >= view.oldest_age) {
      view.second_age = view.oldest_age;
      view.oldest_age = age;
      view.oldest = view.size;
    } else if (age > view.second_age) {
      view.second_age = age;
    }
    ++view.size;
  }
  for (int i = view.size + 1; i < size; ++i) {
    const uint32_t age = now - times[i];
    if (age >= span) continue;
    times[view.size] = times[i];
    if (tags != nullptr) tags[view.size] = tags[i];
    if (age >= view.oldest_age) {
      view.second_age = view.oldest_age;
      view.oldest_age = age;
      view.oldest = view.size;
    } else if (age > view.second_age) {
      view.second_age = age;
    }
    ++view.size;
  }
  view.has_dropped = view.size != size;
  return view;
}

}  // namespace stockade
