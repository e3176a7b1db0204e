// A world run to its end with everything let through, or as somebody answers, for tests that ask what happened in it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/status.h"
#include "tools/simulation/attempt_lines.h"
#include "tools/simulation/world.h"

namespace stockade {

// What a test may ask of an attempt after its world is gone.
struct SeenLogin {
  int64_t time_ms;
  Address source;
  uint32_t asn;
  std::string country;
  std::string account;
  std::string user_agent;
  std::string ja4;
  std::string password_id;
  std::string device;
  CertificateStatus certificate;
  ChallengeResults challenge;
  Truth truth;
  Settled settled;
  Period period;
};

using Answer = std::function<Verdict(const SimulatedAttempt&)>;

inline std::unique_ptr<World> MakeWorld(const WorldOptions& options) {
  absl::StatusOr<std::unique_ptr<World>> world = World::Create(options);
  STOCKADE_CHECK(world.ok());
  return *std::move(world);
}

inline std::vector<SeenLogin> RunWorld(const WorldOptions& options, const Answer& answer = nullptr) {
  std::vector<SeenLogin> seen;
  const std::unique_ptr<World> world = MakeWorld(options);
  while (const SimulatedAttempt* login = world->Next()) {
    const Attempt& attempt = login->attempt;
    const Period period = world->period();
    SeenLogin& last = seen.emplace_back(
        SeenLogin{attempt.time_ns / 1'000'000, attempt.source, attempt.asn, std::string(attempt.country),
                  std::string(attempt.account), std::string(attempt.user_agent), std::string(attempt.ja4),
                  std::string(attempt.password_id), std::string(attempt.device), attempt.certificate,
                  login->challenge, login->truth, Settled(), period});
    last.settled = world->Settle(answer ? answer(*login) : Verdict());
  }
  return seen;
}

// All its lines, events and labels in turn.
inline std::string LinesOf(const WorldOptions& options, const Answer& answer = nullptr) {
  std::string text;
  AttemptLines lines;
  const std::unique_ptr<World> world = MakeWorld(options);
  while (const SimulatedAttempt* login = world->Next()) {
    const Settled settled = world->Settle(answer ? answer(*login) : Verdict());
    lines.AppendEvent(*login, settled, &text);
    text.push_back('\n');
    AttemptLines::AppendLabel(*login, &text);
    text.push_back('\n');
  }
  return text;
}

inline AttackOptions Attack(AttackClass kind) {
  return AttackOptions::Of(kind);
}

}  // namespace stockade
