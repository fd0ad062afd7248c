"""Other readers of firn's tables: PyIceberg and DuckDB with its iceberg extension, out of the packages of test/requirements.txt (no network)."""
import importlib.util
import pathlib

import duckdb
from pyiceberg.table import StaticTable


def newest_metadata(table):
    """The metadata file that version-hint.text of a Hadoop table's folder names."""
    metadata = pathlib.Path(table) / "metadata"
    version = (metadata / "version-hint.text").read_text().strip()
    return next(metadata / name for name in (f"v{version}.metadata.json", f"v{version}.gz.metadata.json") if (metadata / name).exists())


def pyiceberg_table(table):
    return StaticTable.from_metadata(str(newest_metadata(table)))


def duckdb_with_iceberg():
    """A connection, or the reason why there is none."""
    connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
    try:
        for extension in ("avro", "iceberg"):
            package = importlib.util.find_spec(f"duckdb_extension_{extension}")
            path = next(pathlib.Path(package.origin).parent.rglob(f"{extension}.duckdb_extension")) if package else None
            connection.execute(f"LOAD '{path}'" if path else f"INSTALL {extension}; LOAD {extension}")
        connection.execute("SET TimeZone='UTC'")
        return connection, None
    except Exception as error:  # noqa: BLE001: whatever it is, it is the reason to skip
        return None, f"DuckDB's iceberg extension does not load: {str(error).splitlines()[0]}"
