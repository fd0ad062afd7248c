// SPDX-License-Identifier: Apache-2.0
// firn_broker_server [PORT [HOST]]: a broker without an engine. Prints {"port":N} when ready; stops when its standard input ends.
#include <cstdio>
#include <cstdlib>
#include <future>

#include "base/must.h"
#include "broker/broker.h"
#include "broker/kafka_server.h"
#include "broker/memory_store.h"
#include "io/real_environment.h"

using namespace firn;

int main(int argc, char** argv) {
  io::RealEnvironment real = Must(io::RealEnvironment::Make());
  const io::Environment environment = real.environment();
  broker::MemoryStore store;
  io::TaskQueue& reactor = environment.network.reactor();
  auto opened = broker::Broker::Open(environment, store, reactor, {});
  if (!opened.ok()) return std::fprintf(stderr, "%s\n", opened.error().ToString().c_str()), 1;
  std::unique_ptr<broker::Broker> broker = std::move(*opened);
  broker::KafkaServerOptions options;
  options.address.port = argc > 1 ? static_cast<uint16_t>(std::atoi(argv[1])) : 0;
  auto started = broker::KafkaServer::Start(environment.network, *broker, store, options);
  if (!started.ok()) return std::fprintf(stderr, "%s\n", started.error().ToString().c_str()), 1;
  std::printf("{\"port\":%d}\n", (*started)->address().port);
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  std::promise<void> stopped;
  reactor.Post([&] {
    (*started)->Stop();
    broker.reset();
    stopped.set_value();
  });
  stopped.get_future().wait();
  return 0;
}
