# SPDX-License-Identifier: Apache-2.0
"""What lies in the folder of an Iceberg table and is named by nobody, by PyIceberg's reading of its metadata."""
import pathlib
import re

from pyiceberg.table import StaticTable

VERSION = re.compile(r"v?(\d+)[^/]*\.metadata\.json$")


def local(location):
    return str(location).removeprefix("file://")


def version_of(path):
    return int(VERSION.match(pathlib.Path(path).name).group(1))


def named_files(table):
    """By any snapshot that the table still has, the current one or not."""
    for snapshot in table.metadata.snapshots:
        yield snapshot.manifest_list
        for manifest in snapshot.manifests(table.io):
            yield manifest.manifest_path
            for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=False):
                yield entry.data_file.file_path


def unnamed_files(metadata_location):
    """The paths. Each version of the table has one metadata file, also those that have left the log; there is none above the current."""
    table = StaticTable.from_metadata(local(metadata_location))
    named = {local(path) for path in named_files(table)}
    unnamed, versions = [], {version_of(metadata_location): local(metadata_location)}
    for path in sorted(pathlib.Path(local(table.metadata.location)).rglob("*")):
        if path.is_dir() or path.name == "version-hint.text" or str(path) in named or str(path) == local(metadata_location):
            continue
        if VERSION.match(path.name) and version_of(path) < version_of(metadata_location) and version_of(path) not in versions:
            versions[version_of(path)] = str(path)
            continue
        unnamed.append(str(path))
    return unnamed
