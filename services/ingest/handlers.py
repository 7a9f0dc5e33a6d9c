"""The commands that ingest answers: each is committed before it is answered."""

import asyncpg

from services.ingest.description import DESCRIPTION
from services.ingest.imports import Imports
from services.ingest.store import announcements, files
from services.ingest.store.imports import add as add_import
from shared.bus.outbox import OutboxRelay, enqueue
from shared.db.inbox import claim
from shared.db.pool import connected, transaction
from shared.errors import UserError
from shared.events.commands import (
    CancelImport,
    FilesReread,
    ImportAccepted,
    ImportCancelled,
    ImportPaths,
    RereadFiles,
)
from shared.given import too_many_paths

ANNOUNCED_AT_ONCE = 1000
"""Events that are held in memory and written together."""


async def import_paths(pool: asyncpg.Pool, imports: Imports, command: ImportPaths) -> ImportAccepted:
    """Commit an import; its id is the command's."""
    if mistake := too_many_paths(len(command.paths)):
        raise UserError(mistake)
    async with connected(pool) as connection:
        await add_import(connection, command.command_id, command.paths, command.mode, verify=command.verify)
    imports.wake()
    return ImportAccepted(import_id=command.command_id)


async def cancel_import(imports: Imports, command: CancelImport) -> ImportCancelled:
    """Have an import end; one that is running ends within seconds, after the files in hand."""
    state = await imports.cancel(command.import_id)
    if state is None:
        raise UserError(f"there is no import {command.import_id}")
    if state not in {"running", "cancelled"}:
        raise UserError(f"the import {command.import_id} has ended: it is {state}")
    return ImportCancelled(state=state)


async def reread_files(pool: asyncpg.Pool, relay: OutboxRelay, command: RereadFiles) -> FilesReread:
    """Have files read anew: their revision grows, and file.arrived goes out again. The same request again does nothing.

    Files that ingest does not know, or that have no place, are passed over.
    """
    if not command.file_ids and not command.everything:
        raise UserError("name the files to read anew, or ask for everything")
    announced = 0
    async with transaction(pool) as connection:
        if await claim(connection, command.subject, [command.command_id]):
            raised = await files.raise_revisions(connection, None if command.everything else command.file_ids)
            for start in range(0, len(raised), ANNOUNCED_AT_ONCE):
                events = await announcements.arrivals_of(connection, raised[start : start + ANNOUNCED_AT_ONCE])
                await enqueue(connection, DESCRIPTION.name, events)
                announced += len(events)
    relay.wake()
    return FilesReread(files=announced)
