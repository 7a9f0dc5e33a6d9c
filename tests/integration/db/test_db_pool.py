"""The pool: what it does about a server process that does nothing."""

import asyncio
import os
import signal

import pytest

from shared.db import pool as pool_module
from shared.db.errors import translated
from shared.db.pool import connected, pool_of
from shared.errors import Unavailable
from shared.settings import PostgresSettings


@pytest.mark.skipif(
    os.environ.get("NIGHTBUS_TEST_STACK") == "containers", reason="the processes of a container are not ours to stop"
)
async def test_a_server_process_that_is_stopped_is_given_up(
    database: PostgresSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call that nobody answers ends as an outage, to be tried again, and the next one is another process's."""
    monkeypatch.setattr(pool_module, "COMMAND_TIMEOUT_S", 1.0)
    async with pool_of(database, "stats") as pool, asyncio.timeout(60):
        stopped = await pool.fetchval("SELECT pg_backend_pid()")
        os.kill(stopped, signal.SIGSTOP)
        try:
            with pytest.raises(Unavailable, match="the database does not answer"), translated():
                await pool.fetchval("SELECT 1")
            assert await pool.fetchval("SELECT pg_backend_pid()") != stopped
        finally:
            os.kill(stopped, signal.SIGCONT)


async def test_short_statements_share_a_connection_and_wait_for_no_long_one(
    database: PostgresSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is done in a moment opens no connection beside the one that is there; beside a long statement it does."""
    async with pool_of(database, "stats") as pool, asyncio.timeout(60):

        async def look() -> None:
            async with connected(pool) as connection:
                await connection.fetchval("SELECT 1")

        with monkeypatch.context() as patient:  # however slow this machine is
            patient.setattr(pool_module, "OPENING_S", 30.0)
            await asyncio.gather(*(look() for _ in range(6)))
        assert pool.get_size() == 1
        async with connected(pool) as connection:
            await connection.fetchval("SELECT 1")
            await look()
            assert pool.get_size() == 2
