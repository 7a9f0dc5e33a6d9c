"""The looks at Postgres: whether it answers, its version, the migrations, its clock, and each role's password."""

import asyncio
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from services.cli.connection import Place, Stack, reader
from services.cli.doctor import judge
from services.cli.doctor.facts import Facts, facts_of
from services.cli.doctor.finding import Finding, note, ok, wrong
from shared.db.roles import DUMPING
from shared.errors import UserError

if TYPE_CHECKING:
    from shared.description import ServiceDescription

_PROGRAM = "nightbus-doctor"
_REVISIONS = "SELECT version_num FROM public.alembic_version"


async def look_at_postgres(stack: Stack) -> tuple[list[Finding], Facts]:
    """All that can be seen of Postgres, and what it knows; where it does not answer, that alone."""
    from shared.db.clock import clock_of

    found: list[Finding] = []
    try:
        began = time.perf_counter()
        async with reader(stack) as connection:
            took_ms = (time.perf_counter() - began) * 1000
            found.append(ok("Postgres", f"answers in {took_ms:.0f} ms"))
            found.append(judge.postgres_version(connection.get_server_version().major))
            found.append(judge.clock("Postgres", *await clock_of(connection)))
            found += await _migrations(stack)
            facts = await facts_of(connection)
    except UserError as error:
        return [*found, wrong("Postgres", error)], Facts()
    if facts.dead_letters:
        found.append(
            note("dead letters", f"{facts.dead_letters} wait for a person", "`nightbus dead-letters` says why")
        )
    return found, facts


async def look_at_roles(stack: Stack, enabled: "Sequence[ServiceDescription]") -> list[Finding]:
    """Whether each service whose password this user can read may log in to Postgres."""
    names = [service.name for service in enabled if service.has_tables]
    found = await asyncio.gather(*(_login(stack, name) for name in names))
    return [finding for finding in found if finding is not None] or [ok("Postgres roles", "each service is let in")]


async def _login(stack: Stack, role: str) -> Finding | None:
    import asyncpg

    try:
        connection = await _of_own(stack, role).connected(_PROGRAM)
    except (asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError) as error:
        fix = "`nightbus migrate` gives each role the password of the settings"
        return wrong(f"Postgres role {role}", f"is refused: {error}", fix)
    except (UserError, OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return None  # its password is not known here, or Postgres is down, which is said elsewhere
    await connection.close(timeout=2)
    return None


async def _migrations(stack: Stack) -> list[Finding]:
    """The revisions of the database, as the role that dumps it sees them; nothing where its password is not known."""
    import asyncpg

    from services.descriptions import SCHEMAS
    from shared.db.schemas import heads

    try:
        connection = await _of_own(stack, DUMPING).connected(_PROGRAM)
    except (UserError, OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return []  # an old database has views that are missing, which is found all the same
    try:
        return [judge.migrations([row[0] for row in await connection.fetch(_REVISIONS)], heads(SCHEMAS))]
    finally:
        await connection.close(timeout=2)


def _of_own(stack: Stack, role: str) -> Place:
    """Where Postgres is for a role that has a password of its own.

    Raises:
        UserError: it has none here.
    """
    secrets = stack.settings.postgres.secrets_dir
    if secrets is None or not (secrets / role).is_file():
        raise UserError(f"no password of the role {role} here")
    return stack.postgres(role)
