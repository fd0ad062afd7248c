// SPDX-License-Identifier: Apache-2.0
// firn_sim SCENARIO [--seeds N] [--first SEED] [--fault NAME] [--expect-failure] [--twice] [--verbose]
//
// Runs seeds FIRST .. FIRST + N - 1 one after the other. A seed that fails prints what was wrong and the command that repeats it exactly, and ends the
// program with 1. With --expect-failure it is the other way round: some seed must fail.
// With --twice each seed runs twice, and must do the same to the disk at the same times.
#include <fmt/format.h>

#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <map>

#include "base/assert.h"
#include "scenario.h"

namespace firn::sim {

namespace {

constexpr uint64_t kSeedsDefault = 200;

const std::map<std::string, void (*)(const SeedOptions&), std::less<>>& Scenarios() {
  static const std::map<std::string, void (*)(const SeedOptions&), std::less<>> scenarios{{"broker", RunBrokerSeed}, {"log", RunLogSeed}, {"job", RunJobSeed}};
  return scenarios;
}

const std::map<std::string, Fault, std::less<>>& Faults() {
  static const std::map<std::string, Fault, std::less<>> faults{
      {"none", Fault::kNone},
      {"no-journal-sync", Fault::kNoJournalSync},
      {"no-segment-sync", Fault::kNoSegmentSync},
      {"no-index-sync", Fault::kNoIndexSync},
      {"no-snapshot-sync", Fault::kNoSnapshotSync},
      {"no-folder-sync", Fault::kNoFolderSync},
      {"commit-before-checkpoint", Fault::kCommitBeforeCheckpoint},
  };
  return faults;
}

struct Arguments {
  std::string scenario;
  std::string fault = "none";
  uint64_t first = 1;
  uint64_t count = kSeedsDefault;
  bool expects_failure = false;
  bool is_verbose = false;
  bool runs_twice = false;
};

char command_to_repeat[256];  // for the signal handler

void OnAbort(int) {
  constexpr std::string_view kText = "\naborted; again with: ";
  (void)!write(2, kText.data(), kText.size());
  (void)!write(2, command_to_repeat, std::strlen(command_to_repeat));
  (void)!write(2, "\n", 1);
  std::signal(SIGABRT, SIG_DFL);
}

[[noreturn]] void Usage() {
  fmt::print(stderr, "firn_sim SCENARIO [--seeds N] [--first SEED] [--fault NAME] [--expect-failure] [--twice] [--verbose]\nscenarios:");
  for (const auto& [name, run] : Scenarios()) fmt::print(stderr, " {}", name);
  fmt::print(stderr, "\nfaults:");
  for (const auto& [name, fault] : Faults()) fmt::print(stderr, " {}", name);
  fmt::print(stderr, "\n");
  std::exit(2);
}

Arguments Parse(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    const auto value = [&] { return i + 1 < argc ? argv[++i] : (Usage(), nullptr); };
    if (word == "--seeds") {
      arguments.count = std::strtoull(value(), nullptr, 10);
    } else if (word == "--first") {
      arguments.first = std::strtoull(value(), nullptr, 10);
    } else if (word == "--fault") {
      arguments.fault = value();
    } else if (word == "--expect-failure") {
      arguments.expects_failure = true;
    } else if (word == "--twice") {
      arguments.runs_twice = true;
    } else if (word == "--verbose") {
      arguments.is_verbose = true;
    } else if (arguments.scenario.empty() && Scenarios().contains(word)) {
      arguments.scenario = word;
    } else {
      Usage();
    }
  }
  if (arguments.scenario.empty() || !Faults().contains(arguments.fault)) Usage();
  return arguments;
}

// What was wrong with the seed; empty if nothing.
std::string RunSeed(const Arguments& arguments, uint64_t seed) {
  const std::string again = fmt::format("firn_sim {} --seeds 1 --first {} --fault {}", arguments.scenario, seed, arguments.fault);
  again.copy(command_to_repeat, sizeof(command_to_repeat) - 1);
  command_to_repeat[std::min(again.size(), sizeof(command_to_repeat) - 1)] = '\0';
  try {
    uint64_t digests[2] = {};
    for (int run = 0; run < (arguments.runs_twice ? 2 : 1); ++run) {
      Scenarios().at(arguments.scenario)({.seed = seed, .fault = Faults().at(arguments.fault), .digest = &digests[run], .is_verbose = arguments.is_verbose});
    }
    SIM_CHECK(!arguments.runs_twice || digests[0] == digests[1], "the seed does not repeat exactly");
  } catch (const Failed& failed) {
    return fmt::format("{}\nagain with: {}", failed.what, again);
  }
  return {};
}

int Run(const Arguments& arguments) {
  for (uint64_t i = 0; i < arguments.count; ++i) {
    const std::string wrong = RunSeed(arguments, arguments.first + i);
    if (wrong.empty()) continue;
    fmt::print("{} seed {}: {}\n", arguments.scenario, arguments.first + i, wrong);
    if (!arguments.expects_failure) return 1;
    fmt::print("found, as it must be, by seed {} of {}\n", i + 1, arguments.count);
    return 0;
  }
  fmt::print("{}: {} seeds from {} on, nothing wrong\n", arguments.scenario, arguments.count, arguments.first);
  return arguments.expects_failure ? 1 : 0;
}

}  // namespace

}  // namespace firn::sim

int main(int argc, char** argv) {
  std::signal(SIGABRT, firn::sim::OnAbort);
  return firn::sim::Run(firn::sim::Parse(argc, argv));
}
