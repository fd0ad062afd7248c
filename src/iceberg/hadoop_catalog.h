// SPDX-License-Identifier: Apache-2.0
// The Hadoop catalog: folders are databases and tables, <warehouse>/<db>/<table>/metadata/v<N>.metadata.json are a table's states and
// version-hint.text names the last. A commit writes v<N+1> if it is not there yet, which the store does atomically: exactly one of several writers wins.
// The hint is written after it and may be old; readers look on from it.
#pragma once

#include <memory>
#include <string>

#include "iceberg/catalog.h"

namespace firn::io {
class Clock;
class Random;
}  // namespace firn::io
namespace firn::objectstore {
class ObjectStore;
}

namespace firn::iceberg {

/// `store`, `clock` and `random` must outlive the catalog. `warehouse` is a folder's location; it is made if missing when first written to.
std::unique_ptr<Catalog> MakeHadoopCatalog(objectstore::ObjectStore& store, io::Clock& clock, io::Random& random, std::string warehouse);

}  // namespace firn::iceberg
