"""The commands that ingest answers."""

import asyncpg

from services.ingest.announce import reread
from services.ingest.imports import Imports
from services.ingest.store import Store
from shared.bus.outbox import OutboxRelay
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


class Commands:
    """Handlers of ``cmd.ingest.*``: they commit a job and answer with its id."""

    def __init__(self, pool: asyncpg.Pool, store: Store, imports: Imports, relay: OutboxRelay) -> None:
        self._pool = pool
        self._store = store
        self._imports = imports
        self._relay = relay

    async def import_paths(self, command: ImportPaths) -> ImportAccepted:
        """Commit an import; its id is the command's."""
        if mistake := too_many_paths(len(command.paths)):
            raise UserError(mistake)
        await self._store.add_import(command.command_id, command.paths, command.mode, verify=command.verify)
        self._imports.wake()
        return ImportAccepted(import_id=command.command_id)

    async def cancel_import(self, command: CancelImport) -> ImportCancelled:
        """Have an import end; one that is running ends within seconds, after the files in hand."""
        state = await self._imports.cancel(command.import_id)
        if state is None:
            raise UserError(f"there is no import {command.import_id}")
        if state not in {"running", "cancelled"}:
            raise UserError(f"the import {command.import_id} has ended: it is {state}")
        return ImportCancelled(state=state)

    async def reread_files(self, command: RereadFiles) -> FilesReread:
        """Have files read anew."""
        if not command.file_ids and not command.everything:
            raise UserError("name the files to read anew, or ask for everything")
        files = await reread(self._pool, command.command_id, None if command.everything else command.file_ids)
        self._relay.wake()
        return FilesReread(files=files)
