"""An invented library whose files can be read anew, as ingest, scanner and stats do together."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from services.stats.finish import finish_sessions, publish_targets
from services.stats.settings import StatsSettings
from services.stats.store.upkeep import add
from services.stats.upkeep import JOBS, Upkeep
from shared.errors import Transient, UserError
from shared.events.base import Event
from shared.jobs.job import Job
from shared.jobs.outcome import Outcome
from shared.jobs.store import JobStore
from tests.integration.stats.spoiling import FRAMES, KNOWN
from tests.integration.stats.world import ARRIVED, apply, arrived, file_id, quarantined

LONG_AFTER = ARRIVED + timedelta(days=30)


class Library:
    """An ingest whose files can be read anew: it keeps the view that stats compares with."""

    def __init__(self, ingest: Any, stats: Any) -> None:
        self.ingest = ingest
        self.stats = stats
        self.asked: list[str] = []
        self.running = True
        self.now = LONG_AFTER

    async def bring(self, *names: str) -> None:
        """Know files, announced long ago."""
        for name in names:
            path = FRAMES[name].path if name in FRAMES else f"night/{name}.fits"
            values = (file_id(name), 1000, "rig", f"{name}.fits", ARRIVED)
            await self.ingest.execute(
                "INSERT INTO file (file_id, size_bytes, source, origin, arrived_at, announced_at)"
                " VALUES ($1, $2, $3, $4, $5, $5)",
                *values,
            )
            await self.ingest.execute(
                "INSERT INTO location (root, path, file_id) VALUES ('library', $1, $2)", path, file_id(name)
            )

    async def time_passes(self) -> list[str]:
        """What the background tasks do in a day; the subjects of what they told."""
        self.now += timedelta(days=1)
        async with self.stats.acquire() as connection, connection.transaction():
            await finish_sessions(connection, StatsSettings(), self.now)
            await publish_targets(connection, max(self.now, datetime.now(UTC) + timedelta(days=1)))
            return [row[0] for row in await connection.fetch("DELETE FROM outbox RETURNING subject")]

    async def reread(self, _request: UUID, ids: Sequence[str]) -> int:
        """Read files anew, as ingest, scanner and stats do together."""
        if not self.running:
            raise UserError("the ingest service is not running")
        self.asked += ids
        for name in [name for name in KNOWN if file_id(name) in ids]:
            revision = await self.ingest.fetchval(
                "UPDATE file SET scan_revision = scan_revision + 1, announced_at = $2 WHERE file_id = $1"
                " RETURNING scan_revision",
                file_id(name),
                ARRIVED + timedelta(minutes=len(self.asked)),
            )
            async with self.stats.acquire() as connection:
                await apply(connection, *events_of(name, revision))
        return len(ids)


def events_of(name: str, revision: int) -> list[list[Event]]:
    """What tells of a file, batch by batch."""
    path = FRAMES[name].path if name in FRAMES else None
    events: list[list[Event]] = [[arrived(name, path=path, revision=revision)]]
    if name in FRAMES:
        again = FRAMES[name].model_copy(update={"scan_revision": revision})
        events.append([again.model_copy(update={"event_id": again.derive_id()})])
    elif name == "broken":
        events.append([quarantined(name, attempt=revision)])
    return events


async def run_job(
    pool: Any, library: Library, task: str = "check", *, dry_run: bool = False, asked: bool = True
) -> dict[str, Any]:
    """Commit a job and do it; its row afterwards."""

    async def read_until() -> datetime:
        return LONG_AFTER

    job_id = uuid4()
    if asked:
        await add(pool, job_id, task, dry_run=dry_run)
    store = JobStore(pool, JOBS)
    (row,) = await store.claim(1)
    job = Job(store, row)
    try:
        await Upkeep(pool, library.reread, read_until).work(job)
    except Transient as error:
        await store.settle(job.id, job.attempt, Outcome("waiting", str(error), 1))
    else:
        await store.settle(job.id, job.attempt, Outcome("done"))
    return dict(await pool.fetchrow("SELECT * FROM upkeep WHERE job_id = $1", job.id))
