"""The lock of those who write what is matched, and what a value is called that the database cannot hold."""

import contextlib
from collections.abc import Iterator

import asyncpg

from shared.bus.transaction import Connection
from shared.errors import Permanent

LOCK_KEY = 0x6E626361
"""Advisory lock of every transaction that writes frames, lights, needs or what answers follow from: no answer is made
of half of a change, none of them can be in a deadlock, and a mark that something is to be answered is never lost."""
_LOCK = "SELECT set_config('enable_seqscan', 'off', true), pg_advisory_xact_lock($1)"
"""Statements are prepared while tables may be empty and used when they are large: only index scans stay right."""


@contextlib.contextmanager
def data_errors() -> Iterator[None]:
    """Turn a value that the database cannot hold into Permanent: trying again does not help."""
    try:
        yield
    except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, OverflowError, ValueError) as error:
        raise Permanent(f"the database refuses a value: {error}") from error


async def lock(connection: Connection) -> None:
    """Wait for the writers' lock; held until the transaction ends."""
    await connection.execute(_LOCK, LOCK_KEY)
