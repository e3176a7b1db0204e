// The record of a running gate, line by line: what the engine was asked and told, in the order in which it was, so that
// `stockade replay` gives the same verdicts and decisions, byte for byte. adapters/source/record.h reads it.
//
//   {"stockade":{"record":1},"@timestamp":"2026-11-23T09:00:00.000000000Z"}       a desk begins; windows are empty
//   {"stockade":{"mode":"protect"},"@timestamp":"…"}                              from here on
//   {"stockade":{"attempt":17},"@timestamp":"…","source.ip":"203.0.113.9","user.name":"alice",…}
//                       asked, and let through: its outcome comes by this number
//   {"stockade":{"attempt":0},…,"event.reason":"stopped"}                         asked, and stopped
//   {"stockade":{"seen":1},…,"event.reason":"bad_password"}
//                       a live source brought it, with its own time and outcome: observed, whatever the verdict
//   {"stockade":{"observe":17},"@timestamp":"…","event.reason":"bad_password"}    told
//   {"stockade":{"abandon":17},"@timestamp":"…"}                                  nothing will be told
//   {"stockade":{"familiar":"5f…"},"@timestamp":"…"}     the desk began with this snapshot of who is at home (its id)
//   {"stockade":{"order":"{…}"},"@timestamp":"…"}        a decision that no rule gave, as JSON, before policy eased it
//   {"stockade":{"restore":"{…}"},"@timestamp":"…"}      one that stood before the desk began, or whose target is a repeater
//   {"stockade":{"release":"{…}"},"@timestamp":"…"}      one that was taken out by hand
//   {"stockade":{"enforcing":false},"@timestamp":"…"}    the kill switch
//   {"stockade":{"reload":true},"@timestamp":"…"}        other rules or settings from here on: no replay can follow
//
// An attempt has every field that the gate had, under its ECS name, and `login.challenge` where a challenge that was
// asked for was known as passed. `login.can_ask` says what a person could be asked for on the way it came; it is not there where that
// is everything, or nobody said: then replay asks for what its settings allow, as the gate did. Attempts whose numbers are open at one time are at most EngineDesk::kTicketsMax.
// Text must be well-formed UTF-8 (CleanAttempt): what JSON cannot say must not have been counted either.
//
// Each function appends one line without its newline; about a microsecond. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/decision/decision.h"
#include "engine/event/login_event.h"
#include "engine/gate/verdict.h"

namespace stockade {

inline constexpr int kRecordVersion = 1;

void AppendBeginLine(int64_t time_ns, std::string* out);
void AppendModeLine(int64_t time_ns, Mode mode, std::string* out);
void AppendReloadLine(int64_t time_ns, std::string* out);
// `snapshot`: the id of what it began with.
void AppendFamiliarLine(int64_t time_ns, const Hash128& snapshot, std::string* out);
// `what`: "order", "restore" or "release".
void AppendDecisionLine(std::string_view what, int64_t time_ns, const Decision& decision, std::string* out);
void AppendEnforcingLine(int64_t time_ns, bool enforcing, std::string* out);
// `ticket`: 0 for one that was stopped.
void AppendAttemptLine(uint64_t ticket, const LoginEvent& event, std::string* out);
// `fields`: by whose ids the extra fields go; null where there are none.
void AppendSeenLine(const LoginEvent& event, const FieldTable* fields, std::string* out);
void AppendOutcomeLine(uint64_t ticket, int64_t time_ns, Outcome outcome, std::string* out);
void AppendAbandonLine(uint64_t ticket, int64_t time_ns, std::string* out);

// Makes an attempt fit to be asked about and recorded alike: text that is not UTF-8 has U+FFFD in place of each bad byte,
// text beyond kAttemptTextBytesMax is cut, extra fields are dropped (their names are not known here), and a certificate
// that says something is there, a way that can ask for everything says nothing of it, and a login.password_id that
// is no id is dropped, for it may be the password. Whatever reads it later reads what the gate counted. Nothing is copied where nothing is
// wrong; `storage` holds what was, and must outlive the attempt.
//
// 8 KiB: the longest user agent that proxies let through; all of them, escaped at worst, stay below a line of a log.
inline constexpr size_t kAttemptTextBytesMax = size_t{8} << 10;
inline constexpr size_t kAttemptTexts = 13;
using AttemptStorage = std::array<std::string, kAttemptTexts>;
Attempt CleanAttempt(const Attempt& attempt, AttemptStorage* storage);
// Extra fields, which a log has and a gate has not, made fit in the same way, and bounded: what does not fit within
// kExtraBytesMax, names included, is dropped; a number that JSON spells otherwise is a text. `clean` is empty at first and
// holds what is returned, `texts` what had to be changed.
inline constexpr size_t kExtraBytesMax = size_t{48} << 10;
void CleanExtra(std::span<const ExtraField> extra, const FieldTable& fields, std::vector<ExtraField>* clean,
                std::deque<std::string>* texts);
// The same for one text.
std::string_view CleanText(std::string_view text, std::string* storage);

}  // namespace stockade
