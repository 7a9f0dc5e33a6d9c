"""A table of jobs in the schema of ingest, as a service's migration would make it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from shared.db.pool import open_pool
from shared.db.templates import template
from shared.jobs.runner import Runner, Work
from shared.jobs.store import JobStore, JobTable
from shared.settings import PostgresSettings
from tests.stack import connected_as

TABLE = JobTable("chore")
_MAKE = "CREATE TABLE ingest.chore (job_id uuid PRIMARY KEY DEFAULT gen_random_uuid(), wish text, done int, note text)"
_GRANT = """
GRANT SELECT, INSERT, UPDATE, DELETE ON ingest.chore TO ingest;
GRANT SELECT ON ingest.chore_progress TO reader;
"""


@dataclass(frozen=True)
class Chores:
    """The table, and what a person does with it."""

    pool: asyncpg.Pool
    store: JobStore

    async def add(self, wish: str = "", **columns: object) -> UUID:
        """Commit a job."""
        names = ", ".join(["wish", *columns])
        values = ", ".join(f"${number}" for number in range(1, len(columns) + 2))
        job_id: UUID = await self.pool.fetchval(
            f"INSERT INTO chore ({names}) VALUES ({values}) RETURNING job_id", wish, *columns.values()
        )
        return job_id

    async def row(self, job_id: UUID) -> dict[str, Any]:
        """A job's row."""
        row = await self.pool.fetchrow("SELECT * FROM chore WHERE job_id = $1", job_id)
        assert row is not None
        return dict(row)

    async def become(self, job_id: UUID, state: str, *, within_s: float = 20.0) -> dict[str, Any]:
        """Wait until a job is in a state; its row."""

        async def there() -> bool:
            return bool((await self.row(job_id))["state"] == state)

        await until(there, within_s=within_s)
        return await self.row(job_id)

    async def expire(self, job_id: UUID) -> None:
        """Let a lease run out, as time does when its holder does nothing."""
        await self.pool.execute(
            "UPDATE chore SET leased_until = clock_timestamp() - interval '1 second' WHERE job_id = $1", job_id
        )

    async def make_due(self) -> None:
        """Let the pauses of all that wait be over."""
        await self.pool.execute("UPDATE chore SET next_try_at = clock_timestamp() WHERE state = 'waiting'")

    @asynccontextmanager
    async def running(self, work: Work, *, at_once: int = 4, lease_s: float = 15.0) -> AsyncIterator[Runner]:
        """A process that does these jobs; it must still do so at the end."""
        runner = Runner(self.pool, TABLE, work, at_once=at_once, lease_s=lease_s)
        task = asyncio.create_task(runner.run())
        try:
            yield runner
            assert not task.done(), "the runner ended"
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def chores(database: PostgresSettings) -> AsyncIterator[Chores]:
    """An empty table of jobs."""
    async with connected_as(database, database.admin_role) as admin:
        await admin.execute(_MAKE)
        await admin.execute(template("jobs", "ingest", table="chore"))
        await admin.execute(_GRANT)
    pool = await open_pool(database, "ingest")
    yield Chores(pool, JobStore(pool, TABLE))
    await pool.close()


async def until(condition: Callable[[], Awaitable[bool]], *, within_s: float = 20.0) -> None:
    """Wait for a condition; fails when it does not come true."""
    async with asyncio.timeout(within_s):
        while not await condition():
            await asyncio.sleep(0.02)
