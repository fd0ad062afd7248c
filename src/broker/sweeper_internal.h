// SPDX-License-Identifier: Apache-2.0
// What time takes away: segments past their retention, producers and groups that nobody uses any more.
#pragma once

namespace firn::broker {

struct Core;

/// Starts the broker's periodic timers; they end with its queue.
void StartSweeping(Core& core);

}  // namespace firn::broker
