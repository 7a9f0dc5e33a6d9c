"""Each role that reads, against everything that a reader could do to the others."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
import structlog

from services.descriptions import SCHEMAS
from shared.db import obstacles
from shared.db.migrate import migrate
from shared.db.pool import pool_of
from shared.db.roles import (
    DUMPING,
    IDLE_IN_TRANSACTION,
    IDLE_SESSION,
    OTHERS,
    PEOPLE,
    READERS,
    READING_ROLES,
    ReadingRole,
)
from shared.settings import PostgresSettings
from tests.integration.db.catalogue import relations
from tests.integration.db.test_db_refusals import changed
from tests.stack import connected_as

DENIED = (
    "INSERT INTO api.dead_letters (service) VALUES ('s')",
    "INSERT INTO stats.pending (file_id, scan_revision, source, waiting_since) VALUES ('f', 1, 's', now())",
    "UPDATE api.dead_letters SET state = 'dropped'",
    "DELETE FROM stats.quarantined",
    "CREATE TEMP TABLE mine (id integer)",
    "CREATE TABLE public.mine (id integer)",
    "SELECT 1 AS id INTO TEMP mine",
    "SELECT lo_create(0)",
    "SELECT lo_from_bytea(0, 'much')",
    "SELECT pg_advisory_lock(1)",
    "SELECT pg_advisory_xact_lock(1)",
    "SELECT pg_advisory_lock_shared(1, 1)",
    "SELECT pg_try_advisory_lock(1)",
    "SELECT pg_try_advisory_xact_lock_shared(1)",
    "SELECT pg_logical_emit_message(false, 'x', 'much')",
    "LOCK TABLE stats.frame IN ACCESS SHARE MODE",
    "LOCK TABLE stats.frame IN ACCESS EXCLUSIVE MODE",
    "LOCK TABLE stats.files IN ACCESS EXCLUSIVE MODE",
    "LOCK TABLE public.alembic_version IN ACCESS SHARE MODE",
    "SELECT * FROM public.alembic_version FOR UPDATE",
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "COPY (SELECT 1) TO '/tmp/mine'",
    "SELECT pg_read_file('postgresql.conf')",
    "SET temp_file_limit = -1",
    "SET ROLE stats",
    "ALTER ROLE reader CONNECTION LIMIT -1",
)


@pytest.fixture
async def database(database: PostgresSettings) -> PostgresSettings:
    """A database whose own rights are made: a copy of another has none of those that belong to the database itself."""
    await migrate(database, SCHEMAS)
    return database


@asynccontextmanager
async def admin(settings: PostgresSettings) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the admin role."""
    async with connected_as(settings, settings.admin_role) as connection:
        yield connection


@pytest.mark.parametrize("role", READERS)
async def test_a_reader_changes_locks_and_stores_nothing(database: PostgresSettings, role: str) -> None:
    """Writing, temporary tables, large objects, locks that others wait for, and files of the server are all refused."""
    async with connected_as(database, role) as connection:
        for statement in DENIED:
            transaction = connection.transaction()
            await transaction.start()
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
                pytest.fail(f"{role} may: {statement}")
            await transaction.rollback()


async def test_the_dumping_role_reads_all_and_changes_nothing(database: PostgresSettings) -> None:
    """The role of dumps reads every table without a limit of time, and writes, makes and locks nothing."""
    async with connected_as(database, DUMPING) as connection, admin(database) as owner:
        assert await connection.fetchval("SHOW statement_timeout") == "0"
        tables = await relations(owner, "r")
        for schema, table in (*tables, ("public", "alembic_version")):
            await connection.fetch(f"SELECT * FROM {schema}.{table} LIMIT 1")
        await connection.execute("SET default_transaction_read_only = off")
        locks = [statement for statement in DENIED if "IN ACCESS SHARE MODE" not in statement]
        writes = [f"DELETE FROM {schema}.{table}" for schema, table in tables]
        writes += [f"TRUNCATE {schema}.{table}" for schema, table in tables]
        for statement in (*locks, *writes):
            transaction = connection.transaction()
            await transaction.start()
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
                pytest.fail(f"{DUMPING} may: {statement}")
            await transaction.rollback()


