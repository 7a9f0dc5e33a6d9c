"""SQL of the register of dead letters."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from shared.bus.dead_letters import DeadLetter
from shared.bus.transaction import Connection
from shared.db.errors import translated
from shared.db.inbox import claim
from shared.db.pool import transaction

_INSERT = """
INSERT INTO dead_letter
    (service, subject, sequence, attempt, event_id, reason, error, payload, payload_file, size_bytes, file_id,
     state, drop_reason)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, CASE WHEN d.why IS NULL THEN 'waiting' ELSE 'dropped' END, d.why
FROM (SELECT (SELECT 'the file was dismissed: ' || dismissed_reason FROM stats.quarantined
              WHERE file_id = $11 AND dismissed_at IS NOT NULL LIMIT 1) AS why) d
"""
_REPLACED = """
UPDATE dead_letter SET state = 'replaced', changed_at = clock_timestamp()
WHERE service = $1 AND file_id = $2 AND state = 'waiting'
"""
_LOCK_NAMED = "SELECT dead_letter_id, state FROM dead_letter WHERE dead_letter_id = ANY($1) ORDER BY 1 FOR UPDATE"
_LOCK_WAITING = "SELECT dead_letter_id, state FROM dead_letter WHERE state = 'waiting' ORDER BY 1 FOR UPDATE"
_READ = """
SELECT dead_letter_id, subject, event_id, payload, payload_file, size_bytes, replays
FROM dead_letter WHERE dead_letter_id = ANY($1) ORDER BY 1
"""
_REPLAYED = """
UPDATE dead_letter SET state = 'replayed', replays = replays + 1, changed_at = clock_timestamp()
WHERE dead_letter_id = ANY($1)
"""
_DROPPED = """
UPDATE dead_letter SET state = 'dropped', drop_reason = $2, changed_at = clock_timestamp()
WHERE dead_letter_id = ANY($1)
"""


@dataclass(frozen=True, slots=True)
class Kept:
    """A letter as the register keeps it; ``payload`` is only its beginning where ``payload_file`` is set."""

    dead_letter_id: int
    subject: str
    event_id: str | None
    payload: bytes
    payload_file: str | None
    size_bytes: int
    replays: int


class Register:
    """The table ``api.dead_letter``; ``consumer`` names the inbox entries of letters."""

    def __init__(self, pool: asyncpg.Pool, consumer: str) -> None:
        self._pool = pool
        self._consumer = consumer

    async def enter(self, key: UUID, letter: DeadLetter, payload: bytes, payload_file: str | None) -> bool:
        """Enter a letter once per ``key``; says whether it was new.

        A service has one open letter about a file: an earlier one is replaced. About a file that a person dismissed
        there is none: the letter is kept as dropped.

        Args:
            key: identity of the message.
            letter: what is known of it.
            payload: what the table is to keep of it.
            payload_file: name of the file with the whole of it, if that is larger.

        Raises:
            Unavailable: the database is away.
        """
        file_id = letter.file_id
        async with transaction(self._pool) as connection:
            if not await claim(connection, self._consumer, [key]):
                return False
            if file_id is not None:
                await connection.execute(_REPLACED, letter.service, file_id)
            await connection.execute(
                _INSERT, letter.service, letter.subject, letter.sequence, letter.attempt, letter.event_id,
                letter.reason, letter.error, payload, payload_file, letter.original_bytes, file_id,
            )  # fmt: skip
        return True

    @asynccontextmanager
    async def command(self, subject: str, command_id: UUID) -> AsyncIterator["Selection | None"]:
        """A transaction for one command; None when it was carried out before.

        Raises:
            Unavailable: the database is away.
        """
        async with transaction(self._pool) as connection:
            new = await claim(connection, subject, [command_id])
            yield Selection(connection) if new else None

    async def check(self) -> None:
        """Raises Unavailable when the database does not answer."""
        with translated():
            await self._pool.fetchval("SELECT 1")


class Selection:
    """Letters that a command works on, inside its transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def lock(self, ids: Sequence[int] | None) -> dict[int, str]:
        """Lock the letters with these numbers, or all that wait (None); returns their states by number."""
        query = (_LOCK_WAITING,) if ids is None else (_LOCK_NAMED, list(ids))
        return {row["dead_letter_id"]: row["state"] for row in await self._connection.fetch(*query)}

    async def read(self, ids: Sequence[int]) -> list[Kept]:
        """The letters with these numbers."""
        return [Kept(**dict(row)) for row in await self._connection.fetch(_READ, list(ids))]

    async def mark_replayed(self, ids: Sequence[int]) -> None:
        """Note that they were published again."""
        await self._connection.execute(_REPLAYED, list(ids))

    async def mark_dropped(self, ids: Sequence[int], reason: str) -> None:
        """Note that a person dropped them, and why."""
        await self._connection.execute(_DROPPED, list(ids), reason)
