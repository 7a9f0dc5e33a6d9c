"""The SQL of jobs. Every write of a holder names its attempt number: after a takeover it changes nothing."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

from shared.bus.transaction import Connection
from shared.db.pool import connected
from shared.jobs.outcome import (
    CANCELLED,
    DIED,
    FIRST_PAUSE_S,
    LONGEST_PAUSE_S,
    MOST_UNEXPECTED,
    SOUND_AFTER_S,
    Outcome,
    State,
)

LEASE_S = 15.0
"""For how long a job is its holder's after each heartbeat. Twice that ahead no lease ends: a clock was wrong then."""


_LOSE = """
WITH late AS (
    UPDATE {table} SET next_try_at = clock_timestamp()
    WHERE kind = '{kind}' AND state = 'waiting'
      AND next_try_at > statement_timestamp() + 2 * $7::float8 * interval '1 second'
), lost AS (
    SELECT {key}, CASE WHEN leased_until - started_at >= $2::float8 * interval '1 second' THEN 1
                       ELSE unexpected + 1 END AS deaths
    FROM {table} WHERE kind = '{kind}' AND state = 'running' AND {key} <> ALL($1)
      AND leased_until NOT BETWEEN clock_timestamp() AND clock_timestamp() + 2 * $8::float8 * interval '1 second'
    FOR UPDATE SKIP LOCKED)
UPDATE {table} j SET
    state = CASE WHEN cancel_requested_at IS NOT NULL THEN 'cancelled' WHEN deaths >= $3 THEN 'dead' ELSE 'waiting' END,
    reason = CASE WHEN cancel_requested_at IS NOT NULL THEN $4
                  WHEN deaths >= $3 THEN $5 || ' (' || deaths || ' times in a row)' ELSE $5 END,
    finished_at = CASE WHEN cancel_requested_at IS NOT NULL OR deaths >= $3 THEN clock_timestamp() END,
    next_try_at = clock_timestamp() + interval '1 second'
        * CASE WHEN deaths > 1 THEN least($7::float8, $6 * 2::float8 ^ least(postponed, 30)) ELSE 0 END,
    postponed = postponed + 1, unexpected = deaths, leased_until = NULL
FROM lost WHERE j.{key} = lost.{key}
RETURNING j.{key} AS id, j.state, j.reason, j.attempt
"""
_CLAIM = """
WITH due AS (
    SELECT {key} FROM {table} WHERE kind = '{kind}' AND state = 'waiting' AND next_try_at <= clock_timestamp()
    ORDER BY next_try_at, created_at LIMIT $1 FOR UPDATE SKIP LOCKED)
UPDATE {table} j SET state = 'running', attempt = attempt + 1, started_at = clock_timestamp(),
    leased_until = clock_timestamp() + $2::float8 * interval '1 second'
FROM due WHERE j.{key} = due.{key} RETURNING j.*
"""
_BEAT = """
UPDATE {table} j SET leased_until = clock_timestamp() + $3::float8 * interval '1 second'
FROM unnest($1::uuid[], $2::integer[]) AS held(id, attempt)
WHERE j.{key} = held.id AND j.attempt = held.attempt AND j.state = 'running'
RETURNING j.{key} AS id, j.attempt, j.cancel_requested_at IS NOT NULL AS cancelled
"""
_SAVE = """
UPDATE {table} SET leased_until = clock_timestamp() + $3::float8 * interval '1 second'{assignments}
WHERE {key} = $1 AND attempt = $2 AND state = 'running' RETURNING cancel_requested_at IS NOT NULL
"""
_HOLD = "SELECT 1 FROM {table} WHERE {key} = $1 AND attempt = $2 AND state = 'running' FOR SHARE"
_SETTLE = """
UPDATE {table} SET state = CASE WHEN {unwanted} THEN 'cancelled' ELSE $3 END,
    reason = CASE WHEN {unwanted} THEN $8 ELSE $4 END,
    finished_at = CASE WHEN $3 <> 'waiting' OR {unwanted} THEN clock_timestamp() END,
    next_try_at = clock_timestamp() + $7::float8 * interval '1 second',
    postponed = $5, unexpected = $6, leased_until = NULL
WHERE {key} = $1 AND attempt = $2 AND state = 'running' RETURNING true
"""
_UNWANTED = "$3 = 'waiting' AND cancel_requested_at IS NOT NULL"
_FORGET = "DELETE FROM {table} WHERE {key} = $1 AND attempt = $2 AND state = 'running' RETURNING true"
_CANCEL = """
UPDATE {table} SET cancel_requested_at = coalesce(cancel_requested_at, clock_timestamp()),
    state = CASE state WHEN 'waiting' THEN 'cancelled' ELSE state END,
    reason = CASE state WHEN 'waiting' THEN $2 ELSE reason END,
    finished_at = CASE state WHEN 'waiting' THEN clock_timestamp() END
WHERE {key} = $1 AND kind = '{kind}' AND state IN ('waiting', 'running')
"""
_STATE = "SELECT state FROM {table} WHERE {key} = $1 AND kind = '{kind}'"


