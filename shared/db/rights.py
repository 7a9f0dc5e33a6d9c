"""Roles and what each may do: made anew by every migration, and the same each time.

A service's role writes its own schema. A reading role sees views, the dumping one tables; what PostgreSQL allows
everybody (temporary tables, large objects, advisory locks, writing to the log of the server) is taken from everybody
here, as far as the admin role may take it: on a server of one's own it may, elsewhere it has to be a superuser.
"""

from collections.abc import Collection

import asyncpg

from shared.db.roles import (
    DUMPING,
    DUMPING_CONNECTIONS,
    IDLE_IN_TRANSACTION,
    IDLE_SESSION,
    OTHERS,
    PEOPLE,
    READERS,
    READING_ROLES,
    ReadingRole,
)
from shared.db.schemas import VERSION_SCHEMA
from shared.logging import get_logger
from shared.settings import PostgresSettings

log = get_logger(__name__)

_PLAIN = "NOSUPERUSER NOCREATEDB NOCREATEROLE"
_LOCKING = "^pg_(try_)?advisory_(xact_)?lock(_shared)?$"
"""Unlocking is left to everybody: it frees one's own locks only, and pools of clients call it."""
_FOR_NOBODY = "^(lo_.*|loread|lowrite|pg_logical_emit_message)$"
"""Large objects, and messages in the write-ahead log."""
_FUNCTIONS = """
SELECT p.oid::regprocedure::text FROM pg_proc p
WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.proname ~ $1 AND pg_has_role(p.proowner, 'USAGE')
"""
_OWNS_DATABASE = "SELECT pg_has_role(datdba, 'USAGE') FROM pg_database WHERE datname = current_database()"
_RESERVED = "pg_use_reserved_connections"
"""Role of PostgreSQL 16 and newer whose members may use the connections that the setting reserved_connections keeps."""
_READS_ALL = "pg_read_all_data"
"""Role of PostgreSQL whose members read every table of every schema, and write none."""
_GIVES = "SELECT pg_has_role(oid, 'MEMBER WITH ADMIN OPTION') FROM pg_roles WHERE rolname = $1"


async def make_roles(connection: asyncpg.Connection, settings: PostgresSettings, schemas: Collection[str]) -> None:
    """Make each service's role and schema, and the other roles, with the passwords of the settings.

    Raises:
        UserError: a role has no password there.
    """
    database = await connection.fetchval("SELECT quote_ident(current_database())")
    superuser = await connection.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
    for role in (*schemas, *OTHERS):
        password = await connection.fetchval("SELECT quote_literal($1)", settings.password_of(role))
        exists = await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role)
        # Only a superuser may say again what a role is not.
        verb, attributes = ("ALTER", _PLAIN if superuser else "") if exists else ("CREATE", _PLAIN)
        await connection.execute(f"{verb} ROLE {role} LOGIN {attributes} PASSWORD {password}")
        await connection.execute(f"GRANT CONNECT ON DATABASE {database} TO {role}")
        # A server with LLVM would compile each of our statements for seconds that run in milliseconds.
        await connection.execute(f"ALTER ROLE {role} SET jit = off")
    for schema in schemas:
        await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        await connection.execute(f"ALTER ROLE {schema} IN DATABASE {database} SET search_path = {schema}")
    members = (*schemas, *(role for role in READERS if role != PEOPLE.name))
    await connection.execute(f"GRANT {PEOPLE.name} TO {', '.join(members)}")
    await connection.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    for reading in READING_ROLES:
        await _limit(connection, reading)
    await _limit_dumping(connection)


async def set_password(connection: asyncpg.Connection, role: str, password: str) -> None:
    """Give a role of ours another password; it is asked for at the next login, and no session ends."""
    literal = await connection.fetchval("SELECT quote_literal($1)", password)
    await connection.execute(f"ALTER ROLE {role} PASSWORD {literal}")


