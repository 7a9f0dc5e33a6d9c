"""Migrations: roles, then every schema's alembic branch to its head, then grants; all of it in one transaction.

The SQL of a schema is in the folder of its service (``shared.db.revisions``). Roles and grants are made every time:
they are idempotent, and a new view is readable at once.
"""

from collections.abc import AsyncIterator, Mapping
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
from shared.db.pool import READER
from shared.db.revisions import Revisions
from shared.errors import UserError
from shared.logging import get_logger
from shared.settings import PostgresSettings

log = get_logger(__name__)

_LOCK = 0x6E627573
"""Advisory lock key: two migrations at once wait for each other."""


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
        await _create_roles(admin.driver, settings, schemas)
        await admin.connection.run_sync(up)
        await _grant(admin.driver, schemas)
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


@asynccontextmanager
async def _admin(settings: PostgresSettings) -> AsyncIterator[Admin]:
    """The admin role's connection, in a transaction that ends with the context; other migrations wait meanwhile."""
    with translated(), admitted(settings.host, settings.port):
        driver = await asyncpg.connect(
            host=settings.host,
            port=settings.port,
            database=settings.database,
            user=settings.admin_role,
            password=settings.password_of(settings.admin_role),
            timeout=10,
        )

    async def ours() -> asyncpg.Connection:
        return driver

    # The transaction is asyncpg's: a script of several statements only runs there.
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=ours, poolclass=NullPool, isolation_level="AUTOCOMMIT"
    )
    try:
        with translated():
            async with engine.connect() as connection, driver.transaction():
                await driver.execute(f"SELECT pg_advisory_xact_lock({_LOCK})")
                yield Admin(driver, connection)
    finally:
        await engine.dispose()
        await driver.close()


def _run(connection: Connection, revision: str, text: str) -> None:
    """Run a revision's script, several statements at once, in the transaction of the connection."""
    driver = cast(AsyncAdapt_asyncpg_connection, connection.connection.dbapi_connection)
    try:
        with translated():
            driver.run_async(lambda ours: ours.execute(text))
    except asyncpg.PostgresError as error:
        raise UserError(f"the database is left as it was, since its change {revision} failed: {error}") from error


async def _create_roles(
    connection: asyncpg.Connection, settings: PostgresSettings, schemas: Mapping[str, Path]
) -> None:
    for role in (*schemas, READER):
        password = await connection.fetchval("SELECT quote_literal($1)", settings.password_of(role))
        exists = await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role)
        verb = "ALTER" if exists else "CREATE"
        await connection.execute(f"{verb} ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD {password}")
        database = await connection.fetchval("SELECT quote_ident(current_database())")
        await connection.execute(f"GRANT CONNECT ON DATABASE {database} TO {role}")
    for schema in schemas:
        await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        await connection.execute(f"ALTER ROLE {schema} IN DATABASE {database} SET search_path = {schema}")
    await connection.execute(f"GRANT {READER} TO {', '.join(schemas)}")
    await connection.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")


async def _grant(connection: asyncpg.Connection, schemas: Mapping[str, Path]) -> None:
    for schema in schemas:
        await connection.execute(
            f"""
            GRANT USAGE ON SCHEMA {schema} TO {schema}, {READER};
            GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {schema};
            GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {schema};
            """
        )
    views = await connection.fetch(
        "SELECT schemaname, viewname FROM pg_views WHERE schemaname = ANY($1)", list(schemas)
    )
    for view in views:
        await connection.execute(f'GRANT SELECT ON {view["schemaname"]}."{view["viewname"]}" TO {READER}')
