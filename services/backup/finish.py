"""The end of an archive: it is proven at its destination, its manifest is put beside it, and then it is told."""

from typing import TYPE_CHECKING

from services.backup import plan
from services.backup.archive import keys
from services.backup.destinations.port import Destination
from services.backup.metrics import LAST_SUCCESS
from services.backup.proof.examine import examine
from services.backup.store import archives, members, proofs
from services.backup.store.rows import Row
from services.backup.whole import put_manifest
from shared.bus.outbox import enqueue
from shared.bus.transaction import Connection
from shared.db.pool import connected, transaction
from shared.errors import Ignorable, TooEarly
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
        async with connected(self._pool) as connection:
            sent = await proofs.sent(connection, row["archive_id"])
        seen = await examine(self._destination, sent, lambda _count: self._job.check(), deep=self._is_read_back(row))
        if seen.problem is not None:
            raise Damaged(seen.problem)
        if seen.was_read:
            async with transaction(self._pool) as connection:
                await self._job.hold(connection)
                await archives.save(connection, row["archive_id"], {"deep_verified_at": utc_now()})
                await members.save_read_back(connection, row["archive_id"])

    async def tell(self, row: Row) -> None:
        """Put the manifest beside the archive, then write in one transaction that it is verified, and tell it.

        Where nothing was new the session's latest manifest is put anew, if it lists other files: those of a session
        that was merged lie in that one's archives.

        Raises:
            TooEarly: another archive, which is being made, is to hold files of the session as well.
            Ignorable: there is nothing of the session at the destination that could be told of.
        """
        job, name = self._job, self._destination.name
        columns: dict[str, object] = {}
        if row["phase"] == "stored":
            digest = await put_manifest(self._pool, self._destination, row, self._means.installation_id)
            columns = {"phase": "verified", "verified_at": utc_now(), "manifest_sha256": digest}
        elif self._is_revision():
            await self._list_anew()
        waits, told = False, True
        async with transaction(self._pool) as connection:
            await job.hold(connection)
            if columns:
                await archives.save(connection, job.id, columns)
            await members.forgotten_meanwhile(connection, job.id)
            if self._is_revision():
                waits = await members.open_elsewhere(connection, name, job["collection_id"], job.id) > 0
                if not waits:
                    told = await self._tell_session(connection)
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
        if not told:  # said last: what was verified stays verified
            raise Ignorable("no archive has a file of this session, so there is nothing to tell of it")

    def _is_revision(self) -> bool:
        """Whether it is made for a revision of a session, which is told."""
        return plan.arrival_day(self._job["collection_id"]) is None and self._job["session_revision"] is not None

    async def _list_anew(self) -> None:
        """Put the manifest of a session anew of which nothing was new; its first one, where it never had an archive."""
        session_id, name = self._job["collection_id"], self._destination.name
        async with transaction(self._pool) as connection:
            if await archives.last_of_session(connection, name, session_id) is None:
                return
            last = await archives.last_list(connection, name, session_id)
            if last is None:
                await archives.lock_plans(connection, name)
                await self._job.hold(connection)
                number = await archives.next_number(connection, name, session_id)
                key = keys.manifest_key(self._job["night"].year, session_id, number)
                await archives.save(connection, self._job.id, {"number": number, "manifest_key": key})
            row = await archives.read(connection, self._job.id if last is None else last["archive_id"])
        known = None if last is None else last["manifest_sha256"]
        digest = await put_manifest(self._pool, self._destination, row, self._means.installation_id, known_sha256=known)
        async with transaction(self._pool) as connection:
            await self._job.hold(connection)
            await archives.save(connection, row["archive_id"], {"manifest_sha256": digest})

    async def _tell_session(self, connection: Connection) -> bool:
        """Tell what lies there of the session; False where that is nothing, as of one that was merged into another."""
        session_id, name = self._job["collection_id"], self._destination.name
        last = await archives.last_of_session(connection, name, session_id)
        listed = await archives.last_list(connection, name, session_id)
        files, size_bytes, lacking = await members.of_session_there(connection, name, session_id)
        if last is None or listed is None or not files:
            return False
        event = SessionArchived(
            session_id=session_id,
            revision=self._job["session_revision"],
            destination=name,
            key=last["key"],
            manifest_key=listed["manifest_key"],
            sha256=listed["manifest_sha256"],
            size_bytes=size_bytes,
            file_count=files,
            left_out=lacking,
        )
        await enqueue(connection, SERVICE, [event])
        return True

    def _is_read_back(self, row: Row) -> bool:
        """Folders, and uploads that went on after an interruption, are read back always; of others a share."""
        if self._job.attempt > 1 or self._means.places.is_folder(self._destination.name):
            return True
        return plan.is_read_back(row["archive_id"], self._means.settings.read_back_percent)
