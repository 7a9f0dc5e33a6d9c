"""Migrations: roles, then every schema's alembic branch to its head, then grants; all of it in one transaction.

The SQL of a schema is in the folder of its service (``shared.db.revisions``). Roles and grants are made every time:
they are idempotent, and a new view is readable at once.
"""

import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import asyncpg
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_connection
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from shared.db.errors import admitted, translated
from shared.db.obstacles import end_readers_in_the_way
from shared.db.revisions import VERSION_SCHEMA, Revisions
from shared.db.rights import grant, make_roles, set_password
from shared.errors import UserError
from shared.logging import get_logger
from shared.settings import PostgresSettings
from shared.tasks import beside

log = get_logger(__name__)

_VERSIONS = f"{VERSION_SCHEMA}.alembic_version"
_MAKE_VERSIONS = f"""
CREATE TABLE IF NOT EXISTS {_VERSIONS}
(version_num varchar(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))
"""
"""The table that alembic would make, so that it is there to be locked."""
_LOCK = f"LOCK TABLE {_VERSIONS} IN SHARE ROW EXCLUSIVE MODE"
"""Two migrations at once wait for each other. No role but the admin's has any right to this table, so no other can hold
it, as an advisory lock could be held by whoever may call a function; a backup, which only reads it, is no obstacle."""


@dataclass(frozen=True, slots=True)
class Admin:
    """One connection of the admin role in a transaction, as asyncpg's and as SQLAlchemy's, which alembic needs."""

    driver: asyncpg.Connection
    connection: AsyncConnection


async def migrate(settings: PostgresSettings, schemas: Mapping[str, Path], target: str = "heads") -> None:
    """Create roles, bring every schema to ``target`` and grant. Each schema is a role and an alembic branch as well.

    ``schemas`` has the folder of SQL files of each. What fails leaves the database as it was.

    Raises:
        Unavailable: the server does not answer.
        UserError: it refuses the admin role, a newer Nightbus made the database, or a change failed.
    """
    revisions = Revisions(schemas)

    def up(connection: Connection) -> None:
        if unknown := revisions.unknown(connection):
            names = f"{', '.join(unknown)} {'is' if len(unknown) == 1 else 'are'} not known here"
            raise UserError(
                f"the database was made by a newer Nightbus ({names}): "
                "run that version, or restore a backup of the database that is as old as this one"
            )
        revisions.upgrade(connection, target, lambda revision, text: _run(connection, revision, text))

    async with _admin(settings) as admin:
        await make_roles(admin.driver, settings, schemas)
        await admin.connection.run_sync(up)
        await grant(admin.driver, schemas)
    log.info("database migrated", schemas=tuple(schemas))


async def downgrade(settings: PostgresSettings, schemas: Mapping[str, Path], target: str) -> None:
    """Take a branch back, for example ``stats@base``; used by tests and by hand.

    Raises:
        Unavailable, UserError: as for ``migrate``.
    """
    revisions = Revisions(schemas)

    def down(connection: Connection) -> None:
        revisions.downgrade(connection, target, lambda revision, text: _run(connection, revision, text))

    async with _admin(settings) as admin:
        await admin.connection.run_sync(down)


async def set_passwords(settings: PostgresSettings, roles: Sequence[str]) -> None:
    """Give roles the passwords that the settings have for them now, as every migration does; sessions go on.

    Raises:
        Unavailable: the server does not answer.
        UserError: it refuses the admin role, or a role has no password.
    """
    async with admin_connection(settings) as connection:
        for role in roles:
            with translated():
                await set_password(connection, role, settings.password_of(role))


@asynccontextmanager
async def _admin(settings: PostgresSettings) -> AsyncIterator[Admin]:
    """The admin role's connection, in a transaction that ends with the context; other migrations wait meanwhile."""
    async with admin_connection(settings) as driver, admin_connection(settings) as watcher:

        async def ours() -> asyncpg.Connection:
            return driver

        # The transaction is asyncpg's: a script of several statements only runs there.
        engine = create_async_engine(
            "postgresql+asyncpg://", async_creator=ours, poolclass=NullPool, isolation_level="AUTOCOMMIT"
        )
        try:
            with translated(), _allowed(settings):
                with contextlib.suppress(asyncpg.UniqueViolationError):  # another migration has made it just now
                    await driver.execute(_MAKE_VERSIONS)
                clearing = end_readers_in_the_way(watcher, driver.get_server_pid())
                async with (
                    beside(clearing, name="readers in the way of a migration"),
                    engine.connect() as connection,
                    driver.transaction(),
                ):
                    await driver.execute(_LOCK)
                    yield Admin(driver, connection)
        finally:
            await engine.dispose()


@asynccontextmanager
async def admin_connection(settings: PostgresSettings) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the admin role.

    Raises:
        Unavailable: the server does not answer.
        UserError: it refuses, does not encrypt though it must, or is not trusted.
    """
    with translated(), admitted(settings):
        connection = await asyncpg.connect(
            host=settings.host,
            port=settings.port,
            database=settings.database,
            user=settings.admin_role,
            password=settings.password_of(settings.admin_role),
            ssl=settings.tls(),
            timeout=10,
        )
    try:
        yield connection
    finally:
        await connection.close()


@contextlib.contextmanager
def _allowed(settings: PostgresSettings) -> Iterator[None]:
    try:
        yield
    except asyncpg.InsufficientPrivilegeError as error:
        raise UserError(
            f"the role {settings.admin_role} may not prepare the database {settings.database}: {error}; "
            "it has to own the database and to have CREATEROLE"
        ) from error


def _run(connection: Connection, revision: str, text: str) -> None:
    """Run a revision's script, several statements at once, in the transaction of the connection."""
    driver = cast(AsyncAdapt_asyncpg_connection, connection.connection.dbapi_connection)
    try:
        with translated():
            driver.run_async(lambda ours: ours.execute(text))
    except asyncpg.PostgresError as error:
        raise UserError(f"the database is left as it was, since its change {revision} failed: {error}") from error
