"""The total of a table: right at every moment, whoever writes at the same time, and whatever is rolled back."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from shared.db import total
from shared.db.pool import connected, pool_of
from shared.settings import PostgresSettings

ADD = """
INSERT INTO file (file_id, size_bytes, source, origin)
SELECT $1 || '-' || n, 10, 'a', 'b' FROM generate_series(1, $2::int) n ON CONFLICT DO NOTHING
"""
COUNTS = "SELECT files, size_bytes FROM counts"
ROWS = "SELECT count(*), coalesce(sum(size_bytes), 0)::bigint FROM file"


@pytest.fixture
async def pool(database: PostgresSettings) -> AsyncIterator[asyncpg.Pool]:
    """Connections of ingest."""
    async with pool_of(database, "ingest") as pool:
        yield pool


async def _row(connection: Any, query: str) -> tuple[int, ...]:
    (found,) = await connection.fetch(query)
    return tuple(found)


async def _mend(pool: asyncpg.Pool) -> None:
    async with connected(pool) as connection:
        await total.mend(connection, "file")


async def test_writers_wait_for_nobody(pool: asyncpg.Pool) -> None:
    """Two transactions change the table at once, each ends when it likes, and the sum is right at each step."""
    async with pool.acquire() as one, pool.acquire() as other:
        first, second = one.transaction(), other.transaction()
        await first.start()
        await second.start()
        await one.execute(ADD, "one", 3)
        await asyncio.wait_for(other.execute(ADD, "other", 4), 5)
        assert await _row(pool, COUNTS) == (0, 0)
        await second.commit()
        assert await _row(pool, COUNTS) == (4, 40)
        await one.execute("DELETE FROM file WHERE file_id = 'other-1'")
        await first.commit()
    assert await _row(pool, COUNTS) == (6, 60)
    await pool.execute(ADD, "one", 3)
    assert await _row(pool, COUNTS) == (6, 60)
    assert await pool.fetchval("SELECT count(*) FROM file_total") <= 2


async def test_many_writers_leave_one_row_and_the_right_sum(pool: asyncpg.Pool) -> None:
    """Beside writers of which some roll back, every look sees rows and total agree; afterwards the total is short."""

    async def write(number: int) -> None:
        for turn in range(20):
            async with pool.acquire() as connection:
                transaction = connection.transaction()
                await transaction.start()
                await connection.execute(ADD, f"{number}-{turn}", 5)
                await connection.execute("DELETE FROM file WHERE file_id = $1", f"{number}-{turn}-1")
                await (transaction.rollback() if turn % 4 == 3 else transaction.commit())

    writers = asyncio.gather(*(write(number) for number in range(4)))
    while not writers.done():
        async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
            assert await _row(connection, COUNTS) == await _row(connection, ROWS)
        await asyncio.sleep(0)
    await writers
    assert await _row(pool, COUNTS) == (240, 2400)
    await pool.execute(ADD, "last", 1)
    assert await pool.fetchval("SELECT count(*) FROM file_total") == 1


async def test_a_wrong_total_is_put_right(pool: asyncpg.Pool) -> None:
    """Where rows and total disagree, the difference is added; where they agree, nothing is written."""
    await pool.execute(ADD, "one", 3)
    for verb in ("UPDATE file_total SET files = 99", "UPDATE file_total SET size_bytes = 1", "DELETE FROM file_total"):
        await pool.execute(verb)
        assert await _row(pool, COUNTS) != (3, 30)
        await _mend(pool)
        assert await _row(pool, COUNTS) == (3, 30), verb
    rows = await pool.fetchval("SELECT count(*) FROM file_total")
    await _mend(pool)
    assert await pool.fetchval("SELECT count(*) FROM file_total") == rows
