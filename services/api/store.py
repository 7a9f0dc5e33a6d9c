"""SQL of the register of dead letters, as functions over a connection."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.bus.dead_letters import DeadLetter
from shared.bus.transaction import Connection

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
_OPEN = "SELECT service, count(*) FROM dead_letter WHERE state = 'waiting' GROUP BY service"
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


async def enter(connection: Connection, letter: DeadLetter, payload: bytes, payload_file: str | None) -> None:
    """Enter a letter.

    A service has one open letter about a file: an earlier one is replaced. About a file that a person dismissed
    there is none: the letter is kept as dropped.

    Args:
        connection: in a transaction.
        letter: what is known of it.
        payload: what the table is to keep of it.
        payload_file: name of the file with the whole of it, if that is larger.
    """
    file_id = letter.file_id
    if file_id is not None:
        await connection.execute(_REPLACED, letter.service, file_id)
    await connection.execute(
        _INSERT, letter.service, letter.subject, letter.sequence, letter.attempt, letter.event_id,
        letter.reason, letter.error, payload, payload_file, letter.original_bytes, file_id,
    )  # fmt: skip


async def lock(connection: Connection, ids: Sequence[int] | None) -> dict[int, str]:
    """Lock the letters with these numbers, or all that wait (None); returns their states by number."""
    query = (_LOCK_WAITING,) if ids is None else (_LOCK_NAMED, list(ids))
    return {row["dead_letter_id"]: row["state"] for row in await connection.fetch(*query)}


async def count_open(connection: Connection) -> dict[str, int]:
    """How many letters wait for a person, by the service that gave up."""
    return {row[0]: row[1] for row in await connection.fetch(_OPEN)}


async def read(connection: Connection, ids: Sequence[int]) -> list[Kept]:
    """The letters with these numbers."""
    return [Kept(**dict(row)) for row in await connection.fetch(_READ, list(ids))]


async def mark_replayed(connection: Connection, ids: Sequence[int]) -> None:
    """Note that they were published again."""
    await connection.execute(_REPLAYED, list(ids))


async def mark_dropped(connection: Connection, ids: Sequence[int], reason: str) -> None:
    """Note that a person dropped them, and why."""
    await connection.execute(_DROPPED, list(ids), reason)
