"""A dump before a migration: what the change of the database might spoil lies at a destination by then."""

from collections.abc import Callable, Collection
from contextlib import AbstractAsyncContextManager
from uuid import uuid4

from services.backup.database.layout import Note
from services.backup.database.make import Wish, look_at_server, make_dump
from services.backup.database.programs import find_programs
from services.backup.destinations.port import Destination
from services.backup.settings import BackupSettings, DestinationSettings
from services.backup.store import dumps
from shared.db.pool import connected, pool_of
from shared.errors import NightbusError, UserError
from shared.settings import PostgresSettings, Settings

Open = Callable[[DestinationSettings, str], AbstractAsyncContextManager[Destination]]
"""Opens a destination for the installation of an id."""


class NotDumped(UserError):
    """A migration has no dump to go back to; the sentence says why."""


async def dump_before(
    settings: Settings, postgres: PostgresSettings, heads: Collection[str], opening: Open
) -> Note | None:
    """Dump the database to the first destination that takes it, where a migration to ``heads`` would change it.

    None where nothing would change, where the database is new, and where no destination is set.

    Raises:
        NotDumped: it is to be dumped, and cannot be; one sentence for each destination.
    """
    destinations = settings.sections(DestinationSettings)
    if not destinations:
        return None
    role = postgres.admin_role  # the role of dumps may be among what the migration makes
    found = await _heads(postgres)
    if not found or found == set(heads):
        return None
    async with pool_of(postgres, role, unhurried=True) as pool, connected(pool) as connection:
        installation = await dumps.opened_by(connection)
    ready = [one for one in destinations if installation is not None and one.name in installation[1]]
    if installation is None or not ready:
        raise NotDumped("the database was not dumped before it changes: no destination was in use before")
    reasons = []
    for one in ready:
        try:
            programs = await find_programs(settings.section(BackupSettings).pg_dump)
            server = await look_at_server(postgres, role)
            async with opening(one, installation[0]) as destination:
                await destination.check(installation[0])
                wish = Wish(uuid4(), installation[0], "migration")
                return await make_dump(programs, postgres, role, server, destination, wish, _nobody)
        except NightbusError as error:
            reasons.append(f"the database was not dumped to {one.name} before it changes: {error}")
    raise NotDumped(*reasons)


async def _heads(postgres: PostgresSettings) -> set[str]:
    """The revisions at which the database is; none where it is new."""
    async with pool_of(postgres, postgres.admin_role, unhurried=True) as pool, connected(pool) as connection:
        return await dumps.heads(connection)


def _nobody(_sent_bytes: int) -> None:
    """Nobody watches how far it is."""
