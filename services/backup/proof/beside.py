"""What lies beside an archive, its manifest and the list of its sums: both follow from the database alone."""

import asyncio
import hashlib
from uuid import UUID

import asyncpg

from services.backup.archive import keys
from services.backup.archive.manifest import from_json, sums
from services.backup.destinations.port import Destination, Refused
from services.backup.restore.manifests import MOST_MANIFEST_BYTES
from services.backup.store import archives, findings, proofs
from services.backup.store.findings import Finding
from services.backup.store.rows import Row
from services.backup.whole import put_manifest
from shared.db.pool import connected, transaction
from shared.errors import Gone
from shared.jobs.job import Job
from shared.library.reading import shown
from shared.logging import get_logger

log = get_logger(__name__)

PUT_ANEW = "it was written anew from the database"


class Beside:
    """Looks at what lies beside archives, and puts it anew where it is missing or other."""

    def __init__(self, pool: asyncpg.Pool, installation_id: str) -> None:
        self._pool = pool
        self._installation_id = installation_id

    async def look(self, job: Job, destination: Destination, archive_id: UUID) -> int:
        """Compare manifest and sums of an archive with what the database says; how many problems were found.

        Raises:
            Transient: the destination cannot be asked now.
        """
        async with connected(self._pool) as connection:
            row = await archives.read(connection, archive_id)
            sha256 = await proofs.manifest_sha256(connection, archive_id)
        problem = await _problem(destination, row, sha256)
        async with transaction(self._pool) as connection:
            await job.hold(connection)
            if problem is None:
                await findings.end(connection, archive_id, ("manifest",), "it is there again")
                return 0
            await findings.add(connection, job.id, archive_id, [Finding(row["manifest_key"], "manifest", problem)])
        try:
            digest = await put_manifest(self._pool, destination, row, self._installation_id)
        except Refused as error:
            log.error("a manifest cannot be put anew", key=row["manifest_key"], reason=str(error))
            return 1
        async with transaction(self._pool) as connection:
            await job.hold(connection)
            await archives.save(connection, archive_id, {"manifest_sha256": digest})
            await findings.end(connection, archive_id, ("manifest",), PUT_ANEW)
        log.warning("put anew beside an archive", key=row["manifest_key"], reason=problem)
        return 1


async def _problem(destination: Destination, row: Row, sha256: str | None) -> str | None:
    """What is wrong with what lies beside an archive, one sentence; None where nothing is."""
    about = f"{shown(row['manifest_key'])} at {destination.name}"
    data = await _all_of(destination, row["manifest_key"])
    if data is None:
        return f"{about} is missing"
    if hashlib.sha256(data).hexdigest() != sha256:
        return f"{about} is not as it was written"
    key = keys.sums_key(row["night"].year, row["collection_id"], row["number"])
    listed = await _all_of(destination, key)
    if listed is None:
        return f"{shown(key)} at {destination.name} is missing"
    if listed != await asyncio.to_thread(lambda: sums(from_json(data, row["manifest_key"]).files)):
        return f"{shown(key)} at {destination.name} is not as it was written"
    return None


async def _all_of(destination: Destination, key: str) -> bytes | None:
    """A small object, whole, or as much of it as one of ours may have; None where it is not there."""
    try:
        return b"".join([piece async for piece in destination.read(key, 0, MOST_MANIFEST_BYTES)])
    except Gone:
        return None
