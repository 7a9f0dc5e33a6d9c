"""The job of a restore drill: some files, drawn at random, are brought back for once, as a restore brings them back."""

import secrets
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import asyncpg

from services.backup.destinations.port import Destination
from services.backup.destinations.threads import in_thread
from services.backup.proof.examine import damaged
from services.backup.proof.verify import Ready
from services.backup.restore.folder import RestoreFolder
from services.backup.restore.restore import Failure, Restore, Restored
from services.backup.restore.wanted import Copy, Wanted
from services.backup.store import findings, proofs
from services.backup.store.findings import Finding
from shared.db.pool import connected, transaction
from shared.errors import Transient
from shared.jobs.job import Job
from shared.library.reading import shown
from shared.logging import get_logger
from shared.quantities import counted

log = get_logger(__name__)

_SHARE_OF_FREE = 8
"""No file is drawn that would take more than this part of what is free on the disk of temporary files."""


class Drill:
    """Works on the jobs of ``backup.check_job`` of the kind ``drill``."""

    def __init__(self, pool: asyncpg.Pool, ready: Ready, files: int) -> None:
        """``files``: how many are drawn each time."""
        self._pool = pool
        self._ready = ready
        self._files = files

    async def work(self, job: Job) -> None:
        """Bring some files back from a destination into a scratch folder, which is removed afterwards.

        Raises:
            Transient: the destination is away or cannot be read now, or there is no room for temporary files.
        """
        destination = await self._ready(job["destination"])
        scratch = await in_thread(lambda: Path(tempfile.mkdtemp(prefix="nightbus-drill-")))
        try:
            await self._drill(job, destination, scratch)
        finally:
            await in_thread(shutil.rmtree, scratch)

    async def _drill(self, job: Job, destination: Destination, scratch: Path) -> None:
        most_bytes = shutil.disk_usage(scratch).free // _SHARE_OF_FREE
        async with connected(self._pool) as connection:
            drawn = await proofs.some_copies(connection, destination.name, self._files, most_bytes, secrets.randbelow)
        archives: dict[Copy, UUID] = {}
        frozen: list[str] = []
        for archive_id, copy in drawn:
            stored = await destination.look(copy.key)
            if stored is not None and stored.frost is not None:
                frozen.append(stored.storage_class or stored.frost)
            else:
                archives[copy] = archive_id
        restore = Restore({destination.name: destination}, await in_thread(RestoreFolder, scratch))
        restored = await restore.run(
            [Wanted(copy.file_id, copy.size_bytes, copy.member, copies=(copy,)) for copy in archives]
        )
        for failure in restored.failures:
            await self._save(job, destination, failure, archives)
        result = result_of(restored, frozen)
        await job.save(
            files=restored.found - restored.failed, read_bytes=restored.read_bytes, problems=restored.failed,
            not_read=len(frozen), result=result,
        )  # fmt: skip
        log.info("restore drill done", destination=destination.name, result=result)

    async def _save(self, job: Job, destination: Destination, failure: Failure, archives: dict[Copy, UUID]) -> None:
        """Write what a file could not be brought back for, where that is the fault of what lies at the destination."""
        (copy,) = failure.copies
        archive_id = archives[copy]
        if failure.is_damage:
            if not await damaged(destination, [copy], lambda _count: None):
                raise Transient(f"{failure.reason}; read again it is not")
        elif await destination.look(copy.key) is not None:
            raise Transient(failure.reason)
        await self._ready(destination.name)  # a disk that was unplugged has lost nothing
        async with transaction(self._pool) as connection:
            await job.hold(connection)
            if not await proofs.is_kept(connection, archive_id):
                return  # retention let it go meanwhile
            if failure.is_damage:
                await proofs.save_damaged(connection, archive_id, {copy.position: failure.reason})
                found = Finding(copy.key, "member", failure.reason, copy.position, copy.file_id)
            else:
                await proofs.save_gone(connection, archive_id, failure.reason)
                found = Finding(copy.key, "missing", failure.reason)
            await findings.add(connection, job.id, archive_id, [found])
        log.error("found at a destination", destination=copy.destination, key=shown(copy.key), reason=failure.reason)


def result_of(restored: Restored, frozen: Sequence[str]) -> str:
    """What came of a drill, one sentence; ``frozen``: the storage classes of files that were not read."""
    found, failed = restored.found, restored.failed
    words = f"{counted(found, 'file')} brought back, each with its content"
    if failed:
        words = f"{failed} of {counted(found, 'file')} could not be brought back"
    if not frozen:
        return words
    not_read = f"{counted(len(frozen), 'file')} not read: in {' and '.join(sorted(set(frozen)))}"
    return f"{words}; {not_read}" if found else f"nothing was brought back; {not_read}"
