"""What archives hold as the manifests at a destination tell it, where no database does.

A manifest comes from outside: nothing in it is believed but what the bytes of the archive prove. What it says of sizes
and places only leads to a range that is read, and its names lead into the folder of the restore alone.
"""

import asyncio
from dataclasses import dataclass

from services.backup.archive import keys
from services.backup.archive.manifest import FileEntry, Manifest, from_json
from services.backup.destinations.port import Destination
from services.backup.restore.wanted import Copy
from shared.errors import Permanent
from shared.library.reading import shown

MOST_MANIFEST_BYTES = 256 * 1024 * 1024
"""That of half a million files is shorter; what is longer is none of ours."""


@dataclass(frozen=True, slots=True)
class Collection:
    """A session, or the files that arrived on a day, as the latest manifest at a destination lists it."""

    collection_id: str
    number: int
    """Of the latest archive."""
    manifest_key: str
    size_bytes: int
    """Of the manifest."""


async def collections(destination: Destination) -> list[Collection]:
    """The collections that a destination has manifests of, in the order of their ids.

    Raises:
        Transient: the destination cannot be asked now.
    """
    latest: dict[str, Collection] = {}
    async for stored in destination.list(keys.raw_prefix()):
        parsed = keys.parse_raw(stored.key)
        if parsed is None or parsed.kind != "manifest":
            continue
        known = latest.get(parsed.collection_id)
        if known is None or known.number < parsed.number:
            latest[parsed.collection_id] = Collection(
                parsed.collection_id, parsed.number, stored.key, stored.size_bytes
            )
    return [latest[name] for name in sorted(latest)]


async def read(destination: Destination, collection: Collection) -> Manifest:
    """The manifest of a collection.

    Raises:
        Permanent: it is none, damaged, or of another collection than its key says.
        Transient: it cannot be read now.
    """
    where = f"{shown(collection.manifest_key)} at {destination.name}"
    if collection.size_bytes > MOST_MANIFEST_BYTES:
        raise Permanent(f"{where} is no manifest: it is {collection.size_bytes:,} bytes long")
    pieces = [piece async for piece in destination.read(collection.manifest_key, 0, MOST_MANIFEST_BYTES)]
    manifest = await asyncio.to_thread(from_json, b"".join(pieces), where)
    if manifest.collection_id != collection.collection_id:
        raise Permanent(f"{where} is damaged: it is of {shown(manifest.collection_id)}")
    return manifest


def copy_of(entry: FileEntry, destination: str) -> Copy | None:
    """Where a file of a manifest lies; None where what it names is no archive."""
    parsed = keys.parse_raw(entry.archive)
    if parsed is None or parsed.packing is None:
        return None
    return Copy(
        destination=destination,
        key=entry.archive,
        packed=parsed.packing == "zstd",
        position=0,
        file_id=entry.file_id,
        member=entry.member,
        size_bytes=entry.size_bytes,
        stored_offset=entry.stored_offset,
        stored_bytes=entry.stored_bytes,
    )