@pytest.mark.parametrize("role", SCHEMAS)
async def test_a_service_takes_advisory_locks(database: PostgresSettings, role: str) -> None:
    """What is taken from readers is left to services: their writers wait for each other by an advisory lock."""
    async with connected_as(database, role) as connection, connection.transaction():
        assert await connection.fetchval("SELECT pg_try_advisory_xact_lock(1)") is True
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("CREATE TEMP TABLE mine (id integer)")


@pytest.mark.parametrize("role", READING_ROLES, ids=lambda role: role.name)
async def test_a_reader_begins_with_limits(database: PostgresSettings, role: ReadingRole) -> None:
    """Every session of a reader has limits of time and of temporary files without asking for them."""
    async with connected_as(database, role.name) as connection:
        for name, value in {
            "statement_timeout": role.statement_timeout,
            "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION,
            "idle_session_timeout": IDLE_SESSION,
            "temp_file_limit": role.temp_file_limit,
        }.items():
            assert await connection.fetchval(f"SHOW {name}") == value


@pytest.mark.parametrize("role", READERS)
async def test_a_reader_is_stopped_at_its_limits(database: PostgresSettings, role: str) -> None:
    """A query that sleeps, or sorts more than it may on disk, and a transaction left open end at the role's limits."""
    async with admin(database) as connection:
        for name, value in {
            "statement_timeout": "300ms",
            "idle_in_transaction_session_timeout": "300ms",
            "temp_file_limit": "1MB",
        }.items():
            await connection.execute(f"ALTER ROLE {role} IN DATABASE {database.database} SET {name} = '{value}'")
    async with connected_as(database, role) as connection:
        with pytest.raises(asyncpg.QueryCanceledError, match="statement timeout"):
            await connection.execute("SELECT pg_sleep(60)")
        await connection.execute("SET work_mem = '64kB'")
        await connection.execute("SET statement_timeout = 0")
        with pytest.raises(asyncpg.ConfigurationLimitExceededError, match="temp_file_limit"):
            await connection.fetchval("SELECT count(*) FROM (SELECT i FROM generate_series(1, 500000) i ORDER BY -i) s")
        await connection.execute("BEGIN")
        async with asyncio.timeout(20):
            while not connection.is_closed():
                await asyncio.sleep(0.05)


async def test_readers_leave_room_for_the_services(database: PostgresSettings) -> None:
    """With every reader at its last connection the next one is refused, and each service still fills its pool."""
    async with AsyncExitStack() as stack:
        for role in READING_ROLES:
            for _ in range(role.connections):
                await stack.enter_async_context(connected_as(database, role.name))
            with pytest.raises(asyncpg.TooManyConnectionsError, match="too many connections for role"):
                await stack.enter_async_context(connected_as(database, role.name))
        for service in SCHEMAS:
            pool = await stack.enter_async_context(pool_of(database, service))
            for _ in range(database.pool_size):
                connection = await stack.enter_async_context(pool.acquire())
                assert await connection.fetchval("SELECT 1") == 1
        await migrate(database, SCHEMAS)


async def test_reserved_connections_are_for_services(database: PostgresSettings) -> None:
    """Where PostgreSQL keeps connections aside (16 and newer), services may use them and readers may not."""
    async with admin(database) as connection:
        if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = 'pg_use_reserved_connections'"):
            pytest.skip("this PostgreSQL keeps no connections aside")
        for role in (*SCHEMAS, *OTHERS):
            member = "SELECT pg_has_role($1, 'pg_use_reserved_connections', 'USAGE')"
            assert await connection.fetchval(member, role) is (role in SCHEMAS)


