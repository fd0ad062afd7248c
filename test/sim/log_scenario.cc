// SPDX-License-Identifier: Apache-2.0
// A store under a stream of entries, through several processes. Each is killed somewhere, or loses its power, or its disk fails a sync or is full, or it is
// closed in order; the next one must open the store and find what log_model.h says.
#include <algorithm>

#include "log/file_names.h"
#include "log/journal_format.h"
#include "log/meta_snapshot.h"
#include "log_model.h"
#include "scenario.h"

namespace firn::sim {

namespace {

using Kind = ModelOperation::Kind;

const log::StoreOptions kTiny{.journal_file_bytes = 32 << 10, .journal_limit_bytes = 96 << 10, .memory_limit_bytes = 64 << 10, .max_entry_bytes = 256 << 10};
const log::Layout kLayout{"/data"};
constexpr const char* kTakenAway = "/taken-away";
constexpr uint64_t kLivesMax = 5;
constexpr uint64_t kEntriesPerLifeMax = 120;
constexpr uint32_t kPartitionsMax = 4;
constexpr size_t kPendingMax = 12;
constexpr uint64_t kStepsMax = 100'000;  // for anything that must happen

// Bytes like any, no two sectors of them alike: a lost one is missed.
std::string FillerOf(int64_t number, size_t size) {
  std::string bytes(size, '\0');
  auto state = static_cast<uint64_t>(number);
  for (char& byte : bytes) byte = static_cast<char>((state = state * 6'364'136'223'846'793'005 + 1'442'695'040'888'963'407) >> 56);
  return bytes;
}

class LogWorld final : public World {
 public:
  explicit LogWorld(const SeedOptions& options) : World(options), options_of_store_(NewStoreOptions()) {}

  void Act() override {
    if (OneIn(4)) disk().CopyOnWrite();
    const uint64_t lives = 2 + Choose(kLivesMax - 1);
    for (uint64_t life = 0; life < lives; ++life) Live();
    OpenStore();
    model_.CheckRecovered(*store_);
  }

 private:
  // Mostly with pieces so small that a few records have an index and are read and written in several.
  log::StoreOptions NewStoreOptions() {
    log::StoreOptions options = kTiny;
    if (OneIn(4)) return options;
    options.pieces = {.index_interval_bytes = int64_t{64} << Choose(8),
                      .read_bytes = log::kReadBytesMin + static_cast<int64_t>(8 * Choose(2000)),
                      .write_bytes = static_cast<int64_t>(io::kDirectBlockBytes << Choose(4)),
                      .group_bytes = int64_t{1024} << Choose(6)};
    return options;
  }

  // From the start of a process to its end.
  void Live() {
    if (OneIn(4)) MissAJournalFile();
    if (OneIn(3)) disk().CrashAfter(Choose(40));
    OpenStore();
    model_.CheckRecovered(*store_);
    SetFaults();
    const uint64_t entries = Choose(kEntriesPerLifeMax);
    for (uint64_t i = 0; i < entries && !is_dead(); ++i) {
      Append();
      Linger();
      if (OneIn(20)) Free();
    }
    if (!is_dead() && OneIn(2)) CheckAtRest();
    EndProcess();
  }

  void SetFaults() {
    if (OneIn(5)) disk().SetCapacity(disk().used_bytes() + Choose(64 << 10));
    if (OneIn(5)) disk().FailSyncAfter(Choose(60));
    if (OneIn(3)) disk().CrashAfter(Choose(500));
  }

  // The disk has room again.
  void Free() { disk().SetCapacity(std::nullopt); }

  // Somebody takes a journal file away. If another one tells of it the store does not open; nothing was changed, and it opens with the file in its place.
  void MissAJournalFile() {
    auto names = disk().List(kLayout.journal());
    if (!names.ok() || names->empty()) return;
    const std::optional<uint64_t> number = log::ParseNumberedName((*names)[Choose(names->size())].name, log::kJournalSuffix);
    if (!number.has_value() || !IsMissed(*number, *names)) return;
    const std::string path = kLayout.journal_file(*number);
    SIM_CHECK(disk().Rename(path, kTakenAway).ok(), "{} cannot be moved", path);
    auto store = log::Store::Open(world_.environment(), kLayout.root, options_of_store_);
    SIM_CHECK(!store.ok(), "the store opens without {}", path);
    SIM_CHECK(store.error().code() == ErrorCode::kCorruption && store.error().message().find(path + " is missing") != std::string::npos, "without {}: {}", path, store.error().ToString());
    SIM_CHECK(disk().Rename(kTakenAway, path).ok() && disk().SyncDirectory(kLayout.journal()).ok() && disk().SyncDirectory("/").ok(), "{} cannot be put back", path);
  }

