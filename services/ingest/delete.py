"""Deleting files of sources: after the commit, and only what the library is seen to hold at that moment.

Each deletion is a job of its own, and no transaction is open while files are hashed. A copy that rotted is mended from
its source first. What the settings free is deleted only while they do, what a person moved by an import in any case. A
source that changed is kept for good; one that cannot be deleted now, as in a folder that only others may write to, or
whose copy is missing, is tried again after growing pauses and holds back no other. A file that waits for a backup is
tried once its member was read back from a verified archive (``backed_up``), and that is asked once more right before.
"""

import asyncio
from collections.abc import Sequence

import asyncpg

from services.ingest.settings import SourceSettings
from services.ingest.shelf import Shelf
from services.ingest.sources.folder import Folder
from services.ingest.sources.kinds import port_of
from services.ingest.store import deletions, roots
from shared.db.pool import connected, transaction
from shared.errors import TooEarly
from shared.jobs.job import Job
from shared.jobs.runner import Runner
from shared.jobs.store import JobTable
from shared.library.hashing import Digest
from shared.library.reading import shown
from shared.logging import get_logger
from shared.retry import patiently

log = get_logger(__name__)

DELETIONS = JobTable("deletion", "deletion_id", forget_done=True)
LARGE_DELETIONS = JobTable("deletion", "deletion_id", kind="large_deletion", forget_done=True)
AT_ONCE, LARGE_AT_ONCE = 2, 1
"""Sources that are hashed side by side, each with its stored copy: more would make a spinning disk seek. Large ones are
a kind of their own, so that the others do not wait for them."""


class SourceDeleter:
    """Works through ``ingest.deletion``."""

    def __init__(self, pool: asyncpg.Pool, shelf: Shelf, sources: Sequence[SourceSettings]) -> None:
        """``sources`` as the settings name them."""
        self._at_once = [source.name for source in sources if source.fate == "delete"]
        self._after_backup = [source.name for source in sources if source.fate == "delete_after_backup"]
        self._ports = {source.name: port_of(source) for source in sources}
        self._pool = pool
        self._shelf = shelf
        self._runners = (
            Runner(pool, DELETIONS, self._delete, at_once=AT_ONCE),
            Runner(pool, LARGE_DELETIONS, self._delete, at_once=LARGE_AT_ONCE),
        )

    async def run(self) -> None:
        """Delete for ever, but nothing that the settings do not free any more."""
        await patiently(self._follow_settings)
        async with asyncio.TaskGroup() as tasks:
            for runner in self._runners:
                tasks.create_task(runner.run())

    async def _follow_settings(self) -> None:
        async with transaction(self._pool) as connection:
            forgotten = await deletions.forget_unwanted(connection, self._at_once, self._after_backup)
            await deletions.release_at_once(connection, self._at_once)
        for source, files in forgotten.items():
            log.warning(
                "files that waited for their deletion stay in their source: the settings do not move it any more",
                source=source, files=files,
            )  # fmt: skip

    async def _delete(self, job: Job) -> None:
        path = f"{job['folder']}/{job['name']}".lstrip("/")
        async with connected(self._pool) as connection:
            when = await deletions.wanted(connection, self._at_once, self._after_backup, job.id)
            if when is None:
                return
            if when == "after_backup" and not await deletions.is_proven(connection, job["file_id"]):
                await deletions.put_back(connection, job.id, job.attempt)
                raise TooEarly(f"{shown(path)} waits for a backup: no member was read back from a verified archive")
            port = self._ports.get(job["source"]) or Folder(await roots.path_of(connection, job["source"]))
        rested_s = (job["started_at"] - job["created_at"]).total_seconds()
        content = Digest(job["file_id"], job["size_bytes"])
        await self._shelf.remove_source(port, path, content, rested_s=rested_s)
