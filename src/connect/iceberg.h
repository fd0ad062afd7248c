// SPDX-License-Identifier: Apache-2.0
// The iceberg connector: tables of the node's Iceberg catalogs.
#pragma once

#include <memory>

#include "catalog/catalogs.h"
#include "exec/connector.h"
#include "io/environment.h"
#include "objectstore/object_store.h"

namespace firn::connect {

/// All references must outlive the connector.
std::unique_ptr<exec::Connector> MakeIcebergConnector(const io::Environment& environment, objectstore::ObjectStore& objects, const catalog::Catalogs& catalogs);

}  // namespace firn::connect
