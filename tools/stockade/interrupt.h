// Ctrl-C as a question that long loops ask: the first one asks for a clean end, a second one ends the process
// as ever.
#pragma once

namespace stockade {

// From now on SIGINT and SIGTERM are only remembered, once; SIGPIPE is ignored, so that a broken pipe is an
// error of the write that met it.
void InstallInterrupt();
bool Interrupted() noexcept;

}  // namespace stockade
