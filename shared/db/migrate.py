"""Migrations: roles, then every schema's alembic branch to its head, then grants; all of it in one transaction.

The SQL of a schema is in the folder of its service (``shared.db.schemas``). Roles and grants are made every time: they
are idempotent, and a new view is readable at once. Alembic is loaded where there are steps to go (``shared.db.steps``):
it takes half a second and 22 MB, and at most starts there are none.
"""

import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from shared.db.errors import admitted, translated
from shared.db.obstacles import end_readers_in_the_way
from shared.db.rights import grant, make_roles, set_password
from shared.db.schemas import VERSION_SCHEMA, heads
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


async def migrate(settings: PostgresSettings, schemas: Mapping[str, Path], target: str = "heads") -> None:
    """Create roles, bring every schema to ``target`` and grant. Each schema is a role and an alembic branch as well.

    ``schemas`` has the folder of SQL files of each. What fails leaves the database as it was.

    Raises:
        Unavailable: the server does not answer.
        UserError: it refuses the admin role, a newer Nightbus made the database, or a change failed.
    """
    async with _locked(settings) as connection:
        await make_roles(connection, settings, schemas)
        at = {row["version_num"] for row in await connection.fetch(f"SELECT version_num FROM {_VERSIONS}")}
        if target != "heads" or at != heads(schemas):
            from shared.db import steps

            await steps.up(connection, schemas, target)
        await grant(connection, schemas)
    log.info("database migrated", schemas=tuple(schemas))


async def downgrade(settings: PostgresSettings, schemas: Mapping[str, Path], target: str) -> None:
    """Take a branch back, for example ``stats@base``; used by tests and by hand.

    Raises:
        Unavailable, UserError: as for ``migrate``.
    """
    from shared.db import steps

    async with _locked(settings) as connection:
        await steps.down(connection, schemas, target)


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
async def _locked(settings: PostgresSettings) -> AsyncIterator[asyncpg.Connection]:
    """The admin role's connection, in a transaction that ends with the context; other migrations wait meanwhile."""
    async with admin_connection(settings) as connection, admin_connection(settings) as watcher:
        with translated(), _allowed(settings):
            with contextlib.suppress(asyncpg.UniqueViolationError):  # another migration has made it just now
                await connection.execute(_MAKE_VERSIONS)
            clearing = end_readers_in_the_way(watcher, connection.get_server_pid())
            async with beside(clearing, name="readers in the way of a migration"), connection.transaction():
                await connection.execute(_LOCK)
                yield connection


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
