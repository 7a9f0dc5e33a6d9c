"""Trying a destination out before anything depends on it: what is written comes back, and what it takes.

The test lies below a prefix of its own, ``nightbus-setup-<random>``, and is deleted where the key may delete.
"""

import hashlib
import os
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field

from services.backup.destinations.kinds import opened
from services.backup.destinations.port import Destination, Label, Refused, SentPart, Upload
from services.backup.destinations.threads import in_thread
from services.backup.settings.destinations import DestinationSettings, FolderDestination, S3Destination
from shared.errors import Transient

PART_BYTES = 5 * 1024 * 1024
"""The smallest part that every S3 server takes."""
_ID = "setup"
_KEY = "test/object.bin"
_LABEL = Label(metadata={"created-by": "nightbus-setup"}, tags={"archive_policy": "fast", "backup_policy": "deep"})


@dataclass(frozen=True, slots=True)
class Found:
    """What was found out of a destination."""

    place: str
    facts: Mapping[str, bool] = field(default_factory=dict)
    """By name whether it can do something; what could not be found out is missing."""
    left_behind: str | None = None
    """Prefix of the test objects, where they could not be deleted."""


async def tried_out(configured: DestinationSettings) -> Found:
    """Write test objects to a destination, read them back, and delete them where that is allowed.

    Raises:
        Transient: it is away or refuses something that backup needs; the sentence says what to do.
    """
    prefix = f"nightbus-setup-{secrets.token_hex(4)}"
    trial = configured.model_copy(update={"prefix": prefix})
    async with opened(trial, _ID) as destination:
        try:
            await destination.check(_ID, first_time=True)
            await _require_same(destination, _KEY, os.urandom(64 * 1024))
            await _require_parts(destination, "test/parts.bin")
            facts = dict(destination.facts)
            if isinstance(trial, S3Destination):
                from services.backup.destinations.s3.probe import probed

                facts |= await probed(trial, prefix)
            deleted = await _deleted(trial, destination)
        finally:
            if isinstance(trial, FolderDestination):
                await in_thread(shutil.rmtree, trial.path / prefix, ignore_errors=True)
    return Found(destination.place, facts | {"delete": deleted}, None if deleted else prefix)


async def _require_same(destination: Destination, key: str, data: bytes) -> None:
    await destination.put(key, data, _LABEL)
    read = b"".join([piece async for piece in destination.read(key)])
    if read != data:
        raise Transient(f"{destination.place} gave back other bytes than were written: do not use it")


async def _require_parts(destination: Destination, key: str) -> None:
    upload: Upload = await destination.begin(key, _LABEL, PART_BYTES)
    parts = []
    for number, size_bytes in enumerate((PART_BYTES, 1000), 1):
        data = os.urandom(1000) * (size_bytes // 1000) + b"x" * (size_bytes % 1000)
        md5, sha256 = hashlib.md5(data, usedforsecurity=False).digest(), hashlib.sha256(data).digest()
        etag = await destination.put_part(upload, number, data, md5, sha256)
        parts.append(SentPart(number, len(data), md5, sha256, etag))
    await destination.complete(upload, parts, _LABEL)
    whole = hashlib.sha256()
    async for piece in destination.read(key, PART_BYTES):
        whole.update(piece)
    if whole.digest() != parts[-1].sha256:
        raise Transient(f"{destination.place} gave back other bytes than were written: do not use it")


async def _deleted(trial: DestinationSettings, destination: Destination) -> bool:
    """Delete the test again; whether that is allowed."""
    if not isinstance(trial, S3Destination):
        return True  # with its folder
    from services.backup.destinations.s3.probe import delete_marker

    try:
        for key in [found.key async for found in destination.list("")]:
            await destination.delete(key)
        await delete_marker(trial)
    except Refused:
        return False
    return True