  bool IsMissed(uint64_t number, const std::vector<io::FileEntry>& names) {
    std::string newest;
    const auto snapshots = disk().List(kLayout.meta());
    if (!snapshots.ok()) return false;
    for (const io::FileEntry& entry : *snapshots) {
      if (entry.name.ends_with(log::kSnapshotSuffix)) newest = io::JoinPath(kLayout.meta(), entry.name);
    }
    if (newest.empty()) return false;
    const uint64_t first = log::DecodeMetaSnapshot(*disk().ReadAll(newest))->journal_file;
    return number == first || (number > first && std::any_of(names.begin(), names.end(), [&](const io::FileEntry& entry) {
             const std::optional<uint64_t> other = log::ParseNumberedName(entry.name, log::kJournalSuffix);
             if (!other.has_value()) return false;
             const auto header = log::DecodeJournalFileHeader(*disk().ReadAll(kLayout.journal_file(*other)));
             return header.has_value() && header->file_number == *other && header->previous_number == number;
           }));
  }

  // Until it succeeds: a process that dies, meets a full disk or a failing sync while it opens the store is followed by another.
  void OpenStore() {
    for (uint64_t tries = 0;; ++tries) {
      SIM_CHECK(tries < 20, "the store does not open after {} tries", tries);
      auto store = log::Store::Open(world_.environment(), kLayout.root, options_of_store_);
      if (store.ok() && !is_dead()) {
        store_ = std::move(*store);
        return;
      }
      const bool is_excused = is_dead() || disk().has_failed_sync() || (!store.ok() && store.error().code() == ErrorCode::kDiskFull);
      SIM_CHECK(is_excused, "the store does not open: {}", store.ok() ? "" : store.error().ToString());
      if (store.ok()) store_ = std::move(*store);
      EndProcess();
    }
  }

  void EndProcess() {
    bool is_closed = false;
    if (store_ != nullptr && !is_dead() && OneIn(4)) {
      is_closed = store_->Close().ok();
      SIM_CHECK(!is_closed || model_.pending_count() == 0, "{} entries were not answered before the store was closed", model_.pending_count());
    }
    if (!is_dead()) disk().Crash();
    store_.reset();
    Free();
    if (failed_.has_value()) throw *failed_;
    Restart();
  }

  template <typename Condition>
  void StepUntil(const char* what, const Condition& condition) {
    for (uint64_t steps = 0; !is_dead() && !condition(); ++steps) {
      SIM_CHECK(world_.executor().Step() && steps < kStepsMax, "{} does not happen", what);
    }
  }

  // Sometimes nothing happens between two entries, sometimes some of what waits, sometimes all.
  void Linger() {
    for (uint64_t steps = OneIn(3) ? Choose(10) : 0; steps > 0 && world_.executor().RunOne(); --steps) {
    }
    if (model_.pending_count() >= 1 + Choose(kPendingMax)) StepUntil("an answer", [&] { return model_.pending_count() == 0; });
    if (!is_dead() && OneIn(4)) model_.Observe(*store_);
    if (!is_dead() && OneIn(4)) ReadSomewhere();
    if (!is_dead() && OneIn(30)) world_.executor().StepFor(static_cast<int64_t>(Choose(1'000'000)));
  }

  // Also from a segment that is being moved to, by an index that was loaded when it was shorter.
  void ReadSomewhere() {
    const auto& partitions = model_.settled().partitions;
    if (partitions.empty()) return;
    auto partition = partitions.begin();
    std::advance(partition, Choose(partitions.size()));
    if (const size_t count = partition->second.values.size(); count > 0) {
      model_.CheckRead(*store_, partition->first, static_cast<int64_t>(Choose(count)), static_cast<int64_t>(1 + Choose(4000)));
    }
  }

  void Append() {
    if (disk().capacity().has_value()) model_.ExpectRefusals();
    std::vector<ModelOperation> operations = NewOperations();
    bool may_come_in = store_->AdmitBytes([&may_come_in] { may_come_in = true; });
    StepUntil("admission of bytes", [&] { return may_come_in; });
    if (is_dead()) return;
    const ModelEntry& entry = model_.Add(std::move(operations));
    std::vector<log::Operation> journal_operations;
    for (const ModelOperation& operation : entry.operations) journal_operations.push_back(OperationOf(operation));
    store_->journal().Append(std::move(journal_operations), [this, number = entry.number](const Result<log::Committed>& outcome) {
      if (!is_dead()) Settle(number, outcome);  // nobody hears a dead process
    });
  }

