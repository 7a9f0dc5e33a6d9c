"""Migrations on the real database: they go up, down and up again, and leave comments and grants as promised."""

import asyncio

import asyncpg
import pytest
from pydantic import SecretStr

from services.descriptions import SCHEMAS
from shared.db.migrate import downgrade, migrate
from shared.db.pool import open_pool
from shared.db.roles import OTHERS, READERS
from shared.errors import UserError
from shared.settings import PostgresSettings
from tests.contract import words
from tests.integration.db.catalogue import relations, snapshot
from tests.stack import connected_as

TABLES, VIEWS = "rp", "vm"
WRITES = ("INSERT", "UPDATE", "DELETE", "TRUNCATE")
_UNCOMMENTED = """
SELECT n.nspname || '.' || c.relname || coalesce('.' || a.attname, '') AS place
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (
    SELECT NULL::name AS attname, 0 AS attnum
    UNION ALL
    SELECT attname, attnum FROM pg_attribute
    WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped AND c.relkind IN ('r', 'p')
) a
WHERE n.nspname = ANY($1) AND c.relkind IN ('r', 'p', 'v', 'm')
  AND coalesce(CASE a.attnum WHEN 0 THEN obj_description(c.oid, 'pg_class') ELSE col_description(c.oid, a.attnum) END,
               '') = ''
ORDER BY 1
"""
_SPOKEN = """
SELECT n.nspname || '.' || c.relname AS place, string_agg(a.attname, ' ' ORDER BY a.attnum) AS columns,
       concat_ws(' ', obj_description(c.oid, 'pg_class'),
                 string_agg(col_description(c.oid, a.attnum), ' ' ORDER BY a.attnum)) AS comments
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE n.nspname = ANY($1) AND c.relkind IN ('r', 'p', 'v', 'm')
GROUP BY c.oid, n.nspname, c.relname ORDER BY 1
"""
_FOREIGN_KEYS = """
SELECT k.conrelid::regclass::text AS place FROM pg_constraint k
JOIN pg_class a ON a.oid = k.conrelid JOIN pg_class b ON b.oid = k.confrelid
WHERE k.contype = 'f' AND a.relnamespace <> b.relnamespace
"""


async def test_everything_has_a_comment(database: PostgresSettings) -> None:
    """Every table, every column of a table and every view says what it is; views say that they are the contract."""
    async with connected_as(database, database.admin_role) as connection:
        rows = await connection.fetch(_UNCOMMENTED, list(SCHEMAS))
        assert [row["place"] for row in rows] == []
        for schema, view in await relations(connection, VIEWS):
            comment = await connection.fetchval("SELECT obj_description($1::text::regclass)", f"{schema}.{view}")
            assert comment.startswith("Contract"), f"{schema}.{view}"


async def test_tables_and_views_use_no_avoided_word(database: PostgresSettings) -> None:
    """Names, columns and comments have none of the words that docs/glossary.md avoids, and a verdict is review's."""
    async with connected_as(database, database.admin_role) as connection:
        rows = await connection.fetch(_SPOKEN, list(SCHEMAS))
    assert len(rows) > 40
    for row in rows:
        spoken = " ".join(row.values())
        assert words.used(spoken) == [], row["place"]
        assert "verdict" not in spoken.lower() or row["place"].startswith("review."), row["place"]


async def test_schemas_hold_no_foreign_keys_to_each_other(database: PostgresSettings) -> None:
    """What belongs to two services is joined by events and views, never by a foreign key."""
    async with connected_as(database, database.admin_role) as connection:
        assert await connection.fetch(_FOREIGN_KEYS) == []


@pytest.mark.parametrize("schema", SCHEMAS)
async def test_a_branch_goes_down_and_up_again(database: PostgresSettings, schema: str) -> None:
    """Down leaves nothing of the branch and everything of the others; up again gives the same schema and grants."""
    others = tuple(name for name in SCHEMAS if name != schema)
    async with connected_as(database, database.admin_role) as connection:
        whole, kept = await snapshot(connection), await snapshot(connection, others)
        assert any(line.startswith(f"column {schema}.") for line in whole)

        await downgrade(database, SCHEMAS, f"{schema}@base")
        assert [line for line in await snapshot(connection, (schema,)) if not line.startswith("schema ")] == []
        assert await snapshot(connection, others) == kept

        await migrate(database, SCHEMAS)
        assert await snapshot(connection) == whole


