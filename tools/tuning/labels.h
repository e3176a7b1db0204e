// Who was behind each attempt of a log: what a backtest is judged by. Either somebody knows (ReadLabels), or it is guessed from what
// succeeded (proxy_labels.h).
//
// A file of labels has a line of JSON for each line of the log that holds an attempt, as `stockade simulate --labels` writes it:
//   {"line":17,"who":"customer","id":4711,"history":true}
//   {"line":18,"who":"attack","class":"mimic","campaign":3,"right":true}
// Of these only `line` and `who` must be there. id: a number or a text, the person; without it the account is. history: that person
// has logged in before. campaign: a number; class: what it is called. right: the attacker has the right password. cover: of an
// account of the attacker's own. via: a program did it, not the customer himself. on: the account is another's. Further members
// are left alone.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tools/tuning/event_log.h"

namespace stockade {

enum class AttemptKind : uint8_t {
  kUndecided,  // nobody knows, or has said
  kCustomer,
  kProgram,  // a customer's, which can pass no challenge
  kAttack,
  kCover,  // an attacker on an account of his own
};
inline constexpr std::string_view kAttemptKindNames[] = {"undecided", "customer", "program", "attack",
                                                         "cover"};

inline constexpr uint32_t kNoPerson = ~uint32_t{0};

struct AttemptLabel {
  AttemptKind kind = AttemptKind::kUndecided;
  bool history = false;         // of a customer
  bool right = false;           // the password was the right one, and its owner's
  bool own_account = true;      // of a customer: it is his
  uint16_t campaign = 0;        // of an attack: index in Labels::campaigns, from 1 on
  uint32_t person = kNoPerson;  // of a customer or his program
};

struct Labels {
  static constexpr size_t kCampaignsMax = 10'000;

  std::vector<AttemptLabel> of;        // by attempt
  std::vector<std::string> campaigns;  // their names; of campaign n at n - 1
  std::vector<uint32_t> account_of;    // by person: the account he was first seen on
  bool guessed = false;                // by proxy_labels.h
  uint64_t without_attempt = 0;        // labels of lines that hold none
  uint64_t without_label = 0;          // attempts
};

// Errors: InvalidArgument with file and line, for what is no label; NotFound, for a file that cannot be read; where not one label
// belongs to an attempt, that.
absl::StatusOr<Labels> ReadLabels(const std::string& file, const EventLog& log);

}  // namespace stockade
