"""What people decided about names: numbered, kept, and on its way to the bucket in one transaction.

Numbers are given under the writers' lock, so that their order is that of the commits. Every function runs in the
caller's transaction.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.stats.store import writers
from shared.bus.bucket import Stored
from shared.bus.names import DECISIONS
from shared.bus.outbox import Put, enqueue_puts
from shared.bus.transaction import Connection
from shared.decisions.lookup import Decisions
from shared.decisions.model import DECISION, WHOLE, Decision, Entry, Whole
from shared.errors import UserError

Row = Mapping[str, Any]
"""A row of the table, by its columns."""

_KNOWN = "SELECT key, kind, content, revision FROM decision ORDER BY revision"
_LAST = "SELECT coalesce((SELECT revision FROM decisions), (SELECT max(revision) FROM decision), 0)"
_NUMBER = """
INSERT INTO decisions AS d (revision) VALUES ($1) ON CONFLICT ((true)) DO UPDATE SET revision = excluded.revision
"""
_WRITE = """
INSERT INTO decision AS d (key, kind, content, revision, person, decided_at)
SELECT key, kind, content, revision, $5, $6
FROM unnest($1::text[], $2::text[], $3::jsonb[], $4::integer[]) AS g (key, kind, content, revision)
ON CONFLICT (key) DO UPDATE SET
    content = excluded.content, revision = excluded.revision, person = excluded.person, decided_at = excluded.decided_at
"""
_RENUMBER = """
UPDATE decision d SET revision = g.revision FROM unnest($1::text[], $2::integer[]) AS g (key, revision)
WHERE d.key = g.key
"""
_WAITING = "SELECT EXISTS (SELECT FROM outbox WHERE starts_with(subject, '$KV.'))"


@dataclass(frozen=True, slots=True)
class Mending:
    """What differs between the bucket and the table: keys to put, those of them to number anew, and keys to remove."""

    wrong: tuple[str, ...]
    overtaken: tuple[str, ...]
    stale: tuple[str, ...]
    last: int
    """The number up to which the bucket is whole then."""


async def decide(
    connection: Connection, decisions: Sequence[Decision], *, person: str | None, decided_at: datetime
) -> int:
    """Record decisions; each replaces the one before about its name. What is so already gets no number.

    Returns:
        The number up to which decisions are known now.

    Raises:
        UserError: a target would be merged into itself, by whatever way.
    """
    await writers.lock(connection)
    rows = await _rows(connection)
    wanted = {one.key: one for one in decisions}
    changed = {key: one for key, one in wanted.items() if key not in rows or _decision(rows[key]) != one}
    together = {**{key: _decision(row) for key, row in rows.items()}, **changed}
    if (target := Decisions(one for one in together.values() if one is not None).circle()) is not None:
        raise UserError(f"the target {target} would be merged into itself")
    return await _write(connection, {key: (one.kind, one) for key, one in changed.items()}, person, decided_at)


async def withdraw(connection: Connection, keys: Iterable[str], *, person: str | None, decided_at: datetime) -> int:
    """Take decisions back, by their keys; those that are not there are left out.

    Returns:
        The number up to which decisions are known now.
    """
    await writers.lock(connection)
    rows = await _rows(connection)
    gone = {key: (rows[key]["kind"], None) for key in keys if key in rows and rows[key]["content"] is not None}
    return await _write(connection, gone, person, decided_at)


async def last_number(connection: Connection) -> int:
    """The number that was given last."""
    number: int = await connection.fetchval(_LAST)
    return number


async def is_waiting(connection: Connection) -> bool:
    """Whether values are still on their way to the bucket."""
    waiting: bool = await connection.fetchval(_WAITING)
    return waiting


async def compare(connection: Connection, held: Mapping[str, Stored]) -> Mending | None:
    """Compare the bucket with the table, under the lock; None where they agree.

    ``held`` was read before the transaction began. A key that has no row then was never committed, or its row was lost
    with the database that it was in: what the bucket says of it holds no more. Where the bucket has a number that was
    not given here, the database is an older one: no number is given twice.
    """
    await writers.lock(connection)
    rows = await _rows(connection)
    wrong = tuple(key for key, row in rows.items() if key not in held or held[key].value != _value(row).encode())
    overtaken = tuple(key for key in wrong if key in held and held[key].revision >= rows[key]["revision"])
    stale = tuple(sorted(held.keys() - rows.keys() - {WHOLE}))
    last = await last_number(connection)
    highest = max((stored.revision for stored in held.values()), default=0)
    if wrong or stale or highest > last:
        return Mending(wrong, overtaken, stale, max(last, highest) + max(1, len(overtaken)))
    return Mending((), (), (), last) if WHOLE not in held or held[WHOLE].revision != last else None


async def mend(connection: Connection, mending: Mending) -> None:
    """Write to the outbox what makes the bucket whole; that it is whole comes last, under a number of its own."""
    numbers = range(mending.last - len(mending.overtaken) + 1, mending.last + 1)
    await connection.execute(_RENUMBER, list(mending.overtaken), list(numbers))
    await connection.execute(_NUMBER, mending.last)
    rows = await _rows(connection)
    await _send(connection, [rows[key] for key in rows if key in set(mending.wrong)], mending.last)


async def _rows(connection: Connection) -> dict[str, Row]:
    return {row["key"]: dict(row) for row in await connection.fetch(_KNOWN)}


async def _write(
    connection: Connection, changed: Mapping[str, tuple[str, Decision | None]], person: str | None, decided_at: datetime
) -> int:
    last = await last_number(connection)
    if not changed:
        return last
    contents = [None if one is None else one.model_dump_json() for _, one in changed.values()]
    numbers = list(range(last + 1, last + 1 + len(changed)))
    kinds = [kind for kind, _ in changed.values()]
    await connection.execute(_WRITE, list(changed), kinds, contents, numbers, person, decided_at)
    await connection.execute(_NUMBER, numbers[-1])
    rows = await _rows(connection)
    await _send(connection, [rows[key] for key in changed], numbers[-1])
    return numbers[-1]


async def _send(connection: Connection, rows: Sequence[Row], last: int) -> None:
    puts = [Put(row["key"], row["revision"], _value(row)) for row in rows]
    whole = Put(WHOLE, last, Whole(revision=last).model_dump_json())
    await enqueue_puts(connection, DECISIONS, [*puts, whole])


def _decision(row: Row) -> Decision | None:
    return None if row["content"] is None else DECISION.validate_json(row["content"])


def _value(row: Row) -> str:
    return Entry(revision=row["revision"], decision=_decision(row)).model_dump_json()
