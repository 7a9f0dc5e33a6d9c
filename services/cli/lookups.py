"""Rows by their id: one that a person shortened to its first digits, or one that a service has just answered with."""

import re
from typing import TYPE_CHECKING, Any
from uuid import UUID

from shared.errors import UserError

if TYPE_CHECKING:
    import asyncpg

FILE_ID_START = re.compile(r"[0-9a-f]{6,64}")
ENDED = frozenset({"done", "failed", "cancelled", "dead"})
"""States in which a job stays."""

GIVEN_UP = "SELECT q.file_id FROM stats.quarantined q"
"""Among these are the files that are quarantined or dismissed: few, so that not every file need be looked at."""


async def full_id(connection: "asyncpg.Connection", query: str, start: str, thing: str, that: str = "") -> Any:
    """The one id that begins with these digits; ``query`` selects ids that begin with ``$1``.

    ``that``: which of these things are meant, such as "that wait".

    Raises:
        UserError: no id or several ids of such a ``thing`` do.
    """
    rows = await connection.fetch(f"{query} LIMIT 2", start)
    if len(rows) != 1:
        which = f"{thing} {that}" if that and not rows else thing
        raise UserError(f"{'more than one' if rows else 'no'} {which} has an id that starts with {start}")
    return rows[0][0]


async def committed(connection: "asyncpg.Connection", query: str, job_id: UUID, thing: str) -> "asyncpg.Record":
    """The row of a job that its service says it has committed.

    Raises:
        UserError: it is not in this database.
    """
    row = await connection.fetchrow(query, job_id)
    if row is None:
        raise UserError(f"the {thing} {job_id} is not in this database; do NATS and Postgres belong to one Nightbus?")
    return row