@dataclass(frozen=True, slots=True)
class JobTable:
    """A table of jobs in the service's own schema, or those of one kind in it.

    ``forget_done``: rows of jobs that are done are deleted, where nobody asks for them afterwards.
    """

    name: str
    key: str = "job_id"
    kind: str = ""
    forget_done: bool = False

    def sql(self, statement: str, **more: str) -> str:
        """A statement about this table."""
        return statement.format(table=self.name, key=self.key, kind=self.kind or self.name, **more)


class JobStore:
    """Everything that is read from and written to a table of jobs. Raises Unavailable while the database is away."""

    def __init__(self, pool: asyncpg.Pool, table: JobTable, *, lease_s: float = LEASE_S) -> None:
        self._pool = pool
        self._lease_s = lease_s
        self.table = table

    async def lose(self, held: Collection[UUID]) -> list[asyncpg.Record]:
        """Take away the jobs whose lease ran out: they wait again, or are dead; but those in ``held`` are our own.

        A clock that was ahead leaves leases and pauses that are too long to be true: those are over too.
        """
        values = (
            list(held), SOUND_AFTER_S, MOST_UNEXPECTED, CANCELLED, DIED, FIRST_PAUSE_S, LONGEST_PAUSE_S, self._lease_s
        )  # fmt: skip
        return await self._fetch(_LOSE, *values)

    async def claim(self, most: int) -> list[asyncpg.Record]:
        """Claim up to ``most`` jobs that are due, the longest due first; each gets its next attempt number."""
        return await self._fetch(_CLAIM, most, self._lease_s)

    async def beat(self, held: Sequence[tuple[UUID, int]]) -> dict[tuple[UUID, int], bool]:
        """Renew the leases of held jobs (id, attempt): whether each is to be cancelled; those that are lost miss."""
        rows = await self._fetch(_BEAT, [key for key, _ in held], [attempt for _, attempt in held], self._lease_s)
        return {(row["id"], row["attempt"]): row["cancelled"] for row in rows}

    async def save(self, key: UUID, attempt: int, columns: Mapping[str, Any]) -> bool | None:
        """Write columns and renew the lease: whether the job is to be cancelled, or None where it was lost."""
        assignments = "".join(f", {name} = ${number}" for number, name in enumerate(columns, 4))
        statement = self.table.sql(_SAVE, assignments=assignments)
        async with connected(self._pool) as connection:
            found: bool | None = await connection.fetchval(statement, key, attempt, self._lease_s, *columns.values())
        return found

    async def holds(self, connection: Connection, key: UUID, attempt: int) -> bool:
        """Whether the job is still held, and that it stays so until the caller's transaction ends."""
        return bool(await connection.fetchval(self.table.sql(_HOLD), key, attempt))

    async def settle(self, key: UUID, attempt: int, outcome: Outcome) -> bool:
        """Write how a held job goes on; whether it was still held."""
        async with connected(self._pool) as connection:
            if outcome.state == "done" and self.table.forget_done:
                return bool(await connection.fetchval(self.table.sql(_FORGET), key, attempt))
            values = (outcome.state, outcome.reason, outcome.postponed, outcome.unexpected, outcome.pause_s, CANCELLED)
            statement = self.table.sql(_SETTLE, unwanted=_UNWANTED)
            return bool(await connection.fetchval(statement, key, attempt, *values))

    async def cancel(self, key: UUID) -> State | None:
        """Ask for a job to be cancelled; the state that it is in now, or None where there is no such job.

        One that waits is cancelled at once. One that is running ends when its holder hears of it, within seconds.
        """
        async with connected(self._pool) as connection:
            await connection.execute(self.table.sql(_CANCEL), key, CANCELLED)
            state: State | None = await connection.fetchval(self.table.sql(_STATE), key)
        return state

    async def _fetch(self, statement: str, *values: object) -> list[asyncpg.Record]:
        async with connected(self._pool) as connection:
            rows: list[asyncpg.Record] = await connection.fetch(self.table.sql(statement), *values)
        return rows