async def test_readers_do_not_hold_a_migration_up(
    database: PostgresSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader that leaves a transaction open on every view, without limits of time, is ended when a table changes."""
    monkeypatch.setattr(obstacles, "PATIENCE_S", 0.0)
    monkeypatch.setattr(obstacles, "_LOOK_S", 0.05)
    schemas, _ = changed(
        tmp_path, "ALTER TABLE stats.frame ADD COLUMN extra text;\nCOMMENT ON COLUMN stats.frame.extra IS 'x';\n"
    )
    async with connected_as(database, PEOPLE.name) as reader, admin(database) as connection:
        for name in ("statement_timeout", "idle_in_transaction_session_timeout", "idle_session_timeout"):
            await reader.execute(f"SET {name} = 0")
        await reader.execute("BEGIN")
        for schema, view in await relations(connection, "v"):
            await reader.execute(f"LOCK TABLE {schema}.{view} IN ACCESS SHARE MODE")
            await reader.fetch(f"SELECT * FROM {schema}.{view} LIMIT 1")
        await migrate(database, SCHEMAS)
        assert await reader.fetchval("SELECT 1") == 1, "nothing of a table changed, so nobody was in the way"
        with structlog.testing.capture_logs() as logs:
            async with asyncio.timeout(60):
                await migrate(database, schemas)
        assert [entry["role"] for entry in logs if entry["log_level"] == "warning"] == [PEOPLE.name]
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
            await reader.fetchval("SELECT 1")
        assert await connection.fetchval("SELECT count(extra) FROM stats.frame") == 0


async def test_an_admin_that_is_no_superuser_does_what_it_may(database: PostgresSettings) -> None:
    """On a server of others the owner of the database migrates it, twice, and says what readers keep."""
    owner, owned = "plain_owner", f"{database.database}_owned"
    roles = ", ".join((*SCHEMAS, *OTHERS))
    async with admin(database) as connection:
        await connection.execute(f"CREATE ROLE {owner} LOGIN CREATEROLE PASSWORD 'plain'")
        await connection.execute(f"GRANT {roles} TO {owner} WITH ADMIN OPTION")
        await connection.execute(f"CREATE DATABASE {owned} OWNER {owner} TEMPLATE template0")
        try:
            passwords = {role: database.password_of(role) for role in (*SCHEMAS, *OTHERS)}
            settings = _Plain(
                host=database.host, port=database.port, database=owned, admin_role=owner, passwords=passwords
            )
            for _ in range(2):
                with structlog.testing.capture_logs() as logs:
                    await migrate(settings, SCHEMAS)
                left = [entry["left"] for entry in logs if entry["log_level"] == "warning"]
                assert left == [["advisory locks", "large objects", "temporary files of any size"]]
            async with connected_as(settings, DUMPING) as dumping:
                for schema, table in await relations(connection, "r"):
                    await dumping.fetch(f"SELECT * FROM {schema}.{table} LIMIT 1")
            async with connected_as(settings, PEOPLE.name) as reader:
                assert await reader.fetchval("SELECT files FROM stats.counts") == 0
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await reader.execute("CREATE TEMP TABLE mine (id integer)")
        finally:
            await connection.execute(f"DROP DATABASE IF EXISTS {owned}")
            await connection.execute(f"REVOKE {roles} FROM {owner} CASCADE")
            await connection.execute(f"DROP ROLE {owner}")


class _Plain(PostgresSettings):
    """Settings with passwords of their own."""

    passwords: dict[str, str]

    def password_of(self, role: str) -> str:
        """The owner's password is plain."""
        return self.passwords.get(role, "plain")


async def test_no_role_has_its_statements_compiled(database: PostgresSettings) -> None:
    """On a server that compiles statements by default no session of ours does: it takes seconds for each."""
    async with connected_as(database, database.admin_role) as connection:
        found = await connection.fetch(
            "SELECT rolname FROM pg_db_role_setting JOIN pg_roles r ON r.oid = setrole"
            " WHERE setdatabase = 0 AND 'jit=off' = ANY(setconfig)"
        )
    assert {row["rolname"] for row in found} >= {*SCHEMAS, *OTHERS}
