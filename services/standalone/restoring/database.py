"""A dump brought back into a new server, and to this version's layout."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from services.backup.database.layout import Note
from services.backup.database.pipe import DumpFailed, login_of, running
from services.backup.destinations.port import Destination
from services.standalone.binaries import installed_binaries
from services.standalone.home import Home
from services.standalone.stack import Stack, create_database
from shared.db.migrate import migrate
from shared.db.schemas import numbers
from shared.errors import UserError
from shared.settings import PostgresSettings


@asynccontextmanager
async def server_of(home: Home) -> AsyncIterator[PostgresSettings]:
    """The home's own Postgres, made where there is none yet, for as long as the block lasts."""
    stack = Stack(home)
    await stack.postgres.start()
    try:
        yield stack.postgres_settings()
    finally:
        await stack.postgres.stop()


def require_known(note: Note, schemas: Mapping[str, Path]) -> None:
    """Make sure that this version knows all revisions that are in a dump.

    Raises:
        UserError: a newer one made it.
    """
    known = {f"{schema}_{number}" for schema, folder in schemas.items() for number in numbers(folder)}
    if unknown := sorted(set(note.heads) - known):
        raise UserError(
            f"the dump {note.key} is of a newer Nightbus ({', '.join(unknown)}): install {note.nightbus_version} or a "
            "newer version"
        )


async def restore_database(
    settings: PostgresSettings, destination: Destination, note: Note, schemas: Mapping[str, Path],
    told: Callable[[int], object],
) -> None:  # fmt: skip
    """Make the database anew from a dump, and bring it to this version; ``told`` hears of the bytes that were read.

    Raises:
        UserError: the dump is damaged, or of a newer Nightbus or PostgreSQL; the database is not there then.
    """
    await create_database(settings, anew=True)
    try:
        await _fill(settings, destination, note, told)
    except DumpFailed as error:
        raise UserError(f"the dump {note.key} cannot be restored: {error}") from error
    await migrate(settings, schemas)


async def _fill(
    settings: PostgresSettings, destination: Destination, note: Note, told: Callable[[int], object]
) -> None:
    program = installed_binaries().postgres_bin / "pg_restore"
    arguments = [
        f"--host={settings.host}", f"--port={settings.port}", f"--username={settings.admin_role}",
        f"--dbname={settings.database}", "--no-password", "--no-owner", "--no-privileges", "--exit-on-error",
    ]  # fmt: skip
    found, size_bytes = hashlib.sha256(), 0
    async with running(program, arguments, login=login_of(settings, settings.admin_role), reads=True) as process:
        assert process.stdin is not None  # a pipe was asked for
        try:
            async for data in destination.read(note.key):
                await asyncio.to_thread(found.update, data)
                size_bytes += len(data)
                told(size_bytes)
                process.stdin.write(data)
                await process.stdin.drain()
            process.stdin.close()
        except (BrokenPipeError, ConnectionResetError):
            pass  # it ended, and says why with its code
    if (size_bytes, found.hexdigest()) != (note.size_bytes, note.sha256):
        raise DumpFailed("it has other bytes than were sent")
