"""The commands that ingest answers."""

import asyncpg

from services.ingest.announce import rescan
from services.ingest.imports import ImportRunner
from services.ingest.store import Store
from shared.bus.outbox import OutboxRelay
from shared.errors import UserError
from shared.events.commands import FilesRescanned, ImportAccepted, ImportPaths, RescanFiles


class Commands:
    """Handlers of ``cmd.ingest.*``: they commit a job and answer with its id."""

    def __init__(self, pool: asyncpg.Pool, store: Store, imports: ImportRunner, relay: OutboxRelay) -> None:
        self._pool = pool
        self._store = store
        self._imports = imports
        self._relay = relay

    async def import_paths(self, command: ImportPaths) -> ImportAccepted:
        """Commit an import; its id is the command's."""
        await self._store.add_import(command.command_id, command.paths, command.mode, verify=command.verify)
        self._imports.wake()
        return ImportAccepted(import_id=command.command_id)

    async def rescan_files(self, command: RescanFiles) -> FilesRescanned:
        """Have files read anew."""
        if not command.file_ids and not command.everything:
            raise UserError("name the files to read anew, or ask for everything")
        files = await rescan(self._pool, command.command_id, None if command.everything else command.file_ids)
        self._relay.wake()
        return FilesRescanned(files=files)