  // In a task of the store, which must not be left by an exception: the failure is thrown at the end of the process.
  void Settle(uint64_t number, const Result<log::Committed>& outcome) {
    try {
      model_.Settle(number, outcome);
    } catch (const Failed& failed) {
      failed_ = failed;
      disk().Crash();
    }
  }

  std::vector<ModelOperation> NewOperations() {
    std::vector<ModelOperation> operations;
    ModelState state = model_.expected();
    for (uint64_t count = 1 + Choose(3); count > 0; --count) {
      const ModelOperation operation = NewOperation(state);
      // One operation on a partition an entry, but for appends: the model does not follow a partition through an entry.
      if (operation.partition != 0 && operation.kind != Kind::kAppend) state.partitions.erase(operation.partition);
      operations.push_back(operation);
    }
    return operations;
  }

  ModelOperation NewOperation(const ModelState& state) {
    if (state.partitions.empty() || (state.partitions.size() < kPartitionsMax && OneIn(12))) {
      return {.kind = Kind::kCreate, .partition = store_->AllocatePartitionId().value(), .config = NewConfig()};
    }
    auto partition = state.partitions.begin();
    std::advance(partition, Choose(state.partitions.size()));
    const uint32_t id = partition->first;
    const auto end = static_cast<int64_t>(partition->second.values.size());
    switch (Choose(24)) {
      case 0: return {.kind = Kind::kDrop, .partition = id};
      case 1: return {.kind = Kind::kConfigure, .partition = id, .config = NewConfig()};
      case 2:
      case 3: return {.kind = Kind::kLogStart, .partition = id, .offset = OneIn(3) ? end : static_cast<int64_t>(Choose(static_cast<uint64_t>(end) + 1))};
      case 4:
      case 5:
      case 6: return {.kind = Kind::kPut, .key = fmt::format("key/{}", Choose(20)), .value = std::string(Choose(100), 'v')};
      case 7: return {.kind = Kind::kDelete, .key = fmt::format("key/{}", Choose(20))};
      default: return NewAppend(id);
    }
  }

  ModelOperation NewAppend(uint32_t partition) {
    ModelOperation append{.kind = Kind::kAppend, .partition = partition, .timestamp_ms = ++time_ms_};
    if (OneIn(4)) append.timestamp_ms -= static_cast<int64_t>(Choose(50));  // not every record is later than the one before
    const uint64_t size = OneIn(10) ? Choose(6000) : Choose(200);
    for (uint64_t count = 1 + Choose(4); count > 0; --count) append.values.push_back(fmt::format("{}.{} {}", time_ms_, count, FillerOf(time_ms_ * 8 + static_cast<int64_t>(count), size)));
    return append;
  }

  log::PartitionConfig NewConfig() {
    return {.segment_bytes = static_cast<int64_t>(1000 + Choose(OneIn(3) ? 200'000 : 20'000)), .segment_ms = OneIn(4) ? 1000 : 7LL * 24 * 3600 * 1000, .retention_ms = -1, .retention_bytes = -1};
  }

  // All is answered, and then the store holds exactly what was acknowledged; once the disk has room, it works again.
  void CheckAtRest() {
    StepUntil("the last answer", [&] { return model_.pending_count() == 0; });
    if (is_dead() || disk().has_failed_sync()) return;
    model_.CheckContent(*store_);
    if (!disk().capacity().has_value()) return;
    Free();
    StepUntil("recovery from a full disk", [&] { return store_->health().ok() || disk().has_failed_sync(); });
    const uint64_t before = model_.acked_count();
    Append();
    StepUntil("an answer after the disk was full", [&] { return model_.pending_count() == 0; });
    SIM_CHECK(is_dead() || disk().has_failed_sync() || model_.acked_count() > before, "the store refuses entries although the disk has room again");
  }

  const log::StoreOptions options_of_store_;
  LogModel model_;
  std::unique_ptr<log::Store> store_;
  int64_t time_ms_ = 1000;
  std::optional<Failed> failed_;
};

}  // namespace

void RunLogSeed(const SeedOptions& options) { LogWorld(options).Run(); }

}  // namespace firn::sim
