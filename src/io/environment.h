// SPDX-License-Identifier: Apache-2.0
// The one door to the outside. An Environment is passed in, never global: nothing else in firn reads the clock, starts a
// thread, opens a file or socket, or draws a random number (tools/tidy checks it). real_environment.h makes the one for
// production, simulated_environment.h the one that a seed decides.
#pragma once

namespace firn::io {

class Clock;
class Executor;
class FileSystem;
class Network;
class Random;

/// References to long-lived, thread-safe parts. Copied freely.
struct Environment {
  Clock& clock;
  Random& random;
  FileSystem& files;
  Network& network;
  Executor& executor;
};

}  // namespace firn::io
