"""What a person says of quarantined files: they need nothing more, or they do after all."""

import asyncpg

from shared.db.inbox import claim
from shared.db.pool import transaction
from shared.events.commands import DismissFiles, FilesDismissed
from shared.logging import get_logger

log = get_logger(__name__)

_DISMISS = """
UPDATE quarantine SET dismissed_at = clock_timestamp(), dismissed_reason = $2
WHERE quarantine_key = ANY($1::text[]) AND dismissed_at IS NULL
"""
_UNDO = """
UPDATE quarantine SET dismissed_at = NULL, dismissed_reason = NULL
WHERE quarantine_key = ANY($1::text[]) AND dismissed_at IS NOT NULL
"""


class Dismissals:
    """Handler of ``cmd.stats.dismiss-files``."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def dismiss(self, command: DismissFiles) -> FilesDismissed:
        """Count quarantined files as dismissed, or again as quarantined; a repeated request changes nothing more.

        A dismissed file stays dismissed when it is read again in vain; once it can be read it is scanned like others.
        """
        async with transaction(self._pool) as connection:
            if not await claim(connection, command.subject, [command.command_id]):
                return FilesDismissed()
            ids = list(command.file_ids)
            done = (
                await connection.execute(_UNDO, ids)
                if command.undo
                else await connection.execute(_DISMISS, ids, command.reason)
            )
        changed = int(done.rpartition(" ")[2])
        log.info("files dismissed", files=changed, undone=command.undo, reason=command.reason)
        return FilesDismissed(files=changed)
