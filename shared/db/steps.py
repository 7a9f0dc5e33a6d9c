"""The steps of alembic, up and down, on a connection of asyncpg that is in a transaction already."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import asyncpg
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_connection
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import StaticPool

from shared.db.errors import translated
from shared.db.revisions import Revisions
from shared.errors import UserError


async def up(driver: asyncpg.Connection, schemas: Mapping[str, Path], target: str) -> None:
    """Go up to ``target``, such as ``heads``.

    Raises:
        UserError: a newer Nightbus made the database, or a change failed.
    """
    revisions = Revisions(schemas)

    def go(connection: Connection) -> None:
        if unknown := revisions.unknown(connection):
            names = f"{', '.join(unknown)} {'is' if len(unknown) == 1 else 'are'} not known here"
            raise UserError(
                f"the database was made by a newer Nightbus ({names}): "
                "run that version, or restore a backup of the database that is as old as this one"
            )
        revisions.upgrade(connection, target, lambda revision, text: _run(connection, revision, text))

    async with _for_alembic(driver) as connection:
        await connection.run_sync(go)


async def down(driver: asyncpg.Connection, schemas: Mapping[str, Path], target: str) -> None:
    """Go down to ``target``, such as ``stats@base``.

    Raises:
        UserError: a change failed.
    """
    revisions = Revisions(schemas)

    def go(connection: Connection) -> None:
        revisions.downgrade(connection, target, lambda revision, text: _run(connection, revision, text))

    async with _for_alembic(driver) as connection:
        await connection.run_sync(go)


@asynccontextmanager
async def _for_alembic(driver: asyncpg.Connection) -> AsyncIterator[AsyncConnection]:
    """SQLAlchemy's view of the connection, which alembic needs. It and its transaction stay the caller's."""

    async def ours() -> asyncpg.Connection:
        return driver

    # The transaction is asyncpg's: a script of several statements only runs there.
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=ours, poolclass=StaticPool, isolation_level="AUTOCOMMIT"
    )
    try:
        async with engine.connect() as connection:
            yield connection
    finally:
        await engine.dispose(close=False)


def _run(connection: Connection, revision: str, text: str) -> None:
    """Run a revision's script, several statements at once, in the transaction of the connection."""
    driver = cast(AsyncAdapt_asyncpg_connection, connection.connection.dbapi_connection)
    try:
        with translated():
            driver.run_async(lambda ours: ours.execute(text))
    except asyncpg.PostgresError as error:
        raise UserError(f"the database is left as it was, since its change {revision} failed: {error}") from error
