"""Connection pools: one per service, as the service's own role."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

import asyncpg

from shared.db.damage import lately
from shared.db.errors import admitted, translated
from shared.errors import Unavailable, UserError
from shared.retry import patiently
from shared.settings import PostgresSettings

STATEMENT_TIMEOUT_S = 120
"""What the server allows a statement."""
COMMAND_TIMEOUT_S = STATEMENT_TIMEOUT_S + 30.0
"""What we wait for: a server process that is stopped obeys no limit of its own."""

IDLE_CONNECTION_S = 30.0
"""A connection that nobody used for so long is closed: each is a process of the server, of 5 to 7 MB."""
OPENING_S = 0.1
"""For so long a statement waits at most for a connection that another is done with, before one more is opened."""
_LOOK_S = 0.002


async def open_pool(settings: PostgresSettings, role: str, *, unhurried: bool = False) -> asyncpg.Pool:
    """A pool of connections as ``role``.

    The password is read anew for each connection, so that one that is changed while we run opens the next.
    ``unhurried``: for the few transactions that take their time and set ``statement_timeout`` themselves.

    Raises:
        Unavailable: the server does not answer.
        UserError: it does, and refuses, does not encrypt though it must, or is not trusted; or there is no password.
    """
    settings.password_of(role)  # where there is none, that is said at once
    with translated(), admitted(settings):
        return await asyncpg.create_pool(
            host=settings.host,
            port=settings.port,
            database=settings.database,
            user=role,
            password=partial(_password_now, settings, role),
            ssl=settings.tls(),
            min_size=1,
            max_size=1 if unhurried else settings.pool_size,
            max_inactive_connection_lifetime=IDLE_CONNECTION_S,
            timeout=10,
            command_timeout=None if unhurried else COMMAND_TIMEOUT_S,
            server_settings={"application_name": f"nightbus-{role}", "statement_timeout": f"{STATEMENT_TIMEOUT_S}s"},
        )


def _password_now(settings: PostgresSettings, role: str) -> str:
    """The password for a new connection of a pool; a file that is away while it is replaced is waited for."""
    try:
        return settings.password_of(role)
    except UserError as error:
        raise Unavailable(str(error)) from error


@contextlib.asynccontextmanager
async def pool_of(settings: PostgresSettings, role: str, *, unhurried: bool = False) -> AsyncIterator[asyncpg.Pool]:
    """A pool that waits for a server that is not there yet and closes with the context; see ``open_pool``."""
    pool = await patiently(lambda: open_pool(settings, role, unhurried=unhurried))
    try:
        yield pool
    finally:
        await pool.close()


@contextlib.asynccontextmanager
async def connected(pool: asyncpg.Pool) -> AsyncIterator[asyncpg.pool.PoolConnectionProxy]:
    """A connection for statements that stand alone.

    Raises:
        Unavailable: the server does not answer, or went away within the block.
    """
    with translated():
        await _another_is_done(pool)
        async with pool.acquire() as connection:
            yield connection


async def _another_is_done(pool: asyncpg.Pool) -> None:
    """Wait a little for a connection to become idle, where there are some and more could be opened.

    A service at rest does a handful of things each second, in milliseconds. Without this they would keep as many
    connections as ever met in half a minute.
    """
    loop = asyncio.get_running_loop()
    until_s = loop.time() + OPENING_S
    while (  # noqa: ASYNC110 - asyncpg sets no event when a connection comes back
        0 < pool.get_size() < pool.get_max_size() and not pool.get_idle_size() and loop.time() < until_s
    ):
        await asyncio.sleep(_LOOK_S)


@contextlib.asynccontextmanager
async def transaction(pool: asyncpg.Pool) -> AsyncIterator[asyncpg.pool.PoolConnectionProxy]:
    """A connection in a transaction, which is rolled back where the block raises.

    Raises:
        Unavailable: the server does not answer, or went away within the block.
    """
    async with connected(pool) as connection, connection.transaction():
        yield connection


@contextlib.asynccontextmanager
async def snapshot(pool: asyncpg.Pool) -> AsyncIterator[asyncpg.pool.PoolConnectionProxy]:
    """A connection that reads everything as it was at one moment, and writes nothing.

    Raises:
        Unavailable: the server does not answer, or went away within the block.
    """
    async with connected(pool) as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        yield connection


def check_database(pool: asyncpg.Pool) -> Callable[[], Awaitable[None]]:
    """A readiness check that asks the database for a row, and tells of damage that was met lately."""

    async def check() -> None:
        await pool.fetchval("SELECT 1")
        if (words := await lately(pool)) is not None:
            raise Unavailable(words)

    return check
