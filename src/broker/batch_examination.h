// SPDX-License-Identifier: Apache-2.0
// Looks into produced batches: whether their records can be read at all, and what a topic's own codec makes of them. A batch that no consumer can read would stop every
// consumer of its partition, and every job, at its offset for ever; so it is refused, as Kafka refuses it.
//
// That costs as much as reading the batch: little for plain records, a decompression for others. So compressed batches go one of three ways, by what they turn out to be:
//
//   at most kQuickBodyBytes in, kQuickPlainBytes out    on the broker's queue: a fraction of a millisecond
//   at most kPlainBytes out                             beside it, several at once (BrokerOptions::blocking_calls_max)
//   at most kProducedPlainBytesMax out                  beside it, one at a time; a larger one is refused
//
// which bounds the memory that batches of whatever kind can make the node take, and how long a hostile one holds anybody up.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "kafka/compression.h"
#include "kafka/record_batch.h"

namespace firn::broker {

inline constexpr size_t kQuickBodyBytes = 16 << 10;
inline constexpr size_t kQuickPlainBytes = 256 << 10;
inline constexpr size_t kPlainBytes = 8 << 20;
inline constexpr size_t kProducedPlainBytesMax = 64 << 20;

/// Reads the records of a batch with a sound header (RecordBatchView::CheckProduced) on the spot; nullopt if that would take too long.
std::optional<Status> ExamineQuickly(const kafka::RecordBatchView& batch, std::string* scratch);

/// Reads the records, and compresses them anew if `codec` says so. Returns the batch as it is to be stored. kLimitExceeded if more than `max_plain_bytes` come out of it.
Result<base::SharedBytes> Examine(const base::SharedBytes& batch, std::optional<kafka::Codec> codec, size_t max_plain_bytes);

}  // namespace firn::broker
