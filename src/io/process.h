// SPDX-License-Identifier: Apache-2.0
// This process: its id, its standard streams, the signals that ask it to stop.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace firn::io {

/// Opens standard streams that whoever started the process has closed, as ones that fail: else the next file to be opened would get such a stream's number, and with it
/// all that is written there. Before anything is opened: call it first.
void HoldStandardStreams();

int64_t ProcessId();
struct ProcessUsage {
  int64_t resident_bytes = 0;
  int64_t open_files = 0;
  double cpu_seconds = 0;  // user and system, all threads
};
ProcessUsage UsageOfProcess();
/// Whether people read what is written to standard output.
bool IsOutputTerminal();
bool IsInputTerminal();
bool IsErrorTerminal();
/// Columns of the terminal; 0 if there is none.
int TerminalColumns();
/// All of it, at once, even when another process reads slowly; false when nobody reads any more.
bool WriteOutput(std::string_view text);
/// Why some of what was written to standard output is lost, such as a full disk; nothing if it is all there or its reader has left.
std::optional<std::string> OutputFailure();
/// Whether nobody reads standard output any more (`| head`): for who waits long for something to write.
bool IsOutputClosed();
void WriteError(std::string_view text);
/// Up to the end.
std::string ReadInput();
/// Appends what is there now, waiting for at least one byte; false at the end.
bool ReadInputPart(std::string* out);
/// A line without its end; nothing at the end of input.
std::optional<std::string> ReadInputLine();

/// Blocks SIGINT and SIGTERM for all threads made after it: call it first. SIGPIPE and SIGXFSZ (a file above `ulimit -f`) are errors of the call from then on.
void HoldStopSignals();
/// Waits for one of them.
void WaitForStopSignal();
/// Whether one has come since the last look; takes it. Only after HoldStopSignals.
bool TakeStopSignal();

/// Whether one has come and was not taken yet. Thread-safe.
bool IsStopSignalPending();
/// What waits for another process looks for a stop signal this often, and goes on for at most so long once there is one.
inline constexpr int64_t kStopLookMs = 50;
inline constexpr int64_t kStopGraceMs = 500;

/// Sleeps; for commands that wait for something outside of them.
void SleepMs(int64_t ms);

/// The path from the root: relative ones begin in the process's folder. Links stay, and nothing need be there.
std::string AbsolutePath(const std::string& path);
/// Where short-lived files go: $TMPDIR, or /tmp.
std::string TemporaryFolder();
/// The user's own folder; empty if it is not known.
std::string HomeFolder();

}  // namespace firn::io
