"""Deleting the sources of moved files: after the commit, and only what the library is seen to hold at that moment.

Each deletion is a job of its own, and no transaction is open while files are hashed. A copy that rotted is mended from
its source first. What the settings moved is deleted only while they do, what a person moved by an import in any case. A
source that changed is kept for good; one that cannot be deleted now, as in a folder that only others may write to, or
whose copy is missing, is tried again after growing pauses and holds back no other.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import asyncpg

from services.ingest.shelf import Shelf
from shared.db.errors import translated
from shared.jobs.job import Job
from shared.jobs.runner import Runner
from shared.jobs.store import JobTable
from shared.library.hashing import Digest
from shared.logging import get_logger
from shared.retry import patiently
from shared.settings import SourceSettings

log = get_logger(__name__)

DELETIONS = JobTable("deletion", "deletion_id", forget_done=True)
LARGE_DELETIONS = JobTable("deletion", "deletion_id", kind="large_deletion", forget_done=True)
AT_ONCE, LARGE_AT_ONCE = 2, 1
"""Sources that are hashed side by side, each with its stored copy: more would make a spinning disk seek. Large ones are
a kind of their own, so that the others do not wait for them."""

_ROOT = "SELECT path FROM root WHERE name = $1"
_WANTED = """
(d.source = ANY($1::text[]) OR EXISTS (
    SELECT FROM source_file s JOIN import i USING (import_id)
    WHERE (s.source, s.folder, s.name, i.mode) = (d.source, d.folder, d.name, 'move')))
"""
"""Whether a deletion ``d`` is asked for by an import, or by a source that the settings move ($1)."""
_IS_WANTED = f"SELECT FROM deletion d WHERE deletion_id = $2 AND {_WANTED}"
_FORGET = f"""
WITH forgotten AS (DELETE FROM deletion d WHERE state = 'waiting' AND NOT {_WANTED} RETURNING source)
SELECT source, count(*) AS files FROM forgotten GROUP BY source ORDER BY source
"""


class SourceDeleter:
    """Works through ``ingest.deletion``."""

    def __init__(self, pool: asyncpg.Pool, shelf: Shelf, sources: Sequence[SourceSettings]) -> None:
        """``sources`` as the settings name them."""
        self._moved = [source.name for source in sources if source.mode == "move"]
        self._pool = pool
        self._shelf = shelf
        self._runners = (
            Runner(pool, DELETIONS, self._delete, at_once=AT_ONCE),
            Runner(pool, LARGE_DELETIONS, self._delete, at_once=LARGE_AT_ONCE),
        )

    async def run(self) -> None:
        """Delete for ever, but nothing that the settings do not move any more."""
        await patiently(self._forget_unwanted)
        async with asyncio.TaskGroup() as tasks:
            for runner in self._runners:
                tasks.create_task(runner.run())

    async def _forget_unwanted(self) -> None:
        with translated():
            rows = await self._pool.fetch(_FORGET, self._moved)
        for row in rows:
            log.warning(
                "files that waited for their deletion stay in their source: the settings do not move it any more",
                source=row["source"], files=row["files"],
            )  # fmt: skip

    async def _delete(self, job: Job) -> None:
        with translated():
            if await self._pool.fetchrow(_IS_WANTED, self._moved, job.id) is None:
                return
            root = await self._pool.fetchval(_ROOT, job["source"])
        source = Path(root) / job["folder"] / job["name"]
        rested_s = (job["started_at"] - job["created_at"]).total_seconds()
        content = Digest(job["file_id"], job["size_bytes"])
        await self._shelf.remove_source(source, content, root=Path(root), rested_s=rested_s)
