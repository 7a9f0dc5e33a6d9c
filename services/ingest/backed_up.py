"""Files that stay at their source until an archive has them: looked for in what backup tells, and asked for there.

Backup verifies new archives by a share of what they hold. What frees a file is more: that this very member was read
back. So ingest asks for that, in batches, where an archive has files that wait.
"""

from collections.abc import Awaitable, Callable, Sequence

import asyncpg

from services.ingest.store import deletions
from shared.bus.rpc import NobodyAnswersError
from shared.db.pool import connected, transaction
from shared.errors import UserError
from shared.events.commands import MOST_IDS, BackupAccepted, ReadBackFiles
from shared.logging import get_logger
from shared.periodic import DueIn

log = get_logger(__name__)

INTERVAL_S = 300.0
ASK_AGAIN_S = 6 * 3600.0
"""A read-back that was asked for may have been lost with the archive that it was asked of."""
MOST_FILES = 5000

Ask = Callable[[ReadBackFiles], Awaitable[BackupAccepted]]
"""Asks backup. Raises UserError where nobody answers, or backup refuses."""


async def look_for_backups(pool: asyncpg.Pool, ask: Ask) -> DueIn | None:
    """Release the deletions of files whose members were read back, and ask for that where it has not been done yet.

    Returns:
        That more is to be looked at now, where there was more than is looked at in one go.
    """
    async with transaction(pool) as connection:
        looked = await deletions.look_for_backups(connection, MOST_FILES, again_s=INTERVAL_S, ask_again_s=ASK_AGAIN_S)
    if looked.released:
        log.info("files of sources wait for a backup no more", files=looked.released)
    for start in range(0, len(looked.to_read_back), MOST_IDS):
        await _ask_for(pool, ask, looked.to_read_back[start : start + MOST_IDS])
    return DueIn(0.0) if looked.files == MOST_FILES else None


async def _ask_for(pool: asyncpg.Pool, ask: Ask, file_ids: Sequence[str]) -> None:
    try:
        await ask(ReadBackFiles(file_ids=tuple(file_ids)))
    except NobodyAnswersError:
        log.debug("files of sources wait for a backup, and backup does not run", files=len(file_ids))
    except UserError as error:
        log.warning("backup does not read back what sources wait for", files=len(file_ids), reason=str(error))
    else:
        async with connected(pool) as connection:
            await deletions.note_asked(connection, file_ids)
