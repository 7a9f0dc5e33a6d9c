"""Migrations: roles, then every schema's alembic branch to its head, then grants.

Each branch is a chain of small files in ``versions/``, whose SQL is plain text in
``sql/<schema>/<name>.{up,down}.sql``. Grants run after all heads, every time: they are idempotent, and a new view is
readable at once.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import asyncpg
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import create_async_engine

from shared.db.errors import admitted, translated
from shared.db.pool import READER
from shared.logging import get_logger
from shared.settings import PostgresSettings

log = get_logger(__name__)

HERE = Path(__file__).parent
_LOCK = 0x6E627573
"""Advisory lock key: two migrations at once wait for each other."""


async def migrate(settings: PostgresSettings, schemas: Sequence[str], target: str = "heads") -> None:
    """Create roles, bring every schema to ``target`` and grant. Each schema is a role and an alembic branch as well.

    Raises:
        Unavailable: the server does not answer.
        UserError: it refuses the admin role.
    """
    await _create_roles(settings, schemas)
    await run_alembic(settings, lambda config: command.upgrade(config, target))
    await _grant(settings, schemas)
    log.info("database migrated", schemas=schemas)


async def downgrade(settings: PostgresSettings, target: str) -> None:
    """Take a branch back, for example ``stats@base``; used by tests and by hand."""
    await run_alembic(settings, lambda config: command.downgrade(config, target))


async def run_alembic(settings: PostgresSettings, action: Callable[[Config], None]) -> None:
    """Run an alembic command on one connection of the admin role."""
    engine = create_async_engine(
        URL.create(
            "postgresql+asyncpg",
            username=settings.admin_role,
            password=settings.password_of(settings.admin_role),
            host=settings.host,
            port=settings.port,
            database=settings.database,
        )
    )

    def locked(connection: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", str(HERE))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
        action(config)

    try:
        with translated():
            async with engine.begin() as connection:
                await connection.run_sync(locked)
    finally:
        await engine.dispose()


async def _admin(settings: PostgresSettings) -> asyncpg.Connection:
    with translated(), admitted(settings.host, settings.port):
        return await asyncpg.connect(
            host=settings.host,
            port=settings.port,
            database=settings.database,
            user=settings.admin_role,
            password=settings.password_of(settings.admin_role),
            timeout=10,
        )


async def _create_roles(settings: PostgresSettings, schemas: Sequence[str]) -> None:
    connection = await _admin(settings)
    try:
        async with connection.transaction():
            await connection.execute(f"SELECT pg_advisory_xact_lock({_LOCK})")
            for role in (*schemas, READER):
                password = await connection.fetchval("SELECT quote_literal($1)", settings.password_of(role))
                exists = await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role)
                verb = "ALTER" if exists else "CREATE"
                await connection.execute(
                    f"{verb} ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD {password}"
                )
                database = await connection.fetchval("SELECT quote_ident(current_database())")
                await connection.execute(f"GRANT CONNECT ON DATABASE {database} TO {role}")
            for schema in schemas:
                await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
                await connection.execute(f"ALTER ROLE {schema} IN DATABASE {database} SET search_path = {schema}")
            await connection.execute(f"GRANT {READER} TO {', '.join(schemas)}")
            await connection.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    finally:
        await connection.close()


async def _grant(settings: PostgresSettings, schemas: Sequence[str]) -> None:
    connection = await _admin(settings)
    try:
        async with connection.transaction():
            await connection.execute(f"SELECT pg_advisory_xact_lock({_LOCK})")
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
    finally:
        await connection.close()
