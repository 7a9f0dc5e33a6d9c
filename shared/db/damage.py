"""A database whose files are damaged: how that is known, what is said of it, and which table it is in.

Postgres says so when it reads a damaged page, and serves all the rest. What needs that page cannot be done and is tried
again, so that everything else goes on, and all goes on by itself once the database is mended.
"""

import re
import time

import asyncpg

from shared.logging import get_logger

log = get_logger(__name__)

REMEDY = "what of it can be made anew, and how, is said in docs/howto/damaged-database.md"
RECENT_S = 900.0
"""For how long a service says that it met damage, which it may not come to again at once."""
_DAMAGED = (
    asyncpg.DataCorruptedError,
    asyncpg.IndexCorruptedError,
    asyncpg.PostgresIOError,
    asyncpg.UndefinedFileError,
)
_DAMAGED_WORDS = re.compile(r"missing chunk number|unexpected chunk|compressed .* data is corrupt|invalid memory alloc")
"""What Postgres says of a damaged value without an error code of its own."""
_FILE = re.compile(r"\bbase/\d+/(\d+)")
_TOAST = re.compile(r"\bpg_toast_\d+\b")
_NAME = """
SELECT c.oid::regclass::text AS name, coalesce(i.indrelid, t.oid)::regclass::text AS part_of
FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid LEFT JOIN pg_class t ON t.reltoastrelid = c.oid
WHERE pg_relation_filenode(c.oid) = $1 OR c.relname = $2 LIMIT 1
"""


class _Met:
    """The damage that this process met last."""

    words = ""
    at_s = float("-inf")


def damage(error: BaseException) -> str | None:
    """What a failure says of damaged files, as a sentence; None where it is another failure."""
    if not isinstance(error, asyncpg.PostgresError):
        return None
    unnamed = isinstance(error, asyncpg.InternalServerError) and _DAMAGED_WORDS.search(str(error))
    return f"the database is damaged: {error}" if unnamed or isinstance(error, _DAMAGED) else None


def note(words: str) -> None:
    """Remember damage, and log it where it is new."""
    if words != _Met.words:
        log.error("the database is damaged", reason=words, remedy=REMEDY)
    _Met.words, _Met.at_s = words, time.monotonic()


async def lately(pool: asyncpg.Pool) -> str | None:
    """What this process met lately, with the table where Postgres can still tell it, and what helps."""
    if time.monotonic() - _Met.at_s > RECENT_S:
        return None
    return f"{_Met.words}{await _where(pool, _Met.words)}; {REMEDY}"


async def _where(pool: asyncpg.Pool, words: str) -> str:
    file, toast = _FILE.search(words), _TOAST.search(words)
    if file is None and toast is None:
        return ""
    try:
        row = await pool.fetchrow(_NAME, int(file[1]) if file else None, toast[0] if toast else None)
    except asyncpg.PostgresError as error:
        return f" (its name cannot be read either: {error})"
    if row is None:
        return ""
    return f" (that is {row['name']}{', part of ' + row['part_of'] if row['part_of'] else ''})"
