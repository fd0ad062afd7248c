// SPDX-License-Identifier: Apache-2.0
#include "io/real_environment.h"

#include <sys/random.h>

#include <chrono>
#include <random>

#include "base/assert.h"
#include "base/mutex.h"
#include "io/asio_network.h"
#include "io/posix_file_system.h"
#include "io/thread_executor.h"

namespace firn::io {

namespace {

class SystemClock final : public Clock {
 public:
  int64_t WallTimeMs() const override {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  }
  int64_t MonotonicUs() const override {
    return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
  }
};

class SystemRandom final : public Random {
 public:
  SystemRandom() {
    uint64_t seed = 0;
    FIRN_ASSERT(::getrandom(&seed, sizeof(seed), 0) == sizeof(seed), "the system gives no randomness");
    engine_.seed(seed);
  }
  uint64_t Next() override {
    base::MutexLock lock(mutex_);
    return engine_();
  }

 private:
  base::Mutex mutex_;
  std::mt19937_64 engine_ FIRN_GUARDED_BY(mutex_);
};

}  // namespace

Result<RealEnvironment> RealEnvironment::Make() {
  FIRN_TRY(std::unique_ptr<Network> network, MakeAsioNetwork());
  return RealEnvironment(std::move(network));
}

RealEnvironment::RealEnvironment(std::unique_ptr<Network> network)
    : clock_(std::make_unique<SystemClock>()),
      random_(std::make_unique<SystemRandom>()),
      files_(MakePosixFileSystem()),
      executor_(MakeThreadExecutor()),
      network_(std::move(network)) {}

RealEnvironment::RealEnvironment(RealEnvironment&&) noexcept = default;
RealEnvironment::~RealEnvironment() = default;

}  // namespace firn::io
