// What to say when a log was replayed and held no attempt at all: that is never what was wanted, and a
// summary of zeroes does not tell why. Says what stood there instead and what to do: name the login path,
// name the format.
//
// Looks at the begin of inputs that are files once more, to see whether they look like another format than
// the one that was asked for; standard input and pipes are gone by then.
#pragma once

#include "tools/stockade/console.h"
#include "tools/stockade/replay_session.h"

namespace stockade {

// Call after a replay to the end that read no attempt. Always says something.
void ExplainNothingRead(ReplaySession* session, Console* console);

}  // namespace stockade
