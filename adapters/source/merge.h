// Several sources, one stream in order of time: see open_inputs.h for the order and the positions.
#pragma once

#include <memory>
#include <vector>

#include "adapters/source/source.h"

namespace stockade {

// How many batches an input may be read ahead in search of a readable record; after that its unreadable ones
// go first.
inline constexpr size_t kLookaheadBatches = 8;

// The records of `inputs`, merged; Record::input is the index in it. An input that fails ends there; the
// others are delivered to their end, and only then the first failure is told. Memory: two batches an input
// and what the caller's batches still point into. What sshd's lines say of their connections is judged here, where all lines
// are in order (SourceOptions::is_merged).
std::unique_ptr<Source> MergeSources(std::vector<std::unique_ptr<Source>> inputs);

}  // namespace stockade