async def grant(connection: asyncpg.Connection, schemas: Collection[str]) -> None:
    """Grant each role what it may do, and take from everybody what nobody should; after all schemas are made."""
    for schema in schemas:
        await connection.execute(
            f"""
            GRANT USAGE ON SCHEMA {schema} TO {schema}, {PEOPLE.name};
            GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {schema};
            GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {schema};
            """
        )
    views = await connection.fetch(
        "SELECT schemaname, viewname FROM pg_views WHERE schemaname = ANY($1)", list(schemas)
    )
    for view in views:
        await connection.execute(f'GRANT SELECT ON {view["schemaname"]}."{view["viewname"]}" TO {PEOPLE.name}')
    await _let_dump(connection, schemas)
    await _take_from_everybody(connection, schemas)


async def _limit(connection: asyncpg.Connection, role: ReadingRole) -> None:
    await connection.execute(
        f"""
        ALTER ROLE {role.name} CONNECTION LIMIT {role.connections};
        ALTER ROLE {role.name} SET statement_timeout = '{role.statement_timeout}';
        ALTER ROLE {role.name} SET idle_in_transaction_session_timeout = '{IDLE_IN_TRANSACTION}';
        ALTER ROLE {role.name} SET idle_session_timeout = '{IDLE_SESSION}';
        """
    )
    if await connection.fetchval("SELECT has_parameter_privilege('temp_file_limit', 'SET')"):
        await connection.execute(f"ALTER ROLE {role.name} SET temp_file_limit = '{role.temp_file_limit}'")


async def _limit_dumping(connection: asyncpg.Connection) -> None:
    """A dump takes as long as it takes; what it may not do is what no role but a service's may."""
    await connection.execute(
        f"""
        ALTER ROLE {DUMPING} CONNECTION LIMIT {DUMPING_CONNECTIONS};
        ALTER ROLE {DUMPING} SET statement_timeout = 0;
        ALTER ROLE {DUMPING} SET idle_in_transaction_session_timeout = 0;
        ALTER ROLE {DUMPING} SET default_transaction_read_only = on;
        """
    )


async def _let_dump(connection: asyncpg.Connection, schemas: Collection[str]) -> None:
    """Let the dumping role read all tables: as PostgreSQL's own role for that, or, where we cannot give it, by name."""
    if await connection.fetchval(_GIVES, _READS_ALL):
        await connection.execute(f"GRANT {_READS_ALL} TO {DUMPING}")
        return
    for schema in schemas:
        await connection.execute(
            f"""
            GRANT USAGE ON SCHEMA {schema} TO {DUMPING};
            GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {DUMPING};
            GRANT SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {DUMPING};
            """
        )
    await connection.execute(f"GRANT SELECT ON {VERSION_SCHEMA}.alembic_version TO {DUMPING}")


async def _take_from_everybody(connection: asyncpg.Connection, schemas: Collection[str]) -> None:
    services = ", ".join(schemas)
    left = []
    if await connection.fetchval(_OWNS_DATABASE):
        database = await connection.fetchval("SELECT quote_ident(current_database())")
        await connection.execute(f"REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC")
    else:
        left.append("temporary tables")
    if locking := await _functions(connection, _LOCKING):
        await connection.execute(f"GRANT EXECUTE ON FUNCTION {locking} TO {services}")
        await connection.execute(f"REVOKE EXECUTE ON FUNCTION {locking} FROM PUBLIC")
    else:
        left.append("advisory locks")
    if for_nobody := await _functions(connection, _FOR_NOBODY):
        await connection.execute(f"REVOKE EXECUTE ON FUNCTION {for_nobody} FROM PUBLIC")
    else:
        left.append("large objects")
    if not await connection.fetchval("SELECT has_parameter_privilege('temp_file_limit', 'SET')"):
        left.append("temporary files of any size")
    if await connection.fetchval(_GIVES, _RESERVED):
        await connection.execute(f"GRANT {_RESERVED} TO {services}")
    if left:
        log.warning(
            "readers keep what only a superuser can take from them: run the migration as one, or mind who reads",
            left=left,
        )


async def _functions(connection: asyncpg.Connection, pattern: str) -> str:
    """The functions of the server that match and that the admin role may grant, as a list for a statement."""
    return ", ".join(row[0] for row in await connection.fetch(_FUNCTIONS, pattern))
