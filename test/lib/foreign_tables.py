# SPDX-License-Identifier: Apache-2.0
"""Iceberg tables that Spark and Iceberg's Java library wrote (test/iceberg/README.md), laid out in a folder of the test's own.

Iceberg names its files by absolute paths. The tables were made in a folder whose name has a length of its own and with nothing compressed around a path, so
that here another folder's name of the same length takes its place in every file.
"""
import json
import pathlib
import tarfile

TABLES = pathlib.Path(__file__).resolve().parents[1] / "iceberg"
RECORDED_WAREHOUSE = pathlib.Path("/tmp/firn-test-iceberg-tables-" + "0" * 70)


def unpack(folder):
    """A warehouse inside of `folder`; its path is as long as the recorded one."""
    padding = len(str(RECORDED_WAREHOUSE)) - len(str(folder)) - 1
    if padding < 1:
        raise ValueError(f"the temporary folder's name is longer than {len(str(RECORDED_WAREHOUSE)) - 2} characters: {folder}")
    warehouse = pathlib.Path(folder) / ("w" * padding)
    with tarfile.open(TABLES / "tables.tar.xz") as archive:
        for member in archive:
            path = warehouse / member.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(archive.extractfile(member).read().replace(str(RECORDED_WAREHOUSE).encode(), str(warehouse).encode()))
    return warehouse


def expected():
    """{table: {"about": text, "reads": {"now" or a snapshot's id: {"columns": [...], "rows": [[text or None, ...], ...] sorted}}}}"""
    return json.loads((TABLES / "expected.json").read_text())