async def test_all_branches_go_down_and_up_again(database: PostgresSettings) -> None:
    """An empty database and back: all branches down in turn, then up in one go."""
    async with connected_as(database, database.admin_role) as connection:
        whole = await snapshot(connection)
        for schema in SCHEMAS:
            await downgrade(database, SCHEMAS, f"{schema}@base")
        assert await relations(connection, TABLES + VIEWS) == []
        await migrate(database, SCHEMAS)
        assert await snapshot(connection) == whole


async def test_migrating_twice_is_harmless(database: PostgresSettings) -> None:
    """A second and third migration, at once, change neither the schema nor the rows in it."""
    async with connected_as(database, database.admin_role) as connection:
        await connection.execute(
            "INSERT INTO stats.pending (file_id, scan_revision, source, waiting_since)"
            " VALUES ('f', 1, 'rig', clock_timestamp())"
        )
        before = await snapshot(connection)
        await asyncio.gather(migrate(database, SCHEMAS), migrate(database, SCHEMAS))
        assert await snapshot(connection) == before
        assert await connection.fetchval("SELECT count(*) FROM stats.pending") == 1


@pytest.mark.parametrize("role", SCHEMAS)
async def test_a_role_writes_its_own_schema_only(database: PostgresSettings, role: str) -> None:
    """A service reads and writes its own tables; of the others it reads views and can touch no table."""
    async with connected_as(database, database.admin_role) as admin, connected_as(database, role) as connection:
        tables = await relations(admin, TABLES)
        assert {schema for schema, _ in tables} == set(SCHEMAS)
        for schema, table in tables:
            if schema == role:
                await connection.fetch(f"SELECT * FROM {schema}.{table} LIMIT 1")
                await connection.execute(f"DELETE FROM {schema}.{table} WHERE false")
                continue
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.fetch(f"SELECT * FROM {schema}.{table} LIMIT 1")
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(f"INSERT INTO {schema}.{table} DEFAULT VALUES")
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(f"DELETE FROM {schema}.{table}")
        for schema, view in await relations(admin, VIEWS):
            await connection.fetch(f"SELECT * FROM {schema}.{view} LIMIT 1")


@pytest.mark.parametrize("role", READERS)
async def test_the_reader_sees_views_and_writes_nothing(database: PostgresSettings, role: str) -> None:
    """The roles of people, Grafana and the command line read every view, no table, and can change nothing."""
    async with connected_as(database, database.admin_role) as admin, connected_as(database, role) as connection:
        views = await relations(admin, VIEWS)
        assert views
        for schema, view in views:
            await connection.fetch(f"SELECT * FROM {schema}.{view} LIMIT 1")
            for verb in WRITES:
                allowed = await connection.fetchval("SELECT has_table_privilege($1, $2)", f"{schema}.{view}", verb)
                assert allowed is False, f"{verb} {schema}.{view}"
        for schema, table in await relations(admin, TABLES):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.fetch(f"SELECT * FROM {schema}.{table} LIMIT 1")
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(f"TRUNCATE {schema}.{table}")


@pytest.mark.parametrize("role", [*SCHEMAS, *OTHERS])
async def test_roles_make_and_drop_nothing(database: PostgresSettings, role: str) -> None:
    """Only migrations change the layout: no role can create a table, a schema or a role, or drop what is there."""
    async with connected_as(database, role) as connection:
        await connection.execute("SET default_transaction_read_only = off")  # what a role only begins with
        for schema in (*SCHEMAS, "public"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(f"CREATE TABLE {schema}.mine (id integer)")
        for statement in ("CREATE SCHEMA mine", "CREATE ROLE mine", "DROP TABLE stats.frame", "DROP VIEW stats.files"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)


async def test_a_wrong_password_is_refused(database: PostgresSettings) -> None:
    """No role logs in with any password but its own."""
    for role in (*SCHEMAS, *OTHERS):
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(
                host=database.host, port=database.port, database=database.database, user=role, password="wrong"
            )


async def test_a_refused_login_is_one_sentence(database: PostgresSettings) -> None:
    """A service or a migration with a wrong password, or for a database that is not there, ends with a sentence."""
    wrong = database.model_copy(update={"password": SecretStr("wrong"), "secrets_dir": None})
    with pytest.raises(UserError, match='refuses the connection: password authentication failed for user "stats"'):
        await open_pool(wrong, "stats")
    with pytest.raises(UserError, match="refuses the connection: password authentication failed"):
        await migrate(wrong, SCHEMAS)
    with pytest.raises(UserError, match='refuses the connection: database "elsewhere" does not exist'):
        await open_pool(database.model_copy(update={"database": "elsewhere"}), "stats")
