"""The lock of those who write to the schema, and what a value is called that the database cannot hold."""

import contextlib
from collections.abc import Iterator

import asyncpg

from shared.bus.transaction import Connection
from shared.errors import Permanent

LOCK_KEY = 0x6E627374
"""Advisory lock of every transaction that writes to the schema: subjects and replicas never interleave, and no two of
them can be in a deadlock."""
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
    """Wait for the schema's writers' lock; held until the transaction ends."""
    await connection.execute(_LOCK, LOCK_KEY)
