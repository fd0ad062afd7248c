// SPDX-License-Identifier: Apache-2.0
#include "io/simulated_environment.h"

#include "io/network.h"

namespace firn::io {

namespace {

// The parts that are simulated have no sockets: the broker core takes frames, the engine takes statements. So there is nobody to talk to.
class NoNetwork final : public Network {
 public:
  explicit NoNetwork(Executor& executor) : reactor_(executor.NewQueue("reactor").value()) {}
  TaskQueue& reactor() override { return *reactor_; }
  Result<std::unique_ptr<Listener>> Listen(const Address& address, AcceptFunction) override { return Refusal("listen on", address); }
  void Connect(const Address& address, ConnectFunction connected) override {
    reactor_->Post([connected = std::move(connected), refusal = Refusal("connect to", address)] { connected(refusal); });
  }

 private:
  static Error Refusal(std::string_view what, const Address& address) {
    return Error(ErrorCode::kUnavailable, fmt::format("cannot {} {}: the simulated machine has no network", what, address.ToString()))
        .Hint("drive broker::Broker with frames, and the engine with statements");
  }

  std::unique_ptr<TaskQueue> reactor_;
};

}  // namespace

SimulatedEnvironment::SimulatedEnvironment(uint64_t seed)
    : seed_(seed), choices_(seed ^ 0xc401ce5), random_(seed ^ 0x7a4d03), disk_(std::make_unique<SimulatedDisk>(seed ^ 0xd15c, clock_)) {
  executor_ = std::make_unique<SimulatedExecutor>(seed ^ 0xe8ec, clock_);
  network_ = std::make_unique<NoNetwork>(*executor_);
  disk_->SetOnCrash([this] { executor_->Halt(); });
}

SimulatedEnvironment::~SimulatedEnvironment() = default;

void SimulatedEnvironment::Restart(CrashKind kind) {
  disk_->Restart(kind);
  network_.reset();
  seed_ = choices_.Next();
  executor_ = std::make_unique<SimulatedExecutor>(seed_, clock_);
  network_ = std::make_unique<NoNetwork>(*executor_);
}

}  // namespace firn::io
