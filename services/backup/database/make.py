"""One dump, from the look at the server to the note beside it."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from uuid import UUID

from services.backup.database.layout import DATABASE, Cause, Note, dump_key, note_key
from services.backup.database.programs import Programs, require_new_enough
from services.backup.database.send import Database, prove, send, sweep
from services.backup.destinations.port import Destination, Label
from services.backup.store import dumps
from services.backup.store.dumps import Server
from shared.db.pool import connected, pool_of
from shared.events.base import utc_now
from shared.settings import PostgresSettings

_JSON = Label("application/json")


@dataclass(frozen=True, slots=True)
class Wish:
    """What a dump is made for."""

    dump_id: UUID
    installation_id: str
    cause: Cause


async def look_at_server(settings: PostgresSettings, role: str) -> Server:
    """What a dump by a role would be of.

    Raises:
        Unavailable: the server does not answer.
        UserError: it refuses the role.
    """
    async with pool_of(settings, role, unhurried=True) as pool, connected(pool) as connection:
        return await dumps.server(connection)


async def make_dump(
    programs: Programs,
    settings: PostgresSettings,
    role: str,
    server: Server,
    destination: Destination,
    wish: Wish,
    report: Callable[[int], None],
) -> Note:
    """Dump the database to a destination, read it back, and write beside it that it is good.

    Raises:
        UserError: pg_dump is older than the server.
        Transient: pg_dump or the destination failed, or the dump came back differently.
    """
    require_new_enough(programs, server.major)
    await sweep(destination, DATABASE)
    dumped_at = utc_now().replace(microsecond=0)
    key = dump_key(dumped_at, server.heads)
    sent = await send(programs, Database(settings, role, server), destination, key, report)
    await prove(programs, destination, key, sent)
    note = Note(
        dump_id=wish.dump_id,
        installation_id=wish.installation_id,
        destination=destination.name,
        cause=wish.cause,
        key=key,
        size_bytes=sent.size_bytes,
        sha256=sent.sha256,
        dumped_at=dumped_at,
        heads=server.heads,
        server_version=server.version,
        pg_dump_version=programs.version,
        nightbus_version=version("nightbus"),
    )
    await destination.put(note_key(key), note.model_dump_json(indent=1).encode() + b"\n", _JSON)
    return note
