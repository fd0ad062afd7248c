// SPDX-License-Identifier: Apache-2.0
#include "io/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <system_error>

#include "base/assert.h"

namespace firn::io {

void HoldStandardStreams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(stream, F_GETFD) >= 0) continue;
    const int opened = ::open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY);  // the wrong way round: using it fails, as when it was closed
    FIRN_ASSERT(opened < 0 || opened == stream, "the first free descriptor is {}, not {}", opened, stream);
  }
}

int64_t ProcessId() { return ::getpid(); }

ProcessUsage UsageOfProcess() {
  ProcessUsage result;
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  result.cpu_seconds = static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
  long long pages = 0, resident = 0;
  if (FILE* file = std::fopen("/proc/self/statm", "r")) {
    if (std::fscanf(file, "%lld %lld", &pages, &resident) == 2) result.resident_bytes = resident * ::sysconf(_SC_PAGESIZE);
    std::fclose(file);
  }
  if (DIR* folder = ::opendir("/proc/self/fd")) {
    while (::readdir(folder) != nullptr) ++result.open_files;
    ::closedir(folder);
    result.open_files -= 3;  // ".", ".." and the folder itself
  }
  return result;
}

bool IsOutputTerminal() { return ::isatty(STDOUT_FILENO) == 1; }
bool IsInputTerminal() { return ::isatty(STDIN_FILENO) == 1; }
bool IsErrorTerminal() { return ::isatty(STDERR_FILENO) == 1; }

int TerminalColumns() {
  winsize size{};
  return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

namespace {

bool WriteAll(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    text.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

std::atomic<int> output_failure{0};  // the first errno

sigset_t StopSignals() {
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGINT);
  ::sigaddset(&signals, SIGTERM);
  return signals;
}

}  // namespace

bool WriteOutput(std::string_view text) {
  if (WriteAll(STDOUT_FILENO, text)) return true;
  int none = 0;
  if (errno != EPIPE) output_failure.compare_exchange_strong(none, errno);
  return false;
}

std::optional<std::string> OutputFailure() {
  const int code = output_failure;
  return code == 0 ? std::nullopt : std::optional<std::string>(std::generic_category().message(code));
}

bool IsOutputClosed() {
  pollfd polled{STDOUT_FILENO, 0, 0};
  return ::poll(&polled, 1, 0) == 1 && (polled.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0;
}

void WriteError(std::string_view text) { WriteAll(STDERR_FILENO, text); }

bool ReadInputPart(std::string* out) {
  char buffer[65536];
  while (true) {
    const ssize_t read = ::read(STDIN_FILENO, buffer, sizeof(buffer));
    if (read < 0 && errno == EINTR) continue;
    if (read <= 0) return false;
    out->append(buffer, static_cast<size_t>(read));
    return true;
  }
}

std::string ReadInput() {
  std::string text;
  while (ReadInputPart(&text)) {
  }
  return text;
}

std::optional<std::string> ReadInputLine() {
  std::string line;
  if (!std::getline(std::cin, line)) return std::nullopt;
  return line;
}

void HoldStopSignals() {
  const sigset_t signals = StopSignals();
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  for (const int signal : {SIGPIPE, SIGXFSZ}) ::signal(signal, SIG_IGN);
}

void WaitForStopSignal() {
  const sigset_t signals = StopSignals();
  int signal = 0;
  ::sigwait(&signals, &signal);
}

bool TakeStopSignal() {
  const sigset_t signals = StopSignals();
  const timespec no_wait{};
  return ::sigtimedwait(&signals, nullptr, &no_wait) > 0;
}

bool IsStopSignalPending() {
  sigset_t pending;
  ::sigpending(&pending);
  return ::sigismember(&pending, SIGINT) == 1 || ::sigismember(&pending, SIGTERM) == 1;
}

void SleepMs(int64_t ms) {
  const timespec time{ms / 1000, ms % 1000 * 1'000'000};
  ::nanosleep(&time, nullptr);
}

std::string AbsolutePath(const std::string& path) {
  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::absolute(path, error);  // fails where the process's folder is gone
  return error ? path : absolute.lexically_normal().string();
}

std::string TemporaryFolder() {
  const char* folder = std::getenv("TMPDIR");
  return folder != nullptr && *folder != '\0' ? folder : "/tmp";
}

std::string HomeFolder() {
  const char* folder = std::getenv("HOME");
  return folder != nullptr ? folder : "";
}

}  // namespace firn::io
