"""Deleting the sources of moved files: after the commit, and only what the library is seen to hold at that moment.

Each deletion is a job of its own, and no transaction is open while files are hashed. A copy that rotted is mended from
its source first. A source that changed is kept for good; one that cannot be deleted now, as in a folder that only
others may write to, or whose copy is missing, is tried again after growing pauses and holds back no other.
"""

import asyncio
from pathlib import Path

import asyncpg

from services.ingest.shelf import Shelf
from shared.db.errors import translated
from shared.jobs.job import Job
from shared.jobs.runner import Runner
from shared.jobs.store import JobTable
from shared.library.hashing import Digest

DELETIONS = JobTable("deletion", "deletion_id", forget_done=True)
LARGE_DELETIONS = JobTable("deletion", "deletion_id", kind="large_deletion", forget_done=True)
AT_ONCE, LARGE_AT_ONCE = 2, 1
"""Sources that are hashed side by side, each with its stored copy: more would make a spinning disk seek. Large ones are
a kind of their own, so that the others do not wait for them."""

_ROOT = "SELECT path FROM root WHERE name = $1"


class SourceDeleter:
    """Works through ``ingest.deletion``."""

    def __init__(self, pool: asyncpg.Pool, shelf: Shelf) -> None:
        self._pool = pool
        self._shelf = shelf
        self._runners = (
            Runner(pool, DELETIONS, self._delete, at_once=AT_ONCE),
            Runner(pool, LARGE_DELETIONS, self._delete, at_once=LARGE_AT_ONCE),
        )

    async def run(self) -> None:
        """Delete for ever."""
        async with asyncio.TaskGroup() as tasks:
            for runner in self._runners:
                tasks.create_task(runner.run())

    async def _delete(self, job: Job) -> None:
        with translated():
            root = await self._pool.fetchval(_ROOT, job["source"])
        source = Path(root) / job["folder"] / job["name"]
        rested_s = (job["started_at"] - job["created_at"]).total_seconds()
        content = Digest(job["file_id"], job["size_bytes"])
        await self._shelf.remove_source(source, content, root=Path(root), rested_s=rested_s)
