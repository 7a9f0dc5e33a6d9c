"""The clock of this host against that of Postgres."""

import time
from typing import NamedTuple

import asyncpg

_NOW = "SELECT extract(epoch FROM clock_timestamp())::double precision"


class Clock(NamedTuple):
    """How far this host's clock is ahead of the server's, and how wrong that may be: half the round trip. Seconds."""

    offset_s: float
    within_s: float


async def clock_of(connection: "asyncpg.Connection | asyncpg.pool.PoolConnectionProxy") -> Clock:
    """Compare the clocks: the server is taken to have looked at its own in the middle of the round trip."""
    asked, began = time.time(), time.perf_counter()
    server: float = await connection.fetchval(_NOW)
    half_s = (time.perf_counter() - began) / 2
    return Clock(asked + half_s - server, half_s)
