"""The manifest of a collection: all of its files, in whichever archives at the destination they lie.

A collection all of whose files lie in archives of others has a manifest as well, with no archive beside it.
"""

import asyncio
import hashlib
import json
from collections.abc import Sequence
from importlib.metadata import version

import asyncpg

from services.backup.archive import keys
from services.backup.archive.manifest import FileEntry, LeftOut, Manifest, PackingEntry, PartEntry, sums, to_json
from services.backup.destinations.port import Destination, Label
from services.backup.store import members, parts
from services.backup.store.rows import Row
from shared.db.pool import connected


async def put_manifest(
    pool: asyncpg.Pool, destination: Destination, row: Row, installation_id: str, *, known_sha256: str | None = None
) -> str:
    """Put manifest and SHA256SUMS beside an archive whose bytes are proven, or by themselves; the manifest's SHA-256.

    They are made of what the database says alone, so that putting them again puts the same: what is ``known_sha256``
    already is not put again.
    """
    async with connected(pool) as connection:
        files, left_out = await members.whole(connection, destination.name, row["collection_id"], row["archive_id"])
        sent = await parts.of_archive(connection, row["archive_id"])
    data, listed = await asyncio.to_thread(_made, row, installation_id, files, left_out, sent)
    digest = hashlib.sha256(data).hexdigest()
    if digest == known_sha256:
        return digest
    await destination.put(row["manifest_key"], data, Label("application/json"), replace=True)
    key = keys.sums_key(row["night"].year, row["collection_id"], row["number"])
    await destination.put(key, listed, Label("text/plain"), replace=True)
    return digest


def _made(
    row: Row,
    installation_id: str,
    files: Sequence[Row],
    left_out: Sequence[Row],
    sent: Sequence[Row],
) -> tuple[bytes, bytes]:
    entries = sorted(
        (FileEntry(**{**file, "frame_sizes": tuple(file["frame_sizes"])}) for file in map(dict, files)),
        key=lambda entry: entry.member,
    )
    there = {entry.file_id for entry in entries}
    manifest = Manifest(
        software_version=version("nightbus"),
        installation_id=installation_id,
        destination=row["destination"],
        collection_id=row["collection_id"],
        session_revision=row["session_revision"],
        night=row["night"],
        number=row["number"],
        key=row["key"],
        packing=PackingEntry(**json.loads(row["packing"])) if row["key"] else None,
        part_bytes=row["part_bytes"] if row["key"] else None,
        stored_bytes=row["stored_bytes"] or 0,
        parts=tuple(
            PartEntry(number=part["number"], size_bytes=part["size_bytes"], md5=part["md5"], sha256=part["sha256"])
            for part in sent
        ),
        files=tuple(entries),
        left_out=tuple(
            LeftOut(**file)
            for file in sorted(map(dict, left_out), key=lambda one: one["member"])
            if file["file_id"] not in there
        ),
    )
    return to_json(manifest), sums(entries)
