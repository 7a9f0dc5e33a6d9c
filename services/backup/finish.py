"""The end of an archive: it is proven at its destination, its manifest is put beside it, and then it is told."""

import asyncio
import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from services.backup import plan
from services.backup.destinations.port import Destination
from services.backup.metrics import LAST_SUCCESS
from services.backup.store import archives, members, parts
from services.backup.store.rows import Row
from services.backup.whole import put_manifest
from shared.bus.outbox import enqueue
from shared.bus.transaction import Connection
from shared.db.pool import connected, transaction
from shared.errors import Gone, Ignorable, TooEarly
from shared.events.base import utc_now
from shared.events.session import SessionArchived
from shared.jobs.job import Job
from shared.logging import get_logger

if TYPE_CHECKING:
    from services.backup.archiver import Means

log = get_logger(__name__)

SERVICE = "backup"


class Damaged(Exception):
    """What lies at the destination is not what was sent."""


class Finish:
    """Ends one archive."""

    def __init__(self, means: "Means", job: Job, destination: Destination) -> None:
        self._means = means
        self._pool = means.pool
        self._job = job
        self._destination = destination

    async def prove(self, row: Row) -> None:
        """Compare what lies at the destination with what was sent.

        Raises:
            Damaged: it differs.
        """
        stored = await self._destination.look(row["key"])
        if stored is None:
            raise Damaged("nothing lies under its key any more")
        if stored.size_bytes != row["stored_bytes"]:
            raise Damaged(f"it is {stored.size_bytes:,} bytes long, not {row['stored_bytes']:,}")
        if stored.etag != row["etag"]:
            raise Damaged(f"its ETag is {stored.etag}, not {row['etag']}")
        if stored.frost is None and self._is_read_back(row):
            async with connected(self._pool) as connection:
                sent = await parts.of_archive(connection, row["archive_id"])
            await self._read_back(row["key"], sent)
            async with transaction(self._pool) as connection:
                await self._job.hold(connection)
                await archives.save(connection, row["archive_id"], {"deep_verified_at": utc_now()})
                await members.save_read_back(connection, row["archive_id"])

    async def tell(self, row: Row) -> None:
        """Put the manifest beside the archive, then write in one transaction that it is verified, and tell it.

        Raises:
            TooEarly: another archive, which is being made, is to hold files of the session as well.
            Ignorable: there is nothing of the session at the destination that could be told of.
        """
        job, name = self._job, self._destination.name
        columns: dict[str, object] = {}
        if row["phase"] == "stored":
            digest = await put_manifest(self._pool, self._destination, row, self._means.installation_id)
            columns = {"phase": "verified", "verified_at": utc_now(), "manifest_sha256": digest}
        waits = False
        async with transaction(self._pool) as connection:
            await job.hold(connection)
            if columns:
                await archives.save(connection, job.id, columns)
            if plan.arrival_day(job["collection_id"]) is None and job["session_revision"] is not None:
                waits = await members.open_elsewhere(connection, name, job["collection_id"], job.id) > 0
                if not waits:
                    await self._tell_session(connection)
            await archives.wake(connection, destination=name, collection_id=job["collection_id"])
        if columns:
            LAST_SUCCESS.labels(name).set(utc_now().timestamp())
            log.info(
                "archived", archive_id=str(job.id), destination=name, collection_id=job["collection_id"],
                revision=job["session_revision"], key=row["key"], files=row["files"], size_bytes=row["size_bytes"],
                stored_bytes=row["stored_bytes"], left_out=row["left_out"], attempt=job.attempt,
                duration_s=round((utc_now() - job["created_at"]).total_seconds(), 1),
            )  # fmt: skip
        if waits:
            raise TooEarly("some of its files are in an archive that is being made")

    async def _tell_session(self, connection: Connection) -> None:
        session_id, name = self._job["collection_id"], self._destination.name
        last = await archives.last_of_session(connection, name, session_id)
        if last is None:
            raise Ignorable("none of its files can be read, so there is nothing to archive")
        files, size_bytes, lacking = await members.of_session_there(connection, name, session_id)
        event = SessionArchived(
            session_id=session_id,
            revision=self._job["session_revision"],
            destination=name,
            key=last["key"],
            manifest_key=last["manifest_key"],
            sha256=last["manifest_sha256"],
            size_bytes=size_bytes,
            file_count=files,
            left_out=lacking,
        )
        await enqueue(connection, SERVICE, [event])

    def _is_read_back(self, row: Row) -> bool:
        """Folders, and uploads that went on after an interruption, are read back always; of others a share."""
        if self._job.attempt > 1 or self._means.places.is_folder(self._destination.name):
            return True
        return plan.is_read_back(row["archive_id"], self._means.settings.read_back_percent)

    async def _read_back(self, key: str, sent: Sequence[Row]) -> None:
        begin = 0
        for part in sent:
            self._job.check()
            sha256, end = hashlib.sha256(), begin + part["size_bytes"]
            try:
                async for piece in self._destination.read(key, begin, end):
                    await asyncio.to_thread(sha256.update, piece)
            except Gone as error:
                raise Damaged("nothing lies under its key any more") from error
            if sha256.hexdigest() != part["sha256"]:
                raise Damaged(f"its part {part['number']} reads back with another SHA-256")
            begin = end
