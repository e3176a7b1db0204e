// Errors at every border: absl::Status with the place a person must go to, and what would be right.
// Three kinds, never mixed. Bytes from outside that cannot be read are small values (an enum and an offset),
// counted and skipped. Where somebody must act: Status. Our own mistake: STOCKADE_CHECK, in every build,
// which ends the process and must never depend on anything a stranger can send.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define STOCKADE_CONCAT_INNER(a, b) a##b
#define STOCKADE_CONCAT(a, b) STOCKADE_CONCAT_INNER(a, b)

// Returns from the enclosing function with the status of `expression` if it is not OK.
#define RETURN_IF_ERROR(expression)                    \
  do {                                                 \
    absl::Status stockade_status = (expression);       \
    if (!stockade_status.ok()) return stockade_status; \
  } while (false)

// ASSIGN_OR_RETURN(auto value, Parse(text)); returns the status, or moves the value into the left side.
#define ASSIGN_OR_RETURN(left, expression) \
  STOCKADE_ASSIGN_OR_RETURN(STOCKADE_CONCAT(stockade_or_, __LINE__), left, expression)
#define STOCKADE_ASSIGN_OR_RETURN(result, left, expression) \
  auto result = (expression);                               \
  if (!result.ok()) return std::move(result).status();      \
  left = std::move(result).value()

// Ends the process if a fact that our own code guarantees does not hold.
#define STOCKADE_CHECK(condition)                                                                   \
  do {                                                                                              \
    if (!(condition)) [[unlikely]] {                                                                \
      std::fprintf(stderr, "%s:%d: stockade is wrong about: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                                 \
    }                                                                                               \
  } while (false)

// The same in hot loops, where only debug builds pay for it.
#ifdef NDEBUG
#define STOCKADE_DCHECK(condition) static_cast<void>(sizeof(condition))
#else
#define STOCKADE_DCHECK(condition) STOCKADE_CHECK(condition)
#endif
